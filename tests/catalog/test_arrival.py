"""Rows are read in the order in which they came, wherever updates have moved them in the table's files."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openautoglm.catalog import arrival as arrivals
from openautoglm.catalog.arrival import Arrival
from openautoglm.catalog.copies import _distinct
from openautoglm.catalog.schema import ID
from openautoglm.catalog.store import Store

LEFT = [f"r{number:02}" for number in range(40) if number != 5]
CHANGED = {"r02", "r04", "r17", "r18", "r19"}


# Each row by itself, and all that lie side by side as one piece.
@pytest.fixture(params=[1, 0], ids=["one by one", "in pieces"])
def moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Arrival:
    """Forty rows of which five were rewritten and one removed; read seven at a time."""
    monkeypatch.setattr(arrivals, "_ROWS_READ", 7)
    monkeypatch.setattr(arrivals, "_ROWS_AT_ONCE", 5)
    monkeypatch.setattr(arrivals, "_GAP", 2)
    monkeypatch.setattr(arrivals, "_ROWS_A_PIECE", 1000 * request.param)
    store = Store(tmp_path, create=True)
    rows = [{ID: f"r{number:02}", "_position": number, "_hash": "old"} for number in range(40)]
    store.upsert(rows)
    store.upsert([{**row, "_hash": "new"} for row in reversed(rows) if row[ID] in CHANGED])
    store.delete(["r05"])
    assert store.dataset.to_table(columns=[ID])[ID].to_pylist() != LEFT
    return store.arrival()


def test_all_rows_come_in_order(moved: Arrival) -> None:
    rows = list(moved.each([ID, "_hash"]))
    assert [row[ID] for row in rows] == LEFT
    assert {row[ID] for row in rows if row["_hash"] == "new"} == CHANGED
    assert max(batch.num_rows for batch in moved.batches([ID])) == 7


def test_rows_at_places_of_that_order(moved: Arrival) -> None:
    places = random.Random(0).choices(range(len(LEFT)), k=30)
    found = moved.at(np.array(places), ["_hash", ID])
    assert [row[ID] for row in found] == [LEFT[place] for place in places]
    assert list(moved.at(np.empty(0, np.int64), [ID])) == []


def test_an_empty_table_has_no_rows(tmp_path: Path) -> None:
    assert list(Store(tmp_path, create=True).arrival().each([ID])) == []


def test_a_later_commit_does_not_change_what_is_read(tmp_path: Path) -> None:
    store = Store(tmp_path, create=True)
    store.upsert([{ID: one, "_position": place, "_hash": "old"} for place, one in enumerate("abc")])
    before = store.arrival()
    store.upsert([{ID: "a", "_position": 0, "_hash": "new"}])
    store.delete(["b"])
    assert [row["_hash"] for row in before.at(np.array([0, 1, 2]), ["_hash"])] == ["old"] * 3
    assert [row["_hash"] for row in store.arrival().each(["_hash"])] == ["new", "old"]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2))))
def test_pictures_are_numbered_by_their_first_rows(digests: list[tuple[int, int]]) -> None:
    numbers, first = _distinct(np.array(digests, np.uint64).reshape(-1, 2))
    known: dict[tuple[int, int], int] = {}
    assert numbers.tolist() == [known.setdefault(one, len(known)) for one in digests]
    assert first.tolist() == [digests.index(one) for one in known]
