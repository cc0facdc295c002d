"""A turn as tokens: words, Chinese characters and signs, and what the catalogue and the grammar know as marks.

    "like the second, but blue"     →  like  R(the second)  ,  but  V(blue)
    "按价格从低到高排"                →  按  P(价格)  D(从低到高)  排

Marks: R a row, I "it", Y a year, N an amount, S a superlative, D a direction, P the price's name, C another column's
name, V a value of a column, L "cheap" and K "cheaper" in other words. What is marked is one token, however long.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from openautoglm.conversation.columns import Columns
from openautoglm.conversation.lexicon import BY_NAME, CURRENCY, HAN, MEANINGS, UNITS, any_of
from openautoglm.conversation.order import DIRECTION
from openautoglm.conversation.patterns import compiled, lower
from openautoglm.conversation.quantities import DATE
from openautoglm.conversation.reference import IT_WORDS, ROWS

_TOKEN = rf"[{HAN}]|[a-z0-9à-ÿ]+(?:'[a-z]+)?|[^\s]"
_NUMBER = (
    r"(?:\d+(?:,\d{3})*(?:\.\d+)?(?:\s?k(?![a-z])|[千万百](?!克))?|[一二两三四五六七八九][十百千万][零一二两三四五六七八九十百千万]*|[十百千万][一二两三四五六七八九十百千万]*(?=元|块)"
    r"|(?<![a-z])(?:(?:a|one|two|three|four|five|six|seven|eight|nine|ten|fifteen) (?:hundred|thousand)"
    r"|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred)(?:[ -](?:one|two|three|five|fifty))?(?![a-z]))"
)
_AMOUNT = rf"(?:{CURRENCY}\s?)?{_NUMBER}(?:\s?(?:{CURRENCY}|{any_of(UNITS)})(?![a-z]))?"
"""A number that is an amount, not "one" or 一下, with its unit."""


class Token(NamedTuple):
    """A token: what it says in lower case, and where."""

    said: str
    mark: str
    """One letter; empty where it is only a word."""
    start: int
    end: int


def tokens_of(text: str, columns: Columns) -> list[Token]:
    """Split a turn into tokens, marked with what the catalogue's columns mean in it."""
    plain = lower(text)
    taken: list[tuple[int, int, str]] = []
    for mark, pattern in _marks(columns):
        for found in compiled(pattern).finditer(plain):
            start, end = _stripped(plain, *found.span())
            if start < end and not any(start < stop and begin < end for begin, stop, _ in taken):
                taken.append((start, end, mark))
    taken.sort()
    tokens: list[Token] = []
    place = 0
    for start, end, mark in [*taken, (len(plain), len(plain), "")]:
        for found in compiled(_TOKEN).finditer(plain, place, start):
            tokens.append(Token(found.group(), "", found.start(), found.end()))
        if start < end:
            tokens.append(Token(plain[start:end], mark, start, end))
        place = end
    return tokens


def _marks(columns: Columns) -> Iterator[tuple[str, str]]:
    """Yield marks and their patterns; of what overlaps, the first one counts."""
    yield from (("R", pattern) for pattern in ROWS)
    yield "Y", rf"(?<![\d.]){DATE}"
    yield "N", _AMOUNT
    best = [(one, columns.meaning(one.name, ordered=True)) for one in MEANINGS]
    yield "S", any_of(word for one, column in best if column for word in (*one.lowest, *one.highest))
    yield "D", DIRECTION
    price = BY_NAME["price"]
    yield "K", any_of(price.lower)
    yield "V", columns.value_pattern
    if columns.meaning("price") is not None:
        yield "P", any_of(price.names)
    yield "C", columns.name_pattern
    yield "L", any_of(price.low)
    yield from (("I", pattern) for pattern in IT_WORDS)


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    said = text[start:end]
    return start + len(said) - len(said.lstrip()), end - len(said) + len(said.rstrip())
