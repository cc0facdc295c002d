"""The order of a search's rows, before any of them is read: by vectors, by words, or by both.

    by vectors   score = cosine of the query's vector with the row's                       −1 … 1
    by words     score = coverage                                                           0 … 1
    by both      score = cosine + LIFT · share · spread · coverage³

    coverage     BM25(row) / BM25(best row) · (part of the query's words that the best row has)
    share        of the words in the query beside its pictures (`query.py`), 1 where there are none
    spread       standard deviation of the query's cosines over the catalogue (`background.py`)

A row that has all of the query's words is so lifted as if its picture were LIFT standard deviations
nearer; one that has few of them hardly moves (cubed, coverage ranks better than plain or squared). Being a
sum of what each row has by itself, the score does not hang on how many rows are asked for, as that of
reciprocal ranks (Cormack et al. 2009) does, and it ranks better here (`make bench-hybrid`).

The rows by both are exact, too. A row that is neither among the n nearest nor among those with words has a
cosine below theirs and no coverage; so the n best of the two lists together are the n best of all. Of rows
with words the best DEPTH_WORDS by BM25 count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from openautoglm.catalog.schema import ID, NEAR
from openautoglm.evaluate.encoding import Vectors
from openautoglm.search.nearest import DEPTH, Nearest
from openautoglm.search.words import find_words

if TYPE_CHECKING:
    import lance

    from openautoglm.catalog.catalog import Catalog

LIFT = 4.0
"""Standard deviations by which a row with all the query's words is lifted."""
POWER = 3
"""Of the coverage: some of the words say little, all of them much."""
DEPTH_WORDS = 1000
"""Rows with words that take part."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A row in a ranking."""

    id: str
    address: int
    """Where the table has it."""
    near: str | None
    """Its cluster of near copies."""
    score: float
    cosine: float | None = None
    """None where the vectors took no part."""
    words: tuple[str, ...] = ()
    """Words of the query that it has, as they are indexed."""
    part: float = 0.0
    """The part of the query's words that it has; 1 is all of them."""


Ranking = Callable[[int], list[Ranked]]
"""How many → the best so many rows, best first; fewer only where there are no more."""


def by_vectors(near: Nearest, column: str, vector: Vectors, where: str | None, *, alone: bool) -> Ranking:
    """Rank by cosine; a ranking that is asked twice for as many rows answers from memory.

    Args:
        near: how the vectors are searched.
        column: of vectors.
        vector: (D,) the query, of unit length.
        where: SQL condition that the rows must pass.
        alone: whether only rows that have no picture's vector count.
    """
    read = light(near.dataset)

    @cache
    def ask(n: int) -> list[Ranked]:
        rows = near.rows(column, vector, n, columns=read, where=where, alone=alone).to_pylist()
        found = [
            Ranked(row[ID], row["_rowid"], row.get(NEAR), score := 1.0 - row["_distance"], score)
            for row in rows
        ]
        return best_first(found)

    return lambda n: ask(max(n, DEPTH))[:n]


def either(rankings: Sequence[Ranking]) -> Ranking:
    """Rank the rows of several rankings, none of which has a row of another, by their scores."""
    return lambda n: best_first(row for ranking in rankings for row in ranking(n))[:n]


def by_words(
    catalog: Catalog, dataset: lance.LanceDataset, text: str, where: str | None, n: int = DEPTH_WORDS
) -> list[Ranked]:
    """Rank by coverage; the best `n` or fewer."""
    hits = find_words(catalog, text, where=where, limit=n, data=dataset)
    whole = hits[0].score / hits[0].part if hits else 1.0  # BM25 of a row that had all the words
    return best_first(
        Ranked(hit.id, hit.address, hit.near, hit.score / whole, None, hit.words, hit.part) for hit in hits
    )


def lifted(having: Sequence[Ranked], cosines: Vectors, *, lift: float, mean: float) -> list[Ranked]:
    """Score rows with words by both.

    Args:
        having: the rows with words, by coverage.
        cosines: theirs; NaN where a row has no vectors yet.
        lift: what full coverage adds to the cosine.
        mean: the cosine of a row at random, which one without vectors is taken to have.
    """
    return [
        replace(row, cosine=float(cosine), score=float(cosine) + lift * row.score**POWER)
        if not np.isnan(cosine)
        else replace(row, score=mean + lift * row.score**POWER)
        for row, cosine in zip(having, cosines, strict=True)
    ]


def together(vectors: Ranking, named: Sequence[Ranked]) -> Ranking:
    """Rank rows that have words, scored by both, among those that have vectors only."""
    ids = {row.id for row in named}
    return lambda n: best_first([*named, *(row for row in vectors(n) if row.id not in ids)])[:n]


def best_first(rows: Iterable[Ranked]) -> list[Ranked]:
    """Sort; equal scores are ordered by id."""
    return sorted(rows, key=lambda row: (-row.score, row.id))


def relevant_first(ranking: Ranking, relevant: Sequence[Ranked]) -> Ranking:
    """Put some rows before all others; among themselves they stand by score.

    The others are asked for only where they are reached, and for more than DEPTH, which compares all rows in
    a large catalogue, only where those do not suffice.
    """
    first, ids = best_first(relevant), {row.id for row in relevant}

    def ranked(n: int) -> list[Ranked]:
        rows = first
        for asked in (min(n, DEPTH), n):
            if len(rows) < n:
                rows = [*first, *(row for row in ranking(asked) if row.id not in ids)]
        return rows[:n]

    return ranked


def distinct(ranking: Ranking, n: int) -> list[Ranked]:
    """Take the n best, or more, of which no two are near copies: of each cluster the best stays."""
    asked = n
    while True:
        rows = ranking(asked)
        kept: dict[tuple[str, str], Ranked] = {}
        for row in rows:
            kept.setdefault(("near", row.near) if row.near is not None else ("row", row.id), row)
        if len(kept) >= n or len(rows) < asked:
            return list(kept.values())
        asked *= 2


def light(dataset: lance.LanceDataset) -> list[str]:
    """Name what a ranking reads of a row."""
    return [ID, "_rowid", *([NEAR] if NEAR in dataset.schema.names else [])]
