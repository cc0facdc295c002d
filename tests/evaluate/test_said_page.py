"""The page of what was said: how its sheet grows with the pictures."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from openautoglm.evaluate.said_page import draw


@pytest.mark.parametrize(("count", "columns"), [(1, 1), (2, 2), (9, 3), (15, 3), (49, 7)])
def test_a_sheet_of_many_pictures_is_no_tower(tmp_path: Path, count: int, columns: int) -> None:
    one = SimpleNamespace(
        picture="r1",
        question="what colour is it?",
        answer="red",
        note="confidence 0.90",
        patches=np.full((2, 2), 0.25, np.float32),
        image=Image.new("RGB", (8, 8), "red"),
    )
    draw([one] * count, "not calibrated", tmp_path / "sheet.png")
    draw([one], "not calibrated", tmp_path / "single.png")
    with Image.open(tmp_path / "sheet.png") as sheet, Image.open(tmp_path / "single.png") as single:
        pad = 24
        assert sheet.width - pad == columns * (single.width - pad)
        assert sheet.height < 2.5 * sheet.width
