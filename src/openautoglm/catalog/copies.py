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
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from openautoglm.catalog.hamming import Places, near_pairs
from openautoglm.catalog.images import see
from openautoglm.catalog.look import FLAT, unlikeness
from openautoglm.catalog.schema import EMBEDS_KEY, ID, NEAR
from openautoglm.catalog.store import Store
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
_DIGEST = 32
"""Hex digits of a content hash: two numbers of 64 bits."""
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
    table = _read(store)
    rows = np.flatnonzero(table.there)
    # Rows with the same file have one picture; a picture is named by its first row.
    pictures, first = _distinct(table.digests[rows])
    first = rows[first]
    hashes = table.looks[first]

    fresh = np.isin(table.positions, np.asarray(touched, np.int64))
    names: list[str] = table.near.dictionary.to_pylist()
    near = np.asarray(table.near.indices.fill_null(-1), np.int64)
    gone = set(lost)
    broken = np.union1d(near[fresh], [code for code, name in enumerate(names) if name in gone])
    asks = np.full(len(rows), True) if everything else fresh[rows] | np.isin(near[rows], broken[broken >= 0])
    asking = np.zeros(len(first), bool)
    asking[pictures[asks]] = True
    groups = _Groups(len(first))
    known: dict[int, int] = {}
    for place in np.flatnonzero(~asks & (near[rows] >= 0)).tolist():
        picture = int(pictures[place])
        groups.join(known.setdefault(int(near[rows[place]]), picture), picture)
    for one, other in _copies(store, first, hashes, np.flatnonzero(asking & (hashes != FLAT))):
        groups.join(one, other)

    roots = groups.roots()[pictures]
    together = np.bincount(roots, minlength=len(first))[roots] > 1
    root_of = np.full(len(near), -1, np.int64)
    root_of[rows[together]] = roots[together]
    named: dict[int, str] = {}
    wrong = []
    concerned = np.flatnonzero((root_of >= 0) | (near >= 0))
    for place, row in zip(concerned.tolist(), store.arrival().at(concerned, [ID, "_near"]), strict=True):
        root = int(root_of[place])
        now = named.setdefault(root, row[ID]) if root >= 0 else None
        if now != row["_near"]:
            wrong.append({ID: row[ID], "_near": now})
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
    store: Store, first: Places, hashes: NDArray[np.uint64], asking: Places
) -> Iterable[tuple[int, int]]:
    """Yield the pairs of pictures, as places in `first`, of which one is a copy of the other."""
    one, other = _candidates(hashes, asking)
    if not len(one):
        return
    shown = np.unique(np.concatenate([one, other]))
    wanted = store.arrival().at(first[shown], NEEDED)
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
    yield from _seen_alike(store, first, doubtful)


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


def _seen_alike(store: Store, first: Places, pairs: Sequence[tuple[int, int]]) -> Iterable[tuple[int, int]]:
    """Yield those of the pairs whose vectors, where one model made both, say that they show the same."""
    if not pairs or _IMAGE not in store.dataset.schema.names:
        return
    known = [_IMAGE, EMBEDS_KEY]
    sample = store.dataset.to_table(columns=known, filter=f"{_IMAGE} IS NOT NULL", limit=_SAMPLE).to_pylist()
    shown = sorted({picture for pair in pairs for picture in pair})
    found = list(store.arrival().at(first[shown], known))
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


class _Table(NamedTuple):
    """What is compared, one entry a row, in order of arrival."""

    positions: Places
    there: NDArray[np.bool_]
    """Whether the row has a picture; without one, its digest and look mean nothing."""
    digests: NDArray[np.uint64]
    """(N, 2) the content hashes."""
    looks: NDArray[np.uint64]
    near: pa.DictionaryArray


def _read(store: Store) -> _Table:
    # One entry before the first batch, so that an empty table has arrays, too.
    positions, there = [np.empty(0, np.int64)], [np.empty(0, bool)]
    digests, looks = [np.empty((0, 2), np.uint64)], [np.empty(0, np.uint64)]
    near = [pa.array([], pa.string())]
    for batch in store.arrival().batches(["_position", "_image_hash", "_phash", NEAR]):
        hashes = batch["_image_hash"].to_pylist()
        positions.append(np.asarray(batch["_position"]))
        there.append(np.array([one is not None for one in hashes], bool))
        text = "".join(one or "0" * _DIGEST for one in hashes)
        digests.append(np.frombuffer(bytes.fromhex(text), np.uint64).reshape(-1, 2))
        looks.append(np.asarray(batch["_phash"].fill_null(FLAT), np.uint64))
        near += batch[NEAR].chunks if isinstance(batch, pa.Table) else [batch[NEAR]]
    return _Table(
        positions=np.concatenate(positions),
        there=np.concatenate(there),
        digests=np.concatenate(digests),
        looks=np.concatenate(looks),
        near=pa.concat_arrays(near).dictionary_encode(),
    )


def _distinct(digests: NDArray[np.uint64]) -> tuple[Places, Places]:
    """Number pictures in the order of their first rows: the number of each row, the first row of each."""
    order = np.lexsort((digests[:, 1], digests[:, 0]))  # stable: of equals the first row comes first
    other = np.any(digests[order[1:]] != digests[order[:-1]], axis=1)
    begins = np.concatenate([[0], np.flatnonzero(other) + 1])[: len(order)]
    group = np.empty(len(order), np.int64)
    group[order] = np.cumsum(np.concatenate([[False], other])[: len(order)])
    first = order[begins]
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[group], np.sort(first)


class _Groups:
    """Union-find over 0 … n − 1; the root is the lowest."""

    def __init__(self, count: int) -> None:
        self._parent = np.arange(count)

    def join(self, one: int, other: int) -> None:
        low, high = sorted((self._root(one), self._root(other)))
        self._parent[high] = low

    def roots(self) -> Places:
        """The root of each."""
        while not np.array_equal(above := self._parent[self._parent], self._parent):
            self._parent = above
        return self._parent

    def _root(self, one: int) -> int:
        while self._parent[one] != one:
            self._parent[one] = one = int(self._parent[self._parent[one]])
        return one
