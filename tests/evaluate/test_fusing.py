"""A row's fused vector is the model's own, of what is there and nothing else; or left to the mean."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.encoders.test_columns_processor import ROWS
from tests.evaluate.stand_in import HueModel, catalogue
from tests.test_model_columns import three

from openautoglm import OpenAutoGLM
from openautoglm.catalog.catalog import Catalog
from openautoglm.config import FusionStrategy
from openautoglm.evaluate.fusing import Fusing
from openautoglm.tasks.target import Target

ELSEWHERE = {"concat", "low_rank", "hierarchical"}
TITLES = ["a red bicycle", None, "tower", "golden ginkgo"]


def taught(fusion: FusionStrategy | None = "attention") -> OpenAutoGLM:
    """A model with three modalities and a head, whose strategy is no longer as it was made."""
    import torch

    torch.manual_seed(0)
    model = three(fusion_strategy=fusion).eval()
    model.heads.learn([Target.fit("kind", ["a", "b"], "text")])
    if model.fuse is not None:
        with torch.no_grad():
            for parameter in model.fuse.parameters():
                parameter.add_(torch.randn_like(parameter) * 0.5)
    return model


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    rows: list[dict[str, object]] = [
        {"hue": 40 * place if place != 2 else None, "id": f"r{place}", "title": title}
        for place, title in enumerate(TITLES)
    ]
    return catalogue(tmp_path_factory.mktemp("fusing"), rows)


def fused(fusing: Fusing, shop: Catalog, columns: list[dict[str, Any]]) -> list[np.ndarray | None]:
    pictures = [
        None if place == 2 else fusing.model.encode(images=[shop.load_image({"id": f"r{place}"})])[0]
        for place in range(4)
    ]
    texts = [None if one is None else fusing.model.encode(texts=[one])[0] for one in TITLES]
    rows = [
        {**own, "id": f"r{place}", "texts": [text] if text else []}
        for place, (own, text) in enumerate(zip(columns, TITLES, strict=True))
    ]
    return fusing.fuse(shop, rows, pictures, texts)


@pytest.mark.parametrize("fusion", [None, *get_args(FusionStrategy)])
def test_it_is_what_encode_gives_wherever_the_space_is_one(shop: Catalog, fusion: Any) -> None:
    model = taught(fusion)
    fusing = Fusing.of(model)
    assert (fusing is None) == (fusion in ELSEWHERE)
    if fusing is None:
        return
    columns = [ROWS[1], ROWS[2], {}, ROWS[4]]
    images: Any = [None if place == 2 else shop.load_image({"id": f"r{place}"}) for place in range(4)]
    texts: Any = TITLES
    expected = model.encode(images, texts, columns=columns)
    np.testing.assert_allclose(np.array(fused(fusing, shop, columns)), expected, atol=1e-5)


def test_without_targets_gates_and_columns_are_chance_and_take_no_part() -> None:
    assert Fusing.of(three().eval()) is None
    assert Fusing.of(HueModel()) is None


@pytest.mark.parametrize("fusion", ["attention", "adaptive_gating", "cross_attention", None])
def test_a_lone_modality_keeps_its_vector_to_the_bit(shop: Catalog, fusion: Any) -> None:
    fusing = Fusing.of(taught(fusion))
    assert fusing is not None
    found = fused(fusing, shop, [{}, {}, {}, {}])
    assert found[2] is not None
    assert np.array_equal(found[2], fusing.model.encode(texts=["tower"])[0])
    alone = fusing.fuse(shop, [ROWS[1], {"unread": 3}], [None, None], [None, None])
    assert np.array_equal(alone[0], fusing.model.encode(columns=[ROWS[1]])[0])
    assert alone[1] is None


MODEL = taught("adaptive_gating")


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**31), missing=st.sampled_from([0, 1, 2]), junk=st.sampled_from([np.nan, 1e9, -3.0])
)
def test_what_is_missing_cannot_move_one_bit(seed: int, missing: int, junk: float) -> None:
    """Other rows that have the modality, whatever they hold, share the batch with one that lacks it."""
    fusing = Fusing.of(MODEL)
    assert fusing is not None
    dice = np.random.default_rng(seed)
    size = MODEL.config.embed_dim

    def unit() -> np.ndarray:
        vector = dice.normal(size=size).astype(np.float32)
        return vector / np.linalg.norm(vector)

    row: list[np.ndarray | None] = [unit(), unit(), unit()]
    row[missing] = None
    others = [[unit(), unit(), unit()], [unit(), unit(), unit()]]
    before = fusing.of_vectors([row, *others])[0]
    for other in others:
        other[missing] = np.full(size, junk, np.float32)
    after = fusing.of_vectors([row, *others])[0]
    assert np.array_equal(before, after) and np.isclose(np.linalg.norm(before), 1, atol=1e-5)
    row[(missing + 1) % 3] = unit()  # and what is there does
    assert not np.array_equal(before, fusing.of_vectors([row, *others])[0])


def test_a_picture_that_broke_since_leaves_the_rest(tmp_path: Path) -> None:
    shop = catalogue(tmp_path, [{"hue": 40, "id": "r0", "title": "tower"}])
    fusing = Fusing.of(taught("cross_attention"))
    assert fusing is not None
    model = fusing.model
    picture = model.encode(images=[shop.load_image({"id": "r0"})])[0]
    (tmp_path / "pictures" / "40.png").write_bytes(b"no picture any more")
    text = model.encode(texts=["tower"])[0]
    (found,) = fusing.fuse(shop, [{"id": "r0", "texts": ["tower"]}], [picture], [text])
    np.testing.assert_allclose(found, text, atol=1e-5)
