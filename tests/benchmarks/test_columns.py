"""The columns benchmark's small form runs, and its gap is taken from the better peer."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn")

from benchmarks import columns, figures


def test_the_gap_is_to_the_better_peer_of_each_table() -> None:
    scores = {
        ("wine", "trees"): 0.9,
        ("wine", "linear"): 0.8,
        ("digits", "trees"): 0.5,
        ("digits", "linear"): 0.7,
    }
    scores |= {("wine", "ours"): 0.85, ("digits", "ours"): 0.72}
    rows = [
        {"table": table, "form": form, "score": score, "fold": fold}
        for (table, form), score in scores.items()
        for fold in range(3)
    ]
    found = columns.figures(rows)
    assert found["gap_to_best"]["value"] == pytest.approx((0.05 - 0.02) / 2)
    assert found["wine_ours"]["low"] == found["wine_ours"]["high"] == 0.85


def test_test_rows_do_not_reach_the_statistics(monkeypatch: pytest.MonkeyPatch) -> None:
    table = columns.read("wine")
    train, test = next(iter(columns.folds(table, 5, repeats=1)))
    assert not set(train) & set(test) and len(train) + len(test) == len(table.rows)
    seen = []
    real = columns.ColumnsProcessor.fit
    monkeypatch.setattr(
        columns.ColumnsProcessor, "fit", lambda rows, kinds: seen.append(rows) or real(rows, kinds)
    )
    monkeypatch.setitem(columns.LEARN, "epochs", 1)
    monkeypatch.setattr(columns, "MEMBERS", 2)
    columns.ours(table, train, test, 0)
    assert [id(row) for row in seen[0]] == [id(table.rows[row]) for row in train]


def test_the_small_form_writes_the_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "ROOT", tmp_path)
    monkeypatch.setattr(figures, "RUNS", tmp_path)
    monkeypatch.setattr(columns, "MEMBERS", 2)
    monkeypatch.setitem(columns.LEARN, "epochs", 15)
    monkeypatch.setattr(sys, "argv", ["columns", "--quick"])
    columns.main()
    found = json.loads((tmp_path / "results" / "columns.json").read_text())["figures"]
    assert {"gap_to_best", "wine_ours", "wine_trees", "wine_linear"} <= found.keys()
    assert found["wine_linear"]["value"] > 0.9 and found["wine_ours"]["value"] > 0.6
    assert np.isfinite(found["gap_to_best"]["value"])
