"""How well a model predicts its targets: with everything that is there, and without each modality.

    class    accuracy, macro F1, AUROC, ECE, and of the rows that are not abstained from: share, accuracy
    tags     F1 over all decisions, AUROC
    number   MAE in the column's unit, R², share of labels within the interval

Beside each stands what a model without eyes would reach: the training split's most frequent class, its mean.
Intervals are percentile bootstraps over rows (95 %, `DRAWS` draws, fixed seed).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from openautoglm.catalog.condition import all_of
from openautoglm.evaluate.bootstrap import Figure
from openautoglm.evaluate.encoding import Broken, Encoder, Tell
from openautoglm.evaluate.predictions import predict_rows
from openautoglm.tasks import classification, regression
from openautoglm.tasks.predicted import Predicted

if TYPE_CHECKING:
    from openautoglm.catalog.catalog import Catalog

DRAWS = 200
LACKS = ("image", "text", "columns")
Statistic = Callable[[np.ndarray], float | None]


@dataclass(frozen=True)
class TargetSection:
    """The figures of one target under one pattern of what is shown."""

    target: str
    shown: str
    """"all that is there", or "without image" and the like."""
    rows: int
    """Labelled rows."""
    figures: dict[str, Figure] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return what JSON holds of it."""
        return {**self.__dict__, "figures": {name: one.as_dict() for name, one in self.figures.items()}}


def measured_targets(
    model: Encoder,
    catalog: Catalog,
    *,
    split: str | None,
    where: str | None,
    seed: int = 0,
    tell: Tell | None = None,
) -> tuple[list[TargetSection], list[Broken]]:
    """Measure every target on the rows of a split; returns what could not be read, too.

    A model without targets gives nothing.
    """
    from openautoglm.model import OpenAutoGLM

    if not isinstance(model, OpenAutoGLM) or not model.heads.targets:
        return [], []
    condition = all_of(f"_split = '{split}'" if split else None, where)
    sections: list[TargetSection] = []
    whole = predict_rows(model, catalog, where=condition, tell=tell)
    for shown, without in [("all that is there", ()), *((f"without {one}", (one,)) for one in LACKS)]:
        found = whole if not without else predict_rows(model, catalog, where=condition, without=without)
        if without and not _changes(whole.targets, found.targets):
            continue  # no row has that modality, or none has another one
        for name, predicted in found.targets.items():
            figures, rows = figures_of(predicted, found.values[name], seed=seed)
            if rows:
                sections.append(TargetSection(name, shown, rows, figures))
    return sections, whole.skipped


def figures_of(predicted: Predicted, values: list[Any], *, seed: int = 0) -> tuple[dict[str, Figure], int]:
    """The figures of n predictions beside what the column holds, and how many rows are labelled."""
    target, labels = predicted.target, predicted.target.encode(values).numpy()
    if target.kind == "class":
        known = labels >= 0
        chances, right = predicted.probabilities(), labels[known]
        assert chances is not None
        chances, sure = chances[known], ~predicted.abstained()[known]
        most = int(np.argmax(target.counts))
        hits = chances.argmax(axis=1) == right
        statistics: dict[str, tuple[Statistic, float | None]] = {
            "accuracy": (lambda rows: float(hits[rows].mean()), float((right == most).mean())),
            "macro F1": (
                lambda rows: classification.macro_f1(
                    chances[rows].argmax(axis=1), right[rows], len(target.classes)
                ),
                None,
            ),
            "AUROC": (lambda rows: classification.macro_auroc(chances[rows], right[rows]), 0.5),
            "ECE": (lambda rows: classification.calibration_error(chances[rows], right[rows]), None),
        }
        if predicted.trust.abstain is not None:
            statistics["answered"] = (lambda rows: float(sure[rows].mean()), None)
            statistics["accuracy of answered"] = (
                lambda rows: float(hits[rows][sure[rows]].mean()) if sure[rows].any() else None,
                None,
            )
    elif target.kind == "tags":
        known = ~np.isnan(labels).any(axis=1)
        all_chances, truth = predicted.probabilities(), labels[known] > 0
        assert all_chances is not None
        tagged = all_chances[known]
        statistics = {
            "F1": (lambda rows: _f1(tagged[rows] >= 0.5, truth[rows]), None),
            "AUROC": (lambda rows: classification.auroc(tagged[rows].ravel(), truth[rows].ravel()), 0.5),
        }
    else:
        known = ~np.isnan(labels)
        numbers = predicted.numbers()[known]
        wanted = target.mean + target.std * labels[known].astype(np.float64)
        statistics = {
            "MAE": (
                lambda rows: regression.absolute_error(numbers[rows], wanted[rows]),
                float(np.abs(target.mean - wanted).mean()) if known.any() else None,
            ),
            "R²": (lambda rows: regression.r_squared(numbers[rows], wanted[rows]), 0.0),
        }
        if (width := predicted.trust.half_width) is not None:
            inside = np.abs(numbers - wanted) <= width
            statistics["within the interval"] = (lambda rows: float(inside[rows].mean()), None)
    rows = int(known.sum())
    if not rows:
        return {}, 0
    found = {name: _resampled(one, rows, chance, seed) for name, (one, chance) in statistics.items()}
    return {name: figure for name, figure in found.items() if figure is not None}, rows


def _resampled(statistic: Statistic, rows: int, chance: float | None, seed: int) -> Figure | None:
    """The figure over all rows, and its interval over rows drawn again."""
    value = statistic(np.arange(rows))
    if value is None:
        return None
    dice = np.random.default_rng(seed)
    drawn = [statistic(dice.integers(0, rows, rows)) for _ in range(DRAWS)]
    low, high = np.quantile([one for one in drawn if one is not None] or [value], [0.025, 0.975])
    return Figure(value, float(low), float(high), chance)


def _f1(predicted: np.ndarray, truth: np.ndarray) -> float:
    return float(2 * (predicted & truth).sum() / max(predicted.sum() + truth.sum(), 1))


def _changes(whole: dict[str, Predicted], part: dict[str, Predicted]) -> bool:
    """Whether leaving a modality out left rows over, and moved what is predicted of them."""
    for name, one in part.items():
        if len(one.outputs) == 0:
            return False
        if one.outputs.shape != whole[name].outputs.shape or not np.array_equal(
            one.outputs, whole[name].outputs
        ):
            return True
    return False
