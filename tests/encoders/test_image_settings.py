"""Pictures are prepared as the Pillow image processors of transformers prepare them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from openautoglm.config import ConfigError
from openautoglm.encoders.image_settings import ImageSettings

PROCESSORS: dict[str, Any] = {
    "clip": transformers.CLIPImageProcessorPil(
        size={"shortest_edge": 40}, crop_size={"height": 32, "width": 32}
    ),
    "chinese clip, square": transformers.ChineseCLIPImageProcessorPil(
        size={"height": 32, "width": 32}, do_center_crop=False
    ),
    "siglip": transformers.SiglipImageProcessorPil(size={"height": 32, "width": 32}),
    "vit": transformers.ViTImageProcessorPil(size={"height": 32, "width": 32}, image_mean=[0.1, 0.2, 0.3]),
    "plain": transformers.ViTImageProcessorPil(size={"height": 32, "width": 32}, do_normalize=False),
    "resnet": transformers.ConvNextImageProcessorPil(size={"shortest_edge": 32}, crop_pct=0.875),
    "convnext, large": transformers.ConvNextImageProcessorPil(size={"shortest_edge": 384}),
}


def picture(width: int, height: int, seed: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8))


@pytest.mark.parametrize("name", sorted(PROCESSORS))
@settings(max_examples=15, deadline=None)
@given(width=st.integers(2, 120), height=st.integers(2, 120), seed=st.integers(0, 9))
def test_pixels_are_those_of_transformers(name: str, width: int, height: int, seed: int) -> None:
    theirs = PROCESSORS[name]
    ours = ImageSettings.from_transformers(theirs.to_dict(), "here")
    assert ours == ImageSettings.from_dict(ours.as_dict())
    image = picture(width, height, seed)
    expected = theirs(image, return_tensors="pt")["pixel_values"]
    found = ours.normalise(ours.rgb([ours.frame(image)]))
    # Their numbers pass through float64 on the way; the bytes before are the same.
    torch.testing.assert_close(found, expected.float(), rtol=0, atol=3e-6)


@pytest.mark.parametrize(
    ("values", "size", "crop", "shortest"),
    [
        ({"image_processor_type": "ViTFeatureExtractor", "size": 32}, 32, "squash", None),
        (
            {
                "image_processor_type": "CLIPFeatureExtractor",
                "size": 36,
                "do_center_crop": True,
                "crop_size": 32,
            },
            32,
            "center",
            36,
        ),
        (
            {"feature_extractor_type": "ConvNextFeatureExtractor", "size": 224, "crop_pct": 0.875},
            224,
            "center",
            256,
        ),
    ],
)
def test_old_forms_are_read(values: dict[str, Any], size: int, crop: str, shortest: int | None) -> None:
    found = ImageSettings.from_transformers(values, "here")
    assert (found.size, found.crop, found.shortest) == (size, crop, shortest)


@pytest.mark.parametrize(
    "values",
    [
        {"size": {"height": 32, "width": 48}},
        {"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 32}},
        {"size": {"height": 32, "width": 32}, "do_resize": False},
    ],
)
def test_what_gives_no_square_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"folder/preprocessor_config\.json: .* only squares"):
        ImageSettings.from_transformers(values, "folder/preprocessor_config.json")


def test_what_is_transparent_shows_the_background() -> None:
    settings = ImageSettings(size=4, background=(255, 0, 0))
    clear = Image.new("RGBA", (8, 8), (0, 255, 0, 0))
    half = Image.new("RGBA", (8, 8), (0, 255, 0, 51))
    found = settings.rgb([settings.frame(image) for image in (clear, half)])
    torch.testing.assert_close(found[:, :, 0, 0], torch.tensor([[1.0, 0, 0], [0.8, 0.2, 0]]))


@pytest.mark.parametrize("mode", ["L", "P", "LA", "1", "CMYK", "RGBA"])
def test_pictures_of_every_mode_are_framed(mode: str) -> None:
    frame = ImageSettings(size=8, crop="center", shortest=10).frame(picture(20, 30, 0).convert(mode))
    assert (frame.mode, frame.size) == ("RGBA", (8, 8))


def test_the_recipe_names_what_frames_depend_on_and_nothing_else() -> None:
    base = ImageSettings(size=32)
    assert base.recipe == ImageSettings(size=32, mean=(0, 0, 0), background=(0, 0, 0)).recipe
    others = [
        ImageSettings(size=64),
        ImageSettings(size=32, crop="center"),
        ImageSettings(size=32, resample=2),
    ]
    assert len({base.recipe, *(other.recipe for other in others)}) == 4
