"""Regular expressions on turns: compiled once, matched in lower case, with places in the text as it was said.

Python's own cache holds 512 expressions and its `IGNORECASE` makes long ones with Chinese slow to compile;
patterns here are written in lower case and met by a text in lower case, letter for letter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache


@lru_cache(maxsize=4096)
def compiled(pattern: str) -> re.Pattern[str]:
    """Compile a pattern, once."""
    return re.compile(pattern)


def lower(text: str) -> str:
    """Give a text in lower case, of the same length.

    >>> lower("İ Red 红"), len(lower("İ"))
    ('İ red 红', 1)
    """
    plain = text.lower()
    if len(plain) == len(text):
        return plain
    return "".join(low if len(low := one.lower()) == 1 else one for one in text)


def search(pattern: str, text: str) -> re.Match[str] | None:
    """Find the first match."""
    return compiled(pattern).search(lower(text))


def matches(pattern: str, text: str) -> Iterator[re.Match[str]]:
    """Yield all matches."""
    return compiled(pattern).finditer(lower(text))


def entire(pattern: str, text: str) -> re.Match[str] | None:
    """Match the text as a whole."""
    return compiled(pattern).fullmatch(lower(text))


def removed(pattern: str, text: str, most: int = 0) -> str:
    """Put a blank where the pattern is found; what stays is as it was said.

    >>> removed("red", "A RED Bike")
    'A   Bike'
    """
    parts, place = [], 0
    for count, match in enumerate(matches(pattern, text), 1):
        if match.end() > match.start():
            parts += [text[place : match.start()], " "]
            place = match.end()
        if count == most:
            break
    return "".join([*parts, text[place:]])
