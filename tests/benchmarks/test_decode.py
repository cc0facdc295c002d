"""The small form of the decoder's benchmark runs, and writes the figures that the texts ask for."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from tools.figures_in_texts import LINES

from benchmarks import decode, figures


def test_every_figure_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["bench", "--quick"])
    monkeypatch.setattr(figures, "RUNS", tmp_path)
    monkeypatch.setattr(figures, "ROOT", tmp_path)
    decode.main()
    told = json.loads((tmp_path / "results" / "decode.json").read_text())
    assert {line.key for line in LINES["decode"]} <= told["figures"].keys()
    assert told["figures"]["max_logit_difference"]["value"] < 1e-5
    assert told["figures"]["cache_growth"]["value"] == 1
    assert told["figures"]["perplexity_ratio"]["value"] == pytest.approx(1, abs=0.2)
