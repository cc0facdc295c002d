"""One row that a search found."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Hit:
    """A row with its score; hits come best first."""

    id: str
    score: float
    """Cosine with the query, −1 to 1."""
    row: dict[str, Any]
    """The user's fields, and the catalogue's `_image`, `_width`, `_height` and `_split`."""
    label: str = ""
    """The row's first text."""

    def as_dict(self) -> dict[str, Any]:
        """Return what JSON holds of the hit; dates stay dates."""
        return {"id": self.id, "score": round(self.score, 6), "row": self.row}


def as_json(hits: Sequence[Hit]) -> str:
    """Write the hits as a JSON list; dates as ISO 8601.

    >>> as_json([])
    '[]'
    """
    return json.dumps([hit.as_dict() for hit in hits], ensure_ascii=False, indent=2, default=_plain)


def _plain(value: Any) -> str:
    return str(value.isoformat()) if hasattr(value, "isoformat") else str(value)
