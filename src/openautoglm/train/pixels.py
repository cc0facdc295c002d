"""Decoded pictures on disk, each once, ready to be gathered by the batch.

Decoding and resizing cost a hundred times more than reading back size × size × 4 bytes, so each picture is
decoded once and kept under the hash of its file: `add` the same folder again, train twice, use two
workspaces' copies of one picture, and nothing is decoded again. Alpha is kept, since training paints
backgrounds behind it.

    pixels-SIZE-RECIPE.rgba    n records of 4 × size × size bytes, appended only
    pixels-SIZE-RECIPE.keys    n lines, the hash of each record

A record counts once its key's line is complete, and keys are written after their records have reached the
disk: a crash can leave a tail without keys, which the next writer cuts off, never a key without its picture.
A lock file lets only one process append at a time; it is released when its process dies.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any, NamedTuple, TypeVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from openautoglm.catalog.images import BadImage
from openautoglm.train.errors import TrainingError

Id = TypeVar("Id")
Source = TypeVar("Source")

CHUNK = 256
"""Pictures between two flushes: what a crash can cost."""


class Broken(NamedTuple):
    """A picture that could not be decoded."""

    key: str
    reason: str


class PixelStore:
    """The pictures of one size and one way of framing them (`recipe`).

    >>> import tempfile; store = PixelStore(Path(tempfile.mkdtemp()), size=2, recipe="squash")
    >>> store.fill({"a": "red"}, fetch=list, decode=lambda name: Image.new("RGBA", (2, 2), name))
    []
    >>> store.slots(["a", "b"]).tolist(), store.read(np.array([0]))[0, :, 0, 0].tolist()
    ([0, -1], [255, 0, 0, 255])
    """

    def __init__(self, folder: Path, size: int, recipe: str) -> None:
        self.size = size
        self._record = 4 * size * size
        stem = folder / f"pixels-{size}-{recipe}"
        self._data, self._keys = Path(f"{stem}.rgba"), Path(f"{stem}.keys")
        self._lock = Path(f"{stem}.lock")
        self._slots: dict[str, int] = {}
        self._map: np.ndarray = np.empty((0, 4, size, size), np.uint8)
        self._open()

    def __len__(self) -> int:
        return len(self._slots)

    def slots(self, keys: Iterable[str | None]) -> np.ndarray:
        """(n,) record number of each key; −1 for one that is not kept."""
        return np.array([self._slots.get(key, -1) if key is not None else -1 for key in keys], np.int64)

    def read(self, slots: np.ndarray) -> Tensor:
        """(B, 4, size, size) uint8: red, green, blue, alpha."""
        return torch.from_numpy(self._map[slots])

    def fill(
        self,
        sources: Mapping[str, Id],
        fetch: Callable[[list[Id]], Sequence[Source]],
        decode: Callable[[Source], Image.Image],
        progress: Callable[[int, int], None] | None = None,
    ) -> list[Broken]:
        """Keep those pictures that are not kept yet; returns the ones that could not be decoded.

        Args:
            sources: what `fetch` knows each picture by, under the hash of its file.
            fetch: reads a chunk of pictures at once, in order.
            decode: makes one of them RGBA of size × size, in a thread; raises BadImage when it cannot.
            progress: told (done, of) after each chunk; what is done stays when it raises.
        """
        try:
            self._data.parent.mkdir(parents=True, exist_ok=True)
            with self._alone():
                self._open()
                missing = [key for key in sources if key not in self._slots]
                return self._append(missing, sources, fetch, decode, progress) if missing else []
        except OSError as error:
            needed = len(sources) * self._record / 2**20
            raise TrainingError(
                f"{self._data}: decoded pictures cannot be kept ({error.strerror}); they need up to "
                f"{needed:.0f} MiB in a folder that can be written"
            ) from error

    def _append(
        self,
        missing: list[str],
        sources: Mapping[str, Id],
        fetch: Callable[[list[Id]], Sequence[Source]],
        decode: Callable[[Source], Image.Image],
        progress: Callable[[int, int], None] | None,
    ) -> list[Broken]:
        broken: list[Broken] = []
        self._cut_tail()
        with (
            ThreadPoolExecutor(os.cpu_count()) as pool,  # Pillow decodes and resizes without the GIL
            self._data.open("ab") as data,
            self._keys.open("a", encoding="ascii") as keys,
        ):
            for start in range(0, len(missing), CHUNK):
                chunk = missing[start : start + CHUNK]
                fetched = fetch([sources[key] for key in chunk])
                found = list(pool.map(partial(self._decode, decode), chunk, fetched))
                broken += [picture for picture in found if isinstance(picture, Broken)]
                good = {key: one for key, one in zip(chunk, found, strict=True) if isinstance(one, bytes)}
                data.writelines(good.values())
                _to_disk(data)
                keys.writelines(f"{key}\n" for key in good)
                _to_disk(keys)
                if progress:
                    progress(start + len(chunk), len(missing))
        self._open()
        return broken

    def _decode(self, decode: Callable[[Source], Image.Image], key: str, source: Source) -> bytes | Broken:
        try:
            pixels = np.asarray(decode(source))
        except BadImage as error:
            return Broken(key, str(error))
        if pixels.shape != (self.size, self.size, 4):
            raise ValueError(f"picture {key} came as {pixels.shape}, not {(self.size, self.size, 4)}")
        return np.ascontiguousarray(pixels.transpose(2, 0, 1)).tobytes()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Wait until no other process appends."""
        with self._lock.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _open(self) -> None:
        """Read the keys and map the records that both files agree on."""
        if not self._keys.exists() or not self._data.exists():
            return
        lines = self._keys.read_text(encoding="ascii").split("\n")[:-1]  # behind the last \n: unfinished
        whole = self._data.stat().st_size // self._record
        self._slots = {key: slot for slot, key in enumerate(lines[:whole])}
        if self._slots:
            shape = (len(self._slots), 4, self.size, self.size)
            self._map = np.memmap(self._data, np.uint8, mode="r", shape=shape)

    def _cut_tail(self) -> None:
        """Drop what a crash left after the last complete pair of record and key."""
        if self._data.exists() and self._keys.exists():
            os.truncate(self._data, len(self) * self._record)
            os.truncate(self._keys, sum(len(key) + 1 for key in self._slots))
        else:
            self._data.write_bytes(b"")
            self._keys.write_bytes(b"")


def _to_disk(file: IO[Any]) -> None:
    file.flush()
    os.fsync(file.fileno())
