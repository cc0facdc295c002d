"""Facets: how the rows that match spread over a column's values; and their order by a column.

words, truth values, lists of tags      each value with the number of rows that have it
numbers, dates with few values          the same, in their order
numbers with many                       ranges of equal, round width
dates with many                         years, months or days, whatever tells them apart
"""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from openautoglm.catalog.printable import one_line

FEW = 10
"""Different numbers or dates up to which each is counted by itself."""
_SHOWN = 20
"""Values in a printed line; JSON has all."""


@dataclass(frozen=True)
class Facet:
    """One column's values among the rows that match.

    >>> print(Facet.of("price", [3, 3.5, None]))
    price  3: 1, 3.5: 1, none: 1
    """

    column: str
    counts: dict[str, int] = field(default_factory=dict)
    """Values or ranges with their rows: numbers and dates in order, others the most frequent first."""
    none: int = 0
    """Rows without a value."""
    low: Any = None
    high: Any = None
    """The least and the greatest of numbers and dates."""

    @classmethod
    def of(cls, column: str, values: Sequence[Any]) -> Facet:
        """Count the values of a column, one a row; lists count for each of their members."""
        there = [value for value in values if value is not None and value != []]
        none = len(values) - len(there)
        if not there or not isinstance(there[0], int | float | dt.date) or isinstance(there[0], bool):
            flat = [one for value in there for one in (set(value) if isinstance(value, list) else [value])]
            counted = Counter(_name(one) for one in flat)
            return cls(column, dict(sorted(counted.items(), key=lambda item: (-item[1], item[0]))), none)
        names = _names(there)
        counted = Counter(names[value] for value in there)
        ordered = dict.fromkeys(names[value] for value in sorted(names))
        return cls(column, {name: counted[name] for name in ordered}, none, min(there), max(there))

    def __str__(self) -> str:
        first = list(self.counts.items())[:_SHOWN]
        parts = [f"{one_line(name)}: {count:,}" for name, count in first]
        parts += [f"and {rest:,} more values"] if (rest := len(self.counts) - len(first)) else []
        parts += [f"none: {self.none:,}"] if self.none else []
        return f"{self.column}  " + (", ".join(parts) or "–")

    def as_dict(self) -> dict[str, Any]:
        """Return what JSON holds of it; dates stay dates."""
        span = {} if self.low is None else {"low": self.low, "high": self.high}
        return {"counts": self.counts, "none": self.none, **span}


def in_order(values: Sequence[Any], *, falling: bool) -> list[int]:
    """Give the places of the values from least to greatest, or back; rows without a value come last.

    >>> in_order([3, None, 1, 3], falling=True)
    [0, 3, 2, 1]
    """
    there = [place for place, value in enumerate(values) if value is not None]
    none = [place for place, value in enumerate(values) if value is None]
    return sorted(there, key=lambda place: values[place], reverse=falling) + none


def _names(values: Iterable[Any]) -> dict[Any, str]:
    """What each number or date is counted under."""
    different = sorted(set(values))
    if len(different) <= FEW:
        return {value: _name(value) for value in different}
    if isinstance(different[0], dt.date):
        for pattern in ("%Y", "%Y-%m", "%Y-%m-%d"):
            if len({value.strftime(pattern) for value in different}) > 1:
                break
        return {value: value.strftime(pattern) for value in different}
    width = _round_width((different[-1] - different[0]) / FEW)
    return {value: _range(math.floor(value / width) * width, width) for value in different}


def _round_width(width: float) -> float:
    """The next 1, 2 or 5 times a power of ten.

    >>> _round_width(13), _round_width(0.3)
    (20.0, 0.5)
    """
    power = 10.0 ** math.floor(math.log10(width))
    return next(step * power for step in (1.0, 2.0, 5.0, 10.0) if step * power >= width * (1 - 1e-9))


def _range(low: float, width: float) -> str:
    return f"{low:.10g} – {low + width:.10g}"


def _name(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.10g}"
    return value.isoformat() if isinstance(value, dt.date) else str(value)
