"""What a Sixel terminal would show of what is written: a decoder by the book, and the picture again.

(libsixel's `sixel2png` gives the same pixels; it is not needed for the tests.)
"""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from openautoglm.search.sixel import encode_sixel

_PART = re.compile(r'"(?P<raster>[\d;]+)|#(?P<colour>[\d;]+)|!(?P<count>\d+)(?P<run>[?-~])|(?P<one>[?-~$-])')


def decode(text: str) -> np.ndarray:
    """(H, W, 3) in percent, −1 where nothing was drawn."""
    begin = re.match(r"\x1bP[\d;]*q", text)
    assert begin is not None and text.endswith("\x1b\\")
    palette: dict[int, tuple[int, ...]] = {}
    canvas = np.zeros((0, 0, 3), int)
    x = y = colour = 0
    place, last = begin.end(), len(text) - 2
    while place < last:
        part = _PART.match(text, place)
        assert part is not None, f"{text[place : place + 10]!r} is no Sixel"
        place = part.end()
        if part["raster"]:
            across, down, width, height = map(int, part["raster"].split(";"))
            assert across == down == 1 and canvas.size == 0
            canvas = np.full((height, width, 3), -1)
        elif part["colour"]:
            colour, *values = map(int, part["colour"].split(";"))
            if values:
                assert values[0] == 2 and all(0 <= value <= 100 for value in values[1:])
                palette[colour] = tuple(values[1:])
        elif part["one"] in ("$", "-"):
            x, y = 0, y + 6 * (part["one"] == "-")
        else:
            count, bits = int(part["count"] or 1), ord(part["run"] or part["one"]) - 63
            for row in range(6):
                if bits >> row & 1:
                    assert y + row < canvas.shape[0] and x + count <= canvas.shape[1]
                    assert (canvas[y + row, x : x + count] == -1).all(), "drawn twice"
                    canvas[y + row, x : x + count] = palette[colour]
            x += count
    return canvas


def percent(image: Image.Image) -> np.ndarray:
    return np.rint(np.asarray(image.convert("RGB")).astype(float) * 100 / 255).astype(int)


@settings(max_examples=60, deadline=None)
@given(
    width=st.integers(1, 40), height=st.integers(1, 30), colours=st.integers(1, 20), seed=st.integers(0, 99)
)
def test_a_picture_of_few_colours_comes_out_as_it_was(
    width: int, height: int, colours: int, seed: int
) -> None:
    draw = np.random.default_rng(seed)
    palette = draw.integers(0, 256, (colours, 3))
    # Long runs and single pixels both.
    chosen = np.sort(draw.integers(0, colours, (height, width)), axis=seed % 2)
    image = Image.fromarray(palette[chosen].astype(np.uint8))
    found = decode(encode_sixel(image))
    assert (found == percent(image)).all()


@pytest.mark.parametrize("size", [(1, 1), (3, 6), (3, 7), (300, 5), (64, 48)])
def test_a_picture_of_many_colours_comes_out_nearly_so(size: tuple[int, int]) -> None:
    across, down = np.meshgrid(np.linspace(0, 255, size[0]), np.linspace(0, 255, size[1]))
    image = Image.fromarray(np.stack([across, down, 255 - across], axis=2).astype(np.uint8))
    found = decode(encode_sixel(image))
    assert found.shape == (size[1], size[0], 3)
    assert (found >= 0).all()
    assert np.abs(found - percent(image)).mean() < 4


def test_runs_are_short() -> None:
    assert len(encode_sixel(Image.new("RGB", (1000, 6), "white"))) < 60
