"""Cells of a table: what kind each is, what kind their column has, and their conversion to it.

CSV brings text for everything, JSON and Parquet bring values. A column is of a typed kind when all
its cells are, or all but a few misfits (at most a tenth, or a single one beside three that fit); a
misfit is later listed with its line and left empty, so one "n.a." does not turn prices into text.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal

from openautoglm.catalog.dates import Order, parse_date
from openautoglm.catalog.schema import Kind

EMPTY = frozenset({"", "na", "n/a", "#n/a", "nan", "null", "none", "-", "—"})
_INTEGER = re.compile(r"[+-]?(0|[1-9]\d{0,17})")
_NUMBER = re.compile(r"[+-]?((0|[1-9]\d*)(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?")
_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)?")


def kind_of(value: object, *, numbers_as_text: bool = False) -> Kind | None:
    """Tell the narrowest kind of one cell, None for an empty one.

    Args:
        value: the cell.
        numbers_as_text: whether a string "12" is the number 12 (CSV) or a text (JSON, Parquet).

    >>> kind_of("12", numbers_as_text=True), kind_of("007", numbers_as_text=True), kind_of("n/a")
    ('integer', 'text', None)
    """
    if isinstance(value, str):
        return _kind_of_text(value.strip(), numbers_as_text)
    if value is None:
        return None
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer" if abs(value) < 2**63 else "text"
    if isinstance(value, float | Decimal):
        return None if math.isnan(value) else "number"
    if isinstance(value, datetime):
        return "time"
    if isinstance(value, date):
        return "date"
    if isinstance(value, list | tuple):
        return "tags" if value else None
    return "text"


def settle(counts: Counter[Kind]) -> Kind | None:
    """Settle the kind of a column whose cells have these kinds; None when all are empty.

    >>> settle(Counter(integer=8, number=3)), settle(Counter(number=9, text=1)), settle(Counter(text=1))
    ('number', 'number', 'text')
    """
    total = counts.total()
    if not total:
        return None
    families: tuple[tuple[Kind, tuple[Kind, ...]], ...] = (
        ("integer", ("integer",)),
        ("number", ("integer", "number")),
        ("boolean", ("boolean",)),
        ("date", ("date",)),
        ("time", ("date", "time")),
        ("tags", ("tags",)),
    )
    # The kind that has the most cells; of equals `max` keeps the first, which is the narrower.
    kind, fits = max(
        ((kind, sum(counts[one] for one in ones)) for kind, ones in families), key=lambda pair: pair[1]
    )
    misfits = total - fits
    return kind if misfits * 10 <= total or (misfits == 1 and fits >= 3) else "text"


def convert(value: object, kind: Kind, order: Order | None = None) -> object:
    """Convert a cell to a value of `kind`; None when empty.

    Args:
        value: the cell.
        kind: what its column holds.
        order: of day, month and year where dates are written with slashes, if it is known.

    Raises:
        ValueError: if it is no such value; the text says what it is not.

    >>> convert("1,299.50", "number"), convert(["a", "b"], "text"), convert(" ", "text")
    (1299.5, 'a, b', None)
    """
    if isinstance(value, str) and (not value.strip() or (kind != "text" and value.strip().lower() in EMPTY)):
        return None
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if kind in ("date", "time") and isinstance(value, str):
        value = parse_date(value.strip(), order) or value
    return _CONVERTERS[kind](value)


def _kind_of_text(text: str, numbers_as_text: bool) -> Kind | None:
    if text.lower() in EMPTY:
        return None
    if text[0].isdigit() or text[0] in "+-.":
        if numbers_as_text and _INTEGER.fullmatch(text):
            return "integer"
        if numbers_as_text and (_NUMBER.fullmatch(text) or _GROUPED.fullmatch(text)):
            return "number"
        if _TIME.fullmatch(text):
            return "time"
    if parse_date(text):
        return "date"
    return "boolean" if numbers_as_text and text.lower() in ("true", "false") else "text"


def _to_text(value: object) -> str:
    if isinstance(value, str):
        # Half a surrogate pair, which JSON can spell, is no text and cannot be stored.
        return value.strip().encode("utf-8", "replace").decode()
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value)
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, dict) else str(value)


def _to_number(value: object) -> float:
    if isinstance(value, str):
        plain = value.strip()
        if not (_NUMBER.fullmatch(plain) or _GROUPED.fullmatch(plain)):
            raise ValueError(f"{value!r} is not a number")
        number = float(plain.replace(",", ""))
    elif isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        number = float(value)
    else:
        raise ValueError(f"{value!r} is not a number")
    if not math.isfinite(number):
        raise ValueError(f"{value!r} is not a finite number")
    return number


def _to_integer(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        whole = value
    elif isinstance(value, str) and _INTEGER.fullmatch(value.strip()):
        whole = int(value)
    else:
        number = _to_number(value)
        if not number.is_integer():
            raise ValueError(f"{value!r} is not a whole number")
        whole = int(number)
    if abs(whole) >= 2**63:
        raise ValueError(f"{value!r} is too large for a whole number")
    return whole


def _to_boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    named = {"true": True, "false": False}.get(str(value).strip().lower())
    if named is None:
        raise ValueError(f"{value!r} is neither true nor false")
    return named


def _to_time(value: object) -> datetime:
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day)
    try:
        if not isinstance(value, datetime):
            value = datetime.fromisoformat(str(value).strip())
    except ValueError:
        raise ValueError(f"{value!r} is not a date and time like 2024-05-31 18:30") from None
    # Stored without a zone, in UTC, so that all rows compare.
    return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value


def _to_date(value: object) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    raise ValueError(f"{value!r} is not a date like 2024-05-31")


def to_tags(value: object) -> list[str] | None:
    """Take a list of tags, or part a text at its commas, semicolons and the like.

    >>> to_tags("red、round; apple")
    ['red', 'round', 'apple']
    """
    items = value if isinstance(value, list | tuple) else re.split(r"[,;|，；、\n]", str(value))
    return [tag for item in items if item is not None and (tag := _to_text(str(item)))] or None


_CONVERTERS: dict[Kind, Callable[[object], object]] = {
    "text": _to_text,
    "integer": _to_integer,
    "number": _to_number,
    "boolean": _to_boolean,
    "date": _to_date,
    "time": _to_time,
    "tags": to_tags,
}
