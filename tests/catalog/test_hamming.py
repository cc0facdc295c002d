"""Near hashes: exactly the pairs that comparing all with all finds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openautoglm.catalog.hamming import MAX_BITS, near_pairs


def plain(hashes: np.ndarray, asking: np.ndarray, bits: int) -> set[tuple[int, int]]:
    return {
        (int(one), other)
        for one in asking
        for other in range(len(hashes))
        if one != other and (int(hashes[one]) ^ int(hashes[other])).bit_count() <= bits
    }


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 60), st.integers(0, MAX_BITS))
def test_the_same_pairs_as_all_with_all(seed: int, count: int, bits: int) -> None:
    dice = np.random.default_rng(seed)
    # A few seeds with some bits turned, so that there are near ones at every distance.
    hashes = dice.integers(0, 2**63, 4, np.uint64)[dice.integers(0, 4, count)]
    for _ in range(12):
        hashes ^= np.uint64(1) << dice.integers(0, 64, count, np.uint64)
    asking = np.flatnonzero(dice.random(count) < 0.7)
    one, other = near_pairs(hashes, asking, bits)
    assert set(zip(one.tolist(), other.tolist(), strict=True)) == plain(hashes, asking, bits)
    assert len(one) == len(set(zip(one.tolist(), other.tolist(), strict=True)))


def test_farther_than_it_can_see() -> None:
    with pytest.raises(ValueError, match="up to 11 bits, not 12"):
        near_pairs(np.zeros(2, np.uint64), np.array([0]), 12)
