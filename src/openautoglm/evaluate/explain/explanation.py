"""What an explanation says, as an object, as JSON and in words; `page.py` draws it.

Effects are in the unit of the score and sum, over all parts, to `score − nothing`: what the parts carry.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from openautoglm.evaluate.explain.faithful import Curves

SHOWN = 12
"""Columns, and words, that are printed."""


@dataclass(frozen=True)
class Modality:
    """One of a row's modalities, or one that it lacks."""

    name: str
    present: bool
    gate: float | None
    """Share in the fused vector; None where nothing is fused for the score."""
    effect: float
    """Sum of its parts' effects."""
    without: float | None
    """The score when the whole modality is absent; None where the score needs it, or nothing else is there."""


@dataclass(frozen=True)
class Effect:
    """What a word or a column does to the score."""

    name: str
    effect: float
    value: Any = None
    """What the column holds."""


@dataclass(frozen=True)
class Explanation:
    """Why a row has its score."""

    row: str
    asked: str
    """What is explained, in words: "kind: warm", or "the picture and its text"."""
    unit: str
    """Of the score: "probability", "cosine", or the column's name."""
    score: float
    nothing: float
    """The score with every part hidden."""
    modalities: Sequence[Modality]
    patches: NDArray[np.float32] | None
    """(G, G) effects over the picture as the tower sees it, row by row from the top; None without a picture."""
    words: Sequence[Effect]
    """In the order of the text."""
    unread: str
    """The end of the text that the tower has no room for."""
    columns: Sequence[Effect]
    """The strongest first."""
    curves: Curves
    image: Image.Image | None = field(default=None, repr=False)
    """The part of the picture that the tower sees, in the file's own resolution."""
    out: Path | None = None

    def as_json(self) -> str:
        """JSON of all but the picture."""
        said: dict[str, Any] = {
            "row": self.row,
            "asked": self.asked,
            "unit": self.unit,
            "score": self.score,
            "nothing": self.nothing,
            "modalities": [vars(one) for one in self.modalities],
            "patches": None if self.patches is None else self.patches.round(6).tolist(),
            "words": [{"word": one.name, "effect": one.effect} for one in self.words],
            "unread": self.unread,
            "columns": [
                {"column": one.name, "value": one.value, "effect": one.effect} for one in self.columns
            ],
            "faithfulness": {
                "gain": self.curves.gain,
                **{name: part.tolist() for name, part in vars(self.curves).items()},
            },
        }
        return json.dumps(said, ensure_ascii=False, default=str, indent=1)
