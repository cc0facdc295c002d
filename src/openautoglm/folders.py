"""Folders that appear whole or not at all.

>>> import tempfile
>>> target = Path(tempfile.mkdtemp()) / "model"
>>> with whole_folder(target) as new:
...     _ = (new / "weights").write_text("w")
>>> [file.name for file in target.iterdir()]
['weights']
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """Write into a new folder beside `target` that takes its place at the end.

    A reader sees the old folder or the new one, never a mixture; after an error or a crash the old one is
    still there. Files of the old folder that are not written anew are gone.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        yield new
        for file in new.rglob("*"):
            if file.is_file():
                with file.open("rb") as written:
                    os.fsync(written.fileno())
        new.chmod(0o777 & ~_umask())  # mkdtemp makes it private
        if not target.exists():
            new.rename(target)
            return
        # Two renames: no system replaces a folder that is not empty in one step.
        old = Path(tempfile.mkdtemp(prefix=f".{target.name}-old-", dir=target.parent))
        target.rename(old / target.name)
        try:
            new.rename(target)
        except OSError:
            (old / target.name).rename(target)
            raise
        finally:
            shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
