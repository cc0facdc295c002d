"""The small form of the benchmark of visual questions runs, and writes the figures that the texts ask for."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import pytest
from tools.figures_in_texts import LINES

pytest.importorskip("easy_vqa")

from benchmarks import figures, vqa


def test_the_small_form_writes_every_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["bench", "--quick"])
    monkeypatch.setattr(vqa, "QUICK_PICTURES", 40)
    monkeypatch.setattr(vqa, "QUICK_STEPS", 4)
    for module in (figures, vqa):
        monkeypatch.setattr(module, "RUNS", tmp_path)
    monkeypatch.setattr(figures, "ROOT", tmp_path)
    vqa.main()

    written = json.loads((tmp_path / "results" / "vqa.json").read_text(encoding="utf-8"))
    assert {"accuracy", "shuffled_image", "minutes", "question_only"} <= written["figures"].keys()
    assert written["figures"].keys() <= {line.key for line in LINES["vqa"]}
    (row,) = written["rows"]
    assert row["steps"] == 4 and 0 <= row["accuracy"] <= 1 and row["questions"] > 100


def test_the_blind_control_counts_the_most_frequent_answer(tmp_path: Path) -> None:
    rows = [
        ("a", "Is it red?", "yes", "train"),
        ("b", "is it red", "yes", "train"),
        ("c", "is it red?", "no", "train"),
        ("d", "is it red?", "yes", "test"),
        ("e", "is it red?", "no", "test"),
        ("f", "never asked?", "no", "test"),
        ("g", "is it red?", "yes", "test"),
    ]
    with (tmp_path / "qa.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("id", "question", "answer", "split"), *rows])
    assert vqa.question_only(tmp_path / "qa.csv") == 0.5
