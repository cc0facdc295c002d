"""What a state finds: a page of rows, how many match, and the values of a column among them.

    words, rows like …       the workspace's own search, by looks and words or by words alone
    conditions only          all rows that pass, in the order of the state or of their arrival; each scores 1

A catalogue without a model is searched by words. A row to be like is then what its first text says, without
the colour that the turn changes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from openautoglm.catalog.condition import all_of, one_of
from openautoglm.catalog.schema import ID, NEAR
from openautoglm.conversation.columns import Columns, colour_in
from openautoglm.conversation.state import State
from openautoglm.search.hit import Cursor, Hit, Results
from openautoglm.search.page import Found, read_page
from openautoglm.search.query import Query
from openautoglm.search.rank import Ranked
from openautoglm.search.wanted import Wanted
from openautoglm.search.words import find_words

if TYPE_CHECKING:
    from openautoglm.catalog.catalog import Catalog

MOST = 1000
"""Rows whose values are looked at for "cheap", and among which an extreme is looked for."""

Search = Callable[..., Results]
"""`Workspace.search`."""


class Finder:
    """Finds what states ask for in a catalogue.

    Args:
        catalog: its rows.
        search: `Workspace.search`.
        by: what rows are compared by; "words" needs no model.
        page_size: rows of a page.
    """

    def __init__(self, catalog: Catalog, search: Search, *, by: str = "words", page_size: int = 10) -> None:
        self.catalog, self.search, self.by = catalog, search, by
        self._page_size = page_size
        self._columns: tuple[int, Columns] | None = None

    @property
    def page_size(self) -> int:
        """Rows of a page."""
        return self._page_size

    @property
    def columns(self) -> Columns:
        """The catalogue's columns and their values, read again when the catalogue has changed."""
        version = self.catalog.dataset.version
        if self._columns is None or self._columns[0] != version:
            self._columns = version, Columns.of(self.catalog)
        return self._columns[1]

    def find(self, state: State) -> Results:
        """Find the state's page.

        Raises:
            UserError: as `Workspace.search`; if a condition that the user wrote is none.
        """
        return self._find(state, k=self._page_size, start=(state.page - 1) * self._page_size)

    def row(self, name: str) -> dict[str, Any]:
        """Read the user's fields of a row, and where its picture is.

        Raises:
            CatalogError: if there is no such row (any more).
        """
        names = [ID, "_image", *self.catalog.fields]
        return dict(self.catalog.read(list(dict.fromkeys(names)), ids=[name]).to_pylist()[0])

    def label(self, row: dict[str, Any]) -> str:
        """Give a row's first text."""
        return next((str(row[one.name]) for one in self.catalog.text_fields if row.get(one.name)), "")

    def spread(self, state: State, column: str) -> Sequence[Any]:
        """Read a column's values among what matches, without empty ones."""
        if not (state.words or state.like):
            where = state.where(self.columns.kinds)
            return list(self.catalog.read([column], where=where)[column].drop_null().to_pylist())
        found = self._matching(state, MOST)
        return [hit.row[column] for hit in found if hit.row.get(column) is not None]

    def count(self, state: State) -> int | None:
        """Count what matches; None where that is not known."""
        return self._find(replace(state, sort=None), k=1, start=0).relevant

    def first(self, state: State, sort: str) -> Hit | None:
        """The row that comes first in an order, among what matches; None if none has a value."""
        column = sort.removeprefix("-")
        where = all_of(state.where(self.columns.kinds), f"`{column}` IS NOT NULL")
        found = self._find(state.sorted(sort), k=1, start=0, where=where)
        return found[0] if found else None

    def says(self, text: str) -> bool:
        """Whether some row's texts have all of these words."""
        found = find_words(self.catalog, text, limit=1)
        return bool(found) and found[0].part == 1

    def knows(self, text: str) -> bool:
        """Whether some row's texts have any of these words."""
        return bool(find_words(self.catalog, text, limit=1))

    def _matching(self, state: State, most: int) -> Sequence[Hit]:
        found = self._find(replace(state, sort=None), k=most, start=0)
        return found.hits if found.relevant is None else found.hits[: found.relevant]

    def _find(self, state: State, *, k: int, start: int, where: str | None = None) -> Results:
        where = state.where(self.columns.kinds) if where is None else where
        after = None if not start else str(Cursor(self.catalog.dataset.version, start))
        if not (state.words or state.like):
            return self._passing(
                state, Wanted(where, k, "words", after), Cursor(self.catalog.dataset.version, start)
            )
        text: str | None = state.text or None
        given: dict[str, Any] = {"like": state.like, "minus": state.without}
        if self.by == "words":
            where = all_of(where, _but(state.like))
            text, given = " ".join(dict.fromkeys([*self._said(state), *state.words])), {}
        return self.search(text, **given, where=where, k=k, by=self.by, after=after, sort=state.sort)

    def _said(self, state: State) -> list[str]:
        """What the rows to be like say, without a colour that the state's words change."""
        texts = [self.label(self.row(name)) for name in state.like]
        colour = colour_in(" ".join([state.text, *(str(one.value) for one in state.filters)]))
        kept = [
            text if colour is None or (own := colour_in(text)) is None else text.replace(own[0], " ")
            for text in texts
        ]
        return [text for text in kept if text.strip()]

    def _passing(self, state: State, wanted: Wanted, page: Cursor) -> Results:
        """All rows that pass the conditions, in order."""
        dataset = self.catalog.dataset
        column = state.sort.removeprefix("-") if state.sort else None
        Wanted(sort=state.sort).check(dataset.schema)
        names = [ID, "_position", *({NEAR} & set(dataset.schema.names)), *([column] if column else [])]
        self.catalog.count(wanted.where)  # an error of the condition is told here, with the columns
        table = dataset.to_table(columns=list(dict.fromkeys(names)), filter=wanted.where, with_row_id=True)
        falling = "descending" if state.sort and state.sort.startswith("-") else "ascending"
        keys = [*([(column, falling)] if column else []), ("_position", "ascending")]
        table = table.take(pc.sort_indices(table, sort_keys=keys))
        rows = table.select([ID, "_rowid"])
        near = table[NEAR] if NEAR in table.column_names else None

        @lru_cache(maxsize=2)
        def ranking(n: int) -> list[Ranked]:
            clusters = near[:n].to_pylist() if near is not None else [None] * n
            return [
                Ranked(row[ID], row["_rowid"], cluster, 1.0)
                for row, cluster in zip(rows.slice(0, n).to_pylist(), clusters, strict=False)
            ]

        found = read_page(self.catalog, dataset, Query(), wanted, page, Found(ranking, None, "words"))
        different = len(table)
        if near is not None:
            different = near.null_count + pc.count_distinct(near, mode="only_valid").as_py()
        return replace(found, relevant=different)


def _but(ids: Sequence[str]) -> str | None:
    found = one_of(ID, ids)
    return f"NOT ({found})" if found else None
