"""Photographs that nobody took: JPEGs of real size and detail, for measurements that need no meaning.

Noise whose power falls with the square of its frequency, as in pictures of nature (Field, 1987), in three
correlated channels, gives clouds, stone and leaves; over it lie the repository's drawings in all sizes.
Saved at quality 90, a megapixel takes about a third of a megabyte, as a phone's does.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.figures import ROOT

SIZES = ((1600, 1200), (1200, 1600), (1920, 1080), (1440, 960), (1280, 1280))
LENS = 0.3
"""Cycles a pixel above which a lens shows little."""
DRAWINGS = ROOT / "examples" / "pictograms" / "images"


def make_photos(folder: Path, count: int, *, shrink: int = 1) -> list[Path]:
    """Make `count` JPEGs in `folder`, the same ones each time; those that are there stay.

    Args:
        folder: where.
        count: how many.
        shrink: divides their sides, for tests.
    """
    folder.mkdir(parents=True, exist_ok=True)
    drawings = sorted(DRAWINGS.rglob("*.webp"))
    paths = [folder / f"{number:05}.jpg" for number in range(count)]
    for number, path in enumerate(paths):
        if path.exists():
            continue
        dice = np.random.default_rng(number)
        width, height = (side // shrink for side in SIZES[number % len(SIZES)])
        photo = Image.fromarray(_landscape(dice, width, height))
        for drawing in dice.choice(np.array(drawings, object), 6) if drawings else ():
            side = int(dice.integers(height // 10, height // 2))
            with Image.open(drawing) as small:
                picture = small.convert("RGBA").resize((side, side), Image.Resampling.BICUBIC)
            left, top = (int(dice.integers(-side // 3, end - side // 3)) for end in (width, height))
            photo.paste(picture, (left, top), picture)
        draft = path.with_suffix(".tmp")
        photo.save(draft, "JPEG", quality=90)
        draft.replace(path)
    return paths


def _landscape(dice: np.random.Generator, width: int, height: int) -> np.ndarray:
    """(height, width, 3) uint8 with an amplitude of 1 / frequency."""
    down, across = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    frequency = np.maximum(np.hypot(down, across), 1 / max(width, height))
    amplitude = np.exp(-((frequency / LENS) ** 2)) / frequency
    planes = []
    for _ in range(3):
        phases = np.exp(2j * np.pi * dice.random(amplitude.shape))
        plane = np.fft.irfft2(amplitude * phases, s=(height, width))
        planes.append((plane - plane.mean()) / plane.std())
    light = planes[0]
    colours = [0.9 * light + 0.2 * dice.uniform(0.5, 1.5) * plane for plane in planes]
    base = dice.uniform(80, 170, 3)
    mixed = np.stack([base[place] + 45 * colour for place, colour in enumerate(colours)], axis=-1)
    return mixed.clip(0, 255).astype(np.uint8)
