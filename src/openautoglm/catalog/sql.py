"""Import the answer to an SQL query: a row of it is a row of the catalogue (SQLAlchemy).

    SqlQuery("postgresql://me:$SHOP_PASSWORD@db/shop", "SELECT sku, title, photo FROM products")

The answer is read as a stream, twice: to learn what its columns are, and to take the rows. Nothing is
written to the database; what the query changes, if anything, is rolled back.

A URL may name variables of the environment, whole (`$SHOP_DB`) or in part, and is remembered as it was
given, never with their values. A password that stands in it in clear is not remembered at all: then a
later `add` without sources leaves this one out, says so, and wants the URL again.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from openautoglm.catalog.errors import CatalogError
from openautoglm.catalog.readers import BadRow, Row
from openautoglm.catalog.sql_advice import about_driver, about_query, about_url

if TYPE_CHECKING:
    from sqlalchemy import Connection, CursorResult

HIDDEN = "***"
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_PASSWORD = re.compile(r"^([\w+.-]+://[^:/?#]*:)(.*)(@[^@]*)$", re.DOTALL)
_SECRET = re.compile(
    r"([?&;][^=&;]*(?:pass|pwd|token|secret|key|credential|odbc_connect)[^=&;]*=)([^&;]+)", re.IGNORECASE
)
_BLOCK = 200
"""Rows fetched at a time: few, because pictures may be among the cells."""


@dataclass(frozen=True)
class SqlQuery:
    """A source that is the answer to a query.

    Args:
        url: as SQLAlchemy writes it, `dialect[+driver]://user:password@host/database`; may name variables.
        query: a SELECT in the database's own SQL.

    >>> SqlQuery("mysql://me:secret@db/shop", "SELECT 1").safe_url
    'mysql://me:***@db/shop'
    """

    url: str
    query: str

    @property
    def safe_url(self) -> str:
        """The URL as it may be shown and kept: without a password, variables by their names."""
        url = self._absolute()
        found = _PASSWORD.match(url)
        if found and found[2] and not _only_variables(found[2]):
            url = f"{found[1]}{HIDDEN}{found[3]}"
        return _SECRET.sub(lambda one: one[0] if _only_variables(one[2]) else one[1] + HIDDEN, url)

    @property
    def name(self) -> str:
        """What `_source` says: where, and which query."""
        digest = hashlib.blake2b(" ".join(self.query.split()).encode(), digest_size=4).hexdigest()
        return f"{self.safe_url}#{digest}"

    @property
    def database(self) -> str:
        """Its name, as ids begin with it."""
        return Path(re.split(r"[?#]", self.safe_url)[0]).stem.lstrip("$") or "sql"

    @property
    def is_complete(self) -> bool:
        """Whether the URL can be used as it is."""
        return HIDDEN not in self.url

    def open_url(self) -> str:
        """Fill in the variables.

        Raises:
            CatalogError: if one is not set, or the password is not there any more.
        """
        if not self.is_complete:
            raise CatalogError(f"{self.safe_url}: its password is not kept; give --from-sql URL again")
        whole = _VARIABLE.fullmatch(self.url)

        def value(found: re.Match[str]) -> str:
            name = found[1] or found[2]
            if name not in os.environ:
                raise CatalogError(
                    f"{self.safe_url}: the variable {name} is not set; set it to the "
                    + ("database's URL" if whole else "part of the URL that it stands for")
                )
            # A user's name or password may hold signs that mean something in a URL.
            is_login = found.start() < self.url.rfind("@")
            return quote(os.environ[name], safe="") if is_login else os.environ[name]

        return SqlQuery(_VARIABLE.sub(value, self.url), self.query)._absolute()

    def _absolute(self) -> str:
        """A file of SQLite by its full path, so that it is found from anywhere."""
        found = re.match(r"(sqlite(?:\+\w+)?:///)([^/:?][^?]*)(.*)$", self.url, re.DOTALL)
        if not found or found[2].startswith(("file:", ":memory:", "$")):
            return self.url
        return f"{found[1]}{Path(found[2]).expanduser().resolve().as_posix()}{found[3]}"


class SqlReader:
    """The answer to a query, row by row, several times.

    Args:
        source: database and query.
        folder: where relative paths of pictures begin; for a file of SQLite its own folder.

    Raises:
        CatalogError: if the database cannot be reached, or does not answer the query with rows.
    """

    numbers_as_text = False

    def __init__(self, source: SqlQuery, folder: Path) -> None:
        self.source, self.label = source, source.name
        self._url = source.open_url()
        self._file = _sqlite_file(self._url)
        self.folder = self._file.parent if self._file else folder
        if self._file and not self._file.is_file():
            raise CatalogError(f"{self.label}: there is no file {self._file}; correct the URL's path")
        self.columns = self._find_columns()
        self._holds_bytes: dict[str, bool] = {}

    @property
    def byte_columns(self) -> frozenset[str]:
        """Those whose first value is bytes, which not all drivers say; known when all rows were read once."""
        return frozenset(name for name, is_bytes in self._holds_bytes.items() if is_bytes)

    def rows(self, *, with_bytes: bool) -> Iterator[Row | BadRow]:
        """Yield all rows, numbered from 1; a failure on the way ends them."""
        number = 0
        with self._answer() as answer:
            try:
                for cells in answer:
                    number += 1
                    yield number, dict(zip(self.columns, self._values(cells, with_bytes), strict=True))
            except Exception as error:  # each driver has its own kinds
                yield BadRow(number + 1, f"the database's answer breaks off here ({self._said(error)})")

    def _find_columns(self) -> list[str]:
        with self._answer() as answer:
            columns = [str(name).strip() for name in answer.keys()]  # noqa: SIM118 - a result, no mapping
        twice = next((name for name in columns if columns.count(name) > 1), None)
        if twice is not None:
            raise CatalogError(f"{self.label}: two columns are named {twice!r}; rename one with AS")
        return columns

    def _values(self, cells: Iterable[object], with_bytes: bool) -> Iterator[object]:
        """Take cells as they are, but for bytes: whatever wraps them, and none where they are no picture."""
        for name, cell in zip(self.columns, cells, strict=True):
            if isinstance(cell, bytes | memoryview | bytearray):
                # Bytes among other values are nothing that a column could hold.
                is_picture = self._holds_bytes.setdefault(name, True)
                yield bytes(cell) if with_bytes and is_picture else None
            else:
                if cell is not None:
                    self._holds_bytes.setdefault(name, False)
                yield cell

    @contextmanager
    def _answer(self) -> Iterator[CursorResult[Any]]:
        with self._connection() as connection:
            try:
                # As it is written: no `:name` and no `%` of it is a parameter.
                answer = connection.execution_options(
                    stream_results=True, yield_per=_BLOCK, no_parameters=True
                ).exec_driver_sql(self.source.query)
            except Exception as error:  # each driver has its own kinds
                advice = about_query(self.source.query, self._tables(connection))
                said = f"{self._said(error)}; {advice}" if advice else self._said(error)
                raise CatalogError(f"{self.label}: the query fails: {said}") from error
            if not answer.returns_rows:
                raise CatalogError(f"{self.label}: the query gives no rows; it must be a SELECT")
            with answer:
                yield answer

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        try:
            import sqlalchemy
            import sqlalchemy.exc
        except ImportError:
            raise CatalogError(
                "asking a database needs SQLAlchemy, which is not installed; pip install 'openautoglm[sql]'"
            ) from None
        try:
            engine = sqlalchemy.create_engine(self._url, poolclass=sqlalchemy.NullPool)
        except ModuleNotFoundError as error:
            raise CatalogError(
                f"{self.label}: the driver {error.name} is not installed; {about_driver(self._url)}"
            ) from error
        except (sqlalchemy.exc.SQLAlchemyError, ValueError, TypeError) as error:
            raise CatalogError(
                f"{self.label}: not a usable database URL ({self._said(error)}); {about_url(self._url)}"
            ) from error
        try:
            connection = engine.connect()
        except Exception as error:
            raise CatalogError(
                f"{self.label}: the database cannot be reached: {self._said(error)}"
            ) from error
        with connection:  # closing rolls back
            yield connection

    def _tables(self, connection: Connection) -> list[str]:
        """Name the database's tables and views, as far as it tells."""
        import sqlalchemy

        try:
            connection.rollback()  # some answer nothing more after a query that failed
            found = sqlalchemy.inspect(connection)
            return [*found.get_table_names(), *found.get_view_names()]
        except Exception:  # it is only advice
            return []

    def _said(self, error: Exception) -> str:
        """The driver's own words, in one line and without the password."""
        lines = str(getattr(error, "orig", None) or error).strip().splitlines() or [type(error).__name__]
        said = lines[0].strip().rstrip(".")
        found = _PASSWORD.match(self._url)
        return said.replace(found[2], HIDDEN) if found and found[2] else said


def _sqlite_file(url: str) -> Path | None:
    found = re.match(r"sqlite(?:\+\w+)?:///([^?]+)", url)
    return Path(found[1]) if found and not found[1].startswith((":memory:", "file:")) else None


def _only_variables(text: str) -> bool:
    return not _VARIABLE.sub("", text)
