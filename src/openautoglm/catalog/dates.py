"""Dates as people write them: which texts are a date, and which only together with their column.

    2024-03-02  2024/3/2  2024.03.02                    the year first
    2.3.2024                                            the day first, as wherever dots are written
    March 2, 2024  2nd Mar 2024  2-Mar-2024             months by their English names
    2024年3月2日                                          Chinese
    2/3/2024  2/3/24                                    either number may be the month: the column decides

A text with slashes is a date in some *orders* of day, month and year. A column's order is the one in which
all of these are dates: `13/2/24` rules out that the month is first, `2/3/2024` that the year is. Where no
order or more than one is left, none is guessed.

Other than with the year first, a year is 1000 to 2199: `5.1.2600` is a version. So is `2.3.24`, and
`2024.3.2` may be one. Of years with two digits, 69 to 99 are of the last century (POSIX, strptime).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from typing import Literal, get_args

Order = Literal["dmy", "mdy", "ymd"]
"""Which of three numbers is the day, the month and the year."""

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    r"(?P<name>jan(uary)?|feb(ruary)?|mar(ch)?|apr(il)?|may|june?|july?|aug(ust)?|sept?(ember)?|oct(ober)?"
    r"|nov(ember)?|dec(ember)?)\.?"
)
_DAY = r"(?P<d>\d{1,2})(st|nd|rd|th)?"
_YEAR = r"(?P<y>1\d{3}|2[01]\d\d)"
_FORMS = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        r"(?P<y>\d{4})(-(?P<m>\d{1,2})-|/(?P<m2>\d{1,2})/)(?P<d>\d{1,2})",
        rf"{_YEAR}\.(?P<m>\d\d)\.(?P<d>\d\d)",
        rf"(?P<d>\d{{1,2}})\.(?P<m>\d{{1,2}})\.{_YEAR}",
        rf"{_YEAR} ?年 ?(?P<m>\d{{1,2}}) ?月 ?(?P<d>\d{{1,2}}) ?[日号]",
        rf"{_MONTH} {_DAY},? {_YEAR}",
        rf"{_DAY}\.? (of )?{_MONTH},? {_YEAR}",
        rf"(?P<d>\d{{1,2}})-{_MONTH}-{_YEAR}",
    )
)
_SLASHED = re.compile(r"(\d{1,2})/(\d{1,2})/(\d\d|1\d{3}|2[01]\d\d)")
_LONGEST = len("September 22nd, 2024") + 3
_CENTURY_ENDS = 69


def parse_date(text: str, order: Order | None = None) -> date | None:
    """Read a date; None where the text is none, or has slashes and its order is not known.

    >>> parse_date("2nd Mar 2024"), parse_date("1.2.3"), parse_date("2/3/24"), parse_date("2/3/24", "dmy")
    (datetime.date(2024, 3, 2), None, None, datetime.date(2024, 3, 2))
    """
    if len(text) > _LONGEST:
        return None
    for form in _FORMS:
        if found := form.fullmatch(text):
            said = found.groupdict()
            named = said.get("name")
            month = _MONTHS.index(named[:3].lower()) + 1 if named else int(said["m"] or said["m2"])
            return _date(int(said["y"]), month, int(said["d"]))
    return _in_order(text, order) if order else None


def orders_of(text: str) -> frozenset[Order]:
    """List the orders in which a text with slashes is a date; empty where it is none.

    >>> sorted(orders_of("2/3/24")), sorted(orders_of("13/2/2024")), sorted(orders_of("13/02/24"))
    (['dmy', 'mdy'], ['dmy'], ['dmy', 'ymd'])
    """
    if not _SLASHED.fullmatch(text):
        return frozenset()
    return frozenset(order for order in get_args(Order) if _in_order(text, order))


class SlashedDates:
    """What a column's texts with slashes say, one after the other, of their order.

    Args:
        before: the order that holds where they rule out others, but not enough of them.

    >>> dates = SlashedDates()
    >>> dates.note("2/3/24"), dates.order, dates.note("13/2/24"), dates.order
    (True, None, True, 'dmy')
    """

    def __init__(self, before: Order | None = None) -> None:
        self.count = 0
        self._before = before
        self._left: frozenset[Order] = frozenset(get_args(Order))
        self._first = ""
        self._against: tuple[str, str] | None = None
        self._witness: dict[frozenset[Order], str] = {}

    def note(self, text: str) -> bool:
        """Take one text; say whether it is a date in some order."""
        orders = orders_of(text)
        if not orders:
            return False
        self.count += 1
        self._first = self._first or text
        if self._left and not self._left & orders:
            self._against = next(iter(self._opposed(orders)), self._first), text
        self._left &= orders
        self._witness.setdefault(orders, text)
        return True

    @property
    def order(self) -> Order | None:
        """The one order that is left, or of several the one before; else None."""
        if len(self._left) == 1:
            return next(iter(self._left))
        return self._before if self._before in self._left else None

    def why_not(self) -> str:
        """Say in words why there is no one order."""
        if self._against:
            one, other = self._against
            return f"{one!r} and {other!r} do not have day and month in the same order"
        names = {"dmy": "the day first", "mdy": "the month first", "ymd": "the year first"}
        ways = " or ".join(names[order] for order in get_args(Order) if order in self._left)
        return f"{self._first!r} may have {ways}, and no other value tells which"

    def _opposed(self, orders: frozenset[Order]) -> Iterable[str]:
        return (text for other, text in self._witness.items() if not other & orders)


def _in_order(text: str, order: Order) -> date | None:
    found = _SLASHED.fullmatch(text)
    if not found or (order == "ymd" and len(text) != len("24/03/02")):
        return None
    parts = dict(zip(order, found.groups(), strict=True))
    year = int(parts["y"])
    if len(parts["y"]) == 2:
        year += 1900 if year >= _CENTURY_ENDS else 2000
    return _date(year, int(parts["m"]), int(parts["d"]))


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
