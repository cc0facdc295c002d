"""What an importer is: columns known beforehand, then rows one after the other.

Importers (`folder.py`, `table.py`, `webdataset.py`) yield `Item`s, and a `Skipped` for what cannot
become one. An importer reads no pixels: the pipeline (`adding.py`) opens pictures, many at a time.

A row's picture is a file, bytes, or a `Part` of a file that holds more than one picture: a page of a
PDF, the frames of a video, a member of an archive. The catalogue writes a part's place as `FILE#INSIDE`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from PIL import Image

from openautoglm.catalog.images import ImageFacts, encode_frames
from openautoglm.catalog.report import Skipped
from openautoglm.catalog.schema import Field, Roles

Values = dict[str, object]


Describe = Callable[[Values], tuple[Values, list[Skipped]]]
"""Given what a picture's file says of itself, returns all values and what was wrong on the way."""


@dataclass(frozen=True)
class Part(ABC):
    """A picture inside a file; what is wrong with it is raised as `BadImage`."""

    path: Path

    @property
    def inside(self) -> str:
        """Where in the file; empty where the whole file is the picture, as a video is."""
        return ""

    @abstractmethod
    def facts(self, proven: Mapping[str, ImageFacts]) -> ImageFacts:
        """Hash and measure it; what is in `proven` need not be decoded again."""

    @abstractmethod
    def frames(self) -> list[Image.Image]:
        """Decode all of it: one picture, or several in time."""

    def picture(self) -> Image.Image:
        """Decode the one picture that stands for it."""
        return self.frames()[0]

    def data(self) -> bytes:
        """Write it as a file of its own, which the workspace can keep."""
        return encode_frames(self.frames())


@dataclass
class Item:
    """One row as its source tells it.

    `picture` is a path, bytes, a part of a file, or None for a row without one. `describe`, where given,
    adds values that stand in or beside the picture (a part says nothing of itself). A row that
    `needs_picture` is left out when its picture is bad.
    """

    id: str
    values: Values
    row: int | None = None
    picture: Path | bytes | Part | None = None
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
