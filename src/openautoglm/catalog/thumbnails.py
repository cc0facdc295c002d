"""Thumbnails of many pictures, on disk while they are compared.

A hundred thousand take 300 MB, which need not be memory: they are written one after the other to a file
that has no name, and disappears with its reader, and are read a few hundred at a time.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from openautoglm.catalog.errors import writing_to
from openautoglm.catalog.look import Thumbnail

_SHAPE = 3, 32, 32
_BYTES = 3 * 32 * 32


class Thumbnails:
    """A list of thumbnails, some of which may be lacking.

    Args:
        folder: where there is room for them; the system's own place for such files is often memory.

    >>> with Thumbnails(Path()) as kept:
    ...     kept.append(None)
    ...     kept.append(np.full((3, 32, 32), 7, np.uint8))
    ...     print(kept.there, kept[np.array([1, 1])].shape, kept[np.array([1])].max())
    [False  True] (2, 3, 32, 32) 7
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._there: list[bool] = []

    def __enter__(self) -> Self:
        with writing_to(self._folder):
            self._file = tempfile.TemporaryFile(dir=self._folder)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    @property
    def there(self) -> NDArray[np.bool_]:
        """Which of them are not lacking."""
        return np.array(self._there, bool)

    def append(self, thumbnail: Thumbnail | None) -> None:
        """Add one; None where there is none."""
        if thumbnail is not None:
            with writing_to(self._folder):
                self._file.seek(len(self._there) * _BYTES)
                self._file.write(thumbnail.tobytes())
        self._there.append(thumbnail is not None)

    def __getitem__(self, places: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Read those at `places`, (P, 3, 32, 32); none of them may be lacking."""
        read: list[bytes] = []
        for place in places.tolist():
            self._file.seek(place * _BYTES)
            read.append(self._file.read(_BYTES))
        return np.frombuffer(b"".join(read), np.uint8).reshape(-1, *_SHAPE)
