"""What an `add` holds of a row in memory is hashes and numbers, no objects."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

from openautoglm.catalog.adding import Adder
from openautoglm.catalog.report import AddReport
from openautoglm.catalog.schema import Field, Roles
from openautoglm.catalog.source import Item
from openautoglm.catalog.store import Store


class Rows:
    """A source of so many rows, which holds none of them."""

    name = "rows"
    unreadable = 0
    roles: Roles | None = None

    def __init__(self, total: int) -> None:
        self.total = total
        self.fields = {"title": Field("title", "text", "text")}

    def items(self) -> Iterator[Item]:
        for number in range(self.total):
            yield Item(f"rows/{number:09}", {"title": f"ball {number}"})


def held(folder: Path, rows: int) -> int:
    """Add rows and tell how many bytes are held when all are committed; the second time they are known."""
    store, source, report = Store(folder, create=True), Rows(rows), AddReport()
    known = store.count(None)
    tracemalloc.start()
    try:
        adder = Adder(store, dict(source.fields), report, portable=str, tables=(), embed=False, progress=None)
        adder.add(source, prune=False)
        found = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert (report.added, report.unchanged, store.count(None)) == (rows - known, known, rows)
    return found


def test_a_row_more_takes_less_than_two_hundred_bytes(tmp_path: Path) -> None:
    held(tmp_path / "first", 1000)  # what is imported late, and caches
    for _ in range(2):
        few, many = held(tmp_path / "few", 2000), held(tmp_path / "many", 6000)
        assert many - few < 4000 * 200
