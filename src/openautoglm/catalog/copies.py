"""Near copies: pictures resized, recompressed, brightened, slightly cropped, found and named in `_near`.

    hashes (64 bits a picture) ─ near pairs ─▶ candidates ─ thumbnails ─▶ unlikeness u
        u ≤ 0.6                            copies
        u ≤ 0.8, and the index's model     copies
          sees the same (cosine ≥ 0.95)
        else                               other pictures that are alike

Hashes alone would not do: among drawings of one house, or shots of one product in three colours, they are
near for pictures that nobody calls copies. The cosine c of two pictures is counted from the mean cosine μ of
the index, (c − μ) / (1 − μ), because models differ in how close together all their vectors lie.

Copies of copies hang together in a cluster, named by the id of its first row; exact copies belong to it.
What was compared is not compared again: an `add` compares its new pictures with all, and clusters that lost
a picture within themselves. Once an index has vectors, `everything` asks its model about the doubtful pairs.

The thresholds were measured on pictures distorted in fifteen ways (`docs/workspace.md`, "Near copies").
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from openautoglm.catalog.hamming import Places, near_pairs
from openautoglm.catalog.images import see
from openautoglm.catalog.look import FLAT, unlikeness
from openautoglm.catalog.schema import EMBEDS_KEY, ID
from openautoglm.catalog.store import Store, in_pieces
from openautoglm.catalog.stored import NEEDED, open_stored
from openautoglm.catalog.thumbnails import Thumbnails

T = TypeVar("T")

BITS = 10
SURE, DOUBTFUL, COSINE = 0.6, 0.8, 0.95

_CANDIDATES = 32
"""A picture is compared with the nearest only: one that has so many like it has found its cluster by then."""
_SAME_HASH = 8
"""Of the pictures that share a hash, so many speak for all."""
_AT_ONCE = 128
_SAMPLE = 1000
_IMAGE = "_image_embeds"


def settle_copies(
    store: Store,
    touched: Sequence[int] = (),
    lost: Collection[str] = (),
    *,
    everything: bool = False,
) -> bool:
    """Bring `_near` up to date; say whether any row's changed.

    Args:
        store: the table; its lock is held by the caller.
        touched: positions of the rows whose picture came or changed.
        lost: names of clusters that a row was removed from.
        everything: compare all with all, as if nothing were known.
    """
    if not (touched or lost or everything):
        return False
    table = store.scan([*NEEDED, "_phash", "_near", "_position"])
    stored = table["_near"].to_pylist()
    rows = np.flatnonzero(table["_image_hash"].is_valid())
    # Rows with the same file have one picture; a picture is named by its first row.
    pictures = np.asarray(table["_image_hash"].drop_null().combine_chunks().dictionary_encode().indices)
    first = rows[np.unique(pictures, return_index=True)[1]]
    hashes = np.asarray(table["_phash"].fill_null(FLAT), np.uint64)[first]

    fresh = np.isin(table["_position"].to_numpy(), np.asarray(touched, np.int64))
    broken = set(lost) | {stored[row] for row in np.flatnonzero(fresh) if stored[row]}
    groups = _Groups(len(first))
    known: dict[str, int] = {}
    asking = np.zeros(len(first), bool)
    for row, picture in zip(rows.tolist(), pictures.tolist(), strict=True):
        near = stored[row]
        if everything or fresh[row] or near in broken:
            asking[picture] = True
        elif near is not None:
            groups.join(known.setdefault(near, picture), picture)
    for one, other in _copies(store, table, first, hashes, np.flatnonzero(asking & (hashes != FLAT))):
        groups.join(one, other)

    roots = np.array([groups.root(picture) for picture in range(len(first))], np.int64)[pictures]
    sizes = np.bincount(roots, minlength=len(first))
    names: dict[int, str] = {}
    now: list[str | None] = [None] * len(stored)
    for row, root in zip(rows.tolist(), roots.tolist(), strict=True):
        if sizes[root] > 1:
            now[row] = names.get(root) or names.setdefault(root, table[ID][row].as_py())
    wrong = [
        {ID: table[ID][row].as_py(), "_near": near} for row, near in enumerate(now) if near != stored[row]
    ]
    store.correct(wrong)
    return bool(wrong)


def fold(rows: Iterable[T], near: Callable[[T], str | None]) -> list[tuple[T, list[T]]]:
    """Gather copies behind the first of each cluster, in order; what is in no cluster stands alone.

    >>> fold(["a", "b1", "c", "b2"], {"b1": "b1", "b2": "b1"}.get)
    [('a', []), ('b1', ['b2']), ('c', [])]
    """
    folded: list[tuple[T, list[T]]] = []
    behind: dict[str, list[T]] = {}
    for row in rows:
        cluster = near(row)
        if cluster is not None and cluster in behind:
            behind[cluster].append(row)
            continue
        folded.append((row, []))
        if cluster is not None:
            behind[cluster] = folded[-1][1]
    return folded


def _copies(
    store: Store, table: Any, first: Places, hashes: NDArray[np.uint64], asking: Places
) -> Iterable[tuple[int, int]]:
    """Yield the pairs of pictures, as places in `first`, of which one is a copy of the other."""
    one, other = _candidates(hashes, asking)
    if not len(one):
        return
    shown = np.unique(np.concatenate([one, other]))
    wanted = in_pieces(table.select(list(NEEDED)).take(first[shown]))
    doubtful: list[tuple[int, int]] = []
    with Thumbnails(store.folder) as thumbnails:
        for _, thumbnail in open_stored(store, wanted, lambda picture: see(picture).thumbnail):
            thumbnails.append(thumbnail)
        left, right = (np.searchsorted(shown, side) for side in (one, other))
        there = thumbnails.there
        both = there[left] & there[right]
        one, other, left, right = one[both], other[both], left[both], right[both]
        for start in range(0, len(one), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            found = unlikeness(thumbnails[left[part]], thumbnails[right[part]], SURE)
            pairs = zip(one[part].tolist(), other[part].tolist(), found.tolist(), strict=True)
            for a, b, u in pairs:
                if u <= SURE:
                    yield a, b
                elif u <= DOUBTFUL:
                    doubtful.append((a, b))
    yield from _seen_alike(store, table[ID].take(first), doubtful)


def _candidates(hashes: NDArray[np.uint64], asking: Places) -> tuple[Places, Places]:
    """Pairs of pictures with near hashes, the nearest of each asking one, each pair once."""
    # Thousands of pictures may share a hash (one placeholder, saved again and again); a few speak for all.
    order = np.argsort(hashes, kind="stable")
    begins = np.searchsorted(hashes[order], hashes[order])
    speak = order[(np.arange(len(order)) - begins < _SAME_HASH) & (hashes[order] != FLAT)]
    both = np.concatenate([speak, np.setdiff1d(asking, speak)])
    is_speaker = np.arange(len(both)) < len(speak)
    position = np.full(len(hashes), -1, np.int64)
    position[both] = np.arange(len(both))
    one, other = near_pairs(hashes[both], position[asking], BITS)
    one, other = one[is_speaker[other]], other[is_speaker[other]]
    apart = np.bitwise_count(hashes[both[one]] ^ hashes[both[other]])
    order = np.lexsort((other, apart, one))
    one, other = one[order], other[order]
    rank = np.arange(len(one)) - np.searchsorted(one, one)
    one, other = both[one[rank < _CANDIDATES]], both[other[rank < _CANDIDATES]]
    pairs = np.unique(np.stack([np.minimum(one, other), np.maximum(one, other)], axis=1), axis=0)
    return pairs[:, 0], pairs[:, 1]


def _seen_alike(
    store: Store, ids: pa.ChunkedArray, pairs: Sequence[tuple[int, int]]
) -> Iterable[tuple[int, int]]:
    """Yield those of the pairs whose vectors, where one model made both, say that they show the same."""
    if not pairs or _IMAGE not in store.dataset.schema.names:
        return
    known = [_IMAGE, EMBEDS_KEY]
    sample = store.dataset.to_table(columns=known, filter=f"{_IMAGE} IS NOT NULL", limit=_SAMPLE).to_pylist()
    shown = sorted({picture for pair in pairs for picture in pair})
    found = store.rows(ids.take(shown).to_pylist(), known).to_pylist()
    rows = dict(zip(shown, found, strict=True))
    for model in sorted({_model(row) for row in found if row[EMBEDS_KEY] and row[_IMAGE]}):
        usual = np.array([row[_IMAGE] for row in sample if _model(row) == model], np.float64)
        if len(usual) < 2:
            continue
        # The mean cosine of two different rows follows from the sum of all.
        mean = (np.square(usual.sum(0)).sum() - len(usual)) / (len(usual) * (len(usual) - 1))
        for a, b in pairs:
            one, other = rows[a], rows[b]
            if one[_IMAGE] and other[_IMAGE] and _model(one) == _model(other) == model:
                cosine = float(np.dot(one[_IMAGE], other[_IMAGE]))
                if (cosine - mean) >= COSINE * (1 - mean):
                    yield a, b


def _model(row: dict[str, Any]) -> str:
    """Name the model that made a row's vectors; the key is FINGERPRINT:CONTENT."""
    return str(row[EMBEDS_KEY] or "").partition(":")[0]


class _Groups:
    """Union-find over 0 … n − 1; the root is the lowest."""

    def __init__(self, count: int) -> None:
        self._parent = list(range(count))

    def join(self, one: int, other: int) -> None:
        low, high = sorted((self.root(one), self.root(other)))
        self._parent[high] = low

    def root(self, one: int) -> int:
        while self._parent[one] != one:
            self._parent[one] = one = self._parent[self._parent[one]]
        return one
