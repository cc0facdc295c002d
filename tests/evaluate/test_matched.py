"""Head and cosine judge the same pairs, and what each is worth is told in the report."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.evaluate.stand_in import HueModel, catalogue, hue_of

from openautoglm.catalog.catalog import Catalog
from openautoglm.evaluate import matched
from openautoglm.evaluate.run import evaluate


class Judge(HueModel):
    """Its cosines are those of hues without their last digits; its head reads them all."""

    def __init__(self, matches: bool = True) -> None:
        super().__init__()
        self.matches = matches
        self.asked = 0

    def encode(
        self,
        images: Sequence[Image.Image] | None = None,
        texts: Sequence[str] | None = None,
        batch_size: int = 64,
    ) -> np.ndarray:
        hues = [hue_of(one) for one in images] if images is not None else [named(one) for one in texts or ()]
        turns = np.radians(np.round(np.array(hues) / 60) * 60)
        return np.stack([np.cos(turns), np.sin(turns)], axis=1).astype(np.float32)

    def match(
        self,
        images: Sequence[Image.Image],
        texts: Sequence[str],
        pairs: Sequence[tuple[int, int]] | None = None,
        batch_size: int = 64,
    ) -> np.ndarray:
        assert pairs is not None
        self.asked += len(pairs)
        return np.array([0.9 if abs(hue_of(images[i]) - named(texts[t])) < 5 else 0.2 for i, t in pairs])


def named(text: str) -> float:
    found = re.search(r"\d+", text)
    assert found is not None
    return float(found.group())


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    splits = ["test", "validation"] * 18
    rows: list[dict[str, object]] = [
        {"hue": hue, "id": hue, "title": f"colour {hue}", "split": split}
        for hue, split in zip(range(0, 360, 10), splits, strict=True)
    ]
    return catalogue(tmp_path_factory.mktemp("matched"), rows)


def test_a_perfect_head_is_told_from_a_coarse_cosine(shop: Catalog, tmp_path: Path) -> None:
    model = Judge()
    report = evaluate(model, shop, folder=tmp_path / "report", batch_size=5)
    found = {(one.wrong, one.scorer): one for one in report.matching}
    assert set(found) == {(kind, scorer) for kind in matched.KINDS for scorer in matched.SCORERS}
    for kind in matched.KINDS:
        head = found[kind, "head"]
        assert head.pairs == 36 and head.threshold == pytest.approx(0.55)
        assert [head.figures[name].value for name in ("AUROC", "accuracy", "F1")] == [1.0, 1.0, 1.0]
    hard = found["hardest", "cosine"]
    assert hard.figures["AUROC"].value == 0.5  # of three hues that look alike, the cosine knows none
    assert found["random", "cosine"].figures["AUROC"].value > 0.8
    assert model.asked <= 2 * 3 * 18  # each pair of test and validation once

    written = json.loads((tmp_path / "report" / "report.json").read_text(encoding="utf-8"))
    assert written["matching"][1]["scorer"] == "head"
    text = (tmp_path / "report" / "report.md").read_text(encoding="utf-8")
    assert "| hardest | head | 36 | 1.000 [0.500] |" in text
    assert "matching, hardest wrong pairs, by head: AUROC 1.000" in str(report)
    assert any(title.startswith("Matching on test rows, random") for title in report.card())


def test_without_a_head_that_has_learned_nothing_is_said(shop: Catalog) -> None:
    for model in (HueModel(), Judge(matches=False)):
        report = evaluate(model, shop)
        assert report.matching == [] and "## Matching" not in report.as_markdown()


def test_without_validation_pairs_there_is_auroc_alone(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"hue": hue, "id": hue, "title": f"colour {hue}", "split": "test"} for hue in range(0, 120, 20)
    ]
    report = evaluate(Judge(), catalogue(tmp_path, rows))
    assert {tuple(one.figures) for one in report.matching} == {("AUROC",)}
    assert all(one.threshold is None for one in report.matching)


def test_of_very_many_pairs_a_part_is_judged(shop: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matched, "MOST_PAIRS", 7)
    assert {one.pairs for one in evaluate(Judge(), shop).matching} == {14}
