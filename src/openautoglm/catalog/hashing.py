"""Content hashes: of a picture's file, of a row, and of a name to a place in [0, 1).

BLAKE2b with 128 bits: two different contents meet by chance once in 10^19 pictures. A row's hash
covers what the row says (values, and its picture's content), not where the picture lies: a moved
file leaves the hash, and so the vectors made from it, valid.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, time
from pathlib import Path

from openautoglm.catalog.regular import open_regular


def content_hash(data: bytes) -> str:
    """Hex digest of a file's bytes.

    >>> content_hash(b"") == content_hash(b"x")
    False
    """
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def file_hash(path: Path) -> str:
    """Hex digest of a file of any size, read in blocks; that of its bytes by `content_hash`.

    Raises:
        OSError: if it cannot be read, or is no regular file.
    """
    with open_regular(path) as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def row_hash(values: Mapping[str, object], image_hash: str | None) -> str:
    """Hex digest of a row; independent of the order of its fields and of empty ones.

    >>> row_hash({"b": 1, "a": None}, None) == row_hash({"b": 1.0}, None)
    True
    """
    content = {name: _plain(value) for name, value in values.items() if value is not None}
    text = json.dumps([content, image_hash], sort_keys=True, ensure_ascii=False, default=str)
    return content_hash(text.encode("utf-8", "surrogatepass"))


def unit_interval(name: str) -> float:
    """Give a name a fixed place in [0, 1), uniform over names, the same on every machine."""
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def _plain(value: object) -> object:
    # A column may turn from integers to numbers, or from dates to times, when a later row needs it; that
    # does not change the rows it has.
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, datetime) and value.time() == time.min:
        return value.date()
    return value
