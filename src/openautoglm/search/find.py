"""Search: a query → the rows nearest to it, among those that pass a filter, page by page.

A score is the cosine of the query's vector (`query.py`) with the row's. Which of the row's vectors is `by`:

    "auto"    its picture's, or its texts' where it has no picture   (what `evaluate` measures)
    "image"   its picture's; rows without a picture are not found
    "text"    its texts';    rows without a text are not found
    "fused"   the mean of the two: looks and words count alike

A sentence is usually nearer to a sentence than to a picture that shows the same. So with "auto" a
row without a picture can score higher than an equally good one with a picture.

By words (`search_words`) rows are found that have the query's words in their texts, tags or names, ranked
by BM25 (`words.py`); it needs no model.

Every search is exact: it compares with all rows that pass the filter, so it returns `k` rows
whenever `k` rows with vectors pass, however few they are of the whole.

Pages belong together: the second is read from the commit that the first was read from, so that rows
which are added, changed or removed in between neither repeat a hit nor hide one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, get_args

import pyarrow as pa

from openautoglm.catalog.condition import all_of
from openautoglm.evaluate.encoding import Encoder, Vectors
from openautoglm.search.background import Background
from openautoglm.search.errors import SearchError
from openautoglm.search.hit import Cursor, Hit, Results
from openautoglm.search.query import Query
from openautoglm.search.vectors import FUSED, IMAGE, TEXT, indexed_rows, made_by
from openautoglm.search.words import find_words, matched_words

if TYPE_CHECKING:
    import lance

    from openautoglm.catalog.catalog import Catalog

By = Literal["auto", "image", "text", "fused"]

_SHOWN = ("_image", "_width", "_height", "_split")
"""Of the catalogue's own columns, those that a hit shows beside the user's."""


def search(
    model: Encoder,
    catalog: Catalog,
    query: Query,
    *,
    where: str | None = None,
    k: int = 10,
    by: By = "auto",
    after: str | None = None,
) -> Results:
    """Find the `k` rows nearest to the query, best first; equal scores are ordered by id.

    Args:
        model: the one that made the index.
        catalog: an indexed catalogue. Rows added since, or changed, are found after the next `index`.
        query: what is wanted and unwanted.
        where: SQL condition on the catalogue's columns, such as `price < 100 AND brand = 'Acme'`.
        k: how many rows.
        by: which of a row's vectors is compared, as above.
        after: `Results.after` of the page before; everything else must be as it was there.

    Returns:
        Fewer than `k` hits only where fewer rows with such vectors pass `where`.

    Raises:
        SearchError: if `k`, `by` or `after` makes no sense, the picture cannot be read, there is no
            index, or another model made it.
        CatalogError: if `where` is no valid condition; it lists the columns.
    """
    if k < 1:
        raise SearchError(f"k is the number of results and must be 1 or more, not {k}")
    if by not in get_args(By):
        raise SearchError(f"by={by!r} is unknown; choose one of {', '.join(get_args(By))}")
    latest = catalog.dataset
    page = Cursor.parse(after) if after else Cursor(latest.version, 0)
    own = made_by(model.fingerprint())
    _check_index(own, catalog)
    vector = query.vector(model, catalog, Background.of(catalog, model.fingerprint()))
    dataset = _at(latest, page.version)
    others = _among("id NOT IN", query.like)
    wanted = page.start + k + 1  # one more tells whether another page follows
    hits: list[Hit] = []
    for column, condition in _columns(by):
        hits += _nearest(
            catalog, dataset, column, vector, all_of(own, condition, others, where), wanted, where
        )
    hits.sort(key=lambda hit: (-hit.score, hit.id))
    return _page(query, hits[page.start :][:k], page, k, more=len(hits) >= wanted)


def search_words(
    catalog: Catalog, query: Query, *, where: str | None = None, k: int = 10, after: str | None = None
) -> Results:
    """Find the `k` rows that have the query's words, best first; arguments and errors as of `search`.

    Raises:
        SearchError: also if the query has parts that are no words, or words that are unwanted.
    """
    if query.images or query.like or query.minus:
        raise SearchError("a search by words takes texts only; leave out pictures, rows and unwanted words")
    if k < 1:
        raise SearchError(f"k is the number of results and must be 1 or more, not {k}")
    latest = catalog.dataset
    page = Cursor.parse(after) if after else Cursor(latest.version, 0)
    dataset = _at(latest, page.version)
    limit = page.start + k + 1
    found = find_words(catalog, " ".join(query.texts), where=where, limit=limit, data=dataset)
    here = found[page.start :][:k]
    rows = {row["id"]: row for row in _read(dataset, [one.id for one in here])}
    texts = [field.name for field in catalog.text_fields]
    hits = [_hit(rows[one.id], one.score, texts, one.words) for one in here]
    return _page(query, hits, page, k, more=len(found) >= limit)


def _page(query: Query, hits: list[Hit], page: Cursor, k: int, *, more: bool) -> Results:
    after = str(Cursor(page.version, page.start + k)) if more else None
    return Results(query.words, tuple(hits), page.start, after)


def _read(dataset: lance.LanceDataset, ids: list[str]) -> list[dict[str, Any]]:
    """What a hit shows of some rows."""
    condition = _among("id IN", ids)
    return dataset.to_table(columns=_shown(dataset), filter=condition).to_pylist() if condition else []


def _shown(dataset: lance.LanceDataset) -> list[str]:
    return [name for name in dataset.schema.names if name in _SHOWN or not name.startswith("_")]


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


def _among(which: str, ids: Sequence[str]) -> str | None:
    """The condition `which` (id IN, id NOT IN) on some ids; none where there are none."""
    names = ", ".join("'" + one.replace("'", "''") + "'" for one in ids)
    return f"{which} ({names})" if names else None


def _columns(by: By) -> list[tuple[str, str]]:
    """List the vector columns to compare with, and conditions that keep a row from being found twice."""
    if by == "auto":
        return [(IMAGE, f"{IMAGE} IS NOT NULL"), (TEXT, f"{IMAGE} IS NULL AND {TEXT} IS NOT NULL")]
    column = {"image": IMAGE, "text": TEXT, "fused": FUSED}[by]
    return [(column, f"{column} IS NOT NULL")]


def _nearest(
    catalog: Catalog,
    dataset: lance.LanceDataset,
    column: str,
    query: Vectors,
    condition: str | None,
    k: int,
    where: str | None,
) -> list[Hit]:
    nearest = {
        "column": column,
        "q": pa.array(query, pa.float32()),
        "k": k,
        "metric": "cosine",
        "use_index": False,
    }
    try:
        table = dataset.to_table(
            columns=[*_shown(dataset), "_distance"], filter=condition, nearest=nearest, prefilter=True
        )
    except (ValueError, OSError):
        # The user's condition, read alone, gives an error that names it and lists the columns.
        catalog.count(where)
        raise
    texts = [field.name for field in catalog.text_fields]
    return [_hit(row, 1.0 - row.pop("_distance"), texts) for row in table.to_pylist()]


def _hit(row: dict[str, Any], score: float, texts: list[str], words: tuple[str, ...] = ()) -> Hit:
    said = [row[name] for name in texts if row.get(name)]
    # Of several texts the one that has most of the words says why the row was found.
    label = max(said, key=lambda text: _met(words, text), default="")
    return Hit(row.pop("id"), score, row, label, words)


def _met(words: tuple[str, ...], text: str) -> int:
    """How many of the text's characters belong to the words."""
    return sum(end - start for start, end in matched_words(words, text)) if words else 0


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
