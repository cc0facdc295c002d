"""Cells keep what they say, columns get the kind that their cells have, and misfits are named."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openautoglm.catalog.values import convert, kind_of, settle


@given(st.integers(-(2**62), 2**62))
def test_whole_numbers_survive_a_csv(number: int) -> None:
    kind = kind_of(str(number), numbers_as_text=True)
    if abs(number) < 10**18:
        assert kind == "integer"
        assert convert(str(number), "integer") == number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_survive_a_csv(number: float) -> None:
    assert kind_of(repr(number), numbers_as_text=True) in ("number", "integer")
    assert convert(repr(number), "number") == number


@given(st.dates(min_value=date(1000, 1, 1)))
def test_dates_survive(day: date) -> None:
    assert kind_of(day.isoformat()) == "date"
    assert convert(day.isoformat(), "date") == day


@given(st.text())
def test_any_text_is_text_that_arrow_can_store(text: str) -> None:
    stored = convert(text + "\ud800", "text")
    assert isinstance(stored, str)
    stored.encode()


@pytest.mark.parametrize("cell", ["", "  ", "NA", "n/a", "null", "-", None, float("nan"), []])
def test_empty_cells_have_no_kind(cell: object) -> None:
    assert kind_of(cell, numbers_as_text=True) is None


@pytest.mark.parametrize(
    ("cell", "kind"),
    [
        ("007", "text"),
        ("1,299.00", "number"),
        ("1.", "number"),
        (".5", "number"),
        ("1e5", "number"),
        ("12px", "text"),
    ]
    + [("inf", "text"), ("TRUE", "boolean"), ("2024-05-31", "date"), ("2024-05-31 18:30", "time")]
    + [("99999999999999999999", "number"), ("+3", "integer"), ("1-2", "text"), ("红", "text")],
)
def test_kinds_of_csv_cells(cell: str, kind: str) -> None:
    assert kind_of(cell, numbers_as_text=True) == kind


def test_json_strings_stay_texts_but_dates_are_seen() -> None:
    assert (kind_of("12"), kind_of("true"), kind_of("2024-05-31")) == ("text", "text", "date")


def test_kinds_of_typed_cells() -> None:
    cells = [True, 3, 2**70, 1.5, Decimal("1.5"), ["a"], date(2024, 1, 1), datetime(2024, 1, 1), {"a": 1}]
    kinds = ["boolean", "integer", "text", "number", "number", "tags", "date", "time", "text"]
    assert [kind_of(cell) for cell in cells] == kinds


def test_one_bad_cell_does_not_turn_prices_into_texts() -> None:
    assert settle(Counter(number=4, text=1)) == "number"
    assert settle(Counter(number=2, text=1)) == "text"
    assert settle(Counter(integer=90, text=10)) == "integer"
    assert settle(Counter(integer=89, text=11)) == "text"


def test_kinds_widen_within_their_family() -> None:
    assert settle(Counter(integer=5, number=1)) == "number"
    assert settle(Counter(date=5, time=1)) == "time"
    assert settle(Counter(integer=5, date=5)) == "text"
    assert settle(Counter()) is None


@pytest.mark.parametrize(
    ("cell", "kind", "says"),
    [("cheap", "number", "'cheap' is not a number"), ("3.5", "integer", "not a whole number")]
    + [("maybe", "boolean", "neither true nor false"), ("2024-13-01", "date", "not a date like")]
    + [
        ("noon", "time", "not a date and time"),
        (True, "number", "not a number"),
        ("1e999", "number", "finite"),
    ],
)
def test_misfits_say_what_they_are_not(cell: object, kind: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        convert(cell, kind)  # type: ignore[arg-type]


def test_conversions_between_kinds() -> None:
    assert convert(3.0, "integer") == 3
    assert convert("2024-05-31", "time") == datetime(2024, 5, 31)
    assert convert(date(2024, 5, 31), "time") == datetime(2024, 5, 31)
    assert convert("2024-05-31T02:00:00+02:00", "time") == datetime(2024, 5, 31)
    assert convert(datetime(2024, 5, 31, tzinfo=UTC), "time") == datetime(2024, 5, 31)
    assert convert("笑脸、脸; cat", "tags") == ["笑脸", "脸", "cat"]
    assert convert({"a": [1]}, "text") == '{"a": [1]}'
    assert convert("n/a", "number") is None
    assert convert("n/a", "text") == "n/a"
