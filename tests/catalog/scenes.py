"""Pictures with something to see, for tests of copies."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageDraw, ImageFilter


def photo(seed: int, size: tuple[int, int] = (480, 360)) -> Image.Image:
    """A scene: smooth colours with shapes on them."""
    dice = np.random.default_rng(seed)
    small = Image.fromarray(dice.integers(30, 220, (5, 6, 3), np.uint8))
    image = small.resize(size, Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(image)
    for _ in range(6):
        x, y = dice.integers(0, size[0]), dice.integers(0, size[1])
        w, h = dice.integers(20, 140, 2)
        draw.ellipse((x, y, x + w, y + h), fill=tuple(dice.integers(0, 255, 3).tolist()))
    return image.filter(ImageFilter.GaussianBlur(1))


def jpeg(image: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")
