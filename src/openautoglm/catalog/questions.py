"""Questions about the catalogue's pictures, with their answers: a table beside it, several lines a picture.

    image,question,answer          `image` is a row's picture or its id; `id` (or `row`) is its id alone
    42.png,what is red?,circle     `type`, where it is there, names the kind of question for the evaluation

A picture is named by its path as the catalogue knows it, by its path from the table's folder, or by its file
name where only one row has that. A line that cannot be used is left out and told with file, line and field.
Questions have no split of their own: they follow the row of their picture.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from openautoglm.catalog.errors import CatalogError
from openautoglm.catalog.readers import BadRow, open_table
from openautoglm.catalog.report import Skipped

if TYPE_CHECKING:
    from openautoglm.catalog.catalog import Catalog

SHOWN = 5
"""Lines of each kind of fault that are printed."""
_WHICH = ("id", "row", "image")
_NEEDED = "question", "answer"


class Asked(NamedTuple):
    """A question about a row, and its answer."""

    row: str
    """The row's id."""
    question: str
    answer: str
    kind: str | None = None
    """The kind of question, as the table names it."""


@dataclass(frozen=True)
class Questions:
    """What a table of questions holds for a catalogue."""

    source: str
    asked: list[Asked]
    skipped: list[Skipped] = field(default_factory=list)
    """Lines without a question or an answer, and lines that could not be read."""
    unknown: list[Skipped] = field(default_factory=list)
    """Lines about rows or pictures that the catalogue does not have."""

    def by_row(self, rows: Sequence[str]) -> list[list[Asked]]:
        """Of each of these rows, what is asked about it, in the order of the table."""
        found: dict[str, list[Asked]] = {row: [] for row in rows}
        for one in self.asked:
            if one.row in found:
                found[one.row].append(one)
        return [found[row] for row in rows]

    def __str__(self) -> str:
        rows = len({one.row for one in self.asked})
        lines = [f"{len(self.asked):,} questions about {rows:,} rows"]
        for found, what in (
            (self.unknown, "about pictures that the catalogue lacks"),
            (self.skipped, "unusable"),
        ):
            if found:
                lines.append(f"{len(found):,} {what}:")
                lines += [f"  {one}" for one in found[:SHOWN]]
                lines += [f"  and {len(found) - SHOWN:,} more"] if len(found) > SHOWN else []
        return "\n".join(lines)


def read_questions(path: Path | str, catalog: Catalog) -> Questions:
    """Read a table (`.csv`, `.tsv`, `.jsonl`, `.parquet`) and find the row of each question.

    Raises:
        CatalogError: if the file cannot be read, lacks a column, or no line of it can be used.
    """
    path = Path(path).expanduser()
    table = open_table(path)
    names = {name.strip().casefold(): name for name in table.columns}
    which = next((names[one] for one in _WHICH if one in names), None)
    if lacking := [name for name in _NEEDED if name not in names] + ([] if which else ["image (or id)"]):
        raise CatalogError(
            f"{path}: questions need the columns image (or id), question and answer; it lacks "
            f"{', '.join(lacking)} and has {', '.join(table.columns)}"
        )
    assert which is not None
    rows = RowNames(catalog, path.resolve().parent)
    found = Questions(str(path), [])
    for row in table.rows(with_bytes=False):
        if isinstance(row, BadRow):
            found.skipped.append(Skipped(str(path), row.row, None, None, row.reason))
            continue
        line, cells = row
        texts = {name: _text(cells.get(names[name])) for name in _NEEDED}
        named = _text(cells.get(which))
        if empty := next((name for name, text in {which: named, **texts}.items() if not text), None):
            found.skipped.append(Skipped(str(path), line, empty, None, "is empty"))
            continue
        known = rows.find(named)
        if known is None:
            found.unknown.append(Skipped(str(path), line, which, named, rows.reason(named)))
            continue
        kind = _text(cells.get(names["type"])) if "type" in names else ""
        found.asked.append(Asked(known, texts["question"], texts["answer"], kind or None))
    if not found.asked:
        raise CatalogError(f"{path}: no line of it can be used: {found}")
    return found


class RowNames:
    """Finds a row by what people call it: its id, its picture's path, or a picture's name that no other has.

    Args:
        catalog: whose rows they are.
        folder: that paths are relative to, beside the workspace's own.
    """

    def __init__(self, catalog: Catalog, folder: Path) -> None:
        table = catalog.read(["id", "_image"])
        self.ids: set[str] = set(table["id"].to_pylist())
        self._folder, self._workspace = folder, catalog.folder
        self._paths: dict[str, str] = {}
        self._names: dict[str, list[str]] = {}
        for one, image in zip(table["id"].to_pylist(), table["_image"].to_pylist(), strict=True):
            if image is not None:
                self._paths.setdefault(os.path.normpath(self._workspace / image), one)
                self._names.setdefault(Path(image).name, []).append(one)

    def find(self, named: str) -> str | None:
        """The row's id; None where there is none, or several have that name."""
        if named in self.ids:
            return named
        for folder in (self._folder, self._workspace):
            if (found := self._paths.get(os.path.normpath(folder / Path(named).expanduser()))) is not None:
                return found
        same = self._names.get(Path(named).name, [])
        return same[0] if len(same) == 1 else None

    def reason(self, named: str) -> str:
        """Why it was not found."""
        if same := self.several(named):
            return f"{same} rows have a picture of that name; give the id"
        return "the catalogue has no such row or picture"

    def several(self, named: str) -> int:
        """How many rows have a picture of that name, where it is more than one."""
        same = len(self._names.get(Path(named).name, ()))
        return same if same > 1 else 0


def _text(cell: Any) -> str:
    """A cell as text without spaces at its ends; numbers and true or false as they are usually written."""
    if cell is None or isinstance(cell, (list, Mapping, bytes)):
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return f"{cell:g}" if isinstance(cell, float) else str(cell).strip()
