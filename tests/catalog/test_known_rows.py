"""What `add` knows of rows: only those that changed are read, and one that was removed may come back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from openautoglm.catalog.catalog import Catalog
from openautoglm.catalog.known_rows import Known, KnownRows
from openautoglm.catalog.threads import in_order


def write(path: Path, prices: dict[str, int]) -> Path:
    path.write_text("id,title,price\n" + "".join(f"{key},a {key},{price}\n" for key, price in prices.items()))
    return path


@pytest.fixture
def shop(tmp_path: Path) -> Catalog:
    return Catalog(tmp_path / "shop", create=True)


def test_only_rows_that_changed_are_read(
    shop: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prices = {f"r{number:03}": number for number in range(300)}
    shop.add(write(tmp_path / "rows.csv", prices))
    positions = dict(zip(*shop.read(["id", "_position"]).to_pydict().values(), strict=True))
    read: list[int] = []
    known = KnownRows.known

    def spy(self: KnownRows, places: Sequence[int]) -> list[Known]:
        read.extend(places)
        return known(self, places)

    monkeypatch.setattr(KnownRows, "known", spy)
    assert str(shop.add()) == "+0 ~0 −0"
    assert read == []
    shop.add(write(tmp_path / "rows.csv", prices | {"r007": -1, "r250": -2, "new": 5}))
    assert sorted(read) == [7, 250]
    # Those two lie behind the others now.
    read.clear()
    assert str(shop.add()) == "+0 ~0 −0"
    assert read == []
    shop.add(write(tmp_path / "rows.csv", prices | {"r007": -3, "r250": -2, "new": 5}))
    assert read == [7]
    assert shop.read(["id", "_position"], ids=["r007", "new"])["_position"].to_pylist() == [
        positions["r007"],
        300,
    ]


def test_a_row_that_one_source_lost_comes_back_from_the_next(shop: Catalog, tmp_path: Path) -> None:
    one, two = (tmp_path / f"{name}.csv" for name in ("one", "two"))
    shop.add(write(one, {"a": 1, "b": 2}), write(two, {"c": 3}))
    report = shop.add(write(one, {"a": 1}), write(two, {"c": 3, "b": 4}), prune=True)
    assert (report.added, report.changed, report.removed) == (1, 0, 1)
    assert shop.read(["id", "price"]).to_pylist() == [
        {"id": "a", "price": 1},
        {"id": "c", "price": 3},
        {"id": "b", "price": 4},
    ]


def test_an_id_of_two_sources_stays_with_the_first(shop: Catalog, tmp_path: Path) -> None:
    one, two = write(tmp_path / "one.csv", {"a": 1}), write(tmp_path / "two.csv", {"a": 2, "b": 3})
    for _ in range(2):
        report = shop.add(one, two)
        assert [skipped.reason for skipped in report.skipped] == [
            f"the id 'a' came from {shop.read(['_source'], ids=['a'])['_source'][0]} already; "
            "the first one stands"
        ]
    assert shop.read(["price"], ids=["a"])["price"].to_pylist() == [1]


def test_what_is_quick_keeps_its_turn() -> None:
    assert list(in_order(str, range(100), is_quick=lambda number: number % 3 == 0)) == [*map(str, range(100))]
