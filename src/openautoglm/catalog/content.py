"""What the vectors of a row's picture and texts are made from; other columns have no part in it.

`add` asks whether it is still the same, so that a new price leaves vectors standing; `index` writes it into
the key that lies beside them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from openautoglm.catalog.hashing import row_hash


def texts_of(row: Mapping[str, Any], fields: Sequence[str]) -> list[str]:
    """List a row's different texts.

    >>> texts_of({"title": " red ", "name": "red"}, ["title", "name", "note"])
    ['red']
    """
    return list(dict.fromkeys(text.strip() for name in fields if (text := row.get(name)) and text.strip()))


def content_of(texts: Sequence[str], image_hash: str | None) -> str:
    """Hash the different texts of a row and its picture's bytes.

    >>> content_of(["red"], None) == content_of(["red"], "5f")
    False
    """
    return row_hash({"texts": list(texts)}, image_hash)
