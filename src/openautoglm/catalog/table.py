"""Import a table: a row of the file or query is a row of the catalogue, its columns keep their names.

A picture's path is relative to the table, or, where nothing lies there, to a folder that is a source, too; or
the cell is a `data:` URI. An empty cell means a row without a picture. Without an id column, a row's id is
its picture's path, or its content where it has none (a second such row gets #2). What is wrong with a cell is
listed with file, line and field, and the rest of the row is kept.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from openautoglm.catalog.data_uri import data_of, is_data_uri
from openautoglm.catalog.dates import Order
from openautoglm.catalog.errors import CatalogError
from openautoglm.catalog.hashing import row_hash
from openautoglm.catalog.infer import look_at
from openautoglm.catalog.key_numbers import KeyNumbers
from openautoglm.catalog.readers import BadRow, Reader, open_table
from openautoglm.catalog.report import OnProgress, Progress, Skipped
from openautoglm.catalog.schema import ID, WIDER, Field, Kind, Roles, column_name
from openautoglm.catalog.source import Item, KnownFields, Values
from openautoglm.catalog.splits import parse_split
from openautoglm.catalog.values import convert


class TableSource:
    """A CSV, TSV, JSONL or Parquet file, or the answer to a database's query.

    Args:
        table: the file, or what reads it.
        name: what `_source` says.
        prefix: what derived ids begin with.
        roles: what the user said about its columns.
        known: the catalogue's fields; a column of the same name is converted to the same kind.
        id_before: the column that named the rows the last time. It still does if the user says nothing else:
            one empty cell in it must not give all rows other names.
        orders_before: how dates with slashes were read the last time, for columns that do not tell it now.
        folders: where pictures are looked for that do not lie beside the table.
        progress: told now and then while it is looked at.

    Raises:
        CatalogError: if the file or its header cannot be used, or a column's kind conflicts with `known`.
    """

    def __init__(
        self,
        table: Path | Reader,
        *,
        name: str,
        prefix: str,
        roles: Roles,
        known: KnownFields,
        id_before: str | None = None,
        orders_before: Mapping[str, Order] | None = None,
        folders: Sequence[Path] = (),
        progress: OnProgress | None = None,
    ) -> None:
        self.name, self.prefix = name, prefix
        self._reader = open_table(table) if isinstance(table, Path) else table
        self._folders = (self._reader.folder, *folders)
        if not roles.id and id_before in self._reader.columns:
            roles = replace(roles, id=id_before)
        facts = look_at(self._reader, roles, orders_before, self._told(progress))
        self.total, self.roles, self.links = facts.rows, facts.roles, facts.links
        self.orders, self.unclear = facts.orders, {}
        self.unreadable = 0
        self._named: dict[str, Field] = {}
        for raw, found in facts.fields.items():
            if raw == self.roles.id and raw.lower() == ID:
                continue  # it is the catalogue's own `id`
            name_here = column_name(raw, [*known, *(one.name for one in self._named.values())])
            if any(one.name == name_here for one in self._named.values()):
                raise CatalogError(
                    f"{self._reader.label}: column {raw!r} would be a second {name_here!r}; rename it"
                )
            kind = self._agree(raw, found, known.get(name_here))
            if raw in facts.unclear and name_here not in known:
                self.unclear[raw] = facts.unclear[raw]
            self._named[raw] = replace(found, name=name_here, type=kind)
        self.fields = {one.name: one for one in self._named.values()}

    def _told(self, progress: OnProgress | None) -> Callable[[int], None] | None:
        return (lambda rows: progress(Progress(self.name, rows, 0, 0))) if progress else None

    def items(self) -> Iterator[Item | Skipped]:
        """Yield the table's rows in its order."""
        derived, lines = KeyNumbers(), KeyNumbers()
        self.unreadable = 0
        for row in self._reader.rows(with_bytes=True):
            if isinstance(row, BadRow):
                self.unreadable += 1
                yield Skipped(self.name, row.row, None, None, row.reason)
                continue
            number, cells = row
            item = self._item(number, cells, derived)
            if not item.id:
                self.unreadable += 1
                yield Skipped(self.name, number, self.roles.id, None, "the id is empty")
            elif (before := lines.setdefault(item.id, number)) != number:
                reason = f"id {item.id!r} was on line {before} already; the first one stands"
                yield Skipped(self.name, number, self.roles.id, None, reason)
            else:
                yield item

    def _item(self, number: int, cells: dict[str, Any], derived: KeyNumbers) -> Item:
        values: Values = {}
        problems: list[Skipped] = []
        for raw, known in self._named.items():
            try:
                value = convert(cells.get(raw), known.type, self.orders.get(raw))
                if known.role == "split" and value is not None:
                    parse_split(str(value))
            except ValueError as error:
                problems.append(Skipped(self.name, number, raw, None, f"{error}; the cell is left empty"))
                value = None
            values[known.name] = value
        picture, said = self._picture(cells.get(self.roles.image) if self.roles.image else None)
        if self.roles.id:
            key = str(convert(cells.get(self.roles.id), "text") or "")
        else:
            key = f"{self.prefix}:{said or row_hash(values, None)[:16]}"
            times = (derived.get(key) or 0) + 1
            derived[key] = times
            key = f"{key}#{times}" if times > 1 else key
        item = Item(key, values, number, picture_field=self.roles.image, problems=problems)
        if isinstance(picture, str):
            item.problems.append(Skipped(self.name, number, self.roles.image, said, picture))
        else:
            item.picture = picture
        return item

    def _picture(self, cell: Any) -> tuple[Path | bytes | str | None, str | None]:
        """Find a cell's picture (a string says why there is none), and how the cell names it."""
        if isinstance(cell, dict):
            inside, named = cell.get("bytes"), cell.get("path")
            if inside:
                return bytes(inside), named
            cell = named
        if isinstance(cell, bytes):
            return cell or None, None
        text = str(convert(cell, "text") or "")
        if not text:
            return None, None
        if is_data_uri(text):
            try:
                return data_of(text) or "a data: URI without data", None
            except ValueError as error:
                return str(error), None
        if "://" in text:
            parts = urlsplit(text)
            if parts.scheme != "file":
                return "a link; pictures are read from files: download it and give its path", text
            return Path(unquote(parts.path)), text
        if "\x00" in text:
            return "not a path", repr(text)
        return self._find(text), text

    def _find(self, text: str) -> Path:
        # Tables come from other systems: Windows' separators, macOS' decomposed accents.
        spelt = [
            text,
            text.replace("\\", "/"),
            *(unicodedata.normalize(form, text) for form in ("NFC", "NFD")),
        ]
        paths = [folder / one for folder in self._folders for one in dict.fromkeys(spelt)]
        return next((path for path in paths if len(paths) > 1 and path.exists()), paths[0])

    def _agree(self, raw: str, found: Field, known: Field | None) -> Kind:
        if known is None or known.type == found.type or known.type in ("text", "tags"):
            return found.type if known is None else known.type
        if (found.type, known.type) in WIDER:
            return known.type
        wider = WIDER.get((known.type, found.type))
        if wider:
            return wider
        raise CatalogError(
            f"{self._reader.label}: column {raw!r} holds {_described(found.type)}"
            f"{self._example(raw, known.type)}, but in the catalogue {known.name!r} holds "
            f"{_described(known.type)}; correct the cells, or rename the column"
        )

    def _example(self, raw: str, kind: Kind) -> str:
        for row in self._reader.rows(with_bytes=False):
            if isinstance(row, BadRow):
                continue
            try:
                convert(row[1].get(raw), kind, self.orders.get(raw))
            except ValueError:
                return f" (line {row[0]}: {row[1].get(raw)!r})"
        return ""


def _described(kind: Kind) -> str:
    names: dict[Kind, str] = {
        "integer": "whole numbers",
        "boolean": "true or false",
        "time": "times",
        "text": "texts",
    }
    return names.get(kind, kind if kind == "tags" else f"{kind}s")
