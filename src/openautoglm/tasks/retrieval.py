"""Retrieval: where the right item stands when a query orders the whole gallery.

Choose it to judge a joint space: text finds image, image finds text, anything finds its like.
All figures come from one number per query and relevant item, its rank:

    rank(q, r) = 1 + #{relevant items scored above r} + #{other items scored at least as high as r}

"At least as high" is what makes the count pessimistic: a tie counts against us, so a collapsed
model that gives every item the same score stands last, not first. Scores closer than `TIE` are
ties, because a cosine in float32 is not known better than that.

    recall@k = share of queries with some relevant item at rank <= k
    median rank = median over queries of their best relevant item's rank
    average precision = mean over a query's relevant items of (its place among the relevant) / rank;
                        mAP is its mean over queries (Manning et al., 2008, section 8.4)

Shapes: queries (Q, D) and gallery (N, D), both of unit length. Q x N scores are never held at
once: blocks of queries keep the memory flat.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

TIE = 1e-6
"""Two cosines closer than this are one score."""

RECALL_AT = (1, 5, 10)

_BLOCK_SCORES = 1 << 22
"""Scores held at once: 16 MiB in float32."""


class Relevant(NamedTuple):
    """Which gallery items answer which query: the items of query i are `items[starts[i]:starts[i + 1]]`."""

    starts: NDArray[np.int64]
    """(Q + 1,)"""
    items: NDArray[np.int64]
    """(pairs,) positions in the gallery"""

    @classmethod
    def from_pairs(cls, queries: NDArray[np.int64], items: NDArray[np.int64], size: int) -> Relevant:
        """Build it from (pairs,) positions; `size` is the number of queries; doubled pairs count once.

        >>> Relevant.from_pairs(np.array([1, 0, 1, 1]), np.array([2, 0, 1, 2]), size=2).of(1).tolist()
        [1, 2]
        """
        if not len(queries):
            return cls(np.zeros(size + 1, np.int64), np.zeros(0, np.int64))
        pairs = np.unique(np.stack([queries, items], axis=1), axis=0)
        starts = np.searchsorted(pairs[:, 0], np.arange(size + 1))
        return cls(starts.astype(np.int64), pairs[:, 1].astype(np.int64))

    def of(self, query: int) -> NDArray[np.int64]:
        """Return the relevant gallery positions of one query."""
        return self.items[self.starts[query] : self.starts[query + 1]]

    @property
    def counts(self) -> NDArray[np.int64]:
        """(Q,) how many items answer each query."""
        return np.diff(self.starts)


class Ranking(NamedTuple):
    """What became of each query."""

    best: NDArray[np.int64]
    """(Q,) rank of the best relevant item; 1 is the top."""
    average_precision: NDArray[np.float64]
    """(Q,)"""
    margin: NDArray[np.float32]
    """(Q,) best relevant score less the best other score; negative where the top is wrong."""
    top: NDArray[np.int64]
    """(Q, up to 10) gallery positions by falling score."""


def rank(queries: NDArray[np.float32], gallery: NDArray[np.float32], relevant: Relevant) -> Ranking:
    """Order the gallery for every query.

    Raises:
        ValueError: if a vector is not finite, or a query has no relevant item: it could only be
            missed, and must be left out (and counted) before.

    >>> space = np.eye(3, dtype=np.float32)
    >>> own = Relevant.from_pairs(np.arange(3), np.arange(3), size=3)
    >>> rank(space, space[[1, 0, 2]], own).best.tolist()
    [3, 3, 1]
    """
    _check(queries, gallery, relevant)
    count, size = len(queries), len(gallery)
    depth = min(max(RECALL_AT), size)
    found = Ranking(
        np.empty(count, np.int64),
        np.empty(count, np.float64),
        np.empty(count, np.float32),
        np.empty((count, depth), np.int64),
    )
    rows = max(1, _BLOCK_SCORES // size)
    for start in range(0, count, rows):
        scores = queries[start : start + rows] @ gallery.T
        found.top[start : start + rows] = _top(scores, depth)
        for query, row in enumerate(scores, start):
            right = relevant.of(query)
            wanted = np.sort(row[right])[::-1]
            row[right] = -np.inf
            above = _count_above(row, wanted - np.float32(TIE))
            places = np.arange(1, len(wanted) + 1)
            found.best[query] = above[0] + 1
            found.average_precision[query] = np.mean(places / (places + above))
            found.margin[query] = wanted[0] - row.max()
    return found


def _count_above(row: NDArray[np.float32], bounds: NDArray[np.float32]) -> NDArray[np.int64]:
    """Count how many of `row` reach each of `bounds`; one bound needs no sorting."""
    if len(bounds) == 1:
        return np.array([np.count_nonzero(row >= bounds[0])])
    return len(row) - np.searchsorted(np.sort(row), bounds, side="left")


def _top(scores: NDArray[np.float32], depth: int) -> NDArray[np.int64]:
    some = np.argpartition(-scores, depth - 1, axis=1)[:, :depth]
    order = np.argsort(-np.take_along_axis(scores, some, axis=1), axis=1, kind="stable")
    return np.take_along_axis(some, order, axis=1)


def _check(queries: NDArray[np.float32], gallery: NDArray[np.float32], relevant: Relevant) -> None:
    for name, vectors in (("query", queries), ("gallery item", gallery)):
        bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
        if len(bad):
            raise ValueError(f"{name} {bad[0]} has a vector that is not finite ({len(bad)} such in all)")
    if len(relevant.starts) != len(queries) + 1:
        raise ValueError(f"relevance is given for {len(relevant.starts) - 1} queries, not for {len(queries)}")
    lost = np.flatnonzero(relevant.counts == 0)
    if len(lost):
        raise ValueError(f"query {lost[0]} has no relevant item in the gallery; leave such queries out")


def chance_recall(size: int, counts: NDArray[np.int64], k: int) -> float:
    """Expect this recall@k of a shuffled gallery of `size` items, `counts` (Q,) of which answer each query.

    One less the chance that k draws without return all miss: 1 − C(N − R, k) / C(N, k).

    >>> chance_recall(100, np.array([1]), k=5)
    0.05
    """
    values, times = np.unique(counts, return_counts=True)
    miss = np.ones(len(values))
    for drawn in range(min(k, size)):
        miss *= np.maximum(size - values - drawn, 0) / (size - drawn)
    return round(float(np.average(1 - miss, weights=times)), 12)


def chance_average_precision(size: int, counts: NDArray[np.int64]) -> float:
    """Expect of a shuffled gallery the mAP (H_N + (R − 1) / (N − 1) · (N − H_N)) / N, with H_N = Σ 1/i.

    >>> chance_average_precision(2, np.array([1]))
    0.75
    """
    harmonic = float(np.sum(1 / np.arange(1, size + 1)))
    others = (counts - 1) / max(size - 1, 1)
    return float(np.mean((harmonic + others * (size - harmonic)) / size))


def chance_median_rank(size: int, counts: NDArray[np.int64]) -> int:
    """Find the first rank by which a shuffled gallery has answered half of the queries.

    >>> chance_median_rank(100, np.array([1]))
    50
    """
    low, high = 1, size
    while low < high:
        middle = (low + high) // 2
        if chance_recall(size, counts, middle) >= 0.5:
            high = middle
        else:
            low = middle + 1
    return low
