"""Table files row by row: CSV, TSV, JSONL, Parquet → (row number, {column: cell}), or what was wrong.

A reader can be read several times; it holds one row (Parquet: one small batch) in memory. The row
number is what an editor shows: the line in a text file, counting from 1 with the header; the row in Parquet.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from openautoglm.catalog.encoding import file_encoding
from openautoglm.catalog.errors import CatalogError

SUFFIXES = (".csv", ".tsv", ".tab", ".jsonl", ".ndjson", ".parquet", ".pq")
_DATABASES = (".db", ".sqlite", ".sqlite3")
_DELIMITERS = ",;\t|"
_PARQUET_BATCH = 256
_MAX_CELL = 1 << 24


@dataclass(frozen=True)
class BadRow:
    """A row that could not be read at all."""

    row: int
    reason: str


Row = tuple[int, dict[str, Any]]


class Reader(Protocol):
    """A table file that can be read row by row, several times."""

    label: str
    """What errors call it."""
    folder: Path
    """Where its pictures' paths begin."""
    columns: list[str]
    numbers_as_text: bool
    """Whether the file writes numbers as text (CSV)."""

    @property
    def byte_columns(self) -> frozenset[str]:
        """Columns that hold pictures' bytes; of a database, known when all rows were read once."""
        ...

    def rows(self, *, with_bytes: bool) -> Iterator[Row | BadRow]:
        """Yield all rows; without their byte columns where these are not needed."""
        ...


def open_table(path: Path) -> Reader:
    """Open a table file with the reader for its suffix.

    Raises:
        CatalogError: if the suffix is unknown, the file is empty, or its header cannot be used.
    """
    suffix = path.suffix.lower()
    try:
        if suffix in (".csv", ".tsv", ".tab"):
            return CsvReader(path, delimiter=None if suffix == ".csv" else "\t")
        if suffix in (".jsonl", ".ndjson"):
            return JsonLinesReader(path)
        if suffix in (".parquet", ".pq"):
            return ParquetReader(path)
    except OSError as error:
        raise CatalogError(f"{path} cannot be read: {error.strerror or error}") from error
    raise unknown_table(path)


def unknown_table(path: Path) -> CatalogError:
    """Make the error for a file that is no table."""
    if path.suffix.lower() in _DATABASES:
        return CatalogError(
            f"{path}: a database is asked a query: --from-sql sqlite:///{path} --query 'SELECT …'"
        )
    return CatalogError(
        f"{path}: a source is a folder of pictures, a table ({', '.join(SUFFIXES)}), a picture, a PDF, a "
        "video, or a WebDataset archive (.tar, .tar.gz)"
    )


class CsvReader:
    """CSV or TSV with a header line; the delimiter is found in the header unless given."""

    numbers_as_text = True
    byte_columns: frozenset[str] = frozenset()

    def __init__(self, path: Path, *, delimiter: str | None) -> None:
        self.path, self.label, self.folder = path, str(path), path.parent
        self.encoding = file_encoding(path)
        with self._open() as file:
            header = file.readline()
        if not header.strip():
            raise CatalogError(f"{path} is empty; its first line must name the columns")
        self.delimiter = delimiter or max(_DELIMITERS, key=header.count)
        with self._open() as file:
            self.columns = _header(path, next(csv.reader(file, delimiter=self.delimiter)))

    def rows(self, *, with_bytes: bool) -> Iterator[Row | BadRow]:
        """Yield all rows; a line with another number of cells than the header is bad."""
        # csv refuses cells above 128 kB by default, and its limit is one for the whole process.
        csv.field_size_limit(max(_MAX_CELL, csv.field_size_limit()))
        with self._open() as file:
            reader = csv.reader(file, delimiter=self.delimiter, strict=True)
            next(reader)
            wanted = len(self.columns)
            while True:
                line = reader.line_num + 1
                try:
                    cells = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:
                    said = "a quoted cell is never closed" if "end of data" in str(error) else str(error)
                    yield BadRow(line, f"not valid CSV ({said})")
                    continue
                if len(cells) == wanted:
                    yield line, dict(zip(self.columns, cells, strict=True))
                elif any(cell.strip() for cell in cells):
                    yield BadRow(line, self._wrong_count(cells))

    def _wrong_count(self, cells: list[str]) -> str:
        said = f"{len(cells)} cells where the header has {len(self.columns)}"
        if len(cells) < len(self.columns):
            return f"{said}; field {self.columns[len(cells)]!r} is missing"
        return f"{said}; is a cell with {self.delimiter!r} not quoted?"

    def _open(self) -> Any:
        return self.path.open(encoding=self.encoding, errors="replace", newline="")


class JsonLinesReader:
    """One JSON object a line; the columns are all keys that occur."""

    numbers_as_text = False
    byte_columns: frozenset[str] = frozenset()

    def __init__(self, path: Path) -> None:
        self.path, self.label, self.folder = path, str(path), path.parent
        names: dict[str, None] = {}
        for row in self.rows(with_bytes=False):
            if not isinstance(row, BadRow):
                names.update(dict.fromkeys(row[1]))
        self.columns = list(names)
        if not names:
            raise CatalogError(f"{path} has no line that is a JSON object; each line must be one")

    def rows(self, *, with_bytes: bool) -> Iterator[Row | BadRow]:
        """Yield all rows; a line that is no JSON object is bad."""
        with self.path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if not line.strip():
                    continue
                try:
                    content = json.loads(line.decode("utf-8-sig"))
                except (ValueError, RecursionError) as error:
                    yield BadRow(number, f"not valid JSON ({error})")
                    continue
                if isinstance(content, dict):
                    yield number, {str(key).strip(): value for key, value in content.items()}
                else:
                    yield BadRow(number, f"a JSON {type(content).__name__}, not an object")


class ParquetReader:
    """Parquet; columns of bytes, or of `{bytes, path}` as the datasets library writes them, are pictures."""

    numbers_as_text = False

    def __init__(self, path: Path) -> None:
        import pyarrow.parquet as pq

        self.label, self.folder = str(path), path.parent
        try:
            self._file = pq.ParquetFile(path)
        except pa.ArrowInvalid as error:
            raise CatalogError(f"{path} is not a readable Parquet file ({error})") from error
        self.columns = list(self._file.schema_arrow.names)
        self.byte_columns = frozenset(one.name for one in self._file.schema_arrow if _holds_bytes(one.type))

    def rows(self, *, with_bytes: bool) -> Iterator[Row | BadRow]:
        """Yield all rows; damage ends them."""
        names = [name for name in self.columns if with_bytes or name not in self.byte_columns]
        number = 0
        try:
            for batch in self._file.iter_batches(batch_size=_PARQUET_BATCH, columns=names):
                for row in batch.to_pylist():
                    number += 1
                    yield number, row
        except (pa.ArrowInvalid, OSError) as error:
            yield BadRow(number + 1, f"the file is damaged from here on ({error})")


def _holds_bytes(kind: pa.DataType) -> bool:
    if pa.types.is_struct(kind):
        return any(one.name == "bytes" and _holds_bytes(one.type) for one in kind)
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind))


def _header(path: Path, names: list[str]) -> list[str]:
    # Spreadsheets leave columns without a name at the end, data frames their index at the front.
    columns = [name.strip() or f"column_{number}" for number, name in enumerate(names, start=1)]
    twice = next((name for name in columns if columns.count(name) > 1), None)
    if twice is not None:
        raise CatalogError(f"{path}: two columns are named {twice!r}; rename one")
    return columns
