"""Several threads read one catalogue while it is written: none of them is disturbed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

from openautoglm.catalog.catalog import Catalog


def write_table(path: Path, price: int) -> None:
    lines = [f"r{number},thing {number},{price}" for number in range(300)]
    path.write_text("\n".join(["id,title,price", *lines]) + "\n", encoding="utf-8")


def test_readers_are_not_disturbed_by_each_other_or_by_a_writer(tmp_path: Path) -> None:
    table, over = tmp_path / "rows.csv", Event()
    write_table(table, 0)
    shop = Catalog(tmp_path / "shop", create=True)
    shop.add(table)

    def read() -> set[int]:
        seen: set[int] = set()
        while not over.is_set():
            prices = shop.read(["price"])["price"].to_pylist()
            assert len(prices) == 300 and len(set(prices)) == 1  # a commit is seen whole
            assert shop.count(f"price = {prices[0]}") in (0, 300)
            assert shop.read(["price"], ids=["r7"])["price"].to_pylist()[0] >= prices[0]
            seen.add(prices[0])
        return seen

    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(read) for _ in range(4)]
        try:
            for price in (1, 2, 3):
                write_table(table, price)
                shop.add(table)
        finally:
            over.set()
        for reader in readers:
            assert reader.result() <= {0, 1, 2, 3}
    assert shop.read(["price"], ids=["r7"])["price"].to_pylist() == [3]
