"""The auto-weight benchmark's small form: real pictograms, every method, and figures beside a grid."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch

from benchmarks import auto_weight, figures


@pytest.fixture(scope="module")
def parts() -> dict[str, auto_weight.Part]:
    return auto_weight.load(concepts=60)


def test_parts_hold_different_concepts_and_measured_colours(parts: dict[str, auto_weight.Part]) -> None:
    sizes = [len(part.group) for part in parts.values()]
    assert sizes == [2 * 42, 2 * 9, 2 * 9]  # two houses each
    pixels = [set(map(bytes, part.pixels.numpy())) for part in parts.values()]
    assert not pixels[0] & pixels[2] and not pixels[1] & pixels[2]
    colour = parts["train"].colour
    torch.testing.assert_close(colour.mean(0), torch.zeros(4), rtol=0, atol=1e-4)
    # What is drawn on white is darker the more of the square it covers, and each channel shows its own share.
    darkness = -parts["train"].pixels.mean((1, 2, 3))
    assert float(torch.corrcoef(torch.stack([darkness, colour[:, 0]]))[0, 1]) > 0.4


def test_the_small_form_writes_the_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parts: dict[str, auto_weight.Part]
) -> None:
    monkeypatch.setattr(figures, "ROOT", tmp_path)
    monkeypatch.setattr(figures, "RUNS", tmp_path)
    monkeypatch.setattr(auto_weight, "ROOT", tmp_path)
    monkeypatch.setattr(auto_weight, "RUNS", tmp_path)
    monkeypatch.setattr(auto_weight, "load", lambda concepts: parts)
    monkeypatch.setattr(sys, "argv", ["auto_weight", "--quick"])
    auto_weight.main()
    content = json.loads((tmp_path / "results" / "auto-weight.json").read_text())
    found = {name: entry["value"] for name, entry in content["figures"].items()}
    assert found["final_fast"] + found["final_slow"] == pytest.approx(2, abs=1e-3)
    assert found["left_fast"] <= found["left_slow"]
    rows = {row["method"]: row for row in content["rows"]}
    assert sum(name.startswith("fixed") for name in rows) == 9
    chosen = rows["the grid's best on validation, by seed"]
    assert chosen["validation"] >= max(row["validation"] for name, row in rows.items() if "fixed" in name)
    assert found["gap_to_grid"] == pytest.approx(rows["gradnorm"]["score"] - chosen["score"], abs=2e-4)
    assert (tmp_path / "results" / "auto-weight.png").read_bytes().startswith(b"\x89PNG")
