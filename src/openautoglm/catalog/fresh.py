"""A workspace that `add` makes for what it adds: nothing of it stays when nothing was added.

A first `add` that cannot read its source must not leave a folder behind that looks like a workspace.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from openautoglm.catalog.errors import CatalogError
from openautoglm.catalog.lock import WRITER, write_lock
from openautoglm.catalog.settings import DRAFT, FILE, LOCK
from openautoglm.catalog.store import FOLDER, Store


@contextlib.contextmanager
def kept_if_filled(folder: Path) -> Iterator[None]:
    """Take away the workspace that is made inside unless it has rows when that ends, well or not.

    A workspace that was there before stays as it is.

    Args:
        folder: the workspace, by its full path.
    """
    was_workspace, was_folder = (folder / FILE).exists(), folder.exists()
    try:
        yield
    finally:
        if not was_workspace and (folder / FILE).exists():
            with contextlib.suppress(CatalogError):  # another process writes it: it is not ours alone
                _take_away(folder, whole=not was_folder)


def _take_away(folder: Path, *, whole: bool) -> None:
    with write_lock(folder):
        if Store(folder).count(None) or (folder / "models").exists():
            return
        for name in (FILE, DRAFT, LOCK, WRITER):
            (folder / name).unlink(missing_ok=True)
        for name in (FOLDER, "cache"):
            shutil.rmtree(folder / name, ignore_errors=True)
    if whole:
        with contextlib.suppress(OSError):  # somebody has put something into it meanwhile
            folder.rmdir()
