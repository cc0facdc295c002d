"""Pairs of 64-bit hashes that differ in few bits, found without comparing all with all.

Multi-index hashing (Norouzi, Punjani and Fleet, 2012, arXiv:1307.2982): cut each hash into 4 bands of 16
bits. If two hashes differ in at most 11 bits, in one of the bands they differ in at most 2. So look up, in a
table of each band, the 137 values within 2 bits of the asking hash's band.

    hash 0x…  ─▶ │ band 0 │ band 1 │ band 2 │ band 3 │ ─▶ 4 × 137 look-ups ─▶ those truly near
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

_BANDS, _BAND_BITS, _RADIUS = 4, 16, 2
MAX_BITS = _BANDS * (_RADIUS + 1) - 1
"""Distance up to which every pair is found: 11."""

_FLIPS = np.array(
    [
        sum(1 << bit for bit in bits)
        for count in range(_RADIUS + 1)
        for bits in combinations(range(_BAND_BITS), count)
    ],
    np.uint16,
)
_PAIRS_AT_ONCE = 1 << 16
_ASKING_AT_ONCE = 1024

Hashes = NDArray[np.uint64]
Places = NDArray[np.int64]


def near_pairs(hashes: Hashes, asking: Places, bits: int) -> tuple[Places, Places]:
    """Find all (q, n) with q in `asking`, n ≠ q, whose hashes differ in at most `bits`; sorted, each once.

    Both (q, n) and (n, q) are found when both ask.

    >>> near_pairs(np.array([0, 7, 1 << 40], np.uint64), np.array([0]), bits=2)
    (array([0]), array([2]))
    """
    if bits > MAX_BITS:
        raise ValueError(f"pairs are found up to {MAX_BITS} bits, not {bits}")
    tables = [_table(hashes, band) for band in range(_BANDS)]
    found: list[Places] = []
    for start in range(0, len(asking), _ASKING_AT_ONCE):
        some = asking[start : start + _ASKING_AT_ONCE]
        codes = [
            code for band, table in enumerate(tables) for code in _look_up(hashes, some, band, *table, bits)
        ]
        found.append(np.unique(np.concatenate(codes)) if codes else np.empty(0, np.int64))
    codes_found = np.unique(np.concatenate(found)) if found else np.empty(0, np.int64)
    first, second = np.divmod(codes_found, max(1, len(hashes)))
    return first, second


def _table(hashes: Hashes, band: int) -> tuple[Places, Places]:
    """Places sorted by their value in a band, and where in that order each of the values begins."""
    values = _band(hashes, band)
    order = np.argsort(values, kind="stable")
    starts = np.searchsorted(values[order], np.arange((1 << _BAND_BITS) + 1))
    return order, starts


def _band(hashes: Hashes, band: int) -> NDArray[np.uint16]:
    return (hashes >> np.uint64(_BAND_BITS * band)).astype(np.uint16)


def _look_up(
    hashes: Hashes, asking: Places, band: int, order: Places, starts: Places, bits: int
) -> list[Places]:
    """Look one band up; a pair is the one number q · N + n, so that pairs sort and compare fast."""
    values = (_band(hashes[asking], band)[:, None] ^ _FLIPS).ravel().astype(np.int64)
    who = np.repeat(asking, len(_FLIPS))
    first, counts = starts[values], starts[values + 1] - starts[values]
    who, first, counts = (column[counts > 0] for column in (who, first, counts))
    found = []
    # Where many hashes share a band the pairs are many: 64 thousand at a time take some 5 MB.
    cuts = np.searchsorted(np.cumsum(counts), np.arange(_PAIRS_AT_ONCE, counts.sum(), _PAIRS_AT_ONCE))
    for part in np.split(np.arange(len(counts)), np.unique(cuts)):
        sizes = counts[part]
        one = np.repeat(who[part], sizes)
        inside = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        other = order[np.repeat(first[part], sizes) + inside]
        near = (np.bitwise_count(hashes[one] ^ hashes[other]) <= bits) & (one != other)
        found.append(one[near] * len(hashes) + other[near])
    return found
