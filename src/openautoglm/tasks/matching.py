"""Matching: whether this picture and this caption belong together, yes or no.

Choose it where an answer per pair is wanted (is this listing's photograph right?) instead of an
order. A pair matches when its cosine reaches a threshold. The threshold is chosen on the
validation split, where it makes the accuracy best; the test split only reads it.

    accuracy = (right pairs at or above + wrong pairs below) / all pairs
    F1       = 2 · hits / (2 · hits + false alarms + misses), a hit being a right pair at or above

Each right pair stands beside one wrong pair, so that always saying yes, or no, gives .5.

A wrong partner is a random one, or the hardest: of all that do not answer, the one with the highest cosine.

Shapes: `right` and `wrong` are the (n,) cosines of pairs that belong together and that do not, or what a
matching head says of them (`match_head.py`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openautoglm.tasks.retrieval import Relevant

_BLOCK_SCORES = 1 << 22
"""Scores held at once: 16 MiB in float32."""


class Matched(NamedTuple):
    """The two figures of a threshold."""

    accuracy: float
    f1: float


def choose_threshold(right: NDArray[np.floating], wrong: NDArray[np.floating]) -> float:
    """Find the cosine at which accuracy is best, halfway between the two scores that it parts.

    Of several equally good ones the middle one is taken, since it is the furthest from both errors.

    Raises:
        ValueError: if either kind of pair is missing.

    >>> choose_threshold(np.array([0.9, 0.8]), np.array([0.2, 0.4])).__round__(6)
    0.6
    """
    if not len(right) or not len(wrong):
        raise ValueError(f"a threshold needs both kinds of pairs; got {len(right)} right, {len(wrong)} wrong")
    levels = np.unique(np.concatenate([right, wrong]).astype(np.float64))
    cuts = np.concatenate([levels[:1] - 1e-6, (levels[1:] + levels[:-1]) / 2, levels[-1:] + 1e-6])
    hits = len(right) - np.searchsorted(np.sort(right), cuts)
    quiet = np.searchsorted(np.sort(wrong), cuts)
    best = np.flatnonzero(hits + quiet == (hits + quiet).max())
    return float(cuts[best[len(best) // 2]])


def match(right: NDArray[np.floating], wrong: NDArray[np.floating], threshold: float) -> Matched:
    """Count accuracy and F1 at a threshold.

    >>> match(np.array([0.9, 0.5]), np.array([0.2, 0.4]), threshold=0.6)
    Matched(accuracy=0.75, f1=0.6666666666666666)
    """
    hits = int((right >= threshold).sum())
    alarms = int((wrong >= threshold).sum())
    misses = len(right) - hits
    accuracy = (hits + len(wrong) - alarms) / (len(right) + len(wrong))
    return Matched(accuracy, 2 * hits / max(2 * hits + alarms + misses, 1))


def wrong_partners(relevant: Relevant, size: int, seed: int = 0) -> NDArray[np.int64]:
    """Draw, for each pair of `relevant` in its order, an item that does not answer its query.

    Args:
        relevant: the right pairs of Q queries.
        size: number of items to draw from.
        seed: of the draw.

    Returns:
        (pairs,) positions in the gallery; −1 where every item answers the query.
    """
    random = np.random.default_rng(seed)
    queries = np.repeat(np.arange(len(relevant.counts)), relevant.counts)
    known = np.sort(queries * size + relevant.items)
    partners = np.full(len(queries), -1, np.int64)
    open_ = np.flatnonzero((relevant.counts < size)[queries])
    while len(open_):
        drawn = random.integers(0, size, len(open_))
        codes = queries[open_] * size + drawn
        places = np.searchsorted(known, codes)
        good = known[np.minimum(places, len(known) - 1)] != codes
        partners[open_[good]] = drawn[good]
        open_ = open_[~good]
    return partners


def hardest_partners(
    relevant: Relevant, queries: NDArray[np.float32], items: NDArray[np.float32]
) -> NDArray[np.int64]:
    """Find, for each pair of `relevant` in its order, the item nearest to its query that does not answer it.

    Args:
        relevant: the right pairs of Q queries.
        queries: (Q, D) unit vectors.
        items: (N, D) unit vectors.

    Returns:
        (pairs,) positions in the gallery; −1 where every item answers the query.

    >>> relevant = Relevant.from_pairs(np.array([0]), np.array([1]), size=1)
    >>> hardest_partners(relevant, np.eye(2)[:1], np.array([[0.6, 0.8], [1.0, 0.0], [0.0, 1.0]]))
    array([0])
    """
    nearest = np.full(len(queries), -1, np.int64)
    block = max(1, _BLOCK_SCORES // max(len(items), 1))
    for start in range(0, len(queries), block):
        scores = queries[start : start + block] @ items.T
        for row in range(len(scores)):
            scores[row, relevant.of(start + row)] = -np.inf
        part = nearest[start : start + block]
        some = relevant.counts[start : start + block] < len(items)
        part[some] = scores[some].argmax(axis=1)
    return np.repeat(nearest, relevant.counts)
