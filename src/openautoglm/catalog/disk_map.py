"""Mappings that lie on the disk: what an `add` knows of each row, without a million rows filling the memory.

    Scratch ─ one SQLite file in the workspace's cache/, gone when it is closed
       └─ DiskMap, one table each: key ─▶ a text, or a named tuple of plain values (by `marshal`)

A look-up takes some microseconds, a dictionary's a tenth of one; in return memory holds SQLite's pages in use
and nothing a row. The file is of use to nobody else: no journal, no waiting for the disk, one transaction
that is never committed. What a kill leaves of it the next `Scratch` deletes.
"""

from __future__ import annotations

import contextlib
import marshal
import sqlite3
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from openautoglm.catalog.errors import CatalogError, writing_to

FILE = "cache/adding.sqlite"
_CACHE_KIB = 8192
_AT_ONCE = 1000

V = TypeVar("V")


class Scratch:
    """The file that some mappings share; threads may share it, too.

    Args:
        folder: the workspace; its lock is held by the caller.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / FILE
        self._lock = Lock()

    def __enter__(self) -> Self:
        with writing_to(self._folder):
            self._path.parent.mkdir(exist_ok=True)
            self._path.unlink(missing_ok=True)
        with self._told():
            self._database = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None)
            for setting in ("journal_mode = OFF", "synchronous = OFF", "locking_mode = EXCLUSIVE"):
                self._database.execute(f"PRAGMA {setting}")
            self._database.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            self._database.execute("BEGIN")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._database.close()
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)

    def table(self, name: str, keep: type[V]) -> DiskMap[V]:
        """Make an empty mapping.

        Args:
            name: of its table.
            keep: what its values are: `str`, or a named tuple whose parts `marshal` can write.
        """
        self.run(f"CREATE TABLE {name} (key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID")
        return DiskMap(self, name, keep)

    def run(self, statement: str, *values: object) -> int:
        """Execute a statement; tell how many rows it changed."""
        with self._told(), self._lock:
            return self._database.execute(statement, values).rowcount

    def run_each(self, statement: str, values: Iterable[tuple[object, ...]]) -> None:
        """Execute a statement for each of `values`."""
        with self._told(), self._lock:
            self._database.executemany(statement, values)

    def ask(self, query: str, *values: object, limit: int = 1) -> list[tuple[Any, ...]]:
        """Give the first rows of an answer."""
        with self._told(), self._lock:
            return self._database.execute(query, values).fetchmany(limit)

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise CatalogError(
                f"what is known of the rows cannot be kept in {self._path} ({error}); free some space on its "
                "disk, then run the same command again; everything that was committed before is kept"
            ) from error


class DiskMap(MutableMapping[str, V], Generic[V]):
    """One mapping of a `Scratch`, in the order of its keys.

    >>> import tempfile
    >>> with Scratch(Path(tempfile.mkdtemp())) as scratch:
    ...     names = scratch.table("names", str)
    ...     names["b"], names["a"] = "two", "one"
    ...     print(dict(names), names.get("c"), names.add("a", "other"))
    {'a': 'one', 'b': 'two'} None False
    """

    def __init__(self, scratch: Scratch, name: str, keep: type[V]) -> None:
        self._scratch, self._name = scratch, name
        self._make: Callable[[Any], V] | None = getattr(keep, "_make", None)
        self._find = f"SELECT value FROM {name} WHERE key = ?"
        self._put = f"INSERT OR REPLACE INTO {name} VALUES (?, ?)"
        self._first = f"INSERT OR IGNORE INTO {name} VALUES (?, ?)"

    def __getitem__(self, key: str) -> V:
        found = self._scratch.ask(self._find, _key(key))
        if not found:
            raise KeyError(key)
        return self._value(found[0][0])

    def get(self, key: str, default: Any = None) -> Any:
        """Give the value of a key, or `default`."""
        found = self._scratch.ask(self._find, _key(key))
        return self._value(found[0][0]) if found else default

    def __setitem__(self, key: str, value: V) -> None:
        self._scratch.run(self._put, _key(key), self._bytes(value))

    def __delitem__(self, key: str) -> None:
        if not self._scratch.run(f"DELETE FROM {self._name} WHERE key = ?", _key(key)):
            raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return (key for key, _ in self.pairs())

    def __len__(self) -> int:
        return int(self._scratch.ask(f"SELECT COUNT(*) FROM {self._name}")[0][0])

    def __contains__(self, key: object) -> bool:
        return bool(self._scratch.ask(self._find, _key(str(key))))

    def add(self, key: str, value: V) -> bool:
        """Set a key that has no value yet; tell whether it was so."""
        return self._scratch.run(self._first, _key(key), self._bytes(value)) > 0

    def fill(self, pairs: Iterable[tuple[str, V]]) -> None:
        """Set many at once."""
        self._scratch.run_each(self._put, ((_key(key), self._bytes(value)) for key, value in pairs))

    def pairs(self, lacking: DiskMap[Any] | None = None) -> Iterator[tuple[str, V]]:
        """Yield keys and values; with `lacking`, of those keys that it has not. May change meanwhile."""
        without = f"AND NOT EXISTS (SELECT 1 FROM {lacking._name} o WHERE o.key = t.key)" if lacking else ""
        query = f"SELECT key, value FROM {self._name} t WHERE key >= ? {without} ORDER BY key"
        after = b""
        while found := self._scratch.ask(query, after, limit=_AT_ONCE):
            after = found[-1][0] + b"\0"  # the least key above it
            for key, value in found:
                yield key.decode("utf-8", "surrogatepass"), self._value(value)

    def _bytes(self, value: V) -> bytes:
        return marshal.dumps(tuple(value) if self._make else value)  # type: ignore[arg-type]

    def _value(self, data: bytes) -> V:
        value = marshal.loads(data)
        return self._make(value) if self._make else value


def _key(key: str) -> bytes:
    # SQLite takes no text with half a surrogate pair, which names of files may hold.
    return key.encode("utf-8", "surrogatepass")
