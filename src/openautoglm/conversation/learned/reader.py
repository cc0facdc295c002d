"""The learned reader: a turn whose frame the grammar may not know → the same turn in words that it knows.

    "I'd go for something in blue"   →  "only blue"
    "第二个大概要花多少"              →  "第二个的价格是多少？"

The model tells the kind of the turn and the span of its content; rows, amounts, columns, values and superlatives are
those that the catalogue and the grammar know in it (`tokens.py`). A turn that has more of these than its kind has
slots for says more than the kind does, and is left to the grammar.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from string import Formatter

from openautoglm.conversation.columns import Columns
from openautoglm.conversation.learned.model import Model
from openautoglm.conversation.learned.tokens import Token, tokens_of
from openautoglm.conversation.learned.wordings import LIMITS, SLOTS, WORDINGS
from openautoglm.conversation.limits import BELOW
from openautoglm.conversation.patterns import search
from openautoglm.conversation.reading import Reading

SURE = 0.5
"""Probability of a kind from which on it is believed."""


def reworded(turn: Reading, columns: Columns, model: Model, sure: float = SURE) -> Reading | None:
    """Say a turn in known words; None where the model is not sure, or the turn says more.

    Args:
        turn: as it came.
        columns: the catalogue's.
        model: what was learned.
        sure: probability from which on a kind is believed.
    """
    tokens = tokens_of(turn.rest, columns)
    if not any(one.mark or re.search(r"\w", one.said) for one in tokens):
        return None
    chances = model.chances(tokens)
    kind = max(chances, key=lambda one: chances[one])
    if chances[kind] < sure or kind not in WORDINGS:
        return None
    slots = slots_of(kind, turn.rest, tokens, model)
    if slots is None:
        return None
    for wording in WORDINGS[kind][turn.chinese]:
        if all(name in slots for _, name, _, _ in Formatter().parse(wording) if name):
            return Reading(turn.said, " ".join(wording.format_map(slots).split()))
    return None


def slots_of(kind: str, text: str, tokens: Sequence[Token], model: Model) -> dict[str, str] | None:
    """Find what fills the slots of a kind; None if the turn has more than fits them."""
    slots: dict[str, str] = {}
    free = list(tokens)
    if kind in SLOTS:
        name, group = SLOTS[kind]
        named = [at for at, one in enumerate(tokens) if one.mark == "V"]
        if name == "v" and len(named) == 1:
            first, last = named[0], named[0] + 1
        else:
            first, last, _ = model.span_of(tokens, group)
        slots[name] = text[tokens[first].start : tokens[last - 1].end]
        free = [*tokens[:first], *tokens[last:]]
    said = {mark: [text[one.start : one.end] for one in free if one.mark == mark] for mark in "RNYSDCPV"}
    amounts = [text[one.start : one.end] for one in free if one.mark in ("N", "Y")]
    columns = [*said["C"], *said["P"]]
    if len(said["R"]) == 1 and kind in ("like", "like but value", "like but cheaper", "what", "column", "price"):
        slots["r"] = said["R"].pop()
    if len(amounts) == 1 and kind in ("maximum", "search under"):
        slots["n"] = amounts.pop()
        slots["limit"] = LIMITS["<" if search(BELOW, text) else "<="][bool(re.search(r"[\u4e00-\u9fff]", text))]
    elif len(amounts) == 2 and kind == "between":
        slots["a"], slots["b"] = amounts
        amounts = []
    elif len(said["Y"]) == len(amounts) == 1 and kind in ("since", "after"):
        slots["y"] = said["Y"][0].removesuffix("年")
        amounts = []
    if len(said["S"]) == 1 and kind in ("sort", "extreme"):
        slots["s"] = said["S"].pop()
    if len(said["D"]) == 1:
        slots["d"] = said["D"][0]
    if len(columns) == 1:
        slots["c"] = columns[0]
    further = said["R"] or amounts or said["S"]
    return None if further or (said["V"] and kind not in _MOVES) else slots


_MOVES = ("next", "previous", "undo", "all", "reset", "none", "drop")
