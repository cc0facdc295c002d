"""Rows are read in the order in which they came, wherever updates have moved them in the table's files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openautoglm.catalog import store as stores
from openautoglm.catalog.copies import _distinct
from openautoglm.catalog.schema import ID
from openautoglm.catalog.store import Store


@pytest.fixture
def moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Ten rows of which three were rewritten and one removed; read three at a time."""
    monkeypatch.setattr(stores, "_ROWS_TAKEN", 3)
    monkeypatch.setattr(stores, "_ROWS_AT_ONCE", 2)
    store = Store(tmp_path, create=True)
    rows = [{ID: f"r{number}", "_position": number, "_hash": "old"} for number in range(10)]
    store.upsert(rows)
    store.upsert([{**rows[number], "_hash": "new"} for number in (7, 2, 4)])
    store.delete(["r5"])
    assert store.dataset.to_table(columns=[ID])[ID].to_pylist() != sorted(f"r{one}" for one in range(10))
    return store


def test_all_rows_come_in_order(moved: Store) -> None:
    rows = list(moved.each([ID, "_hash"]))
    assert [row[ID] for row in rows] == ["r0", "r1", "r2", "r3", "r4", "r6", "r7", "r8", "r9"]
    assert [row[ID] for row in rows if row["_hash"] == "new"] == ["r2", "r4", "r7"]
    assert max(batch.num_rows for batch in moved.batches([ID])) == 3


def test_rows_at_places_of_that_order(moved: Store) -> None:
    found = [row[ID] for row in moved.at(np.array([8, 0, 2, 2, 5]), [ID])]
    assert found == ["r9", "r0", "r2", "r2", "r6"]
    assert list(moved.at(np.empty(0, np.int64), [ID])) == []


def test_an_empty_table_has_no_rows(tmp_path: Path) -> None:
    assert list(Store(tmp_path, create=True).each([ID])) == []


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2))))
def test_pictures_are_numbered_by_their_first_rows(digests: list[tuple[int, int]]) -> None:
    numbers, first = _distinct(np.array(digests, np.uint64).reshape(-1, 2))
    known: dict[tuple[int, int], int] = {}
    assert numbers.tolist() == [known.setdefault(one, len(known)) for one in digests]
    assert first.tolist() == [digests.index(one) for one in known]
