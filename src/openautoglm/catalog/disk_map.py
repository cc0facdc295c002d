"""Mappings that lie on the disk: what an `add` knows of each row, without a million rows filling the memory.

    Scratch ─ one SQLite file in the workspace's cache/, gone when it is closed
       └─ DiskMap, one table each: key ─▶ a text, or a named tuple of plain values (by `marshal`)

In memory are SQLite's pages in use, the last thousand values that were set, which wait to be written at once,
and a few bytes a key (`bloom.py`) that tell of most new keys, without a look-up, that they are new. A look-up
lets other threads run, so that it is dear where these are busy.

The file is of use to nobody else: no journal, no waiting for the disk, one transaction that is never
committed. What a kill leaves of it the next `Scratch` deletes.
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

from openautoglm.catalog.bloom import Bloom
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
        try:
            self._database = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None)
        except sqlite3.OperationalError as error:
            raise self._full(error) from error
        for setting in ("journal_mode = OFF", "synchronous = OFF", "locking_mode = EXCLUSIVE"):
            self.run(f"PRAGMA {setting}")
        self.run(f"PRAGMA cache_size = -{_CACHE_KIB}")
        self.run("BEGIN")
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
        with self._lock:
            try:
                return self._database.execute(statement, values).rowcount
            except sqlite3.OperationalError as error:
                raise self._full(error) from error

    def run_each(self, statement: str, values: Iterable[tuple[object, ...]]) -> None:
        """Execute a statement for each of `values`."""
        with self._lock:
            try:
                self._database.executemany(statement, values)
            except sqlite3.OperationalError as error:
                raise self._full(error) from error

    def ask(self, query: str, *values: object, limit: int = 1) -> list[tuple[Any, ...]]:
        """Give the first rows of an answer."""
        with self._lock:
            try:
                return self._database.execute(query, values).fetchmany(limit)
            except sqlite3.OperationalError as error:
                raise self._full(error) from error

    def _full(self, error: sqlite3.OperationalError) -> CatalogError:
        return CatalogError(
            f"what is known of the rows cannot be kept in {self._path} ({error}); free some space on its "
            "disk, then run the same command again; everything that was committed before is kept"
        )


class DiskMap(MutableMapping[str, V], Generic[V]):
    """One mapping of a `Scratch`, in the order of its keys; no value is None.

    One thread changes it, any may read.

    >>> import tempfile
    >>> with Scratch(Path(tempfile.mkdtemp())) as scratch:
    ...     names = scratch.table("names", str)
    ...     names["b"], names["a"] = "two", "one"
    ...     print(dict(names), names.get("c"), names.setdefault("a", "other"))
    {'a': 'one', 'b': 'two'} None one
    """

    def __init__(self, scratch: Scratch, name: str, keep: type[V]) -> None:
        self._scratch, self._name = scratch, name
        self._make: Callable[[Any], V] | None = getattr(keep, "_make", None)
        self._new: dict[str, V] = {}
        self._ever = Bloom()
        self._find = f"SELECT value FROM {name} WHERE key = ?"
        self._put = f"INSERT OR REPLACE INTO {name} VALUES (?, ?)"

    def __getitem__(self, key: str) -> V:
        value: V | None = self.get(key)
        if value is None:
            raise KeyError(key)
        return value

    def get(self, key: str, default: Any = None) -> Any:
        """Give the value of a key, or `default`."""
        # First what waits, for it is written before it is let go: a thread never finds a key in neither.
        value = self._new.get(key)
        if value is not None:
            return value
        if key not in self._ever:
            return default
        found = self._scratch.ask(self._find, _key(key))
        return self._value(found[0][0]) if found else default

    def __setitem__(self, key: str, value: V) -> None:
        self._new[key] = value
        self._ever.add(key)
        if len(self._new) >= _AT_ONCE:
            self._write()

    def __delitem__(self, key: str) -> None:
        self._write()
        if not self._scratch.run(f"DELETE FROM {self._name} WHERE key = ?", _key(key)):
            raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return (key for key, _ in self.pairs())

    def __len__(self) -> int:
        self._write()
        return int(self._scratch.ask(f"SELECT COUNT(*) FROM {self._name}")[0][0])

    def __contains__(self, key: object) -> bool:
        return self.get(str(key)) is not None

    def pairs(self, lacking: DiskMap[Any] | None = None) -> Iterator[tuple[str, V]]:
        """Yield keys and values, with `lacking` only of keys that it has not; may miss later changes."""
        self._write()
        without = ""
        if lacking is not None:
            lacking._write()
            without = f"AND NOT EXISTS (SELECT 1 FROM {lacking._name} o WHERE o.key = t.key)"
        query = f"SELECT key, value FROM {self._name} t WHERE key >= ? {without} ORDER BY key"
        after = b""
        while found := self._scratch.ask(query, after, limit=_AT_ONCE):
            after = found[-1][0] + b"\0"  # the least key above it
            for key, value in found:
                yield key.decode("utf-8", "surrogatepass"), self._value(value)

    def _write(self) -> None:
        """Write what waits."""
        if self._new:
            pairs = [(_key(key), self._bytes(value)) for key, value in self._new.items()]
            self._scratch.run_each(self._put, pairs)
            self._new = {}

    def _bytes(self, value: V) -> bytes:
        return marshal.dumps(tuple(value) if self._make else value)  # type: ignore[arg-type]

    def _value(self, data: bytes) -> V:
        value = marshal.loads(data)
        return self._make(value) if self._make else value


def _key(key: str) -> bytes:
    # SQLite takes no text with half a surrogate pair, which names of files may hold.
    return key.encode("utf-8", "surrogatepass")
