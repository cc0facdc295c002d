"""What a search is to give back of the rows that match: how many, which, how ordered and counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import pyarrow as pa

from openautoglm.config import nearest
from openautoglm.search.errors import SearchError

By = Literal["auto", "vectors", "image", "text", "fused", "words"]


@dataclass(frozen=True)
class Wanted:
    """What a search is to give back of the rows that match.

    Args:
        where: SQL condition on the catalogue's columns, such as `price < 100 AND brand = 'Acme'`.
        k: how many rows.
        by: what a row is compared by, as `find.py` tells.
        after: `Results.after` of the page before; everything else must be as it was there.
        sort: a column by whose values the relevant rows are ordered, from the least; `-column` from the
            greatest. Others are then not returned.
        facets: columns whose values are counted among the relevant rows.
        fold: of near copies show the best only, which names the others.

    Raises:
        SearchError: if `k` or `by` makes no sense.
    """

    where: str | None = None
    k: int = 10
    by: By = "auto"
    after: str | None = None
    sort: str | None = None
    facets: Sequence[str] = ()
    fold: bool = True

    def __post_init__(self) -> None:
        """Refuse what makes no sense in any catalogue, before a model is loaded.

        Raises:
            SearchError: that says what to do.
        """
        if self.k < 1:
            raise SearchError(f"k is the number of results and must be 1 or more, not {self.k}")
        if self.by not in get_args(By):
            raise SearchError(f"by={self.by!r} is unknown; choose one of {', '.join(get_args(By))}")

    @property
    def sorted_by(self) -> str | None:
        """The column of `sort`."""
        return None if self.sort is None else self.sort.removeprefix("-")

    def check(self, schema: pa.Schema) -> None:
        """Refuse what names no column of the catalogue, or one that has no order.

        Raises:
            SearchError: that says what to do.
        """
        names = [name for name in schema.names if not name.startswith("_")]
        asked = [] if self.sorted_by is None else [("sort by", self.sorted_by)]
        for use, name in [*asked, *(("facet", name) for name in self.facets)]:
            if name not in names:
                raise SearchError(f"{use} {name!r}: there is no such column{nearest(name, names)}")
        if self.sorted_by and pa.types.is_list(schema.field(self.sorted_by).type):
            raise SearchError(f"sort by {self.sorted_by!r}: lists have no order; choose another column")
