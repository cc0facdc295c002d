"""A hit in the list, in one line: rank, score, id, and of its text what the terminal has room for."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from openautoglm.search.hit import Hit

_ELSEWHERE = 160
"""Letters of a line that no terminal limits."""
_LEAST = 24
"""Of the text are shown, however long the id is."""


def line_of(number: int, hit: Hit) -> str:
    """Write the hit; the words that were looked up are bold, where standard output is a terminal."""
    from rich.cells import cell_len

    from openautoglm.catalog.printable import one_line, printable

    begin = f"{number:3}  {hit.score:.3f}  {printable(hit.id)}  "
    more = f"  (+{len(hit.copies)} near copies)" if hit.copies else ""
    columns = shutil.get_terminal_size((_ELSEWHERE, 24)).columns
    room = max(_LEAST, columns - cell_len(begin) - cell_len(more))
    return begin + _marked(cut(one_line(hit.label), hit.words, room), hit.words) + more


def cut(text: str, words: tuple[str, ...], room: int) -> str:
    """Cut a long text to `room` columns, so that the first of the words that it was found by is there.

    >>> cut("a stone bridge", (), 20), cut("a long way to the stone bridge over a lake", ("bridg",), 20)
    ('a stone bridge', '…tone bridge over a…')
    """
    from rich.cells import cell_len

    from openautoglm.search.words import matched_words

    if cell_len(text) <= room:
        return text
    start, end = next(iter(matched_words(words, text) if words else ()), (0, 0))
    first = 0 if cell_len(text[:end]) < room else max(0, start - room // 4)
    begin = "…" if first else ""
    shown = begin + text[first:]
    if cell_len(shown) <= room:
        return shown
    while cell_len(shown) > room - 1:
        # A column holds no more than one letter, so that a few steps suffice.
        shown = shown[: min(len(shown) - 1, room - 1)]
    return shown.rstrip() + "…"


def _marked(text: str, words: tuple[str, ...]) -> str:
    from openautoglm.search.words import matched_words

    parts, place = [], 0
    for start, end in matched_words(words, text) if words else ():
        parts += [text[place:start], typer.style(text[start:end], bold=True)]
        place = end
    return "".join([*parts, text[place:]])
