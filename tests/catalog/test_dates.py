"""Dates in any supported form are read back; what only looks like one is not; slashes need their column."""

from __future__ import annotations

import calendar
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from openautoglm.catalog.catalog import Catalog
from openautoglm.catalog.dates import Order, SlashedDates, orders_of, parse_date
from openautoglm.catalog.values import convert, kind_of

Write = Callable[[str, str], Path]
DAYS = st.dates(date(1000, 1, 1), date(2199, 12, 31))
ORDERS: tuple[Order, ...] = ("dmy", "mdy", "ymd")
NAME, SHORT = calendar.month_name, calendar.month_abbr
FORMS: dict[str, Callable[[date], str]] = {
    "iso": date.isoformat,
    "year first, plain": lambda day: f"{day.year}-{day.month}-{day.day}",
    "year first, slashes": lambda day: f"{day.year}/{day.month:02}/{day.day:02}",
    "year first, dots": lambda day: f"{day.year}.{day.month:02}.{day.day:02}",
    "dots": lambda day: f"{day.day:02}.{day.month:02}.{day.year}",
    "dots, plain": lambda day: f"{day.day}.{day.month}.{day.year}",
    "name": lambda day: f"{NAME[day.month]} {day.day}, {day.year}",
    "short name": lambda day: f"{SHORT[day.month]}. {day.day:02} {day.year}",
    "capitals": lambda day: f"{SHORT[day.month]} {day.day}, {day.year}".upper(),
    "day first": lambda day: f"{day.day} {NAME[day.month]} {day.year}",
    "ordinal": lambda day: f"{day.day}th of {NAME[day.month]}, {day.year}",
    "dashes": lambda day: f"{day.day:02}-{SHORT[day.month]}-{day.year}",
    "chinese": lambda day: f"{day.year}年{day.month}月{day.day}日",
    "chinese, wide": lambda day: f"{day.year} 年 {day.month:02} 月 {day.day:02} 日",
}


def slashed(day: date, order: Order, *, short: bool) -> str:
    year = f"{day.year % 100:02}" if short else str(day.year)
    parts = {"d": f"{day.day:02}", "m": f"{day.month:02}", "y": year}
    return "/".join(parts[one] for one in order)


@pytest.mark.parametrize("form", FORMS)
@given(day=DAYS)
def test_every_form_is_read_back(form: str, day: date) -> None:
    text = FORMS[form](day)
    assert parse_date(text) == day
    assert kind_of(text, numbers_as_text=True) == kind_of(text) == "date"
    assert convert(f" {text} ", "date") == day


@given(st.dates(date(1969, 1, 1), date(2068, 12, 31)), st.sampled_from(ORDERS))
def test_slashes_are_read_back_in_their_order_and_not_without(day: date, order: Order) -> None:
    text = slashed(day, order, short=True)
    assert parse_date(text) is None
    assert parse_date(text, order) == day
    assert order in orders_of(text)


@given(st.lists(st.dates(date(1969, 1, 1), date(2068, 12, 31)), min_size=1), st.sampled_from(ORDERS))
def test_a_column_tells_its_own_order_or_none(days: list[date], order: Order) -> None:
    column = SlashedDates()
    assert all(column.note(slashed(day, order, short=True)) for day in days)
    assert column.order in (order, None)
    if order == "mdy" and any(day.day > 12 for day in days):
        assert column.order == "mdy"


@given(st.lists(DAYS, min_size=1), st.sampled_from(ORDERS[:2]))
def test_with_full_years_a_number_above_12_decides(days: list[date], order: Order) -> None:
    column = SlashedDates()
    for day in days:
        column.note(slashed(day, order, short=False))
    assert column.order == (order if any(day.day > 12 for day in days) else None)


@given(DAYS, DAYS)
def test_a_column_that_contradicts_itself_has_no_order(one: date, other: date) -> None:
    assume(one.day > 12 and other.day > 12)
    column = SlashedDates("dmy")
    texts = slashed(one, "dmy", short=False), slashed(other, "mdy", short=False)
    for text in texts:
        column.note(text)
    assert column.order is None
    assert all(text in column.why_not() for text in texts)


@pytest.mark.parametrize(
    "text",
    ["1.2.3", "2.3.24", "10.0.19045", "5.1.2600", "6.1.7601", "2024.3.2", "192.168.1.1"]
    + ["2024-13-45", "2023-02-29", "2024-00-01", "31.04.2024", "2024年13月1日", "February 30, 2024"]
    + ["12.50", "1,299.00", "1.299.000", "3.50.2024", "€ 12.03.2024", "12.03.2024 €"]
    + ["01.23.45.67.89", "555-2024", "030 12345678", "+49.30.2024", "202-555-0143", "1-2-2024"]
    + ["March 2024", "May", "may 5", "2 Marches 2024", "March 2, 20244", "0 March 2024", "Decor 2, 2024"]
    + ["2/3/24", "13/2/24", "1/2/3", "1/2", "24/7", "2/3/0024", "2024/13/45", "20240302"],
)
def test_what_only_looks_like_a_date(text: str) -> None:
    assert parse_date(text) is None
    assert kind_of(text, numbers_as_text=True) != "date"


@given(st.text())
def test_any_text_may_be_asked(text: str) -> None:
    parse_date(text)
    SlashedDates().note(text)


FIVE = ["2024-03-02", "02.03.2024", '"March 2, 2024"', "2024年3月2日", "2/3/24"]


def added(shop: Catalog, write: Write, cells: list[str], name: str = "table.csv") -> list[str]:
    """Add rows with these cells as `bought`; give the notes."""
    rows = [f"r{number},red ball number {number},{cell}" for number, cell in enumerate(cells)]
    return shop.add(write(name, "\n".join(["id,title,bought", *rows]) + "\n")).notes


def test_five_forms_in_one_column(shop: Catalog, write: Write) -> None:
    assert added(shop, write, [*FIVE, "13/2/24"]) == []
    assert shop.fields["bought"].type == "date"
    assert shop.read(["bought"])["bought"].to_pylist() == [*[date(2024, 3, 2)] * 5, date(2024, 2, 13)]
    assert shop.count("bought < date '2024-03-01'") == 1


def test_slashes_that_nothing_decides_stay_texts_and_one_line_says_why(shop: Catalog, write: Write) -> None:
    cells = ["2/3/24", "4/5/24", "2024-03-02", "02.03.2024"]
    (note,) = added(shop, write, cells)
    assert "'bought' stays a text: '2/3/24' may have the day first or the month first, and" in note
    assert note.endswith("write them as 2024-03-31")
    assert shop.fields["bought"].type == "text"
    assert shop.read(["bought"])["bought"].to_pylist() == cells


def test_slashes_that_contradict_each_other_stay_texts(shop: Catalog, write: Write) -> None:
    (note,) = added(shop, write, ["13/2/24", "2/14/24", "1/1/24", "3/4/24"])
    assert "'13/2/24' and '2/14/24' do not have day and month in the same order" in note
    assert shop.fields["bought"].type == "text"


def test_two_digit_years_that_might_be_days(shop: Catalog, write: Write) -> None:
    assert "the day first or the year first" in added(shop, write, ["13/02/24", "14/02/24"])[0]


def test_a_column_that_is_stored_as_a_text_stays_one(shop: Catalog, write: Write) -> None:
    added(shop, write, ["2/3/24", "soon", "later"])
    assert added(shop, write, [*FIVE, "13/2/24"]) == []
    assert shop.fields["bought"].type == "text"
    assert shop.read(["bought"])["bought"].to_pylist()[1] == "02.03.2024"


def test_the_order_is_remembered_when_the_row_that_told_it_is_gone(shop: Catalog, write: Write) -> None:
    added(shop, write, ["1/3/24", "2/3/24", "13/2/24"])
    assert added(shop, write, ["1/3/24", "2/3/24", "3/2/24"]) == []
    days = shop.read(["bought"])["bought"].to_pylist()
    assert days == [date(2024, 3, 1), date(2024, 3, 2), date(2024, 2, 3)]


def test_a_misfit_is_listed_as_before(shop: Catalog, write: Write) -> None:
    path = write("table.csv", "title,bought\na,02.03.2024\nb,3 March 2024\nc,2024年3月4日\nd,some day\n")
    (skipped,) = shop.add(path).skipped
    assert (skipped.row, skipped.field) == (5, "bought")
    assert "'some day' is not a date" in skipped.reason
