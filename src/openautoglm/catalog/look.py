"""How a picture looks, small enough to compare: what stays when it is resized, recompressed or brightened.

    picture, upright on white ─▶ thumbnail, 32 × 32, Y Cb Cr ─▶ hash, 64 bits:
        52   which of the lowest coefficients of Y's DCT lie above their median (what is drawn)
        12   whether the means of Cb and Cr lie above each of ±4, ±12 and ±24 (a red shirt is no blue one)

Hashes say in a blink which pictures may be copies (Hamming distance); thumbnails say which are
(`unlikeness`). A crop is a shift and a scaling, a change of light a gain and an offset. So the whole A is
fitted to its copy B, in a few Gauss–Newton steps of

    B ≈ g A + o + (a + b x) ∂A/∂x + (c + d y) ∂A/∂y

and what no such fit explains is another picture. It is measured by the strongest of 8 × 8 blocks of the
residual, since a clock's hand is small, as a share of the pictures' contrast, since lines of text are faint.

The hash is a pHash (Zauner, 2010, "Implementation and benchmarking of perceptual image hash functions")
with colour; the fit is that of Lucas and Kanade (1981).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

FLAT = 0
"""The hash of a picture without contrast: a blank page looks like every other, so it is a copy of none."""

DETAIL = 64
"""Pixels along an edge, of those that a picture has, that its look is best taken from."""

Thumbnail = NDArray[np.uint8]
"""(3, 32, 32), Y Cb Cr."""
Floats = NDArray[np.float32]

_EDGE, _BLOCKS = 32, 8
_FLAT_CONTRAST = 3.0
_COLOURS = np.array([-24, -12, -4, 4, 12, 24], np.float32)
_DRAWN = 52
_BANDS = 4

_STEPS = 3
_FAR = 5.0
"""How many of the 32 pixels a crop may move an edge: 8 % of the width on either side."""
_GAINS = 0.6, 1.7
_PLACE = np.linspace(-1, 1, _EDGE, dtype=np.float32)
_GREY = np.array([0, 128, 128], np.float32)[:, None, None]


class Look(NamedTuple):
    """Hash and thumbnail of a picture."""

    hash: int
    thumbnail: Thumbnail


def look_at(image: Image.Image) -> Look:
    """Take the look of a picture that is upright, RGB or RGBA.

    >>> look_at(Image.new("RGB", (9, 9), "red")).hash == FLAT
    True
    """
    small = image.resize((_EDGE, _EDGE), Image.Resampling.BILINEAR, reducing_gap=2.0)
    if small.mode == "RGBA":
        small = Image.alpha_composite(Image.new("RGBA", small.size, "white"), small)
    thumbnail = np.asarray(small.convert("YCbCr"), np.uint8).transpose(2, 0, 1).copy()
    return Look(_hash(thumbnail.astype(np.float32)), thumbnail)


def unlikeness(one: NDArray[np.uint8], other: NDArray[np.uint8], limit: float = np.inf) -> Floats:
    """Tell for each pair of thumbnails, (P, 3, 32, 32) each, what no crop or change of light explains.

    Args:
        limit: a pair found to be below it is not looked at a second time.

    Returns:
        (P,) 0 for the same picture, some 0.3 for a copy, above 1 for another picture; ∞ where only an absurd
        fit would do.
    """
    # Colour counts from grey, so that a gain moves no grey towards a colour.
    a, b = (thumbnails.astype(np.float32) - _GREY for thumbnails in (one, other))
    contrast = np.maximum(np.sqrt((_variance(a) + _variance(b)) / 2), _FLAT_CONTRAST)
    least = _residual(a, b) / contrast
    # Which of the two is the crop is not known, and only the whole explains its part.
    rest = (least > limit) | (limit == np.inf)
    if rest.any():
        least[rest] = np.minimum(least[rest], _residual(b[rest], a[rest]) / contrast[rest])
    return np.asarray(least, np.float32)


def _hash(planes: Floats) -> int:
    if np.sqrt(_variance(planes[None]))[0] < _FLAT_CONTRAST:
        return FLAT
    light, *colours = planes
    drawn = (_DCT @ light @ _DCT.T)[_LOWEST]
    bits = [drawn > np.median(drawn), *(plane.mean() - 128 > _COLOURS for plane in colours)]
    # Bits of one kind lie apart, so that no quarter of the hash is the same for all pictures of one sort.
    spread = np.concatenate(bits).reshape(-1, _BANDS).T.ravel()
    return int.from_bytes(np.packbits(spread).tobytes(), "big")


def _residual(a: Floats, b: Floats) -> Floats:
    """Fit b by a; the strongest block of what is left, (P,)."""
    moved = _movement(a[:, 0], b[:, 0])
    seen = _looked_at(a, moved)
    light, colour, offset = np.zeros((3, *a.shape), np.float32)
    light[:, 0], colour[:, 1:], offset[:, 0] = seen[:, 0], seen[:, 1:], 1
    # Where there is no colour, any gain would do: then it is 1.
    gains, left = _solve((light, colour, offset), b, prior=(50, 50, 1e-3), usual=(1, 1, 0))
    # A copy's edges are soft or sharp as it was resized: blocks are made of pixels of half the size.
    halves = left.reshape(len(a), 3, 2 * _BLOCKS, -1, 2 * _BLOCKS, _EDGE // _BLOCKS // 2).mean((3, 5))
    blocks = (halves**2).sum(1).reshape(len(a), _BLOCKS, 2, _BLOCKS, 2).mean((2, 4))
    absurd = (gains[:, :2] < _GAINS[0]) | (gains[:, :2] > _GAINS[1]) | (np.abs(moved[:, ::2]) >= _FAR)
    return np.where(absurd.any(1), np.float32(np.inf), np.sqrt(blocks.max((1, 2))))


def _movement(a: Floats, b: Floats) -> Floats:
    """Find the shift and the scaling of x, then of y, (P, 4), that make `a` most like `b`, (P, 32, 32)."""
    moved = np.zeros((len(a), 4), np.float32)
    flat = np.ones_like(a)
    for _ in range(_STEPS):
        seen = _looked_at(a[:, None], moved)[:, 0]
        down, right = (np.asarray(one, np.float32) for one in np.gradient(seen, axis=(1, 2)))
        terms = (right, right * _PLACE, down, down * _PLACE[:, None], seen, flat)
        step, _left = _solve(terms, b, prior=(1, 1, 1, 1, 50, 1e-3), usual=(0, 0, 0, 0, 1, 0))
        moved = np.clip(moved + step[:, :4], -_FAR, _FAR)
    return moved


def _solve(
    terms: tuple[Floats, ...], target: Floats, *, prior: tuple[float, ...], usual: tuple[float, ...]
) -> tuple[Floats, Floats]:
    """Fit `target` by `terms` (P, …), drawn faintly towards what is usual; weights and what is left."""
    pairs = len(target)
    known = np.stack([one.reshape(pairs, -1) for one in terms], axis=1)
    wanted = target.reshape(pairs, -1, 1)
    strength = np.diag(np.array(prior, np.float32))
    pull = strength @ np.array(usual, np.float32)[:, None]
    weights = np.linalg.solve(known @ known.transpose(0, 2, 1) + strength, known @ wanted + pull)
    left = wanted - known.transpose(0, 2, 1) @ weights
    return weights[..., 0], left.reshape(target.shape)


def _looked_at(planes: Floats, moved: Floats) -> Floats:
    """See `planes` (P, C, 32, 32) where `moved` says."""
    grid = np.arange(_EDGE, dtype=np.float32)
    to = [grid + moved[:, at, None] + moved[:, at + 1, None] * _PLACE for at in (0, 2)]
    # Linear interpolation as a matrix; beyond the edge, the edge.
    x, y = (np.maximum(0, 1 - np.abs(np.clip(one, 0, _EDGE - 1)[:, :, None] - grid)) for one in to)
    return np.asarray(y[:, None] @ planes @ x[:, None].transpose(0, 1, 3, 2))


def _variance(planes: Floats) -> Floats:
    """(P,) variance over the pixels, mean of the three planes."""
    return np.asarray(planes.var((2, 3)).mean(1), np.float32)


def _cosines(edge: int, count: int) -> Floats:
    """(count, edge) the first rows of the orthonormal DCT-II."""
    rows, columns = np.arange(count)[:, None], np.arange(edge)[None]
    matrix = np.sqrt(2 / edge) * np.cos(np.pi * (2 * columns + 1) * rows / (2 * edge))
    matrix[0] /= np.sqrt(2)
    return np.asarray(matrix, np.float32)


_DCT = _cosines(_EDGE, 10)
_ORDER = sorted(((row, column) for row in range(10) for column in range(10)), key=lambda at: (sum(at), at))
_LOWEST = tuple(np.array(_ORDER[1 : _DRAWN + 1]).T)
"""Rows and columns of the lowest frequencies but the mean."""
