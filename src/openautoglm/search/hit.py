"""What a search gives back: rows with their scores, and where the next page begins."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, overload

from openautoglm.search.errors import SearchError
from openautoglm.search.facets import Facet
from openautoglm.search.wanted import By


@dataclass(frozen=True)
class Hit:
    """A row with its score; hits come best first."""

    id: str
    score: float
    """What the hits are ordered by: the cosine with the query, and its words where they count (`rank.py`)."""
    row: dict[str, Any]
    """The user's fields, and the catalogue's `_image`, `_width`, `_height` and `_split`."""
    label: str = ""
    """The row's first text; found by words, the one that has most of them."""
    words: tuple[str, ...] = ()
    """Words of the query that the row has, as they are indexed; `matched_words` finds them in its texts."""
    cosine: float | None = None
    """Of the query's vector with the row's, −1 to 1; None where vectors took no part."""
    copies: tuple[str, ...] = ()
    """Ids of its near copies that pass the filter, too; they are left out of the hits."""

    def as_dict(self) -> dict[str, Any]:
        """Return what JSON holds of the hit; dates stay dates."""
        why = {
            "cosine": None if self.cosine is None else round(self.cosine, 6),
            "words": list(self.words),
            "copies": list(self.copies),
        }
        kept = {name: value for name, value in why.items() if value not in (None, [])}
        return {"id": self.id, "score": round(self.score, 6), **kept, "row": self.row}


class Cursor(NamedTuple):
    """Where a page begins: so many rows further in the catalogue as it was at one of its commits.

    >>> Cursor.parse(str(Cursor(version=7, start=20)))
    Cursor(version=7, start=20)
    """

    version: int
    start: int

    def __str__(self) -> str:
        return f"{self.version}.{self.start}"

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """Read what `str` wrote.

        Raises:
            SearchError: if it is no such text.
        """
        found = re.fullmatch(r"(\d{1,18})\.(\d{1,9})", text)
        if found is None:
            raise SearchError(
                f"after={text!r} is not where a page begins; give what the page before ended with"
            )
        return cls(*map(int, found.groups()))


@dataclass(frozen=True)
class Results(Sequence[Hit]):
    """A page of hits, best first."""

    query: str
    """The query in words."""
    hits: tuple[Hit, ...]
    start: int = 0
    """Hits on the pages before."""
    after: str | None = None
    """Given to the next search, its page follows this one; None at the end."""
    relevant: int | None = None
    """So many hits, from the first on, match; those behind are only the next best. 0: nothing matches.
    None where the index does not know."""
    facets: Mapping[str, Facet] = field(default_factory=dict)
    """The columns that were asked for, counted."""
    among: int | None = None
    """How many rows were counted or sorted: the relevant ones, or, where these are not known, the best."""
    by: By = "auto"
    """What rows were compared by, as `find.py` tells: as asked for, or as the query's columns need."""

    @property
    def end(self) -> tuple[int, str] | None:
        """Behind how many of this page's hits the relevant ones end, and that in words; None if not on it.

        >>> Results("red", (Hit("a", 0.9, {}), Hit("b", 0.1, {})), relevant=1).end
        (1, '1 matches; the next best')
        >>> Results("red", (Hit("a", 0.9, {}),), relevant=1).end
        """
        place = None if self.relevant is None else self.relevant - self.start
        if place is None or not 0 <= place < len(self.hits) or (not place and self.start):
            return None
        found = "nothing matches" if not self.relevant else f"{self.relevant:,} match"
        return place, f"{found}{'es' * (self.relevant == 1)}; the next best"

    def __len__(self) -> int:
        return len(self.hits)

    def __iter__(self) -> Iterator[Hit]:
        return iter(self.hits)

    @overload
    def __getitem__(self, place: int) -> Hit: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Hit]: ...
    def __getitem__(self, place: int | slice) -> Hit | Sequence[Hit]:
        return self.hits[place]

    def as_json(self) -> str:
        """Write query, hits, where the relevant ones end, and the next page's beginning; dates as ISO 8601.

        >>> json.loads(Results("red", (), relevant=0).as_json())
        {'query': 'red', 'by': 'auto', 'relevant': 0, 'start': 0, 'hits': [], 'after': None}
        """
        counted = {
            "among": self.among,
            "facets": {name: facet.as_dict() for name, facet in self.facets.items()},
        }
        plain = {
            "query": self.query,
            "by": self.by,
            "relevant": self.relevant,
            "start": self.start,
            "hits": [hit.as_dict() for hit in self.hits],
            **(counted if self.among is not None else {}),
            "after": self.after,
        }
        return json.dumps(plain, ensure_ascii=False, indent=2, default=_plain)


def _plain(value: Any) -> str:
    return str(value.isoformat()) if hasattr(value, "isoformat") else str(value)
