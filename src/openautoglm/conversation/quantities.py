"""Numbers and dates in turns, in digits and in words, English and Chinese."""

from __future__ import annotations

import datetime as dt
import re

_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
).split()
_TENS = {
    word: 10 * place
    for place, word in enumerate(
        ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], 2
    )
}
_DIGITS = {
    "零": 0,
    "〇": 0,
    "一": 1,
    "二": 2,
    "两": 2,
    "三": 3,
    "四": 4,
    "五": 5,
    "六": 6,
    "七": 7,
    "八": 8,
    "九": 9,
}
_POWERS = {"十": 10, "百": 100, "千": 1000, "万": 10000}

_WORD = rf"(?:{'|'.join(sorted([*_SMALL, *_TENS], key=len, reverse=True))}|hundred|thousand)"
NUMBER = (
    r"(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)(?:\s?k(?![a-z])|[千万百](?!克))?"
    rf"|(?<![a-z])(?:an?\s)?{_WORD}(?:[\s-](?:and\s)?{_WORD})*(?![a-z])"
    r"|[零〇一二两三四五六七八九十百千万]+"
)
"""Pattern of a number."""

DATE = (
    r"(?:(?:19|20)\d\d[-/.年](?:1[0-2]|0?[1-9])(?:[-/.月](?:3[01]|[12]\d|0?[1-9]))?(?:日|号"
    r"|月)?|(?:19|20)\d\d年?)(?!\d)"
)
"""Pattern of a year, a month or a day."""


def to_number(text: str) -> float | None:
    """Read a number; None if it is none.

    >>> [to_number(one) for one in ("1,250.5", "2k", "twenty five", "a hundred", "三百五十", "3万", "red")]
    [1250.5, 2000.0, 25.0, 100.0, 350.0, 30000.0, None]
    """
    text = text.strip().casefold()
    digits = re.fullmatch(r"([\d,]+(?:\.\d+)?)\s?([k百千万]?)", text)
    if digits:
        return float(digits[1].replace(",", "")) * {"": 1, "k": 1000, **_POWERS}[digits[2]]
    return (
        _in_chinese(text) if re.fullmatch(r"[零〇一二两三四五六七八九十百千万]+", text) else _in_english(text)
    )


def period(text: str) -> tuple[dt.date, dt.date]:
    """Read a year, month or day: its first day, and the first day after it.

    >>> [str(day) for day in (*period("2023"), *period("2023年12月"), *period("2023-5-1"))]
    ['2023-01-01', '2024-01-01', '2023-12-01', '2024-01-01', '2023-05-01', '2023-05-02']

    Raises:
        ValueError: if there is no such day.
    """
    year, *rest = (int(part) for part in re.findall(r"\d+", text))
    if not rest:
        return dt.date(year, 1, 1), dt.date(year + 1, 1, 1)
    if len(rest) == 1:
        return dt.date(year, rest[0], 1), dt.date(year + rest[0] // 12, rest[0] % 12 + 1, 1)
    day = dt.date(year, rest[0], rest[1])
    return day, day + dt.timedelta(days=1)


def _in_english(text: str) -> float | None:
    whole, part, seen = 0, 0, False
    for word in re.split(r"[\s-]+", text):
        if word in ("a", "an", "and"):
            continue
        if word in _SMALL:
            part += _SMALL.index(word)
        elif word in _TENS:
            part += _TENS[word]
        elif word == "hundred":
            part = (part or 1) * 100
        elif word == "thousand":
            whole, part = whole + (part or 1) * 1000, 0
        else:
            return None
        seen = True
    return float(whole + part) if seen else None


def _in_chinese(text: str) -> float:
    if not any(one in _POWERS for one in text):
        return float("".join(str(_DIGITS[one]) for one in text))
    whole, part, digit = 0, 0, 0
    for one in text:
        if one in _DIGITS:
            digit = _DIGITS[one]
        elif one == "万":
            whole, part, digit = (whole + part + digit or 1) * 10000, 0, 0
        else:
            part, digit = part + (digit or 1) * _POWERS[one], 0
    return float(whole + part + digit)
