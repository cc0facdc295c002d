"""Rows become tensors by the training split's statistics; nothing in a later row fails."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from openautoglm.catalog.schema import Kind
from openautoglm.config import ConfigError
from openautoglm.encoders.column_features import FIRST, MISSING, UNKNOWN
from openautoglm.encoders.column_values import ColumnValues
from openautoglm.encoders.columns_processor import ColumnsProcessor

KINDS: dict[str, Kind] = {
    "price": "number",
    "pieces": "integer",
    "colour": "text",
    "new": "boolean",
    "day": "date",
    "at": "time",
    "marks": "tags",
}
ROWS: list[dict[str, Any]] = [
    {
        "price": 1.5 * row if row % 5 else None,
        "pieces": row % 3,
        "colour": ("red", "blue", None)[row % 3],
        "new": row % 2 == 0,
        "day": date(2024, 1 + row % 12, 1 + row),
        "at": datetime(2024, 1, 1 + row, row % 24, 30),
        "marks": ["round", "soft"][: row % 3],
    }
    for row in range(20)
]
ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12), st.dates(), st.datetimes(),
    st.lists(st.text(max_size=4), max_size=3), st.decimals(), st.binary(max_size=3),
)  # fmt: skip


def parts(values: ColumnValues) -> list[torch.Tensor]:
    return list(vars(values).values())


def test_shapes_and_what_is_missing() -> None:
    columns = ColumnsProcessor.fit(ROWS, KINDS)
    values = columns(ROWS)
    assert columns.names == ("price", "pieces", "colour", "new", "day", "at", "marks")
    assert [tuple(part.shape) for part in parts(values)] == [
        (20, 2), (20, 2), (20, 2), (20, 2, 9), (20, 2), (20, 1, 2)
    ]  # fmt: skip
    assert values.number_missing[:, 0].tolist() == [row["price"] is None for row in ROWS]
    assert (values.categories[:, 0] == MISSING).tolist() == [row["colour"] is None for row in ROWS]
    assert set(values.categories[:, 1].tolist()) == {FIRST, FIRST + 1}
    assert values.tags[0].tolist() == [[0, 0]] and (values.tags[2] >= FIRST).all()
    assert values.there().all()


@settings(deadline=None, max_examples=150)
@given(st.lists(st.dictionaries(st.sampled_from([*KINDS, "other"]), ANYTHING), max_size=4))
def test_no_row_fails_and_all_is_finite(rows: list[dict[str, Any]]) -> None:
    columns = ColumnsProcessor.fit(ROWS, KINDS)
    values = columns(rows)
    assert len(values) == len(rows)
    assert all(bool(part.isfinite().all()) for part in parts(values))
    assert (values.numbers[values.number_missing] == 0).all()
    for feature, ids in zip(columns.categories, values.categories.T, strict=True):
        assert ((ids >= 0) & (ids < feature.size)).all()


@settings(deadline=None, max_examples=80)
@given(st.lists(st.fixed_dictionaries(dict.fromkeys(KINDS, ANYTHING)), min_size=1, max_size=6))
def test_any_training_rows_give_statistics_that_are_saved_exactly(rows: list[dict[str, Any]]) -> None:
    try:
        columns = ColumnsProcessor.fit(rows, KINDS)
    except ConfigError:
        return
    again = ColumnsProcessor.from_json(columns.to_json())
    assert again == columns
    assert all(one.equal(other) for one, other in zip(parts(again(ROWS)), parts(columns(ROWS)), strict=True))
    assert ColumnsProcessor.fit(rows, KINDS).to_json() == columns.to_json()


def test_a_table_of_arrow_is_read_as_its_rows_are() -> None:
    table = pa.Table.from_pylist(ROWS)
    columns = ColumnsProcessor.fit(table, KINDS)
    assert columns == ColumnsProcessor.fit(ROWS, KINDS)
    assert all(
        one.equal(other) for one, other in zip(parts(columns(table)), parts(columns(ROWS)), strict=True)
    )
    assert columns(table.drop_columns(["price"])).number_missing[:, 0].all()


def test_later_rows_leave_no_trace() -> None:
    columns = ColumnsProcessor.fit(ROWS, KINDS)
    before = columns.to_json(), columns(ROWS[:1])
    columns([{**row, "price": 1e9, "colour": "mauve"} for row in ROWS])
    assert columns.to_json() == before[0]
    assert all(
        one.equal(other) for one, other in zip(parts(columns(ROWS[:1])), parts(before[1]), strict=True)
    )
    # A row reads the same whoever stands beside it.
    alone, beside = columns(ROWS[3:4]), columns(ROWS).rows(slice(3, 4))
    assert alone.numbers.equal(beside.numbers) and alone.dates.equal(beside.dates)
    assert alone.categories.equal(beside.categories)


def test_what_does_not_fit_is_missing_and_counted() -> None:
    columns = ColumnsProcessor.fit(ROWS, KINDS)
    rows = [
        {"price": "dear", "day": "May", "new": "perhaps", "size": 3},
        {"price": math.inf, "day": "2024-02-31", "new": True, "weight": 1},
        {"price": math.nan, "day": "2024-02-28", "new": None},
        {"price": 10**400, "pieces": 2.5},
    ]
    values, misfits, further = columns.read(rows)
    assert misfits == {"price": 3, "new": 1, "day": 2}
    assert further == ("size", "weight")
    assert values.number_missing[:, 0].all() and not values.number_missing[3, 1]
    assert values.date_missing[:, 0].tolist() == [True, True, False, True]
    assert columns([{}]).there().tolist() == [False]


def test_a_new_category_is_unknown_not_missing() -> None:
    columns = ColumnsProcessor.fit(ROWS, KINDS)
    values = columns([{"colour": "mauve", "marks": ["square", "round"]}])
    assert values.categories[0, 0] == UNKNOWN
    assert values.tags[0, 0, 0] == UNKNOWN and values.tags[0, 0, 1] >= FIRST


def test_dates_in_several_spellings_are_one_moment() -> None:
    columns = ColumnsProcessor.fit(ROWS, KINDS)
    east = timezone(timedelta(hours=8))
    same = [
        date(2024, 5, 3), "2024-05-03", "2024/5/3", datetime(2024, 5, 3), "2024-05-03T08:00+08:00",
        datetime(2024, 5, 3, 8, tzinfo=east), datetime(2024, 5, 3, tzinfo=UTC), np.datetime64("2024-05-03"),
    ]  # fmt: skip
    values, misfits, _ = columns.read([{"day": day, "at": day} for day in same])
    assert not misfits
    assert all(row.equal(values.dates[0]) for row in values.dates)


def test_columns_that_tell_nothing_are_left_out() -> None:
    rows = [
        {"same": 3, "none": None, "names": f"n{row}", "price": row, "gaps": 3 if row else None}
        for row in range(4)
    ]
    kinds: dict[str, Kind] = {
        "same": "number",
        "none": "text",
        "names": "text",
        "price": "number",
        "gaps": "number",
    }
    columns = ColumnsProcessor.fit(rows, kinds)
    assert columns.left_out == ("same", "none", "names") and columns.names == ("price", "gaps")
    assert columns.read([{"same": 4, "price": 1}]).further == ()
    with pytest.raises(ConfigError, match="same have one value each"):
        ColumnsProcessor.fit(rows, {"same": "number"})
    with pytest.raises(ConfigError, match="there is none"):
        ColumnsProcessor.fit([], {})


def test_a_lone_row_and_damage_are_told() -> None:
    columns = ColumnsProcessor.fit(ROWS, KINDS)
    with pytest.raises(TypeError, match=r"write \[row\]"):
        columns(ROWS[0])
    with pytest.raises(ConfigError, match="cannot be read"):
        ColumnsProcessor.from_json('{"numbers": 3}')


def test_parts_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="different numbers of rows"):
        ColumnValues(*parts(ColumnValues.empty(2))[:5], torch.zeros(3, 0, 1))
