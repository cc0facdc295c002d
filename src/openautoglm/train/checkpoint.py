"""Checkpoints that a crash cannot spoil.

A checkpoint is written beside its final name, flushed to the disk, and then renamed over the old one:
whenever the machine stops, `last.pt` is either the old whole state or the new whole state. `best.pt`
holds the weights with the best validation figure. Both are read with `weights_only`, so a checkpoint
from a stranger runs no code.

    folder/checkpoints/last.pt    everything that resuming needs
    folder/checkpoints/best.pt    weights and their figure
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import torch

from openautoglm.train.errors import TrainingError


def write_atomic(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Let `write` fill a file that then replaces `path` in one step.

    Raises:
        TrainingError: if the disk is full or the folder cannot be written; the old file is still there.
    """
    fresh = path.with_name(path.name + ".writing")
    with changing(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with fresh.open("wb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)
            _sync_folder(path.parent)
        except BaseException:
            with suppress(OSError):
                fresh.unlink(missing_ok=True)
            raise


@contextmanager
def changing(path: Path) -> Iterator[None]:
    """Say in words why `path` cannot be written."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        # torch.save reports a full disk as a RuntimeError of its zip writer.
        cause = error if isinstance(error, OSError) else error.__context__
        if not isinstance(cause, OSError):
            raise
        full = cause.errno in (errno.ENOSPC, errno.EDQUOT)
        advice = "free some space" if full else "make the folder writable"
        raise TrainingError(
            f"{path}: cannot be written ({cause.strerror}); {advice}, then run the same command again"
        ) from None


def _sync_folder(folder: Path) -> None:
    """Make a rename last through a power cut (POSIX keeps it in the folder's own blocks)."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Checkpoints:
    """`last.pt` and `best.pt` under `folder/checkpoints`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "checkpoints"
        self.last, self.best = self.folder / "last.pt", self.folder / "best.pt"

    def save(self, path: Path, state: dict[str, Any]) -> None:
        """Put `state` in the place of what `path`, `last` or `best`, held."""
        write_atomic(path, lambda file: torch.save(state, file))

    def load(self, path: Path) -> dict[str, Any] | None:
        """Read `last` or `best`; None when there is none."""
        if not path.exists():
            return None
        try:
            state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:
            # torch raises a dozen types here (pickle, zip, runtime); the user's way out is the same.
            raise TrainingError(f"{path}: not a checkpoint ({error}); delete it to start anew") from error
        return state

    def set_aside(self) -> Path | None:
        """Rename a checkpoint of another run, so that a new run does not write over it."""
        with changing(self.folder):
            if self.best.exists():
                self.best.unlink()
            return self.last.replace(self.last.with_name("other-run.pt")) if self.last.exists() else None
