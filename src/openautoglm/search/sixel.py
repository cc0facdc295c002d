r"""Sixel: a picture as text, six rows of pixels at a time (DEC STD 070, VT340).

    ESC P 0;1 q "1;1;W;H   #0;2;R;G;B …   #0 ~~@ $ #1 ??~ -   …   ESC \
    └ begin    └ size      └ palette, in %  └ a band: one line a colour, $ returns, - goes down

A character between ? and ~ is a column of six pixels, the lowest bit on top, of the colour chosen before.
A run of one character is !COUNT and the character.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

COLOURS = 256
"""Registers that today's terminals have; the VT340 had 16."""
_BAND = 6


def encode_sixel(image: Image.Image) -> str:
    """Write an RGB picture as Sixel, in at most `COLOURS` colours.

    >>> encode_sixel(Image.new("RGB", (4, 1), "red"))
    '\\x1bP0;1q"1;1;4;1#0;2;100;0;0#0!4@\\x1b\\\\'
    """
    reduced = image.convert("RGB").quantize(COLOURS)
    indices = np.asarray(reduced)
    height, width = indices.shape
    parts = [f'\x1bP0;1q"1;1;{width};{height}']
    palette = np.array(reduced.getpalette("RGB")).reshape(-1, 3)
    for colour in np.unique(indices):
        red, green, blue = (round(int(value) * 100 / 255) for value in palette[colour])
        parts.append(f"#{colour};2;{red};{green};{blue}")
    bands = (indices[top : top + _BAND] for top in range(0, height, _BAND))
    return "".join(parts) + "-".join(_band(band) for band in bands) + "\x1b\\"


def _band(band: np.ndarray) -> str:
    bits = 1 << np.arange(len(band), dtype=np.uint8)[:, None]
    lines = (f"#{colour}{_runs(((band == colour) * bits).sum(0, dtype=int))}" for colour in np.unique(band))
    return "$".join(lines)


def _runs(columns: np.ndarray) -> str:
    """Write the columns of one colour; empty ones at the end are left out."""
    columns = np.trim_zeros(columns, "b")
    starts = np.flatnonzero(np.diff(columns, prepend=-1))
    counts = np.diff(starts, append=len(columns))
    pairs = ((chr(63 + int(columns[start])), int(count)) for start, count in zip(starts, counts, strict=True))
    return "".join(f"!{count}{letter}" if count > 3 else letter * count for letter, count in pairs)
