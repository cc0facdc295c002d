"""make bench-columns: the columns tower alone, beside gradient-boosted trees and a linear model.

Tables: the four that come with scikit-learn (wine, breast cancer, digits: accuracy; diabetes: R²),
5 × 5-fold, stratified by class, the same folds for all. Statistics, weights and the step at which training
stops come from the training fold alone.

    ours      `ColumnsTower` with a linear head. `MEMBERS` of them, each stopped early on another fifth of the
              training fold, give the mean of their predictions.
    trees     scikit-learn's HistGradientBoosting with its defaults, as most people run it.
    linear    logistic regression on standardised columns, C by inner cross-validation; ridge for diabetes.

    gap_to_best = mean over tables of (the better peer's mean − ours), in accuracy or R² (.01 is a point);
                  below 0, ours is ahead.

Intervals are of the mean over the 25 folds, by Nadeau and Bengio's (2003) correction of the variance for
overlapping training folds: (1/25 + 1/4) · s².

Tuning (`TOWER`, `LEARN`) looked at scores inside the training folds of one split only: see `--tune`.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegressionCV, RidgeCV
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import KFold, RepeatedKFold, RepeatedStratifiedKFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.figures import figure, write
from openautoglm.encoders.column_values import ColumnValues
from openautoglm.encoders.columns import ColumnsTower
from openautoglm.encoders.columns_processor import ColumnsProcessor

TABLES = {
    "wine": load_wine,
    "breast_cancer": load_breast_cancer,
    "diabetes": load_diabetes,
    "digits": load_digits,
}
MEMBERS = 5
TOWER: dict[str, float | str] = {"dim": 32, "layers": 1, "heads": 4, "bins": 8}
LEARN: dict[str, float] = {"rate": 3e-3, "decay": 1e-2, "batch": 64, "epochs": 60, "patience": 12}


class Table(NamedTuple):
    """Rows as the catalogue would give them, and what is to be predicted."""

    rows: list[dict[str, float]]
    cells: NDArray[np.float64]
    target: NDArray[Any]
    classes: int
    """0 for a number."""


def main() -> None:
    """Measure all tables, then print and write."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--quick", action="store_true", help="one table, two folds")
    options.add_argument(
        "--tune",
        nargs="*",
        metavar="KEY=VALUE",
        help="inside one training fold only; numbers=periodic frequency_scale=.3 shows numbers as waves",
    )
    given = options.parse_args()
    torch.set_num_threads(1)
    if given.tune is not None:
        tune(given.tune)
        return
    rows: list[dict[str, Any]] = []
    for name in ["wine"] if given.quick else TABLES:
        table = read(name)
        for number, (train, test) in enumerate(folds(table, 5, repeats=5)):
            if given.quick and number == 2:
                break
            for form, predict in FORMS.items():
                began = time.process_time()
                found = score(table, predict(table, train, test, number), test)
                seconds = round(time.process_time() - began, 2)
                rows.append({"table": name, "fold": number, "form": form, "score": found, "seconds": seconds})
            print(
                " ".join(f"{row['form']} {row['score']:.4f}" for row in rows[-3:]), name, number, flush=True
            )
    write("columns", figures(rows), [*summary(rows), *rows], quick=given.quick)


def read(name: str) -> Table:
    """One of scikit-learn's tables, its cells by their names."""
    found = TABLES[name]()
    cells = np.asarray(found.data, dtype=np.float64)
    names = [str(one) for one in found.feature_names]
    rows = [dict(zip(names, row, strict=True)) for row in cells.tolist()]
    classes = 0 if name == "diabetes" else len(found.target_names)
    return Table(rows, cells, found.target.astype(np.float64 if not classes else np.int64), classes)


def folds(
    table: Table, parts: int, *, repeats: int, seed: int = 0
) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """Positions of training and test rows."""
    kind = RepeatedStratifiedKFold if table.classes else RepeatedKFold
    yield from kind(n_splits=parts, n_repeats=repeats, random_state=seed).split(table.cells, table.target)


def score(table: Table, predicted: NDArray[Any], test: NDArray[Any]) -> float:
    """Accuracy or R²."""
    measure = accuracy_score if table.classes else r2_score
    return float(measure(table.target[test], predicted))


def ours(table: Table, train: NDArray[Any], test: NDArray[Any], seed: int) -> NDArray[Any]:
    """Predictions of the test rows by the mean of `MEMBERS` towers."""
    processor = ColumnsProcessor.fit(
        [table.rows[row] for row in train], dict.fromkeys(table.rows[0], "number")
    )
    values = processor([table.rows[row] for row in [*train, *test]])
    target = torch.from_numpy(table.target)[torch.from_numpy(train)]
    mean, deviation = (0.0, 1.0) if table.classes else (target.mean().item(), target.std().item())
    goal = target if table.classes else ((target - mean) / deviation).float()
    inner = (StratifiedKFold if table.classes else KFold)(MEMBERS, shuffle=True, random_state=seed)
    total = torch.zeros(())
    for member, (learn, stop) in enumerate(inner.split(train, table.target[train])):
        torch.manual_seed(1000 * seed + member)
        model = Predictor(processor, table.classes)
        fit(model, values, goal, torch.from_numpy(learn), torch.from_numpy(stop))
        with torch.no_grad():
            out = model(values.rows(slice(len(train), None)))
        total = total + (out.softmax(1) if table.classes else out)
    if table.classes:
        return total.argmax(1).numpy()
    return (total / MEMBERS * deviation + mean).numpy()


class Predictor(nn.Module):
    """A columns tower with a linear head on its pooled vector."""

    def __init__(self, processor: ColumnsProcessor, classes: int) -> None:
        super().__init__()
        self.tower = ColumnsTower(**TOWER)  # type: ignore[arg-type]
        self.tower.fit_features(processor)
        self.classes = classes
        self.head = nn.Linear(self.tower.dim, max(1, classes))

    def forward(self, values: ColumnValues) -> Tensor:
        """(B, classes) scores, or (B,) numbers."""
        out = self.head(self.tower(values).pooled)
        return out if self.classes else out.squeeze(1)

    def loss(self, values: ColumnValues, goal: Tensor) -> Tensor:
        """Cross-entropy or squared error."""
        measure = functional.cross_entropy if self.classes else functional.mse_loss
        return measure(self(values), goal)


def fit(model: Predictor, values: ColumnValues, goal: Tensor, learn: Tensor, stop: Tensor) -> float:
    """AdamW over `learn`; keeps the weights of the epoch with the least loss of `stop`, and gives that."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARN["rate"], weight_decay=LEARN["decay"])
    batch, best, since, kept = int(LEARN["batch"]), math.inf, 0, model.state_dict()
    for epoch in range(int(LEARN["epochs"])):
        model.train()
        for some in learn[torch.randperm(len(learn))].split(batch):
            for group in optimizer.param_groups:
                group["lr"] = LEARN["rate"] * min(1.0, (epoch + 1) / 5)
            optimizer.zero_grad()
            model.loss(values.rows(some), goal[some]).backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            found = model.loss(values.rows(stop), goal[stop]).item()
        since += 1
        if found < best:
            best, since = found, 0
            kept = {name: value.clone() for name, value in model.state_dict().items()}
        if since >= LEARN["patience"]:
            break
    model.load_state_dict(kept)
    return best


def trees(table: Table, train: NDArray[Any], test: NDArray[Any], seed: int) -> NDArray[Any]:
    """Predictions of gradient-boosted trees."""
    kind = HistGradientBoostingClassifier if table.classes else HistGradientBoostingRegressor
    model = kind(random_state=seed).fit(table.cells[train], table.target[train])
    return np.asarray(model.predict(table.cells[test]))


def linear(table: Table, train: NDArray[Any], test: NDArray[Any], seed: int) -> NDArray[Any]:
    """Predictions of logistic regression, or of ridge where the target is a number."""
    choices = np.logspace(-3, 2, 6)
    model = (
        LogisticRegressionCV(
            Cs=choices,
            cv=StratifiedKFold(3, shuffle=True, random_state=seed),
            max_iter=1000,
            l1_ratios=(0.0,),
            scoring="accuracy",
            use_legacy_attributes=False,
        )
        if table.classes
        else RidgeCV(alphas=1 / choices)
    )
    fitted = make_pipeline(StandardScaler(), model).fit(table.cells[train], table.target[train])
    return np.asarray(fitted.predict(table.cells[test]))


FORMS = {"ours": ours, "trees": trees, "linear": linear}


def tune(changes: list[str]) -> None:
    """Score inside the training fold of one split, which the benchmark's test folds never meet as tests."""
    settings = dict(change.split("=") for change in changes)
    names = settings.pop("tables", ",".join(TABLES)).split(",")
    if settings.get("numbers") == "periodic":
        del TOWER["bins"]  # it has none
    for key, value in settings.items():
        if key == "numbers":
            TOWER[key] = value
        else:
            (TOWER if key not in LEARN else LEARN)[key] = float(value) if "." in value else int(value)
    for name in names:
        table = read(name)
        outer, _ = next(iter(folds(table, 5, repeats=1)))
        inside = Table(
            [table.rows[row] for row in outer], table.cells[outer], table.target[outer], table.classes
        )
        began = time.process_time()
        found = [
            score(inside, ours(inside, train, test, number), test)
            for number, (train, test) in enumerate(folds(inside, 3, repeats=1, seed=9))
        ]
        print(f"{name} {np.mean(found):.4f} {time.process_time() - began:.0f} s", flush=True)


def summary(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Mean and interval of each form on each table."""
    lines = []
    for name in dict.fromkeys(row["table"] for row in rows):
        for form in FORMS:
            scores = np.array([row["score"] for row in rows if (row["table"], row["form"]) == (name, form)])
            lines.append({"table": name, "form": form, **_mean(scores)})
            print("{table:<14}{form:<8}{mean:.4f} [{low:.4f}, {high:.4f}]".format(**lines[-1]))
    return lines


def figures(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The figure that the goal speaks of, and each table's."""
    found: dict[str, Any] = {}
    gaps = []
    for name in dict.fromkeys(row["table"] for row in rows):
        of = {
            form: np.array([row["score"] for row in rows if (row["table"], row["form"]) == (name, form)])
            for form in FORMS
        }
        best = max(("trees", "linear"), key=lambda form: of[form].mean())
        gaps.append(of[best] - of["ours"])
        unit = "R²" if name == "diabetes" else "accuracy"
        for form, scores in of.items():
            mean = _mean(scores)
            found[f"{name}_{form}"] = figure(mean["mean"], unit, low=mean["low"], high=mean["high"])
    # Fold by fold, the mean over tables: what differs by fold differs in both.
    gap = _mean(np.mean(gaps, axis=0))
    note = "mean over the tables of (better peer − ours); 5 × 5-fold, interval for overlapping training folds"
    return {
        "gap_to_best": figure(gap["mean"], "points of 1", low=gap["low"], high=gap["high"], note=note),
        **found,
    }


def _mean(scores: NDArray[np.float64]) -> dict[str, float]:
    """Mean and 95 % interval, corrected for training folds that overlap (a test fold is a quarter of one)."""
    spread = 2.064 * math.sqrt((1 / len(scores) + 1 / 4) * np.var(scores, ddof=1))
    mean = float(np.mean(scores))
    return {"mean": round(mean, 4), "low": round(mean - spread, 4), "high": round(mean + spread, 4)}


if __name__ == "__main__":
    main()
