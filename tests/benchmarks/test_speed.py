"""The small forms of the benchmarks of speed run, and write the figures that the texts ask for."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from tools.figures_in_texts import LINES

from benchmarks import cold_search, encode, figures


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "argv", ["bench", "--quick"])
    for module in (figures, encode, cold_search):
        monkeypatch.setattr(module, "RUNS", tmp_path)
    monkeypatch.setattr(figures, "ROOT", tmp_path)
    return tmp_path / "results"


def test_encode_compares_three_programs_that_agree(results: Path) -> None:
    encode.main()
    told = json.loads((results / "encode.json").read_text())
    assert {"images_per_s", "speedup", "cosine_min"} <= told["figures"].keys()
    assert told["figures"]["cosine_min"]["value"] > 0.999
    ways = {row["way"]: row for row in told["rows"] if "way" in row}
    assert {"ours", "rclip"} <= ways.keys()
    assert all(row["centred_min"] > 0.99 for row in ways.values())


def test_cold_search_measures_parts_and_torch(results: Path) -> None:
    cold_search.main()
    told = json.loads((results / "cold-search.json").read_text())
    assert {"seconds", "import_torch"} <= told["figures"].keys()
    known = {line.key for line in LINES["cold-search"]}
    assert told["figures"].keys() <= known
    parts = {row["part"] for row in told["rows"] if "part" in row}
    assert {"the query encoded", "search"} <= parts
