"""The page of what presets cost says what they cost now."""

from __future__ import annotations

import pytest

from openautoglm.config import preset_names
from tools import profile_models


@pytest.fixture(scope="module")
def rows() -> dict[str, dict[str, object]]:
    return {name: profile_models.profile(name) for name in preset_names()}


def test_counts_are_those_that_are_published(rows: dict[str, dict[str, float]]) -> None:
    assert rows["base"]["image_gflops"] == pytest.approx(2 * 17.56, rel=0.01)  # ViT-B/16
    assert rows["two_tower_resnet50_bert"]["image_gflops"] == pytest.approx(2 * 4.09, rel=0.01)  # ResNet-50
    assert rows["large"]["caption_gflops"] > rows["large"]["image_gflops"] + rows["large"]["text_gflops"]


def test_large_builds_in_under_five_seconds(rows: dict[str, dict[str, float]]) -> None:
    assert rows["large"]["build_s"] < 5


def test_the_committed_page_is_current(rows: dict[str, dict[str, object]]) -> None:
    assert profile_models.PAGE.read_text(encoding="utf-8") == profile_models.page(list(rows.values()))
