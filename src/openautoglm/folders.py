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

    A reader sees the old files or the new ones, never a mixture; after an error or a crash the old ones are
    still there. What lies in the old folder and is not written anew is kept.
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
        if target.exists():
            _keep_others(target, new)
            # Two renames: no system replaces a folder that is not empty in one step.
            old = new.with_name(new.name + "-old")
            target.rename(old)
            try:
                new.rename(target)
            except OSError:
                old.rename(target)
                raise
            shutil.rmtree(old, ignore_errors=True)
        else:
            new.rename(target)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _keep_others(old: Path, new: Path) -> None:
    """Give `new` what only `old` has: second names of the same files where the disk can, else copies."""

    def take(source: str, copy: str) -> None:
        try:
            os.link(source, copy)
        except OSError:
            shutil.copy2(source, copy)

    for entry in old.iterdir():
        if entry.is_dir() and not (new / entry.name).exists():
            shutil.copytree(entry, new / entry.name, copy_function=take, symlinks=True)
        elif not (new / entry.name).exists():
            take(str(entry), str(new / entry.name))


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
