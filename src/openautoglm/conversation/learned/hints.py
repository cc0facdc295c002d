"""What the grammar's patterns find in a turn, as hints for its kind: they know many words that frames do not have."""

from __future__ import annotations

from openautoglm.conversation import moves, order, questions, wishes
from openautoglm.conversation.limits import AT_LEAST, AT_MOST, BELOW
from openautoglm.conversation.patterns import search

HINTS = {
    "no": rf"(?<![a-z]){wishes.NOT}(?![a-z])",
    "none of it": wishes.NOT_AFTER,
    "ask": questions.ASKING,
    "count": questions.COUNT,
    "next": moves.NEXT,
    "previous": moves.PREVIOUS,
    "reset": moves.RESET,
    "undo": moves.UNDO,
    "all": moves.ALL,
    "unfiltered": moves.NO_CONDITIONS,
    "drop": moves.DROP,
    "greeting": moves.GREETING,
    "about": moves.ABOUT,
    "sort": f"{order.SORT}|{order.ZH_SORT}",
    "first": order.FIRST,
    "below": f"{BELOW}|{AT_MOST}",
    "above": AT_LEAST,
}
"""Hint → the pattern that gives it."""


def hints_of(text: str) -> list[str]:
    """Give the hints that a turn has."""
    return [hint for hint, pattern in HINTS.items() if search(pattern, text)]
