"""Rows of a table: ids, pictures beside it, cells that do not fit, columns that other sources know."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from openautoglm.catalog.catalog import Catalog
from openautoglm.catalog.errors import CatalogError
from openautoglm.catalog.report import Skipped
from openautoglm.catalog.schema import Field, Roles
from openautoglm.catalog.source import Item
from openautoglm.catalog.table import TableSource

Write = Callable[..., Path]


def opened(path: Path, known: dict[str, Field] | None = None, **roles: object) -> TableSource:
    return TableSource(path, name="table", prefix="t", roles=Roles(**roles), known=known or {})  # type: ignore[arg-type]


def items(source: TableSource) -> list[Item]:
    return [item for item in source.items() if isinstance(item, Item)]


def skipped(source: TableSource) -> list[Skipped]:
    found = []
    for item in source.items():
        found += item.problems if isinstance(item, Item) else [item]
    return found


def test_pictures_lie_beside_the_table(write: Write, tmp_path: Path) -> None:
    (tmp_path / "img").mkdir()
    (tmp_path / "img" / "b.jpg").touch()
    path = write(
        "a.csv", f"image,title\nimg/a.jpg,x\nimg\\b.jpg,y\n{tmp_path}/c.jpg,z\n,w\nfile:///d%20e.jpg,v\n"
    )
    expected = [tmp_path / "img/a.jpg", tmp_path / "img/b.jpg", tmp_path / "c.jpg", None, Path("/d e.jpg")]
    assert [item.picture for item in items(opened(path))] == expected


def test_accents_as_macos_spells_them(write: Write, tmp_path: Path) -> None:
    (tmp_path / "cafe\u0301.png").touch()
    item = items(opened(write("a.csv", "image,title\ncaf\u00e9.png,x\n")))[0]
    assert isinstance(item.picture, Path)
    assert item.picture.exists()


def test_derived_ids_are_stable_and_differ(write: Write) -> None:
    path = write("a.csv", "image,title\na.jpg,x\na.jpg,y\nb.jpg,z\n,w\n,w\n")
    ids = [item.id for item in items(opened(path))]
    assert ids[:3] == ["t:a.jpg", "t:a.jpg#2", "t:b.jpg"]
    assert ids[4] == f"{ids[3]}#2"
    assert [item.id for item in items(opened(path))] == ids


def test_the_same_id_twice(write: Write) -> None:
    source = opened(write("a.csv", "id,title\n1,a\n2,b\n1,c\n,d\n"), id="id")
    assert [item.id for item in items(source)] == ["1", "2"]
    assert skipped(source) == [
        Skipped("table", 4, "id", None, "id '1' was on line 2 already; the first one stands"),
        Skipped("table", 5, "id", None, "the id is empty"),
    ]


def test_a_bad_cell_names_line_and_field_and_the_row_stays(write: Write) -> None:
    source = opened(write("a.csv", "title,price\na,1\nb,2\nc,cheap\nd,3.5\ne\n"))
    assert skipped(source) == [
        Skipped("table", 4, "price", None, "'cheap' is not a number; the cell is left empty"),
        Skipped("table", 6, None, None, "1 cells where the header has 2; field 'price' is missing"),
    ]
    assert [item.values for item in items(source)][2] == {"title": "c", "price": None}
    assert source.unreadable == 1


def test_a_link_is_not_fetched(write: Write) -> None:
    source = opened(write("a.csv", "image,title\nhttps://x/a.jpg,a\n"), image="image")
    assert skipped(source)[0].reason.startswith("a link; pictures are read from files")
    assert items(source)[0].picture is None


def test_a_word_that_is_no_split(write: Write) -> None:
    source = opened(write("a.csv", "title,part\na,train\nb,holdout\n"), split="part")
    assert skipped(source)[0][1:3] == (3, "part")


def test_columns_take_the_kind_that_the_catalogue_has(write: Write) -> None:
    known = {"price": Field("price", "column", "number"), "size": Field("size", "column", "text")}
    source = opened(write("a.csv", "title,Price,size\na,3,42\nb,4,43\n"), known)
    assert items(source)[0].values == {"title": "a", "price": 3.0, "size": "42"}


def test_whole_numbers_widen(write: Write) -> None:
    source = opened(
        write("a.csv", "title,price\na,3.5\nb,4\n"), {"price": Field("price", "column", "integer")}
    )
    assert source.fields["price"].type == "number"


def test_a_conflict_names_file_line_and_both_kinds(write: Write) -> None:
    path = write("a.csv", "title,price\na,3\nb,cheap\nc,dear\n")
    with pytest.raises(CatalogError) as caught:
        opened(path, {"price": Field("price", "column", "number")})
    assert str(caught.value) == (
        f"{path}: column 'price' holds texts (line 3: 'cheap'), but in the catalogue 'price' holds numbers; "
        "correct the cells, or rename the column"
    )


def test_names_that_sql_does_not_take(write: Write) -> None:
    source = opened(write("a.csv", "title,price.eur,_rank\na,3,1\nb,4,2\n"))
    assert list(source.fields) == ["title", "price_eur", "rank"]
    with pytest.raises(CatalogError, match="would be a second 'price_eur'"):
        opened(write("b.csv", "title,price.eur,price_eur\na,3,1\n"))


def test_pictures_lie_in_a_folder_that_is_added_too(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    for name, colour in (("a.png", "red"), ("b.png", "blue")):
        Image.new("RGB", (8, 8), colour).save(tmp_path / "photos" / name)
    Image.new("RGB", (8, 8), "green").save(tmp_path / "b.png")
    (tmp_path / "table.csv").write_text("id,image,title\n1,a.png,one\n2,b.png,two\n3,c.png,three\n")
    shop = Catalog(tmp_path / "shop", create=True)
    report = shop.add(tmp_path / "photos", tmp_path / "table.csv")
    assert [one.path for one in report.skipped] == [str(tmp_path / "c.png")]
    places = {row["id"]: row["_image"] for row in shop.read(["id", "_image"]).to_pylist()}
    assert places["1"] == str(tmp_path / "photos" / "a.png") and places["2"] == str(tmp_path / "b.png")
    assert len(places) == 4  # photos/b.png is no row of the table
    assert (shop.add().added, shop.add().changed) == (0, 0)
    Image.new("RGB", (8, 8), "grey").save(tmp_path / "photos" / "c.png")
    again = shop.add()
    assert (again.added, again.changed, again.skipped) == (0, 1, [])
