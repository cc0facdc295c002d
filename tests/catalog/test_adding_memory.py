"""What an `add` holds in memory does not grow with the rows."""

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
    """Add rows and tell how many bytes are held when all are committed."""
    store, source, report = Store(folder, create=True), Rows(rows), AddReport()
    with Adder(
        store, dict(source.fields), report, portable=str, tables=(), embed=False, progress=None
    ) as adder:
        tracemalloc.start()
        try:
            adder.add(source, prune=False)
            found = tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()
    assert report.added == rows == store.count(None)
    return found


def test_four_thousand_rows_more_take_no_more_memory(tmp_path: Path) -> None:
    held(tmp_path / "first", 1000)  # what is imported late, and caches
    # Whole thousands, so that as many rows wait to be written at the end of each.
    few, many = held(tmp_path / "few", 2000), held(tmp_path / "many", 6000)
    assert many - few < 4000 * 100
