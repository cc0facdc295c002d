"""Frames → labelled turns: each frame filled several times, with its kind and where its content stands."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from openautoglm.conversation.learned.hints import hints_of
from openautoglm.conversation.learned.tokens import Token, tokens_of
from openautoglm.conversation.learned.wordings import SLOTS
from openautoglm.conversation.reading import Reading
from tools.turn_frames import CHOICE, FOLDER, Frame, chosen, read_frames
from tools.turn_slots import TRADES, fill

_BEFORE = {
    "en": ("ok, ", "and ", "please ", "now ", "hmm, ", "so ", "well, "),
    "zh": ("那", "嗯，", "请", "好，", "那么", "现在"),
}
_BEHIND = {
    "en": (" please", ", please", " thanks", " now", " then"),
    "zh": ("吧", "谢谢", "，谢谢", "啊", "呢"),
}

_CHOICES = 2
"""How much more often a frame with choices is filled."""

_NONSENSE = re.compile(r"^[b-df-hj-np-tv-xz ]+$|asdf|qwer|zxc|lkjh")
"""Nonsense is looked for, as any word is that no frame has, and not found."""


def _letters(text: str) -> str:
    """A frame without signs and blanks."""
    return re.sub(r"[^\w{}]", "", text.casefold())


@cache
def _final() -> frozenset[str]:
    """The benchmark's final set: what choices happen to make of it is not learned from."""
    return frozenset(_letters(one.text) for one in read_frames(FOLDER / "final.txt"))


class Example(NamedTuple):
    """A turn with its labels."""

    kind: str
    tokens: list[Token]
    hints: list[str]
    group: str
    """Of the slot that its content is in; empty without one."""
    span: tuple[int, int]
    """The content's first token, and the one behind its last."""


def labelled(kind: str, said: str) -> str:
    """The kind that a frame is learned as: "after 2019" is another one than "from 2020 on"."""
    return "after" if kind == "since" and "{before}" in said else kind


def examples(frames: Sequence[Frame], times: int, seed: int) -> list[Example]:
    """Fill frames."""
    found = []
    for number, frame in enumerate(frames):
        rng = random.Random(f"{seed} {number}")
        for time in range(times * (_CHOICES if CHOICE.search(frame.text) else 1)):
            if (one := _example(frame, rng, plain=time == 0)) is not None:
                found.append(one)
    return found


def _example(frame: Frame, rng: random.Random, *, plain: bool) -> Example | None:
    trade = rng.choice(TRADES)
    filled = fill(trade, frame.language, rng)
    said = chosen(frame.text, rng)
    if not re.search(r"[{\w]", said) or _letters(said) in _final():
        return None
    text, span = "", None
    before = (
        "" if plain or frame.kind == "none" or rng.random() < 0.85 else rng.choice(_BEFORE[frame.language])
    )
    behind = (
        "" if plain or frame.kind == "none" or rng.random() < 0.85 else rng.choice(_BEHIND[frame.language])
    )
    pieces = re.split(r"\{(\w+)\}", before + said + behind)
    kind = labelled(frame.kind, said)
    slot = SLOTS.get(kind)
    for place, piece in enumerate(pieces):
        part = Reading.of(f"x{filled[piece] if place % 2 else piece}x").said[1:-1]
        if place % 2 and slot is not None and piece == slot.name:
            span = len(text), len(text) + len(part)
        text += part
    kept = len(text) - len(text.lstrip())
    text, span = text.strip(), None if span is None else (span[0] - kept, span[1] - kept)
    if rng.random() < 0.3:
        text = re.sub(r"[?.!]+$", "", text)
    tokens = tokens_of(text, trade.columns)
    if not tokens or (kind == "none" and _NONSENSE.search(text)):
        return None
    if slot is None or span is None:
        return Example(kind, tokens, hints_of(text), "", (0, 0))
    inside = [at for at, one in enumerate(tokens) if one.end > span[0] and one.start < span[1]]
    return Example(kind, tokens, hints_of(text), slot.group, (inside[0], inside[-1] + 1))
