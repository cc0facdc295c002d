"""What an importer is: columns known beforehand, then rows one after the other.

Both importers (`folder.py`, `table.py`) yield `Item`s, and a `Skipped` for what cannot become one.
An importer reads no pixels: the pipeline (`adding.py`) opens pictures, many at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from openautoglm.catalog.report import Skipped
from openautoglm.catalog.schema import Field, Roles

Values = dict[str, object]


Describe = Callable[[bytes], tuple[Values, list[Skipped]]]
"""Reads a picture's own texts from its bytes; returns values and what was wrong on the way."""


@dataclass
class Item:
    """One row as its source tells it.

    `picture` is a path, bytes, or None for a row without one. `describe`, where given, adds values that
    stand in or beside the picture. A row that `needs_picture` is left out when its picture is bad.
    """

    id: str
    values: Values
    row: int | None = None
    picture: Path | bytes | None = None
    picture_field: str | None = None
    describe: Describe | None = None
    needs_picture: bool = False
    problems: list[Skipped] = field(default_factory=list)


class Source(Protocol):
    """An importer, opened: it has looked at its source once and can say what will come."""

    name: str
    """What `_source` says."""
    total: int
    fields: dict[str, Field]

    @property
    def roles(self) -> Roles | None:
        """The roles that a table's columns got; None for a folder."""
        ...

    unreadable: int
    """Rows met so far whose id cannot be told; while there are any, neither can the rows that are gone."""

    def items(self) -> Iterator[Item | Skipped]:
        """Yield the rows, each in its place, and what could not become one."""
        ...


Portable = Callable[[Path], str]
KnownFields = Mapping[str, Field]
