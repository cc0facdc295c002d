"""Frames of turns: sections `[kind / language]`, a frame a line, `{…}` for what fills it, `//` remarks."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent
HELD_OUT = ("fifth", "final")
"""Files that nothing is learned from."""


CHOICE = re.compile(r"\(([^()]*\|[^()]*)\)")
"""A choice of words in a frame: `(show|find)`."""


class Frame(NamedTuple):
    """One way to say a kind of turn."""

    kind: str
    language: str
    text: str


def read_frames(path: Path) -> list[Frame]:
    """Read a file of frames.

    Raises:
        ValueError: if a line stands outside a section.
    """
    frames: list[Frame] = []
    section: re.Match[str] | None = None
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("//"):
            continue
        if found := re.fullmatch(r"\[([a-z ]+) / (en|zh)\]", line.strip()):
            section = found
        elif section is None:
            raise ValueError(f"{path.name}, line {number}: a frame before the first [kind / language]")
        else:
            frames.append(Frame(section[1], section[2], line))
    return frames


def chosen(text: str, rng: random.Random) -> str:
    """Give a frame with one of the words of each choice.

    >>> chosen("(show|show) me {q}", random.Random(0))
    'show me {q}'
    """
    return CHOICE.sub(lambda found: rng.choice(found[1].split("|")), text)


def by_kind(frames: Iterable[Frame]) -> dict[str, dict[str, tuple[str, ...]]]:
    """Give frames as the benchmark's sets of templates hold them."""
    sets: dict[str, dict[str, tuple[str, ...]]] = {}
    for one in frames:
        languages = sets.setdefault(one.kind, {})
        languages[one.language] = (*languages.get(one.language, ()), one.text)
    return sets
