"""The whole way with a real, tiny, untrained model: what was indexed is found, and figures repeat."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tests.evaluate.stand_in import catalogue, square

from openautoglm.catalog.catalog import Catalog
from openautoglm.evaluate.run import evaluate
from openautoglm.model import OpenAutoGLM
from openautoglm.search.find import search
from openautoglm.search.index import build_index
from openautoglm.search.query import Query
from openautoglm.search.vectors import indexed_rows
from openautoglm.search.wanted import Wanted

HUES = range(0, 360, 30)


@pytest.fixture(scope="module")
def model() -> OpenAutoGLM:
    torch.manual_seed(0)
    config = {
        "vision_encoder": "small_vision",
        "text_encoder": "small_text",
        "embed_dim": 32,
        "image_size": 32,
    }
    found = OpenAutoGLM.from_config(config)
    found.processor.fit_tokenizer([f"colour {hue} 颜色" for hue in HUES])
    return found


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    rows: list[dict[str, object]] = [
        {"hue": hue, "id": f"r{hue}", "title": f"colour {hue}", "title_zh": f"颜色 {hue}", "split": "test"}
        for hue in HUES
    ]
    rows.append({"hue": None, "id": "words", "title": "colour 45", "split": "test"})
    return catalogue(tmp_path_factory.mktemp("model"), rows)


def test_a_picture_finds_itself_and_a_caption_its_row(shop: Catalog, model: OpenAutoGLM) -> None:
    assert build_index(model, shop).encoded == len(HUES) + 1
    assert build_index(model, shop).reused == len(HUES) + 1
    hit = search(model, shop, Query.of(image=square(120)), Wanted(k=1, by="image"))[0]
    assert (hit.id, hit.score) == ("r120", pytest.approx(1, abs=1e-5))
    assert search(model, shop, Query.of("colour 45"), Wanted(k=1))[0].id == "words"
    assert list(indexed_rows(shop)) == [model.fingerprint()]


def test_the_index_survives_saving_and_loading_the_model(
    shop: Catalog, model: OpenAutoGLM, tmp_path: Path
) -> None:
    build_index(model, shop)
    model.save_pretrained(tmp_path / "model")
    again = OpenAutoGLM.from_pretrained(tmp_path / "model")
    assert build_index(again, shop).encoded == 0


def test_figures_repeat_and_do_not_hang_on_the_batch(shop: Catalog, model: OpenAutoGLM) -> None:
    first, second = (evaluate(model, shop, batch_size=size) for size in (64, 64))
    assert first.as_dict() == second.as_dict()
    small = evaluate(model, shop, batch_size=5)
    assert small.pairs["mean cosine"].value == pytest.approx(first.pairs["mean cosine"].value, abs=1e-5)
    assert first.find().gallery == len(HUES)
