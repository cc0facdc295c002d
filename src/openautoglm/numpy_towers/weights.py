"""Weights on disk as numpy arrays that cost nothing until they are read, and what tells them from others.

A safetensors file is a length (8 bytes), a JSON header (name → dtype, shape, place) and the numbers. Mapped
into memory, a tensor is a view: of a vocabulary of 50,000 only the rows of the query's words are ever read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from openautoglm.numpy_towers.arithmetic import Floats

_SAMPLE = 256
"""Bytes of a tensor that are hashed at its start and in its middle: training moves nearly every number."""
_SMALL = 1 << 25
_READ = ("config.json", "*processor*.json", "*token*.json", "vocab*", "merges.txt", "*.model")
_WEIGHTS = ("*.safetensors", "pytorch_model*.bin")


class Tensors(Mapping[str, Floats]):
    """The tensors of a safetensors file, as float32 views.

    Args:
        path: the file.
        prefix: of the names to show, which is left out.

    Raises:
        ValueError: if it is no such file.
    """

    def __init__(self, path: Path, prefix: str = "") -> None:
        about, start = _header(path)
        self._about = {
            name.removeprefix(prefix): one for name, one in about.items() if name.startswith(prefix)
        }
        self._bytes = np.memmap(path, np.uint8, mode="r", offset=start)

    def __getitem__(self, name: str) -> Floats:
        one = self._about[name]
        first, last = one["data_offsets"]
        raw, shape = self._bytes[first:last], one["shape"]
        if one["dtype"] == "F32":
            return np.asarray(raw.view("<f4").reshape(shape))
        if one["dtype"] == "F16":
            return raw.view("<f2").reshape(shape).astype(np.float32)
        if one["dtype"] == "BF16":  # the upper half of a float32
            return (raw.view("<u2").astype(np.uint32) << 16).view(np.float32).reshape(shape)
        raise KeyError(f"{name} holds {one['dtype']}, no floating-point numbers that numpy reads")

    def __contains__(self, name: object) -> bool:
        return name in self._about

    def __iter__(self) -> Iterator[str]:
        return iter(self._about)

    def __len__(self) -> int:
        return len(self._about)


def mark(folder: Path) -> str:
    """Name what a model's folder holds, in milliseconds: another model, tokenizer or setting, another mark.

    Small files are hashed whole; of weights their names, shapes and a sample of each tensor.

    Raises:
        OSError: if a file cannot be read.
    """
    digest = hashlib.blake2b(digest_size=16)
    for path in sorted({file for pattern in _READ for file in folder.glob(pattern)}):
        digest.update(path.name.encode() + (path.read_bytes() if path.stat().st_size <= _SMALL else b""))
    for path in sorted({file for pattern in _WEIGHTS for file in folder.glob(pattern)}):
        digest.update(f"{path.name} {path.stat().st_size}".encode())
        try:
            about, start = _header(path)
        except ValueError:  # no safetensors: nothing tells where a tensor begins
            digest.update(str(path.stat().st_mtime_ns).encode())
            continue
        digest.update(json.dumps(about, sort_keys=True).encode())
        with path.open("rb") as file:
            for one in about.values():
                first, last = one["data_offsets"]
                for place in (first, (first + last) // 2):
                    file.seek(start + place)
                    digest.update(file.read(min(_SAMPLE, last - place)))
    return digest.hexdigest()


def _header(path: Path) -> tuple[dict[str, Any], int]:
    """What the file holds by name, and where its numbers begin."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length < 1 << 27:
            raise ValueError(f"{path} is no safetensors file")
        about = json.loads(file.read(length))
    about.pop("__metadata__", None)
    return about, 8 + length
