"""A page of a search: relevant rows first, near copies folded, in the wanted order, read from the table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from openautoglm.catalog.condition import all_of, one_of
from openautoglm.catalog.schema import ID, NEAR
from openautoglm.search.facets import Facet, in_order
from openautoglm.search.hit import Cursor, Hit, Results
from openautoglm.search.nearest import DEPTH
from openautoglm.search.query import Query
from openautoglm.search.rank import Ranked, Ranking, best_first, distinct, relevant_first
from openautoglm.search.wanted import By, Wanted
from openautoglm.search.words import matched_words

if TYPE_CHECKING:
    import lance

    from openautoglm.catalog.catalog import Catalog

_SHOWN = ("_image", "_width", "_height", "_split")
"""Of the catalogue's own columns, those that a hit shows beside the user's."""


@dataclass(frozen=True)
class Found:
    """What a query found, not yet read."""

    ranking: Ranking
    relevant: list[Ranked] | None
    """The rows of it that match; None where that is not known."""
    by: By
    """What was compared."""


def read_page(
    catalog: Catalog,
    dataset: lance.LanceDataset,
    query: Query,
    wanted: Wanted,
    page: Cursor,
    found: Found,
) -> Results:
    """Fold, order, count, and read the hits of one page."""
    fold = distinct if wanted.fold else _all
    ranking, relevant = found.ranking, None
    if found.relevant is not None:
        ranking = relevant_first(ranking, found.relevant)
        first = best_first(found.relevant)
        relevant = fold(lambda n: first[:n], len(first)) if first else []
    end = page.start + wanted.k
    facets: dict[str, Facet] = {}
    among = None
    if wanted.sort or wanted.facets:
        rows = relevant if relevant is not None else fold(ranking, DEPTH)[:DEPTH]
        among = len(rows)
        columns = {*wanted.facets, *([wanted.sorted_by] if wanted.sorted_by else [])}
        values = _values(dataset, rows, sorted(columns))
        facets = {name: Facet.of(name, values[name]) for name in wanted.facets}
    if wanted.sort and wanted.sorted_by:
        falling = wanted.sort != wanted.sorted_by
        rows = [rows[place] for place in in_order(values[wanted.sorted_by], falling=falling)]
    else:
        rows = fold(ranking, end + 1)  # one more tells whether another page follows
    return Results(
        query.words,
        tuple(_read(catalog, dataset, rows[page.start : end], wanted)),
        page.start,
        str(Cursor(page.version, end)) if len(rows) > end else None,
        None if relevant is None else len(relevant),
        facets,
        among,
        found.by,
    )


def _all(ranking: Ranking, n: int) -> list[Ranked]:
    return ranking(n)


def _values(
    dataset: lance.LanceDataset, rows: Sequence[Ranked], columns: Sequence[str]
) -> dict[str, list[Any]]:
    if not rows:
        return {name: [] for name in columns}
    values: dict[str, list[Any]] = dataset._take_rows(
        [row.address for row in rows], columns=list(columns)
    ).to_pydict()
    return values


def _read(
    catalog: Catalog, dataset: lance.LanceDataset, ranked: Sequence[Ranked], wanted: Wanted
) -> list[Hit]:
    """Read what hits show of some rows, and which near copies they stand for."""
    names = [name for name in dataset.schema.names if name in _SHOWN or not name.startswith("_")]
    rows = dataset._take_rows([row.address for row in ranked], columns=names).to_pylist() if ranked else []
    copies = _copies(dataset, ranked, wanted) if wanted.fold else {}
    texts = [field.name for field in catalog.text_fields]
    hits = []
    for one, row in zip(ranked, rows, strict=True):
        said = [row[name] for name in texts if row.get(name)]
        # Of several texts the one that has most of the words says why the row was found.
        label = max(said, key=lambda text: _met(one.words, text), default="")
        others = tuple(other for other in copies.get(one.near, ()) if other != one.id)
        row.pop(ID)
        hits.append(Hit(one.id, one.score, row, label, one.words, one.cosine, others))
    return hits


def _copies(
    dataset: lance.LanceDataset, ranked: Sequence[Ranked], wanted: Wanted
) -> dict[str | None, list[str]]:
    """List the rows of the clusters that some rows belong to, as far as they pass the filter."""
    clusters = sorted({row.near for row in ranked if row.near is not None})
    condition = all_of(one_of(NEAR, clusters), wanted.where)
    if not clusters:
        return {}
    found: dict[str | None, list[str]] = {}
    table = dataset.to_table(columns=[ID, NEAR], filter=condition)
    for name, cluster in sorted(zip(table[ID].to_pylist(), table[NEAR].to_pylist(), strict=True)):
        found.setdefault(cluster, []).append(name)
    return found


def _met(words: tuple[str, ...], text: str) -> int:
    """How many of the text's characters belong to the words."""
    return sum(end - start for start, end in matched_words(words, text)) if words else 0
