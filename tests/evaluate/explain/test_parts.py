"""A row with parts hidden is the row that the model would see without them, whatever its towers."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from PIL import Image
from tests.tiny_models import tiny

from openautoglm.encoders.image_settings import ImageSettings
from openautoglm.evaluate.explain.parts import Row, covered, grid_of
from openautoglm.evaluate.explain.score import Cosine, value_of
from openautoglm.model import OpenAutoGLM
from openautoglm.workspace import Workspace

COLUMNS: dict[str, Any] = {"weight": 3.0, "height": 0.5, "shop": "north", "age": None}


@pytest.fixture
def row(kinds: Workspace) -> Row:
    image = Image.linear_gradient("L").convert("RGB")
    return Row.of(kinds.model().processor, image, "a big ice", COLUMNS)


def masks(row: Row, *hidden: str) -> torch.Tensor:
    """(1, P): the parts of these names hidden."""
    return torch.tensor([[part.name not in hidden for part in row.parts]])


def test_with_nothing_hidden_it_is_the_row_itself(kinds: Workspace, row: Row) -> None:
    image = Image.linear_gradient("L").convert("RGB")
    whole = kinds.model().processor.batch([image], ["a big ice"], [COLUMNS])
    here = row.batch(masks(row))
    assert torch.equal(here.present, whole.present)
    for name in ("pixel_values", "input_ids", "attention_mask"):
        assert torch.equal(getattr(here, name), getattr(whole, name)), name
    assert here.columns is not None and whole.columns is not None
    assert torch.equal(here.columns.numbers, whole.columns.numbers)
    assert [part.name for part in row.parts if part.modality == "columns"] == ["weight", "height", "shop"]


def test_a_hidden_word_is_left_out_and_a_hidden_column_missing(kinds: Workspace, row: Row) -> None:
    left = kinds.model().processor.batch(None, ["a ice"], [{"weight": 3.0, "shop": "north"}])
    here = row.batch(masks(row, "big", "height"))
    assert here.input_ids is not None and left.input_ids is not None
    assert torch.equal(here.input_ids, left.input_ids)
    assert here.columns is not None and left.columns is not None
    assert torch.equal(here.columns.number_missing, left.columns.number_missing)


def test_without_words_there_is_no_text_unless_it_is_needed(row: Row) -> None:
    none = masks(row, "a", "big", "ice")
    assert row.batch(none).present.tolist() == [[True, False, True]]
    assert Row(**{**vars(row), "needs": frozenset({"text"})}).batch(none).present.tolist() == [[True] * 3]
    lone = Row.of(row.processor, text="a big ice")
    assert lone.batch(torch.zeros(1, 3, dtype=torch.bool)).present.tolist() == [[False, True, False]]


def test_a_hidden_patch_shows_the_mean_colour_and_no_other_changes(row: Row) -> None:
    whole = row.batch(masks(row)).pixel_values
    here = row.batch(masks(row, "1,2")).pixel_values
    assert whole is not None and here is not None
    side = 32 // grid_of(32)
    patch = (slice(None), slice(None), slice(side, 2 * side), slice(2 * side, 3 * side))
    assert torch.allclose(here[patch], whole.mean((2, 3), keepdim=True).expand_as(here[patch]))
    rest = torch.ones_like(whole, dtype=torch.bool)
    rest[patch] = False
    assert torch.equal(here[rest], whole[rest])


def test_a_row_with_nothing_to_weigh_is_refused(kinds: Workspace) -> None:
    with pytest.raises(ValueError, match="no picture, text or column"):
        Row.of(kinds.model().processor, text=None, columns={"age": None})


@pytest.mark.parametrize("kind", ["clip", "chinese_clip", "siglip", "vision-text-dual-encoder"])
def test_pretrained_towers_are_asked_the_same_way(kind: str) -> None:
    model = OpenAutoGLM.from_pretrained(tiny(kind))
    image = Image.radial_gradient("L").convert("RGB")
    row = Row.of(model.processor, image, "a red 自行车", needs=("image", "text"))
    every = torch.ones(1, len(row.parts), dtype=torch.bool)
    value = value_of(model, row, Cosine())
    alike = model.encode(images=[image]) @ model.encode(texts=["a red 自行车"]).T
    assert float(value(every)) == pytest.approx(float(alike[0, 0]), abs=1e-5)
    assert torch.isfinite(value(torch.cat([every, ~every]))).all()


def test_the_heat_map_lies_over_what_the_tower_sees() -> None:
    """The centre that the tower cuts out, cut from the picture itself."""
    settings = ImageSettings(size=16, crop="center", shortest=20)
    image = Image.linear_gradient("L").resize((200, 100)).convert("RGB")
    seen = covered(image, settings)
    assert seen.size == (80, 80)
    there, here = settings.frame(image).convert("L"), seen.resize((16, 16)).convert("L")
    assert all(abs(a - b) <= 3 for a, b in zip(there.tobytes(), here.tobytes(), strict=True))
    assert covered(image, ImageSettings(size=16)) is image


def test_every_square_of_an_uneven_grid_is_some_pixels() -> None:
    for size in (5, 18, 37, 225):
        squares = torch.arange(size) * grid_of(size) // size
        assert sorted(set(squares.tolist())) == list(range(grid_of(size)))
