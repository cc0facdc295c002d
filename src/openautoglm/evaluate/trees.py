"""Whether gradient-boosted trees on the columns alone do better than a model that was just trained.

    d_i = error of the model − error of the trees     on labelled validation row i: 1 if its class is wrong,
                                                      of a number |label − prediction|
    trees win    mean d > s(d) / √n                   the standard error of the difference, rows being pairs

On tables without pictures and texts, trees are hard to beat (Grinsztajn et al., 2022, arXiv:2207.08815), and
who trains on such a table should be told, not left to find out. The trees read what the columns tower
reads, by its statistics: numbers and dates by rank, the `MOST_VALUES` most frequent values of a category,
tags one by one. They are scikit-learn's HistGradientBoosting with its defaults (`pip install
'openautoglm[trees]'`); without it, nothing is compared. Targets of tags are not.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from openautoglm.catalog.condition import all_of
from openautoglm.evaluate.predictions import Predictions
from openautoglm.tasks.target import Target

if TYPE_CHECKING:
    from openautoglm.catalog.catalog import Catalog
    from openautoglm.encoders.column_values import ColumnValues
    from openautoglm.model import OpenAutoGLM

FEW = 30
"""Labelled rows, of training or validation, below which nothing is compared."""
MOST_ROWS = 20_000
"""Training rows that the trees see, evenly taken: it is a check, and takes seconds."""
MOST_CLASSES = 50
"""Classes above which nothing is compared: trees are grown for each of them."""
MOST_VALUES = 250
"""Values of a category that the trees tell apart; scikit-learn takes 255."""
MOST_TAGS = 64


@dataclass(frozen=True)
class Compared:
    """A target of model and trees on the same validation rows."""

    target: str
    figure: str
    """"accuracy" or "MAE"."""
    rows: int
    model: float
    trees: float
    difference: float
    """Mean error of the model less that of the trees."""
    standard_error: float

    @property
    def trees_win(self) -> bool:
        """Whether they are better by more than the standard error of the difference."""
        return self.difference > self.standard_error

    def __str__(self) -> str:
        return (
            f"target {self.target}: on the columns alone, gradient boosting reaches {self.figure} "
            f"{self.trees:.3g} on the {self.rows:,} labelled rows of the validation split, this model "
            f"{self.model:.3g}: for such tables trees are the better tool"
        )


def compare_with_trees(
    model: OpenAutoGLM, catalog: Catalog, found: Predictions, *, where: str | None = None
) -> list[Compared]:
    """Grow trees for each target on the training split, and compare them with the model.

    Args:
        model: with targets.
        catalog: whose columns it learned from.
        found: its predictions of the validation rows.
        where: SQL condition on the rows that it learned from.

    Returns:
        Nothing where the model reads no columns, or scikit-learn is not installed.
    """
    if model.processor.columns is None or importlib.util.find_spec("sklearn") is None:
        return []
    if len(found.ids) < FEW:
        return []
    names = [one.name for one in catalog.column_fields if one.name not in model.heads.targets]
    table = catalog.read([*names, *model.heads.targets], where=all_of("_split = 'train'", where))
    train = table.take(_evenly(len(table), MOST_ROWS)).to_pylist()
    there = {row["id"]: row for row in catalog.read(["id", *names], ids=found.ids).to_pylist()}
    seen = [features(model.processor.columns(rows)) for rows in (train, [there[one] for one in found.ids])]
    compared = []
    for name, predicted in found.targets.items():
        target = predicted.target
        labels = [_labels(target, values) for values in ([row[name] for row in train], found.values[name])]
        known = [_known(one) for one in labels]
        if target.kind == "tags" or len(target.classes) > MOST_CLASSES or min(map(np.sum, known)) < FEW:
            continue
        trees = _grow(target, seen[0].cells[known[0]], labels[0][known[0]], seen[0].categories)
        if trees is None:
            continue
        ours = predicted.numbers() if target.kind == "number" else predicted.outputs.argmax(axis=1)
        right = labels[1][known[1]]
        compared.append(_compare(target, right, ours[known[1]], trees.predict(seen[1].cells[known[1]])))
    return compared


@dataclass(frozen=True)
class Features:
    """What the trees read of B rows."""

    cells: NDArray[np.float64]
    """(B, F); NaN where a value is missing."""
    categories: NDArray[np.bool_]
    """(F,) which of them are places of categories."""


def features(values: ColumnValues) -> Features:
    """Lay columns out as trees read them."""
    numbers = np.where(values.number_missing.numpy(), np.nan, values.numbers.numpy())
    ids = values.categories.numpy().astype(np.float64)
    # 1 is "unknown"; those beyond the bound are as good as unknown.
    ids = np.where(ids == 0, np.nan, np.where(ids > MOST_VALUES, 1, ids))
    dates = np.where(values.date_missing.numpy()[..., None], np.nan, values.dates.numpy())
    tags = values.tags.numpy()
    marks = [(tags == place).any(axis=2) for place in range(2, 2 + MOST_TAGS)]
    marked = np.concatenate(marks, axis=1).astype(np.float64)
    cells = np.concatenate(
        [numbers, ids, dates.reshape(len(dates), dates.shape[1] * dates.shape[2]), marked], axis=1
    )
    categories = np.zeros(cells.shape[1], bool)
    categories[numbers.shape[1] : numbers.shape[1] + ids.shape[1]] = True
    return Features(cells, categories)


def _grow(
    target: Target, cells: NDArray[np.float64], labels: NDArray[Any], categories: NDArray[np.bool_]
) -> Any:
    """Fit the trees; None where the labelled rows tell only one class."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    if len(np.unique(labels)) < 2:
        return None
    kind = HistGradientBoostingRegressor if target.kind == "number" else HistGradientBoostingClassifier
    return kind(categorical_features=categories, random_state=0).fit(cells, labels)


def _compare(target: Target, right: NDArray[Any], ours: NDArray[Any], trees: NDArray[Any]) -> Compared:
    wrong = [
        np.abs(one - right) if target.kind == "number" else (one != right).astype(np.float64)
        for one in (ours, trees)
    ]
    difference = wrong[0] - wrong[1]
    figures = [float(one.mean()) if target.kind == "number" else 1 - float(one.mean()) for one in wrong]
    return Compared(
        target.name,
        "MAE" if target.kind == "number" else "accuracy",
        len(right),
        figures[0],
        figures[1],
        float(difference.mean()),
        float(difference.std(ddof=1) / np.sqrt(len(right))),
    )


def _labels(target: Target, values: Sequence[Any]) -> NDArray[Any]:
    """Classes as places, −1 for none; numbers in the column's unit, NaN for none."""
    encoded: NDArray[Any] = target.encode(values).numpy()
    return encoded.astype(np.float64) * target.std + target.mean if target.kind == "number" else encoded


def _known(labels: NDArray[Any]) -> NDArray[np.bool_]:
    return ~np.isnan(labels) if labels.dtype.kind == "f" else labels >= 0


def _evenly(count: int, most: int) -> NDArray[np.int64]:
    """At most `most` of `count` places, with even steps."""
    return np.arange(count) if count <= most else np.linspace(0, count - 1, most).astype(np.int64)
