"""Search: a query → the rows that match it best, among those that pass a filter, page by page.

    rank   by vectors, words or both             `rank.py`
    end    which of them are relevant            `relevance.py`; these come first
    fold   of near copies, the best stays
    order  by score; or, the relevant ones, by a column
    page   k of them are read

What a row is compared by is `by`:

    "auto"      both: vectors as in "vectors" and, where the query has texts, words
    "vectors"   its picture's vector, or its texts' where it has no picture   (what `evaluate` measures)
    "image"     its picture's; rows without a picture are not found
    "text"      its texts';    rows without a text are not found
    "fused"     the row as a whole: looks and words count alike, and columns as the model that fuses
                rows has learned (`evaluate/fusing.py`)
    "words"     the query's words in its texts, tags and names (`words.py`); needs no model

A query with columns is compared with rows as a whole, too, where "auto" or "vectors" is asked for: only there
are columns. `Results.by` says what was compared.

A sentence is usually nearer to a sentence than to a picture that shows the same. So with "vectors" a
row without a picture can score higher than an equally good one with a picture.

A search returns `k` rows whenever `k` rows with vectors pass the filter, however few they are of the whole.
It compares with all of them, or, from some ten thousand rows on, asks an index (`nearest.py`).

Pages belong together: the second is read from the commit that the first was read from, so that rows
which are added, changed or removed in between neither repeat a hit nor hide one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from openautoglm.catalog.condition import all_of, one_of
from openautoglm.catalog.schema import ID, WORDS
from openautoglm.evaluate.encoding import Encoder, Vectors
from openautoglm.search.background import Background
from openautoglm.search.errors import SearchError
from openautoglm.search.hit import Cursor, Results
from openautoglm.search.nearest import Nearest
from openautoglm.search.page import Found, read_page
from openautoglm.search.query import Query
from openautoglm.search.rank import (
    DEPTH_WORDS,
    LIFT,
    Ranked,
    Ranking,
    best_first,
    by_vectors,
    by_words,
    either,
    lifted,
    together,
)
from openautoglm.search.relevance import DEPTH, End
from openautoglm.search.vectors import FUSED, IMAGE, TEXT, indexed_rows, made_by
from openautoglm.search.wanted import By, Wanted

if TYPE_CHECKING:
    import lance

    from openautoglm.catalog.catalog import Catalog


def search(model: Encoder | None, catalog: Catalog, query: Query, wanted: Wanted | None = None) -> Results:
    """Find the rows that match the query best; equal scores are ordered by id.

    Args:
        model: the one that made the index; None will do with `by="words"`.
        catalog: an indexed catalogue. Rows added since, or changed, are found by their words; by their
            vectors after the next `index`.
        query: what is wanted and unwanted.
        wanted: how many, which, and how ordered.

    Returns:
        Fewer than `k` hits only where fewer rows that can be compared pass `where`.

    Raises:
        SearchError: if `wanted` makes no sense, the picture cannot be read, there is no index, another model
            made it, or words alone are searched and the query has other parts.
        CatalogError: if `where` is no valid condition; it lists the columns.
    """
    wanted = wanted or Wanted()
    latest = catalog.dataset
    page = Cursor(latest.version, 0) if wanted.after is None else Cursor.parse(wanted.after)
    dataset = _at(latest, page.version)
    wanted.check(dataset.schema)
    if wanted.by == "words" or model is None:
        found = _by_words(catalog, dataset, query, wanted)
    else:
        found = _by_vectors(model, catalog, dataset, query, wanted)
    return read_page(catalog, dataset, query, wanted, page, found)


def _by_words(catalog: Catalog, dataset: lance.LanceDataset, query: Query, wanted: Wanted) -> Found:
    """All rows with words of the query; relevant are those that have all of them."""
    if query.given or query.minus:
        raise SearchError(
            "a search by words takes texts only; leave out pictures, rows, columns and unwanted words"
        )
    text = " ".join(query.texts)
    having = by_words(catalog, dataset, text, wanted.where)

    def ranking(n: int) -> list[Ranked]:
        if n <= DEPTH_WORDS or len(having) < DEPTH_WORDS:
            return having[:n]
        return by_words(catalog, dataset, text, wanted.where, n)

    return Found(ranking, [row for row in having if row.part == 1], "words")


def _by_vectors(
    model: Encoder, catalog: Catalog, dataset: lance.LanceDataset, query: Query, wanted: Wanted
) -> Found:
    near = Nearest.of(catalog.folder, dataset, model.fingerprint())
    if not near.whole:
        _check_index(made_by(model.fingerprint()), catalog)
    by: By = "fused" if query.columns and wanted.by in ("auto", "vectors") else wanted.by
    background = Background.of(catalog, model.fingerprint())
    background = background.of_rows if by == "fused" else background
    vector = query.vector(model, catalog, background, fused=by == "fused")
    mean, spread = background.judge(vector)
    where = all_of(_but(query.like), wanted.where)
    lists = {
        column: _asking(catalog, wanted, by_vectors(near, column, vector, where, alone=alone))
        for column, alone in _columns(by)
    }
    ranking = either(list(lists.values()))
    named: list[Ranked] = []
    if wanted.by == "auto" and query.texts and WORDS in dataset.schema.names:
        having = by_words(catalog, dataset, " ".join(query.texts), where)
        compared = (FUSED,) if by == "fused" else (IMAGE, TEXT)
        cosines = _cosines(dataset, [row.address for row in having], vector, compared)
        named = lifted(having, cosines, lift=LIFT * spread * query.share, mean=mean)
        ranking = together(ranking, named)
    end = End.read(catalog.folder, model.fingerprint()) if _in_words(query, wanted.by) else None
    if end is None:
        return Found(ranking, None, by)
    passing = lists[IMAGE](DEPTH)
    best = passing if where is None else by_vectors(near, IMAGE, vector, None, alone=False)(DEPTH)
    size = _relevant(end, dataset, best, mean, spread)
    alike = {row.id: row for row in _alike(best[:size], passing)}
    relevant = [row for row in named if row.id in alike or row.part == 1]
    rest = alike.keys() - {row.id for row in named}
    return Found(ranking, best_first([*relevant, *(alike[name] for name in rest)]), by)


def _in_words(query: Query, by: By) -> bool:
    """Whether it is a query of the kind that the end of relevance was learned from: words for pictures."""
    return by in ("auto", "vectors", "image") and not (query.given or query.minus)


def _relevant(
    end: End, dataset: lance.LanceDataset, best: Sequence[Ranked], mean: float, spread: float
) -> int:
    """How many of the nearest pictures match; 0 where nothing does."""
    scores = np.array([row.score for row in best])
    if not end.matches(scores, mean, spread):
        return 0
    column = dataset._take_rows([row.address for row in best], columns=[IMAGE])[IMAGE].combine_chunks()
    return end.of(scores, mean, spread, np.asarray(column.flatten(), np.float32).reshape(len(best), -1))


def _alike(matching: Sequence[Ranked], passing: Sequence[Ranked]) -> list[Ranked]:
    """The rows that match, of those that pass the filter: what passes does not move the end.

    Args:
        matching: the pictures that match, whatever passes.
        passing: the nearest pictures that pass.
    """
    if not matching:
        return []
    last = matching[-1].score - 1e-6  # an index and a comparison of all may differ in the last digit
    return [row for row in passing if row.score >= last]


def _asking(catalog: Catalog, wanted: Wanted, ranking: Ranking) -> Ranking:
    """Have the user's condition, where it is wrong, give an error that names it and lists the columns."""

    def asked(n: int) -> list[Ranked]:
        try:
            return ranking(n)
        except (ValueError, OSError):
            catalog.count(wanted.where)
            raise

    return asked


def _cosines(
    dataset: lance.LanceDataset, addresses: Sequence[int], vector: Vectors, columns: Sequence[str]
) -> Vectors:
    """(n,) of some rows' vectors in the first of `columns` that has one; NaN where none has."""
    cosines = np.full(len(addresses), np.nan, np.float32)
    for column in columns:
        missing = np.flatnonzero(np.isnan(cosines))
        if not len(missing):
            break
        read = dataset._take_rows(np.asarray(addresses)[missing].tolist(), columns=[column])[column]
        there = missing[read.is_valid().to_numpy()]
        if len(there):
            flat = np.asarray(read.drop_null().combine_chunks().flatten(), np.float32)
            cosines[there] = flat.reshape(-1, len(vector)) @ vector
    return cosines


def _at(latest: lance.LanceDataset, version: int) -> lance.LanceDataset:
    """The table at the commit that the first page was read from."""
    if version == latest.version:
        return latest
    try:
        return latest.checkout_version(version)
    except (ValueError, OSError):
        raise SearchError(
            "this page belongs to a state of the catalogue that is gone (they are kept for a day); "
            "search anew"
        ) from None


def _but(ids: Sequence[str]) -> str | None:
    """The condition that leaves out some rows."""
    found = one_of(ID, ids)
    return f"NOT ({found})" if found else None


def _columns(by: By) -> list[tuple[str, bool]]:
    """List the vector columns to compare with, and whether only rows that no picture's vector finds count."""
    if by in ("auto", "vectors"):
        return [(IMAGE, False), (TEXT, True)]
    return [({"image": IMAGE, "text": TEXT, "fused": FUSED}[by], False)]


def _check_index(own: str, catalog: Catalog) -> None:
    """Say why nothing could be found, before nothing is found."""
    schema = catalog.dataset.schema
    if IMAGE in schema.names and catalog.dataset.count_rows(own):
        return
    rows = catalog.count()
    if not rows:
        raise SearchError(
            "the catalogue is empty; `autoglm add` fills it, `autoglm index` makes it searchable"
        )
    if made := sum(indexed_rows(catalog).values()):
        raise SearchError(
            f"another model made this index ({made:,} rows); search with that one, or run `autoglm index` "
            "with this one"
        )
    raise SearchError(f"none of the {rows:,} rows is indexed; run `autoglm index` first")
