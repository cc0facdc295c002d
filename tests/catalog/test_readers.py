"""Tables as people save them: encodings, delimiters, quotes, broken lines; and where a line is broken."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from openautoglm.catalog.errors import CatalogError
from openautoglm.catalog.readers import BadRow, open_table

Write = Callable[..., Path]


def rows(path: Path) -> list[object]:
    return list(open_table(path).rows(with_bytes=True))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_chinese_tables_in_every_encoding(write: Write, encoding: str) -> None:
    path = write("a.csv", "标题,价格\n红色的汽车,3\n金色的银杏大道,4\n", encoding)
    assert open_table(path).columns == ["标题", "价格"]
    assert rows(path) == [
        (2, {"标题": "红色的汽车", "价格": "3"}),
        (3, {"标题": "金色的银杏大道", "价格": "4"}),
    ]


def test_western_accents_without_utf_8(write: Write) -> None:
    path = write("a.csv", "title\nCafé crème à la carte\nEs ist schön für alle\n", "cp1252")
    assert rows(path)[0] == (2, {"title": "Café crème à la carte"})


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters(write: Write, delimiter: str) -> None:
    path = write("a.csv", f"title{delimiter}price\n'a, b; c'{delimiter}1\n".replace("'", '"'))
    assert rows(path) == [(2, {"title": "a, b; c", "price": "1"})]


def test_lines_are_counted_as_an_editor_does(write: Write) -> None:
    path = write("a.csv", 'title,price\n"two\nlines",1\n\nshort\none,2,3\nlast,4\n')
    assert rows(path) == [
        (2, {"title": "two\nlines", "price": "1"}),
        BadRow(5, "1 cells where the header has 2; field 'price' is missing"),
        BadRow(6, "3 cells where the header has 2; is a cell with ',' not quoted?"),
        (7, {"title": "last", "price": "4"}),
    ]


def test_a_quote_that_is_never_closed(write: Write) -> None:
    path = write("a.csv", 'title,price\na,1\n"b,2\nc,3\n')
    assert rows(path)[1:] == [BadRow(3, "not valid CSV (a quoted cell is never closed)")]


def test_a_few_damaged_bytes_leave_the_rest_readable(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("title\n红色的汽车和银杏大道\n".encode() + b"caf\xff\n")
    assert rows(tmp_path / "a.csv") == [(2, {"title": "红色的汽车和银杏大道"}), (3, {"title": "caf\ufffd"})]


def test_columns_without_a_name(write: Write) -> None:
    assert open_table(write("a.csv", ",title,price,\n0,a,1,\n")).columns == [
        "column_1",
        "title",
        "price",
        "column_4",
    ]


def test_tsv_takes_commas_as_they_are(write: Write) -> None:
    assert rows(write("a.tsv", "title\tprice\nred, blue\t3\n")) == [(2, {"title": "red, blue", "price": "3"})]


def test_json_lines(write: Write) -> None:
    path = write("a.jsonl", '{"title": "a", "price": 1}\n\n{broken\n[1]\n{"title": "b", "tags": ["x"]}\n')
    assert open_table(path).columns == ["title", "price", "tags"]
    found = rows(path)
    assert found[0] == (1, {"title": "a", "price": 1})
    assert found[1].row == 3  # type: ignore[attr-defined]
    assert "not valid JSON" in found[1].reason  # type: ignore[attr-defined]
    assert found[2] == BadRow(4, "a JSON list, not an object")
    assert found[3] == (5, {"title": "b", "tags": ["x"]})


def test_parquet_and_its_byte_columns(tmp_path: Path) -> None:
    table = pa.table({"image": [{"bytes": b"x", "path": "a.png"}], "raw": [b"y"], "n": [1]})
    pq.write_table(table, tmp_path / "a.parquet")
    reader = open_table(tmp_path / "a.parquet")
    assert reader.byte_columns == {"image", "raw"}
    assert list(reader.rows(with_bytes=False)) == [(1, {"n": 1})]
    assert rows(tmp_path / "a.parquet") == [
        (1, {"image": {"bytes": b"x", "path": "a.png"}, "raw": b"y", "n": 1})
    ]


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [("a.csv", "", "its first line must name the columns"), ("a.csv", "a,b,a\n", "two columns are named 'a'")]
    + [("a.jsonl", "[]\n", "no line that is a JSON object")]
    + [
        ("a.parquet", "x", "not a readable Parquet file"),
        ("a.docx", "x", "a source is a folder of pictures, a table"),
    ],
)
def test_files_that_are_no_tables(write: Write, name: str, text: str, says: str) -> None:
    with pytest.raises(CatalogError, match=says):
        open_table(write(name, text))
