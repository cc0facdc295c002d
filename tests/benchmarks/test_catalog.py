"""The small form of the catalogue's benchmark: pictures that differ, and what changes touch."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tools.figures_in_texts import LINES

from benchmarks import catalog, figures, mosaics


def test_the_small_form_touches_what_changed_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "ROOT", tmp_path)
    for module in (figures, catalog):
        monkeypatch.setattr(module, "RUNS", tmp_path)
    monkeypatch.setattr(mosaics, "PHOTOS", 8)
    monkeypatch.setattr(sys, "argv", ["catalog", "--quick"])
    catalog.main()
    told = json.loads((tmp_path / "results" / "catalog.json").read_text())
    found = told["figures"]
    assert found.keys() >= {line.key for line in LINES["catalog"]}
    assert found["touched_after_change"]["value"] == catalog.CHANGED + catalog.REMOVED
    changes = {row["pictures"]: row for row in told["rows"] if row["step"] == "changes"}
    assert all(row["touched_that_did_not_change"] == 0 for row in changes.values())
    first = next(row for row in told["rows"] if row["step"] == "first" and row["pictures"] == 300)
    assert first["report"] == "+300 ~0 −0"
    assert first["different_files"] == 300
    assert not (tmp_path / "catalog-quick" / "300").exists()


def test_a_mosaic_is_a_whole_jpeg_of_pieces_of_photographs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mosaics, "PHOTOS", 4)
    made = mosaics.Mosaics(tmp_path / "cut", shrink=2)
    paths = [made.write(tmp_path, number) for number in range(4)]
    pixels = [np.asarray(Image.open(path)) for path in paths]
    assert [one.shape for one in pixels] == [(448, 576, 3), (576, 448, 3), (448, 576, 3), (448, 576, 3)]
    assert np.ptp(pixels[0].reshape(-1, 3), axis=0).min() > 100
    assert (pixels[0] != pixels[2]).mean() > 0.5
    again = paths[0].read_bytes()
    assert made.write(tmp_path, 0).read_bytes() == again
    assert made.write(tmp_path, 0, edition=1).read_bytes() != again
