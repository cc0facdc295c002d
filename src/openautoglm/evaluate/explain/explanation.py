"""What an explanation says, as an object, as JSON and in words; `page.py` draws it.

Effects are in the unit of the score. Each modality is weighed with the others whole: its parts' effects sum
to the score less the score with all of them hidden.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from openautoglm.evaluate.explain.faithful import Curves

SHOWN = 12
"""Columns that are printed and drawn, the strongest."""
FIFTH = 0.2
"""Share of the parts that the sentence about faithfulness hides."""


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
    """The score when the row lacks the modality; None where the score needs it, or the row has no other."""

    @property
    def told(self) -> tuple[str, str]:
        """Its effect, and the score without it, written."""
        effect = signed(self.effect) if self.present else "absent"
        return effect, "" if self.without is None else number(self.without)


@dataclass(frozen=True)
class Effect:
    """What a word or a column does to the score."""

    name: str
    effect: float
    value: Any = None
    """What the column holds."""

    @property
    def label(self) -> str:
        """The column with its value."""
        held = self.value
        if isinstance(held, list):
            held = ", ".join(map(str, held))
        return f"{self.name} = {held:g}" if isinstance(held, float) else f"{self.name} = {held}"


@dataclass(frozen=True)
class Explanation:
    """Why a row has its score."""

    row: str
    asked: str
    """What is explained, in words: "kind: warm", or "match of its picture and its text"."""
    unit: str
    """Of the score: "probability", "cosine", or the column's name."""
    score: float
    modalities: Sequence[Modality]
    patches: NDArray[np.float32] | None
    """(G, G) effects over the picture as the tower sees it, from its top row; None without a picture."""
    words: Sequence[Effect]
    """In the order of the text."""
    unread: str
    """The end of the text that the tower has no room for."""
    columns: Sequence[Effect]
    """The strongest first."""
    curves: Mapping[str, Curves]
    """Of each modality with several parts, its own parts hidden and shown."""
    image: Image.Image | None = field(default=None, repr=False)
    """The part of the picture that the tower sees, in the file's own resolution."""
    out: Path | None = None

    @property
    def gated(self) -> bool:
        """Whether modalities have gates."""
        return any(one.gate is not None for one in self.modalities)

    @property
    def largest(self) -> float:
        """The strongest effect of a word or column, which they are drawn in relation to."""
        return max((abs(one.effect) for one in (*self.words, *self.columns)), default=0.0)

    @property
    def checks(self) -> list[str]:
        """What hiding the strongest parts of a modality does, beside hiding random ones; a sentence each."""
        said = []
        for name, curves in self.curves.items():
            count = int(curves.counts[-1])
            at = 1 + int((curves.counts[1:] - FIFTH * count).abs().argmin())
            ours, random = (number(float(one[at])) for one in (curves.deletion, curves.random_deletion))
            some = int(curves.counts[at])
            said.append(
                f"{name}: hiding the strongest {some} of {count} parts takes the {self.unit} from "
                f"{number(self.score)} to {ours}, hiding {some} at random to {random}"
            )
        return said

    def __str__(self) -> str:
        lines = [f"{self.row} · {self.asked}, {self.unit} {number(self.score)}"]
        for one in self.modalities:
            gate = "" if one.gate is None else f"gate {one.gate:.2f}  "
            effect, without = one.told
            told = f"{effect}  without it {without}" if without else effect
            lines.append(f"  {one.name:<9}{gate}{told}")
        if self.words:
            lines.append("words     " + "  ".join(f"{one.name} {signed(one.effect)}" for one in self.words))
        if self.columns:
            cells = [f"{one.label} {signed(one.effect)}" for one in self.columns[:SHOWN]]
            lines.append("columns   " + "  ".join(cells))
        lines += self.checks
        if self.out is not None:
            lines.append(f"drawn: {self.out}")
        return "\n".join(lines)

    def as_json(self) -> str:
        """JSON of all but the picture."""
        said: dict[str, Any] = {
            "row": self.row,
            "asked": self.asked,
            "unit": self.unit,
            "score": self.score,
            "modalities": [vars(one) for one in self.modalities],
            "patches": None if self.patches is None else self.patches.round(6).tolist(),
            "words": [{"word": one.name, "effect": one.effect} for one in self.words],
            "unread": self.unread,
            "columns": [
                {"column": one.name, "value": one.value, "effect": one.effect} for one in self.columns
            ],
            "faithfulness": {
                name: {"gain": one.gain, "counts": one.counts.tolist()}
                | {key: line.tolist() for key, line in one.lines.items()}
                for name, one in self.curves.items()
            },
        }
        return json.dumps(said, ensure_ascii=False, default=str, indent=1)


def number(value: float) -> str:
    """Write a score.

    >>> number(0.98312), number(-12345.678), number(-0.00001)
    ('0.983', '−12346', '0.000')
    """
    written = f"{value:.3f}" if abs(value) < 10 else f"{value:.4g}" if abs(value) < 1e4 else f"{value:.0f}"
    return written.replace("-", "−" if float(written) else "")


def signed(value: float) -> str:
    """Write an effect with its sign.

    >>> signed(0.5), signed(-0.25), signed(0.0)
    ('+0.500', '−0.250', '+0.000')
    """
    written = number(value)
    return written if written.startswith("−") else f"+{written}"
