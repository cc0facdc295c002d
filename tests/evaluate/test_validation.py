"""The figures that training steers by."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.evaluate.stand_in import HueModel, catalogue

from openautoglm.evaluate.validation import validation


def test_validation_rows_are_measured_map_first(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"hue": hue, "title": f"colour {hue}", "title_zh": f"颜色 {hue}", "split": split}
        for hue, split in zip(range(0, 240, 20), ["train", "validation"] * 6, strict=True)
    ]
    rows.append({"hue": 30, "title": "colour 210", "split": "validation"})
    validate = validation(catalogue(tmp_path, rows))
    assert validate is not None
    figures = validate(HueModel())
    assert list(figures) == ["mAP", "recall@1", "mAP en", "recall@1 en", "mAP zh", "recall@1 zh"]
    assert figures["recall@1 en"] == pytest.approx(6 / 7)
    assert figures["recall@1 zh"] == 1.0
    assert figures["recall@1"] == pytest.approx(12 / 13)


def test_without_validation_pairs_there_is_nothing_to_steer_by(tmp_path: Path) -> None:
    assert validation(catalogue(tmp_path, [{"hue": 0, "title": "red", "split": "train"}])) is None
