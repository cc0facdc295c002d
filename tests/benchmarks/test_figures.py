"""Figures go into a file as they were measured, and from there into the texts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tools.figures_in_texts import fill

from benchmarks import figures


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(figures, "ROOT", tmp_path)
    monkeypatch.setattr(figures, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(figures, "RUNS", tmp_path / "runs")
    measured = {key: figures.figure(0.1, "fraction") for key in ("r10_zh", "chance")}
    figures.write(
        "zero-shot", {"r10_en": figures.figure(0.25, "fraction", low=0.2, high=0.3), **measured}, []
    )
    return tmp_path / "results"


def test_the_small_form_leaves_the_committed_file_alone(results: Path) -> None:
    before = (results / "zero-shot.json").read_bytes()
    path = figures.write("zero-shot", {"chance": figures.figure(0.5, "fraction")}, [{"a": 1}], quick=True)
    assert (results / "zero-shot.json").read_bytes() == before
    content = json.loads(path.read_text())
    assert content["command"] == "make bench-zero-shot QUICK=1"
    assert content["rows"] == [{"a": 1}]
    assert content["machine"]["cores"] > 0


def test_a_text_takes_its_numbers_from_the_file_and_only_once(results: Path) -> None:
    table = "<!-- figures: zero-shot -->\nold\n<!-- /figures -->\n"
    text = table + "<!-- figure: zero-shot.r10_en -->9<!-- /figure -->\n"
    new = fill(text, chinese=False, results=results)
    assert "| .250 | .200 – .300 |" in new
    assert new.endswith("<!-- figure: zero-shot.r10_en -->.250<!-- /figure -->\n")
    assert fill(new, chinese=False, results=results) == new


def test_a_missing_file_is_named_with_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="make bench-loss"):
        fill("<!-- figures: loss -->\n<!-- /figures -->", chinese=True, results=tmp_path)
