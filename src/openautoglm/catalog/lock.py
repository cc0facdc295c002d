"""One writer at a time: locks on the workspace that the system drops when their holder dies.

`flock` needs no cleaning after kill -9. The file names its holder while one writes and is emptied at
a regular end, so the next writer can see that the one before was killed (`interrupted`).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from openautoglm.catalog.errors import CatalogError, writing_to

WRITER = ".lock"
"""The file of the workspace's lock."""


@contextlib.contextmanager
def brief_lock(folder: Path, name: str) -> Iterator[None]:
    """Wait for the lock of this name and hold it, for what takes no longer than a small file.

    Whoever holds the workspace's lock may take it; whoever holds it takes no other.

    Raises:
        CatalogError: if the folder refuses.
    """
    with writing_to(folder):
        handle = os.open(folder / name, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextlib.contextmanager
def write_lock(folder: Path) -> Iterator[bool]:
    """Hold the workspace's lock; yields True when the writer before was interrupted.

    Raises:
        CatalogError: if another process holds it (named by its id and start), or the folder refuses.
    """
    with writing_to(folder):
        handle = os.open(folder / WRITER, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(handle, 200).decode(errors="replace").strip() or "another process"
            raise CatalogError(
                f"the workspace {folder} is being written by {holder}; wait until it has finished, "
                "or stop it: whatever it has committed is kept"
            ) from None
        interrupted = os.fstat(handle).st_size > 0
        with writing_to(folder):
            os.truncate(handle, 0)
            os.write(handle, f"process {os.getpid()} (since {datetime.now():%Y-%m-%d %H:%M:%S})".encode())
        yield interrupted
        os.truncate(handle, 0)
    finally:
        os.close(handle)
