"""A gallery → the questions that are asked of it: all captions, each field, each language, both ways."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from openautoglm.evaluate.gallery import Gallery
from openautoglm.tasks.retrieval import Relevant

Direction = Literal["text→image", "image→text", "text→row", "row→text"]
FORWARD: Direction = "text→image"
BACKWARD: Direction = "image→text"
TEXT_TO_ROW: Direction = "text→row"
ROW_TO_TEXT: Direction = "row→text"


class Question(NamedTuple):
    """Some queries, the items that they order, and which of them are right."""

    kind: str
    """"all", "field" or "language"."""
    name: str
    """Of the field or the language; empty for all."""
    direction: Direction
    queries: NDArray[np.int64]
    """(Q,) positions among the gallery's captions (text→image) or pictures; each has a right item."""
    items: NDArray[np.int64]
    """(N,) positions among the gallery's pictures or captions"""
    relevant: Relevant
    """Of the queries, as positions in `items`."""


def questions(gallery: Gallery, only: tuple[str, str] | None = None) -> Iterator[Question]:
    """Ask of the captions of every kind, in both directions; questions without a query are left out.

    Args:
        gallery: of pictures and captions.
        only: kind and name of the captions that are asked for; all by default.
    """
    pictures = np.arange(len(gallery.pictures))
    for (kind, name), captions in gallery.members.items():
        if only not in (None, (kind, name)):
            continue
        forward = among(gallery.relevant, captions)
        backward = turned(forward, len(pictures))
        ways: tuple[tuple[Direction, Relevant, NDArray[np.int64], NDArray[np.int64]], ...] = (
            (FORWARD, forward, captions, pictures),
            (BACKWARD, backward, pictures, captions),
        )
        for direction, relevant, queries, items in ways:
            asked = np.flatnonzero(relevant.counts > 0)
            if len(asked):
                yield Question(kind, name, direction, queries[asked], items, among(relevant, asked))


def among(relevant: Relevant, queries: NDArray[np.int64]) -> Relevant:
    """Keep the relevance of some queries, renumbered in their order.

    >>> relevant = Relevant.from_pairs(np.array([0, 1, 1]), np.array([5, 6, 7]), size=2)
    >>> among(relevant, np.array([1, 0])).of(0).tolist()
    [6, 7]
    """
    counts = relevant.counts[queries]
    starts = np.concatenate([[0], np.cumsum(counts)])
    # For each kept pair: its place inside its query, counted from where that query began before.
    places = np.arange(starts[-1]) - np.repeat(starts[:-1] - relevant.starts[queries], counts)
    return Relevant(starts, relevant.items[places])


def turned(relevant: Relevant, size: int) -> Relevant:
    """Turn the pairs round, so that items ask for queries; `size` is the number of items."""
    queries = np.repeat(np.arange(len(relevant.counts)), relevant.counts)
    return Relevant.from_pairs(relevant.items, queries, size)
