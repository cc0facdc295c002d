"""Updates of rows that hold pictures: the same table as when whole rows are written, in far fewer bytes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from openautoglm.catalog import store as stores
from openautoglm.catalog.by_columns import cheaper_by_columns
from openautoglm.catalog.catalog import Catalog

SaveImage = Callable[..., Path]
SIZE = 4


@pytest.fixture
def embedded(tmp_path: Path, save_image: SaveImage) -> Catalog:
    """Two fragments of pictures that are kept in the table, from the second of which a row was deleted."""
    shop = Catalog(tmp_path / "shop", create=True)
    for folder in ("one", "two"):
        for number in range(6):
            seed = number + 10 * (folder == "two")
            save_image(tmp_path / folder / f"a thing {folder}{'abcdef'[number]}.png", seed, (80, 80))
        shop.add(tmp_path / folder, embed=True)
    (tmp_path / "two" / "a thing twoc.png").unlink()
    shop.add(tmp_path / "two", embed=True, prune=True)
    assert shop.count() == 11 and len(shop.dataset.get_fragments()) == 2
    return shop


def update(ids: list[str], seed: int) -> pa.Table:
    """Give every other of these rows a vector, and all a note."""
    drawn = np.random.default_rng(seed).normal(size=(len(ids), SIZE)).astype(np.float32)
    vectors = [None if place % 2 else one for place, one in enumerate(drawn)]
    notes = [f"{seed} of {one}" for one in ids]
    kinds = pa.list_(pa.float32(), SIZE)
    return pa.table({"id": ids, "_made_embeds": pa.array(vectors, kinds), "_note": notes})


def written(shop: Catalog) -> int:
    return sum(file.stat().st_size for file in (shop.folder / "items.lance" / "data").iterdir())


def test_the_table_is_the_same_either_way(
    embedded: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = embedded.read(["id"])["id"].to_pylist()
    pictures = {one: embedded.load_image({"id": one}).tobytes() for one in ids}
    updates = [update(ids[2:9], 1), update([*ids[:3], "nobody"], 2), update([ids[10]], 3)]

    expected: dict[str, tuple[object, object]] = dict.fromkeys(ids, (None, None))
    for by_columns in (True, False):
        if not by_columns:
            monkeypatch.setattr(stores, "cheaper_by_columns", lambda *_: False)
            embedded.drop_columns(["_made_embeds", "_note"])
        for one in updates:
            embedded.merge_columns(one)
            for row in one.to_pylist():
                if row["id"] in expected:
                    expected[row["id"]] = (row["_made_embeds"], row["_note"])
            found = embedded.read(["id", "_made_embeds", "_note"]).to_pylist()
            assert [row["id"] for row in found] == ids
            if by_columns:
                assert {row["id"]: (row["_made_embeds"], row["_note"]) for row in found} == expected
    last = {row["id"]: (row["_made_embeds"], row["_note"]) for row in found}
    assert last == expected
    assert {one: embedded.load_image({"id": one}).tobytes() for one in ids} == pictures
    assert embedded.count("_note LIKE '2 of %'") == 3


def test_pictures_are_not_written_again(embedded: Catalog) -> None:
    ids = embedded.read(["id"])["id"].to_pylist()
    before = written(embedded)
    for seed in range(3):
        embedded.merge_columns(update(ids, seed))
    assert written(embedded) - before < 0.2 * before
    assert [one.count_rows() for one in embedded.dataset.get_fragments()] == [6, 5]


def test_small_rows_and_few_of_many_are_written_whole(embedded: Catalog, tmp_path: Path) -> None:
    ids = embedded.read(["id"])["id"].to_pylist()
    assert cheaper_by_columns(embedded.dataset, embedded.read(["id", "caption"], ids=ids))
    large = pa.table({"id": ids[:1], "caption": ["x" * 10_000]})
    assert not cheaper_by_columns(embedded.dataset, large)
    (tmp_path / "t.csv").write_text("id,title\n" + "".join(f"t{row},a thing\n" for row in range(50)))
    plain = Catalog(tmp_path / "plain", create=True)
    plain.add(tmp_path / "t.csv")
    words = pa.table({"id": [f"t{row}" for row in range(50)], "_note": ["w" * 500] * 50})
    assert not cheaper_by_columns(plain.dataset, words)


def test_an_indexed_column_is_written_with_its_rows(embedded: Catalog) -> None:
    ids = embedded.read(["id"])["id"].to_pylist()
    notes = pa.table({"id": ids, "caption": [f"another {one}" for one in ids]})
    assert cheaper_by_columns(embedded.dataset, notes)
    embedded.writable.create_scalar_index("caption", "BTREE")
    assert not cheaper_by_columns(embedded.dataset, notes)
