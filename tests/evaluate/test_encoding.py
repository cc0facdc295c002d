"""Pictures go through threads and still come out in order, whole, and without the broken ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tests.evaluate.stand_in import HueModel, catalogue

from openautoglm.encoders import precision
from openautoglm.evaluate.encoding import encode_pictures
from openautoglm.model import OpenAutoGLM


class Prepared(HueModel):
    """Takes what `prepare` made, and remembers the sizes of its batches."""

    enough = 6

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[int] = []

    def prepare(self, image: Image.Image) -> tuple[str, Image.Image]:
        return "prepared", image

    def encode(
        self, images: Sequence[Any] | None = None, texts: Sequence[str] | None = None, batch_size: int = 64
    ) -> np.ndarray:
        assert images is not None and all(one[0] == "prepared" for one in images)
        self.batches.append(len(images))
        return super().encode(images=[one[1] for one in images])


@pytest.mark.parametrize("model", [HueModel(), Prepared()], ids=["plain", "prepares"])
def test_order_is_kept_and_broken_pictures_are_named(model: HueModel, tmp_path: Path) -> None:
    hues = list(range(0, 350, 10))
    shop = catalogue(tmp_path, [{"hue": hue, "id": f"r{hue}", "title": "x"} for hue in hues])
    gone = {0, 60, 110, 340}  # the first, the last, one at a batch's end, one within
    for hue in gone:
        (tmp_path / "pictures" / f"{hue}.png").unlink()
    told: list[tuple[int, int]] = []
    found = encode_pictures(
        model,
        shop,
        [f"r{hue}" for hue in hues],
        batch_size=7,
        tell=lambda what, done, of: told.append((done, of)),
    )
    assert [one.id for one in found.broken] == [f"r{hue}" for hue in hues if hue in gone]
    assert [hues[place] for place in found.kept] == [hue for hue in hues if hue not in gone]
    turned = np.degrees(np.arctan2(found.vectors[:, 1], found.vectors[:, 0])) % 360
    np.testing.assert_allclose(turned, [hue for hue in hues if hue not in gone], atol=1)
    assert told == [(7, 35), (14, 35), (21, 35), (28, 35), (35, 35)]
    if isinstance(model, Prepared):
        assert max(model.batches) == 7 and sum(model.batches) == len(hues) - len(gone)


def test_no_pictures_are_no_vectors(tmp_path: Path) -> None:
    shop = catalogue(tmp_path, [{"hue": 10, "id": "a", "title": "x"}])
    assert encode_pictures(HueModel(), shop, []).vectors.shape == (0, 0)


def test_a_large_jpeg_gives_the_vector_of_the_whole_picture(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = OpenAutoGLM.from_config(
        {"vision_encoder": "small_vision", "text_encoder": "small_text", "image_size": 32}
    )
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (6, 9, 12, 3), np.uint8)
    for number, grid in enumerate(noise):
        Image.fromarray(grid).resize((480, 360), Image.Resampling.BICUBIC).save(pictures / f"{number}.jpg")
    shop = catalogue(tmp_path / "c", [{"hue": 1, "id": "z", "title": "x"}])
    shop.add(pictures)
    rows = shop.read(["id", "_image", "_image_bytes"], where="`_image` LIKE '%.jpg'").to_pylist()
    found = encode_pictures(model, shop, [row["id"] for row in rows]).vectors
    whole = model.encode(images=[shop.load_image(row) for row in rows])
    assert model.enough == 64
    assert (found * whole).sum(axis=1).min() > 0.999
    others = (found @ whole.T)[~np.eye(len(rows), dtype=bool)]
    assert others.max() < 0.999  # the agreement above says something


def test_only_large_towers_on_such_a_processor_run_in_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    small, large = torch.nn.Linear(8, 8), torch.nn.Linear(8, 8)
    monkeypatch.setattr(precision, "LARGE", 72)
    x = torch.randn(2, 8)
    for has, expected in ((True, torch.bfloat16), (False, torch.float32)):
        monkeypatch.setattr(precision, "multiplies_bfloat16", lambda has=has: has)
        with precision.quick(large):
            assert large(x).dtype == expected
        with precision.quick(torch.nn.Linear(2, 2)):
            assert small(x).dtype == torch.float32
    monkeypatch.setattr(precision, "multiplies_bfloat16", lambda: True)
    with precision.quick(large.double()):
        assert large(x.double()).dtype == torch.float64
