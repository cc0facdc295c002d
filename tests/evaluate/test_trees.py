"""Trees beside a trained model: told on a table where they win, silent where they do not."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.test_targets import CONFIG, TRAIN

from openautoglm.catalog.schema import Roles
from openautoglm.encoders.columns_processor import ColumnsProcessor
from openautoglm.evaluate import trees
from openautoglm.evaluate.trees import Compared, features
from openautoglm.fitting import FitReport
from openautoglm.workspace import Workspace

datasets = pytest.importorskip("sklearn.datasets")

SPLITS = ("train", "train", "validation", "test")


def fitted(
    folder: Path, names: Sequence[str], cells: Sequence[Sequence[Any]], target: Sequence[Any], **train: Any
) -> FitReport:
    """A model of columns alone that learned `target` from the other columns."""
    table = folder / "table.csv"
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", *names, "goal", "split"])
        for number, (row, goal) in enumerate(zip(cells, target, strict=True)):
            writer.writerow([f"r{number}", *row, goal, SPLITS[number % 4]])
    shop = Workspace.open(folder / "shop", create=True)
    shop.add(table, roles=Roles(id="id", columns=(*names, "goal"), split="split"))
    return shop.fit(CONFIG, name="m", train={**TRAIN, "loss_weights": {}, **train}, targets=("goal",))


def test_stripes_are_for_trees(tmp_path: Path) -> None:
    """Twenty stripes of two classes over a number, which sixteen bins cannot tell apart."""
    x = np.random.default_rng(0).uniform(0, 1, 1200)
    report = fitted(tmp_path, ["x"], x[:, None], np.where((20 * x).astype(int) % 2, "odd", "even"), steps=40)
    (compared,) = report.trees
    assert compared.trees > 0.9 > compared.model and compared.trees_win
    assert (compared.figure, compared.rows) == ("accuracy", 300)
    (told,) = [line for line in str(report).splitlines() if "gradient boosting" in line]
    assert told == (
        f"target goal: on the columns alone, gradient boosting reaches accuracy {compared.trees:.3g} on the "
        f"300 labelled rows of the validation split, this model {compared.model:.3g}: for such tables trees "
        "are the better tool"
    )


def test_diabetes_is_not(tmp_path: Path) -> None:
    """Nearly linear, and of few rows: trees at their defaults learn noise."""
    found = datasets.load_diabetes()
    report = fitted(tmp_path, found.feature_names, found.data, found.target, learning_rate=0.005, steps=100)
    (compared,) = report.trees
    assert compared.figure == "MAE" and compared.model < compared.trees
    assert not compared.trees_win and "gradient boosting" not in str(report)


def test_without_validation_rows_nothing_is_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "SPLITS", ("train",) * 4)
    report = fitted(tmp_path, ["x"], [[number % 7] for number in range(80)], ["a", "b"] * 40, steps=2)
    assert report.trees == ()


def test_without_scikit_learn_nothing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trees.importlib.util, "find_spec", lambda name: None)
    x = np.random.default_rng(0).uniform(0, 1, 200)
    assert fitted(tmp_path, ["x"], x[:, None], np.where(x > 0.5, "a", "b"), steps=2).trees == ()


@pytest.mark.parametrize(("difference", "win"), [(0.021, True), (0.019, False), (-0.1, False)])
def test_better_means_by_more_than_the_standard_error(difference: float, win: bool) -> None:
    assert Compared("t", "accuracy", 100, 0.9, 0.9 + difference, difference, 0.02).trees_win == win


def test_what_the_trees_read() -> None:
    rows = [
        {"n": 1.0, "c": "red", "d": "2024-01-04", "t": ["x", "y"]},
        {"n": 2.0, "c": "blue", "d": "2024-02-04", "t": ["x"]},
        {"n": None, "c": None, "d": None, "t": None},
        {"n": 4.0, "c": "red", "d": "2024-03-04", "t": ["y"]},
        {"n": 3.0, "c": "blue", "d": "2024-03-04", "t": ["y"]},
    ]
    columns = ColumnsProcessor.fit(rows, {"n": "number", "c": "text", "d": "date", "t": "tags"})
    found = features(columns(rows))
    assert found.cells.shape == (5, 1 + 1 + 9 + trees.MOST_TAGS)
    assert found.categories.nonzero()[0].tolist() == [1]
    assert np.isnan(found.cells[2, :11]).all() and not found.cells[2, 11:].any()
    assert np.argsort(found.cells[[0, 1, 4, 3], 0]).tolist() == [0, 1, 2, 3]
    assert found.cells[0, 1] == found.cells[3, 1] != found.cells[1, 1]
    assert found.cells[0, 11:13].tolist() == [1, 1] and found.cells[1, 11:13].sum() == 1
