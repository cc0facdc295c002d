"""Splits that nothing leaks across: whole groups go to one split, the categories kept in proportion.

    pictures ─ near_copies ─▶ pairs ─ Clusters ─▶ groups ─ split_groups ─▶ train 70 / validation 10 / test 20

Groups are dealt out from the largest to the smallest, those of one size in an order by the seed. With n_sc
rows of category c in split s so far, t_sc wanted and g_c in the group, it goes to the split that

    argmin over s of  Σ_c [ (n_sc + g_c − t_sc)² − (n_sc − t_sc)² ] / t_sc

so a large group falls to the training set, and small ones fill what is missing. This is the greedy form of
stratified splitting with groups (Sechidis et al., 2011, doi:10.1007/978-3-642-23808-6_10, for labels).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from openautoglm.catalog.copies import BITS
from openautoglm.catalog.hamming import near_pairs
from openautoglm.catalog.look import FLAT, Look, unlikeness

SHARES: Mapping[str, float] = {"train": 0.7, "validation": 0.1, "test": 0.2}
_NEIGHBOURS = 32
_AT_ONCE = 512


def near_copies(looks: Sequence[Look], limit: float) -> Iterator[tuple[int, int, float]]:
    """Yield the pairs of pictures, as places i < j, that are at most `limit` unlike, with their unlikeness.

    The hashes tell which are compared: each picture with the 32 nearest after it that differ in at most
    `BITS` bits. What is 0 is the same, up to 0.6 a copy, up to 0.8 much alike (`catalog/copies.py`).
    """
    hashes = np.array([look.hash for look in looks], np.uint64)
    one, other = near_pairs(hashes, np.flatnonzero(hashes != FLAT), BITS)
    later = other > one
    one, other = one[later], other[later]
    order = np.lexsort((other, np.bitwise_count(hashes[one] ^ hashes[other]), one))
    one, other = one[order], other[order]
    near = np.arange(len(one)) - np.searchsorted(one, one) < _NEIGHBOURS
    one, other = one[near], other[near]
    for start in range(0, len(one), _AT_ONCE):
        left, right = (side[start : start + _AT_ONCE] for side in (one, other))
        seen, compared = (np.stack([looks[place].thumbnail for place in side]) for side in (left, right))
        found = unlikeness(seen, compared, limit)
        for pair in zip(left.tolist(), right.tolist(), found.tolist(), strict=True):
            if pair[2] <= limit:
                yield pair


def split_groups(groups: Sequence[str], categories: Sequence[str], seed: int) -> list[str]:
    """Choose each row's split; rows of one group have one split.

    Args:
        groups: each row's group.
        categories: each row's category, kept in proportion.
        seed: orders groups of one size.

    >>> split_groups(["a", "a", "b", "c", "d"], ["x"] * 5, seed=0)[:2]
    ['train', 'train']
    """
    held: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for group, category in zip(groups, categories, strict=True):
        held[group][category] += 1
    total = Counter(categories)
    wanted = {
        split: {category: share * times for category, times in total.items()}
        for split, share in SHARES.items()
    }
    have: dict[str, Counter[str]] = {split: Counter() for split in SHARES}

    def cost(split: str, group: Counter[str]) -> float:
        return sum(
            times * (times + 2 * (have[split][category] - wanted[split][category])) / wanted[split][category]
            for category, times in group.items()
        )

    names = list(held)
    np.random.default_rng(seed).shuffle(names)
    chosen: dict[str, str] = {}
    for name in sorted(names, key=lambda name: -held[name].total()):
        chosen[name] = min(SHARES, key=lambda split: cost(split, held[name]))
        have[chosen[name]].update(held[name])
    return [chosen[group] for group in groups]
