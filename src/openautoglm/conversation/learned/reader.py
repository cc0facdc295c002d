"""The learned reader: a turn whose frame the grammar may not know → the same turn in words that it knows.

    "I'd go for something in blue"   →  "only blue"
    "第二个大概要花多少"              →  "第二个的价格是多少？"

The model tells how probable each kind of turn is, and where its content stands; rows, amounts, columns, values and
superlatives are those that the catalogue and the grammar know in it (`tokens.py`). Kinds whose slots the turn does not
fill, or that have no slot for a row or an amount in it, are ruled out. A search by
words that the catalogue has is the more probable for it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from string import Formatter
from typing import NamedTuple

from openautoglm.conversation.learned.content import Content
from openautoglm.conversation.learned.hints import hints_of
from openautoglm.conversation.learned.model import Model
from openautoglm.conversation.learned.tokens import Token, tokens_of
from openautoglm.conversation.learned.wordings import LIMITS, SLOTS, WORDINGS
from openautoglm.conversation.limits import BELOW
from openautoglm.conversation.patterns import search
from openautoglm.conversation.reading import Reading
from openautoglm.conversation.turn import View

_SPARE = 0.2
"""How much less probable a kind is for what it has no slot for."""
_WORTH = 0.01
"""Probability from which on a kind is looked at."""
OTHER = "other"
"""The kind of what only the grammar understands."""
_LONGEST = 120
"""Tokens of a turn that are looked at."""
_ROWS = ("like", "like but value", "like but cheaper", "what", "column", "price")
_REFUSING = ("not value", "without")
_LIMITED = ("maximum", "search under")
_DATED = ("since", "after")
_BEST = ("sort", "extreme")


class Guess(NamedTuple):
    """What a turn probably says."""

    kind: str
    chance: float
    """Among the kinds that it can be."""
    reading: Reading
    """In known words."""


def guessed(turn: Reading, view: View, model: Model) -> Guess | None:
    """Guess what a turn says; None if it can be none of the kinds.

    Args:
        turn: as it came.
        view: the catalogue.
        model: what was learned.
    """
    tokens = tokens_of(turn.rest, view.columns)[:_LONGEST]
    if not any(re.search(r"\w", one.said) for one in tokens):
        return None
    chances: dict[str, float] = {}
    wordings: dict[str, str] = {}
    content = Content(turn.rest, tokens, view, model)
    told = dict(model.chances(tokens, hints_of(turn.rest)))
    other = told.pop(OTHER, 0.0)
    for kind, chance in told.items():
        if chance < _WORTH:
            continue
        wording, factor = _worded(kind, content, chinese=turn.chinese)
        if wording:
            wordings[kind] = wording
            chances[kind] = chance * factor
    if not chances:
        return None
    kind = max(chances, key=lambda one: chances[one])
    if chances[kind] < other:
        return None
    # Kinds that lead to the same words, "not Acme" and "without Acme", are one guess.
    same = sum(chances[one] for one in chances if wordings[one] == wordings[kind])
    return Guess(kind, same / (other + sum(chances.values())), Reading(turn.said, wordings[kind]))


def _worded(kind: str, content: Content, *, chinese: bool) -> tuple[str, float]:
    """Give a kind's known words, filled, and a factor of its chance; empty where it cannot be said."""
    if kind not in WORDINGS:
        return "", 0.0
    slots: dict[str, str] = {}
    free: Sequence[Token] = content.tokens
    factor = 1.0
    marks = {one.mark for one in free}
    if kind == "sort" and marks & {"S", "D"}:
        marks -= {"R"}  # 排第一, "in first place"
    if bool(marks & {"R"}) != (kind in _ROWS) and not (kind in _ROWS and "I" in marks):
        return "", 0.0
    if kind in SLOTS:
        name, group = SLOTS[kind]
        first, last, factor = content.span(name, group)
        slots[name] = content.said(first, last)
        free = [*content.tokens[:first], *content.tokens[last:]]
    if kind in _REFUSING and not any(
        content.model.known(one.said) and one.said != "的" for one in free if not one.mark
    ):
        return "", 0.0  # 蓝色的鸟: whatever the unknown word is, it does not say "not"
    slots |= _marked(kind, content.text, free)
    for wording in WORDINGS[kind][chinese]:
        needed = {name for _, name, _, _ in Formatter().parse(wording) if name}
        if needed <= slots.keys() and _all_told(kind, free, needed):
            return " ".join(wording.format_map(slots).split()), factor * _unused(kind, free, content)
    return "", 0.0


def _marked(kind: str, text: str, free: Sequence[Token]) -> dict[str, str]:
    """Give the slots that marks fill."""
    chinese = bool(Reading.of(text).chinese)
    said = {
        mark: [text[one.start : one.end] for one in free if one.mark and one.mark in mark] for mark in _MARKS
    }
    slots: dict[str, str] = {}
    rows, amounts = said["R"] or said["I"], said["NY"]
    if rows:
        slots["r"] = rows[0]
    if len(amounts) == 1 and kind in _LIMITED:
        strict = search(BELOW, text) and not search(r"(?<![a-z])(?:not|no|nothing)(?![a-z])|不|别|勿", text)
        slots["n"], slots["limit"] = amounts[0], LIMITS["<" if strict else "<="][chinese]
    if len(amounts) == 2 and kind == "between":
        slots["a"], slots["b"] = amounts
    if len(said["Y"]) == 1 and kind in _DATED:
        slots["y"] = said["Y"][0].removesuffix("年")
    if said["S"]:
        slots["s"] = said["S"][0]
    if said["D"]:
        slots["d"] = said["D"][-1]
    if len(set(said["CP"])) == 1:
        slots["c"] = said["CP"][0]
    return slots


_MARKS = ("R", "I", "NY", "Y", "S", "D", "CP")


def _all_told(kind: str, free: Sequence[Token], slots: set[str]) -> bool:
    """Whether a kind has slots for the rows and amounts of a turn."""
    count = {mark: sum(one.mark in mark for one in free if one.mark) for mark in ("R", "NY")}
    amounts = 2 if "a" in slots else 1 if slots & {"n", "y"} else 0
    return (count["R"] <= ("r" in slots) or kind == "sort") and count["NY"] == amounts


def _unused(kind: str, free: Sequence[Token], content: Content) -> float:
    """A factor of the chance of a kind that has no slot for a value, a word or a superlative of the turn."""
    strange = [one for one in free if not content.model.known(one.said)]
    values = kind != "all" and any(one.mark == "V" for one in strange)
    best = kind not in (*_BEST, *_LIMITED, *_DATED) and any(one.mark == "S" for one in free)
    # "hmm, rather something wooden": what the catalogue has, and no frame, is what the turn is about.
    words = kind not in SLOTS and any(
        not one.mark and one.said.isascii() and one.said.isalpha() and content.view.says(one.said)
        for one in strange
    )
    return _SPARE ** (values + best + words)
