"""The one error of this room that a user sees; its text says what was wrong, where, and what to do."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

from openautoglm.errors import UserError


class CatalogError(UserError):
    """Something about the workspace, a source or a query that the user can put right."""


class NoRolesError(CatalogError):
    """A table none of whose columns says what it is for."""


# The storage engine reports system errors as text; these are the ones a user can act on.
_SYSTEM: tuple[tuple[str, str], ...] = (
    (r"os error 28\b|errno 28\b|no space left", "the disk is full; free some space"),
    (r"os error 122\b|errno 122\b|quota exceeded", "the disk quota is used up; free some space"),
    (r"os error 27\b|errno 27\b|file too large", "a file would grow past the allowed size; raise the limit"),
    (
        r"os error 30\b|errno 30\b|read-only file system",
        "the file system is read-only; choose another folder",
    ),
    (r"os error 13\b|errno 13\b|permission denied", "writing there is not permitted; change its permissions"),
    (
        r"os error 1\b|errno 1\b|operation not permitted",
        "writing there is not permitted; choose another folder",
    ),
    (r"os error 24\b|errno 24\b|too many open files", "too many files are open; raise `ulimit -n`"),
)


@contextlib.contextmanager
def writing_to(folder: Path) -> Iterator[None]:
    """Turn what the system says while writing to `folder` into a `CatalogError` that says what to do."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        remedy = explain(str(error))
        if remedy is None:
            raise
        raise CatalogError(
            f"cannot write to the workspace {folder}: {remedy}, then run the same command again; "
            "everything that was committed before is kept"
        ) from error


@contextlib.contextmanager
def writing_file(path: Path) -> Iterator[None]:
    """Turn what the system says while writing the user's file `path` into a `CatalogError`."""
    try:
        yield
    except OSError as error:
        remedy = explain(str(error)) or f"{error.strerror or error}; choose another place"
        raise CatalogError(f"{path} cannot be written: {remedy}") from error


def explain(message: str) -> str | None:
    """Say what to do about a system error; None when it is not one that a user can act on.

    >>> explain("LanceError(IO): No space left on device (os error 28)")
    'the disk is full; free some space'
    """
    for pattern, remedy in _SYSTEM:
        if re.search(pattern, message, re.IGNORECASE):
            return remedy
    return None
