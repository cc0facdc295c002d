"""Roles by inference: from names, from content, and never against what the user said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from openautoglm.catalog.errors import CatalogError
from openautoglm.catalog.infer import TableFacts, look_at
from openautoglm.catalog.readers import open_table
from openautoglm.catalog.schema import Roles

Write = Callable[..., Path]


def look(path: Path, roles: Roles | None = None) -> TableFacts:
    return look_at(open_table(path), roles or Roles())


def test_a_products_table(write: Write) -> None:
    lines = [
        f"p{n},img/{n}.jpg,Red car number {n},红色汽车{n}号,{n}.50,{'Acme' if n % 2 else 'Bolt'},2024-01-0{n}"
        for n in range(1, 9)
    ]
    facts = look(write("a.csv", "sku,photo,title,title_zh,price,brand,added\n" + "\n".join(lines)))
    assert str(facts.roles) == ("image=photo text=title,title_zh columns=price,brand,added id=sku")
    assert facts.rows == 8
    assert [(one.name, one.role, one.type, one.language) for one in facts.fields.values()] == [
        ("sku", "id", "text", None),
        ("title", "text", "text", "en"),
        ("title_zh", "text", "text", "zh"),
        ("price", "column", "number", None),
        ("brand", "column", "text", None),
        ("added", "column", "date", None),
    ]


def test_chinese_headers(write: Write) -> None:
    facts = look(
        write("a.csv", "编号,图片,标题,标签,价格\n1,a.jpg,红色汽车,红、车,3\n2,b.jpg,蓝色汽车,蓝、车,4\n")
    )
    assert str(facts.roles) == "image=图片 text=标题 columns=价格 id=编号 tags=标签"


def test_sentences_are_texts_and_categories_are_columns(write: Write) -> None:
    lines = [f"the {n} quick brown foxes jump,kind {n % 2},http://shop/{n}" for n in range(9)]
    facts = look(write("a.csv", "remarks,kind,link\n" + "\n".join(lines)))
    assert (facts.roles.text, facts.roles.columns) == (("remarks",), ("kind", "link"))


def test_an_id_that_repeats_is_what_rows_have_in_common(write: Write) -> None:
    facts = look(write("a.csv", "product_id,image\n1,a.jpg\n1,b.jpg\n2,c.jpg\n"))
    assert (facts.roles.id, facts.roles.group, facts.roles.image) == (None, "product_id", "image")


def test_a_split_column_is_one_only_when_it_says_splits(write: Write) -> None:
    assert look(write("a.csv", "title,split\na,train\nb,val\n")).roles.split == "split"
    assert look(write("b.csv", "title,split\na,1\nb,2\n")).roles.split is None


def test_codes_stay_texts(write: Write) -> None:
    facts = look(
        write("a.csv", "title,zip,barcode,weight\na,12345,4006381333931,3\nb,54321,4006381333948,4\n")
    )
    assert {name: one.type for name, one in facts.fields.items()} == {
        "title": "text", "zip": "text", "barcode": "text", "weight": "integer"
    }  # fmt: skip


def test_links_are_no_pictures(write: Write) -> None:
    facts = look(write("a.csv", "image,title\nhttp://x/a.jpg,a\nhttp://x/b.jpg,b\n"))
    assert (facts.roles.image, facts.roles.columns) == (None, ("image",))


def test_an_empty_column_is_left_out(write: Write) -> None:
    assert list(look(write("a.csv", "title,price\na,\nb,n/a\n")).fields) == ["title"]


def test_what_is_given_is_kept_and_the_rest_is_inferred(write: Write) -> None:
    path = write("a.csv", "id,title,brand,price\n1,a,Acme,3\n2,b,Bolt,4\n")
    facts = look(path, Roles(text=("brand",)))
    assert (facts.roles.text, facts.roles.columns, facts.roles.id) == (("brand",), ("title", "price"), "id")
    facts = look(path, Roles(text=("title",), columns=("price",)))
    assert list(facts.fields) == ["id", "title", "price"]
    assert look(path, Roles(text=("price",))).fields["price"].type == "text"


def test_a_column_that_does_not_exist(write: Write) -> None:
    with pytest.raises(CatalogError, match=r"no column 'titel' \(--text\); it has title, price"):
        look(write("a.csv", "title,price\na,1\n"), Roles(text=("titel",)))


def test_a_table_of_numbers_only(write: Write) -> None:
    with pytest.raises(CatalogError, match="no column looks like a picture's path or a text.*columns: a, b"):
        look(write("a.csv", "a,b\n1,2\n3,4\n"))
