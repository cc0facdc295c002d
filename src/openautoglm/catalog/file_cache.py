"""What picture files held when they were read last: a file that has not changed since is not read again.

    path ─ stat ─▶ stamp: size, times, inode ─ as noted? ─▶ content hash, and what the file says of itself

Adding a hundred thousand pictures again then costs their names and not their bytes. As for git's index, a
file is unchanged when its stamp is. The time of the last change of its entry (ctime) is in it, which no
program can set back: an edit that restores the time of the last change of its content (`cp -p`, `exiftool
-P`) is seen. A file that changed in the last seconds before it was read is not noted, since it may change
once more at what its file system's clock calls the same time.

It lies in the workspace's `cache/files.sqlite` and only ever saves reading: without it, or where it is
damaged or cannot be written, all files are read.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from openautoglm.catalog.source import Values

FILE = "cache/files.sqlite"
_VERSION = 1
"""Counted up with each change of what `embedded_values` reads, so that all files are read anew."""
_SETTLED_NS = 3_000_000_000
"""FAT, the coarsest of file systems, tells times to two seconds."""
_AT_ONCE = 1000
_TABLE = (
    "CREATE TABLE IF NOT EXISTS files (path BLOB PRIMARY KEY, stamp TEXT, hash TEXT, said TEXT) WITHOUT ROWID"
)


class Noted(NamedTuple):
    """What is known of a file's content."""

    hash: str
    said: Values | None
    """What the file says of itself (`embedded.py`); None where nobody has asked it yet."""


class Stamp(NamedTuple):
    """What tells whether a file has changed, and whether it has rested since its last change."""

    text: str
    settled: bool

    @classmethod
    def of(cls, path: Path) -> Stamp | None:
        """Take it before the file is read; None where there is no such file."""
        try:
            status = path.stat()
        except (OSError, ValueError):
            return None
        parts = status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino
        newest = max(status.st_mtime_ns, status.st_ctime_ns)
        return cls(" ".join(map(str, parts)), newest < time.time_ns() - _SETTLED_NS)


class FileCache:
    """The notes of one workspace; threads may share it.

    Args:
        folder: the workspace; its lock is held by the caller.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._lock = Lock()
        self._new: list[tuple[bytes, str, str, str | None]] = []
        self._database: sqlite3.Connection | None = None

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Use the notes inside; what is new is written in the end, also when the caller is interrupted."""
        self._database = self._connect() or self._connect(anew=True)
        try:
            yield
        finally:
            with self._lock:
                self._write()
                if self._database is not None:
                    self._database.close()
                self._database = None

    def find(self, path: Path, stamp: Stamp) -> Noted | None:
        """Tell what the file holds, if it is the one that was read."""
        with self._lock:
            if self._database is None:
                return None
            try:
                row = self._database.execute(
                    "SELECT hash, said FROM files WHERE path = ? AND stamp = ?", (_key(path), stamp.text)
                ).fetchone()
            except sqlite3.Error:
                self._give_up()
                return None
        return Noted(row[0], _values(row[1])) if row else None

    def note(self, path: Path, stamp: Stamp, noted: Noted) -> None:
        """Remember what was read, if the file had rested when its stamp was taken, and has since."""
        if stamp.settled and Stamp.of(path) == stamp:
            with self._lock:
                self._new.append((_key(path), stamp.text, noted.hash, _text(noted.said)))
                if len(self._new) >= _AT_ONCE:
                    self._write()

    def _connect(self, *, anew: bool = False) -> sqlite3.Connection | None:
        try:
            self._path.parent.mkdir(exist_ok=True)
            if anew:
                self._path.unlink(missing_ok=True)
            database = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None)
        except (sqlite3.Error, OSError):
            return None
        try:
            # Whatever a crash of the machine takes from it is only read once more.
            database.execute("PRAGMA synchronous = OFF")
            if database.execute("PRAGMA user_version").fetchone()[0] != _VERSION:
                database.execute("DROP TABLE IF EXISTS files")
                database.execute(f"PRAGMA user_version = {_VERSION}")
            database.execute(_TABLE)
        except sqlite3.Error:
            database.close()
            return None
        return database

    def _write(self) -> None:
        if self._database is not None and self._new:
            try:
                with closing(self._database.cursor()) as cursor:
                    cursor.execute("BEGIN")
                    cursor.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)", self._new)
                    cursor.execute("COMMIT")
            except sqlite3.Error:
                self._give_up()
        self._new = []

    def _give_up(self) -> None:
        if self._database is not None:
            self._database.close()
        self._database = None


def _key(path: Path) -> bytes:
    # Names may hold bytes that are no text.
    return str(path.absolute()).encode("utf-8", "surrogateescape")


def _text(said: Values | None) -> str | None:
    if said is None:
        return None
    return json.dumps(
        {key: [one.isoformat()] if isinstance(one, datetime) else {"is": one} for key, one in said.items()}
    )


def _values(text: str | None) -> Values | None:
    if text is None:
        return None
    return {
        key: datetime.fromisoformat(one[0]) if isinstance(one, list) else one["is"]
        for key, one in json.loads(text).items()
    }
