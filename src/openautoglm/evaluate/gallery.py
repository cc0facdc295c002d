"""Rows → distinct pictures, distinct captions, and which belong together.

A catalogue repeats itself: one picture in three rows, one caption ("card") on two hundred. Counted
row by row, a model would be punished for finding the twin, or praised three times for one hit. So:

    a picture   is one file content; copies of it are one item of the gallery
    a caption   is one text, compared without regard to case, width and spaces
    a unit      is a row, or all rows of one group, or rows that hold copies of one picture
    a caption and a picture belong together when some unit holds both

The relation is symmetric, and the same for text → image and image → text. Pictures without a
caption, and captions without a picture, stay in the galleries as distractors and are no queries.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from openautoglm.catalog.language import guess_language
from openautoglm.tasks.retrieval import Relevant

if TYPE_CHECKING:
    import pyarrow as pa

    from openautoglm.catalog.schema import Field

EVERY = "all"

DEFINITION = (
    "Copies of one picture are one item, and captions that differ only in case, width or spaces are one "
    "text. A picture is right for a caption, and the caption for the picture, when a row holds both, or "
    "when the two lie in rows of one group or in rows with copies of one picture. With several right items "
    "a query counts as found at k when at least one of them is among the first k. Pictures without a "
    "caption and captions without a picture take part as distractors, not as queries."
)


@dataclass(frozen=True)
class Gallery:
    """The distinct pictures and captions of some rows."""

    rows: int
    """Rows that were read."""
    pictures: list[str]
    """(P,) id of a row that holds the picture."""
    captions: list[str]
    """(C,) the texts."""
    members: Mapping[tuple[str, str], NDArray[np.int64]]
    """("all", ""), ("field", name) or ("language", code) → positions of the captions that it has."""
    relevant: Relevant
    """The pictures of each caption."""

    def keep_pictures(self, kept: NDArray[np.int64]) -> Gallery:
        """Leave out the pictures that could not be read; `kept` are positions of the others."""
        place = np.full(len(self.pictures), -1, np.int64)
        place[kept] = np.arange(len(kept))
        queries = np.repeat(np.arange(len(self.captions)), self.relevant.counts)
        items = place[self.relevant.items]
        return Gallery(
            self.rows,
            [self.pictures[position] for position in kept],
            self.captions,
            self.members,
            Relevant.from_pairs(queries[items >= 0], items[items >= 0], len(self.captions)),
        )


def collect(table: pa.Table, fields: Sequence[Field]) -> Gallery:
    """Build the gallery of rows with `id`, `_image_hash`, `_cluster` and the text `fields` as columns."""
    ids = table["id"].to_pylist()
    units = [cluster or own for cluster, own in zip(table["_cluster"].to_pylist(), ids, strict=True)]
    pictures: dict[str, int] = {}
    holders: list[str] = []
    unit_pictures: dict[str, set[int]] = defaultdict(set)
    for own, unit, picture in zip(ids, units, table["_image_hash"].to_pylist(), strict=True):
        if picture is None:
            continue
        if picture not in pictures:
            pictures[picture] = len(holders)
            holders.append(own)
        unit_pictures[unit].add(pictures[picture])

    captions: dict[str, int] = {}
    texts: list[str] = []
    members: dict[tuple[str, str], set[int]] = defaultdict(set)
    pairs: set[tuple[int, int]] = set()
    for field in fields:
        for unit, text in zip(units, table[field.name].to_pylist(), strict=True):
            if not text or not text.strip():
                continue
            place = captions.setdefault(same_text(text), len(texts))
            if place == len(texts):
                texts.append(text)
            members["field", field.name].add(place)
            members["language", field.language or guess_language(text)].add(place)
            pairs.update((place, picture) for picture in unit_pictures.get(unit, ()))

    related = np.array(sorted(pairs), np.int64).reshape(-1, 2)
    positions = {key: np.array(sorted(places), np.int64) for key, places in sorted(members.items())}
    return Gallery(
        len(ids),
        holders,
        texts,
        {(EVERY, ""): np.arange(len(texts)), **positions},
        Relevant.from_pairs(related[:, 0], related[:, 1], len(texts)),
    )


def same_text(text: str) -> str:
    """Bring a caption into the form in which two are compared.

    >>> same_text("Golden  Ginkgo") == same_text("golden ginkgo ")
    True
    """
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
