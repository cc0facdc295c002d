"""Effects over a picture as a heat map: red raises the score, blue lowers it, what does neither stays grey.

    opacity of the colour = |effect| / largest |effect|, interpolated between patches

The picture below is drawn in grey, so that its own colours are not read as effects.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

RAISES, LOWERS = (200, 60, 40), (40, 100, 190)
DEEPEST = 0.55
"""Opacity behind the strongest word, which must stay readable."""
_STRONGEST = 0.8
"""Opacity of the strongest patch."""


def draw_heat(image: Image.Image, effects: NDArray[np.float32], size: tuple[int, int]) -> Image.Image:
    """Lay effects (G, G) over the picture.

    Args:
        image: what the grid covers.
        effects: of its squares, row by row.
        size: of the drawing, in pixels.

    >>> drawn = draw_heat(Image.new("RGB", (8, 8)), np.array([[1, -1]], np.float32), (40, 40))
    >>> [np.argmax(drawn.getpixel(place)).item() for place in ((0, 20), (39, 20))]
    [0, 2]
    """
    shown = image.convert("RGBA").convert("RGBa").resize(size, Image.Resampling.LANCZOS).convert("RGBA")
    ground = Image.new("RGBA", size, "white")
    ground.alpha_composite(shown)
    # Half of the way to white: a dark picture would hide the colours.
    grey = 255 - (255 - np.asarray(ground.convert("L"), np.float32)) * 0.75
    grown = Image.fromarray(np.asarray(effects / (np.abs(effects).max() or 1.0), np.float32)).resize(
        size, Image.Resampling.BICUBIC
    )
    strength = np.clip(np.asarray(grown), -1, 1)[..., None]
    colour = np.where(strength > 0, np.array(RAISES, np.float32), np.array(LOWERS, np.float32))
    opacity = np.abs(strength) * _STRONGEST
    mixed = grey[..., None] * (1 - opacity) + colour * opacity
    return Image.fromarray(mixed.round().astype(np.uint8))


def tint(effect: float, largest: float) -> tuple[int, int, int]:
    """The colour behind a word: white where it does nothing.

    >>> tint(0.0, 1.0), tint(2.0, 2.0)[0] > tint(2.0, 2.0)[2]
    ((255, 255, 255), True)
    """
    colour = RAISES if effect > 0 else LOWERS
    share = DEEPEST * min(1.0, abs(effect) / (largest or 1.0))
    red, green, blue = (round(255 - (255 - one) * share) for one in colour)
    return red, green, blue


def fitted(image: Image.Image, room: int) -> tuple[int, int]:
    """The size at which a picture fills a square of `room` pixels.

    >>> fitted(Image.new("RGB", (40, 20)), 100)
    (100, 50)
    """
    scale = room / max(image.size)
    return max(1, round(image.width * scale)), max(1, round(image.height * scale))
