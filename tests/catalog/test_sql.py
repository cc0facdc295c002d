"""Answers of SQLite: rows and roles as of a table, what is kept of a URL, and what is said when it fails."""

from __future__ import annotations

import base64
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from openautoglm.catalog.catalog import Catalog
from openautoglm.catalog.errors import CatalogError
from openautoglm.catalog.readers import BadRow
from openautoglm.catalog.schema import Roles
from openautoglm.catalog.sql import SqlQuery, SqlReader

QUERY = "SELECT sku, photo, title, price FROM products WHERE title NOT LIKE '100%%:x' ORDER BY sku"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Five products; of one the picture is missing, another has none."""
    folder = tmp_path / "data"
    folder.mkdir()
    rows: list[tuple[Any, ...]] = []
    for number in range(3):
        Image.new("RGB", (8, 6), (80 * number, 30, 200)).save(folder / f"{number}.png")
        rows.append((f"s{number}", f"{number}.png", f"a thing of kind {number}", 1.5 * number))
    rows += [("s3", "gone.png", "its picture is gone", 9.0), ("s4", None, "银杏大道", None)]
    path = folder / "shop.db"
    change(path, "CREATE TABLE products (sku TEXT, photo TEXT, title TEXT, price REAL)")
    with closing(sqlite3.connect(path)) as connection:
        connection.executemany("INSERT INTO products VALUES (?, ?, ?, ?)", rows)
        connection.commit()
    return path


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for one in statements:
            connection.execute(one)
        connection.commit()


def asked(path: Path, query: str = QUERY) -> SqlQuery:
    return SqlQuery(f"sqlite:///{path}", query)


def test_an_answer_is_a_table(shop: Catalog, database: Path) -> None:
    report = shop.add(asked(database))
    assert str(report) == "+5 ~0 −0, 1 skipped"
    (skipped,) = report.skipped
    assert (skipped.row, skipped.id, skipped.field, skipped.reason) == (4, "s3", "photo", "file not found")
    rows = {row["id"]: row for row in shop.read().to_pylist()}
    assert list(rows) == ["s0", "s1", "s2", "s3", "s4"]
    assert (rows["s1"]["title"], rows["s1"]["price"]) == ("a thing of kind 1", 1.5)
    assert (rows["s4"]["title"], rows["s4"]["price"], rows["s4"]["_image"]) == ("银杏大道", None, None)
    assert shop.load_image(rows["s2"]).getpixel((0, 0)) == (160, 30, 200)
    roles = {name: one.role for name, one in shop.fields.items()}
    assert roles == {"sku": "id", "title": "text", "price": "column"}


def test_again_takes_in_what_is_new_changed_or_gone(shop: Catalog, database: Path) -> None:
    source = asked(database)
    shop.add(source)
    assert str(shop.add(source)) == "+0 ~0 −0, 1 skipped"
    change(
        database,
        "UPDATE products SET price = 2 WHERE sku = 's1'",
        "DELETE FROM products WHERE sku = 's4'",
        "INSERT INTO products VALUES ('s9', '0.png', 'new', 3)",
    )
    # Without sources, all that were added: the query is remembered.
    assert str(shop.add()).startswith("+1 ~1 −0")
    assert shop.count() == 6
    assert str(shop.add(prune=True)).startswith("+0 ~0 −1")
    assert shop.read(["id"])["id"].to_pylist() == ["s0", "s1", "s2", "s3", "s9"]


def test_another_query_of_one_database_is_another_source(shop: Catalog, database: Path) -> None:
    shop.add(asked(database, "SELECT sku, title FROM products WHERE sku < 's2'"))
    shop.add(asked(database, "SELECT sku, title FROM products WHERE sku >= 's2'"), prune=True)
    assert shop.count() == 5


def test_roles_are_given_as_for_a_table(shop: Catalog, database: Path) -> None:
    source = asked(database)
    shop.add(source, roles=Roles(image="photo", text=("title",), columns=("price", "sku"), id="sku"))
    assert {name: one.role for name, one in shop.fields.items()}["title"] == "text"
    with pytest.raises(CatalogError, match=r"foto.*photo"):
        shop.add(source, roles=Roles(image="foto"))


def test_pictures_among_the_cells(shop: Catalog, database: Path) -> None:
    change(database, "CREATE TABLE blobs (sku TEXT, picture BLOB, title TEXT)")
    with closing(sqlite3.connect(database)) as connection:
        data = (database.parent / "1.png").read_bytes()
        connection.executemany(
            "INSERT INTO blobs VALUES (?, ?, ?)",
            [("a", data, "kept"), ("b", data[:40], "broken"), ("c", None, "none")],
        )
        connection.commit()
    report = shop.add(asked(database, "SELECT * FROM blobs"))
    assert [(one.row, one.field) for one in report.skipped] == [(2, "picture")]
    database.unlink()
    assert shop.load_image({"id": "a"}).getpixel((0, 0)) == (80, 30, 200)
    assert shop.count("_image_hash IS NULL") == 2


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELECT colour FROM products", "the query fails: no such column: colour"),
        ("SELECT * FROM produkte", "the query fails: no such table: produkte"),
        ("SELEKT 1", 'the query fails: near "SELEKT": syntax error'),
        ("DELETE FROM products", "the query gives no rows; it must be a SELECT"),
        ("SELECT sku, title AS sku FROM products", "two columns are named 'sku'; rename one with AS"),
        ("SELECT 1; SELECT 2", "one statement at a time"),
    ],
)
def test_a_query_that_fails(shop: Catalog, database: Path, query: str, said: str) -> None:
    with pytest.raises(CatalogError) as error:
        shop.add(asked(database, query))
    assert said in str(error.value) and "shop.db" in str(error.value)
    assert len(str(error.value).splitlines()) == 1
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT count(*) FROM products").fetchone() == (5,)
    assert shop.settings["sources"] == {}


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite:////no/such/file.db", "there is no file /no/such/file.db; correct the URL's path"),
        ("shop.db", "it reads dialect://user:password@host/database, or sqlite:///FILE"),
        ("nosuch://host/db", "not a usable database URL"),
        ("sqlite+nosuch:///x", ""),
        ("$NO_SUCH_VARIABLE", "the variable NO_SUCH_VARIABLE is not set"),
    ],
)
def test_a_url_that_is_none(shop: Catalog, url: str, said: str) -> None:
    with pytest.raises(CatalogError) as error:
        shop.add(SqlQuery(url, "SELECT 1"))
    assert said in str(error.value)
    assert shop.settings["sources"] == {}


def test_a_file_that_is_no_database(shop: Catalog, tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"This is a letter, and no database." * 100)
    with pytest.raises(CatalogError, match="file is not a database"):
        shop.add(asked(tmp_path / "x.db"))


def test_passwords_are_shown_and_kept_nowhere(shop: Catalog) -> None:
    for url in (
        "postgresql+pg8000://me:s3cret@127.0.0.1:1/db",
        "mssql+pyodbc://me@host/db?PWD=s3cret",
        "sqlite:///gone.db?password=s3cret",
    ):
        with pytest.raises(CatalogError) as error:
            shop.add(SqlQuery(url, "SELECT 1"))
        assert "s3cret" not in str(error.value)
        assert "s3cret" not in SqlQuery(url, "SELECT 1").name


def test_a_query_whose_password_is_not_kept_is_left_out_and_told(shop: Catalog, database: Path) -> None:
    shop.add(asked(database))
    settings = shop.settings  # SQLite takes no password, so what is kept of a server's stands in
    (name,) = settings["sources"]
    settings["sources"][name]["url"] = "postgresql://me:***@host/db"
    shop.update_settings(sources=settings["sources"])
    said = "its password is not kept; give --from-sql URL again"
    with pytest.raises(CatalogError, match=said):
        shop.add()
    shop.add(asked(database, "SELECT 'other' AS sku, 'another source' AS title"))
    report = shop.add(prune=True)
    assert (str(report), report.unchanged) == ("+0 ~0 −0, 1 source left out", 1)
    assert f"{said}; its 5 rows are kept" in report.left_out[0] and shop.count() == 6


def test_a_query_that_was_refined_takes_the_place_of_the_first(shop: Catalog, database: Path) -> None:
    shop.add(asked(database, "SELECT sku, title FROM products"))
    refined = asked(database)
    report = shop.add(refined)
    assert report.changed == 5 and "it is not read again" in report.notes[0]
    assert list(shop.settings["sources"]) == [refined.name]
    assert str(shop.add()) == "+0 ~0 −0, 1 skipped"
    assert shop.count("price IS NOT NULL") == 4


def test_of_queries_that_tell_the_same_rows_the_last_named_counts(shop: Catalog, database: Path) -> None:
    shop.add(asked(database, "SELECT sku, title FROM products"))
    shop.add(asked(database, "SELECT sku, title, price FROM products WHERE sku < 's2'"))
    report = shop.add()
    assert (report.added, report.changed, len(report.skipped)) == (0, 0, 2)
    assert shop.count("price IS NOT NULL") == 2


def test_variables_are_kept_by_their_names(
    shop: Catalog, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_DB", f"sqlite:///{database}")
    shop.add(SqlQuery("$SHOP_DB", QUERY))
    assert str(database) not in (shop.folder / "workspace.json").read_text()
    assert str(shop.add()) == "+0 ~0 −0, 1 skipped"


def test_an_answer_that_breaks_off_prunes_nothing(shop: Catalog, database: Path) -> None:
    change(database, "CREATE TABLE numbers (n INTEGER, title TEXT)")
    change(database, *(f"INSERT INTO numbers VALUES ({n}, 'thing {n}')" for n in range(500)))
    # A row of JSON that is none: SQLite finds it when it comes to it.
    query = "SELECT n AS id, title, json_extract(extra, '$.a') AS a FROM wide"
    change(database, "CREATE TABLE wide AS SELECT n, title, '{\"a\":1}' AS extra FROM numbers")
    assert str(shop.add(asked(database, query))) == "+500 ~0 −0"
    change(database, "UPDATE wide SET extra = '{broken' WHERE n = 300")
    report = shop.add(asked(database, query), prune=True)
    assert report.removed == 0 and shop.count() == 500
    assert "the database's answer breaks off here (malformed JSON)" in report.skipped[0].reason


ADD = """
import sys
from openautoglm.catalog.catalog import Catalog
from openautoglm.catalog.sql import SqlQuery, SqlReader
shop = Catalog(sys.argv[1], create=True)
print("begun", flush=True)
shop.add(SqlQuery("sqlite:///" + sys.argv[2], "SELECT * FROM many"))
"""


def test_a_killed_add_goes_on(tmp_path: Path, database: Path) -> None:
    change(
        database,
        "CREATE TABLE many AS WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT 6000) "
        "SELECT 'i' || n AS id, 'the thing with number ' || n AS title FROM c",
    )
    folder = tmp_path / "killed"
    process = subprocess.Popen(
        [sys.executable, "-c", ADD, str(folder), str(database)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout and process.stdout.readline() == "begun\n"
    while process.poll() is None and not Catalog(folder).count():
        pass
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    shop = Catalog(folder)
    kept = shop.count()
    report = shop.add(asked(database, "SELECT * FROM many"))
    assert (report.added, report.unchanged) == (6000 - kept, kept)
    assert shop.count() == 6000


def test_without_sqlalchemy_it_says_what_to_install(
    shop: Catalog, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    with pytest.raises(CatalogError, match=r"pip install 'openautoglm\[sql\]'"):
        shop.add(asked(database))


def test_a_table_is_no_query_and_is_told_how_to_be_one(shop: Catalog, database: Path) -> None:
    with pytest.raises(CatalogError, match="write it as 'SELECT \\* FROM products'"):
        shop.add(asked(database, "products"))
    with pytest.raises(CatalogError, match="no such table: produkte; its tables: products$"):
        shop.add(asked(database, "SELECT * FROM produkte"))
    with pytest.raises(CatalogError, match="no such column: colour$"):
        shop.add(asked(database, "SELECT colour FROM products"))


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgres://me@host/db", "write postgresql://"),
        ("mysqll://me@host/db", "did you mean mysql://"),
        ("sqlite://shop.db", "sqlite:///shop.db"),
        ("postgresql://me:pw@host/db", "pip install 'psycopg[binary]' and write postgresql+psycopg://"),
        ("mysql://me:pw@host/db", "pip install 'pymysql' and write mysql+pymysql://"),
    ],
)
def test_a_url_is_told_how_to_read(shop: Catalog, url: str, said: str) -> None:
    with pytest.raises(CatalogError) as error:
        shop.add(SqlQuery(url, "SELECT 1"))
    assert said in str(error.value)


def test_a_file_given_as_a_url(shop: Catalog, database: Path) -> None:
    with pytest.raises(CatalogError) as error:
        shop.add(SqlQuery(str(database), QUERY))
    assert f"for a file of SQLite: sqlite:///{database}" in str(error.value)
    with pytest.raises(CatalogError, match=r"--from-sql sqlite:///.*shop.db --query"):
        shop.add(database)


def test_pictures_as_data_uris(shop: Catalog, database: Path) -> None:
    uri = "data:image/png;base64," + base64.b64encode((database.parent / "2.png").read_bytes()).decode()
    change(database, "CREATE TABLE uris (sku TEXT, picture TEXT, title TEXT)")
    with closing(sqlite3.connect(database)) as connection:
        rows = [("a", uri, "whole"), ("b", uri[:60] + "!", "broken"), ("c", "", "none")]
        connection.executemany("INSERT INTO uris VALUES (?, ?, ?)", rows)
        connection.commit()
    report = shop.add(asked(database, "SELECT * FROM uris"))
    assert (report.added, len(report.skipped)) == (3, 1)
    assert "base64 is damaged" in str(report.skipped[0]) and len(str(report.skipped[0])) < 300
    assert report.inferred.popitem()[1].image == "picture"
    assert shop.load_image({"id": "a"}).getpixel((0, 0)) == (160, 30, 200)
    assert str(shop.add()) == "+0 ~0 −0, 1 skipped"


def test_links_are_told_to_be_no_pictures(shop: Catalog, database: Path) -> None:
    query = "SELECT sku, 'https://host/' || sku || '.jpg' AS image_url, title FROM products"
    report = shop.add(asked(database, query))
    assert any("'image_url' holds links" in note for note in report.notes)


def test_no_rows_are_refused_at_first_and_taken_later(shop: Catalog, database: Path) -> None:
    change(database, "CREATE TABLE later (sku TEXT, title TEXT)")
    source = asked(database, "SELECT * FROM later")
    with pytest.raises(CatalogError, match="there is no row in it"):
        shop.add(source)
    assert shop.settings["sources"] == {}
    change(database, "INSERT INTO later VALUES ('a', 'the only thing in it')")
    assert str(shop.add(source)) == "+1 ~0 −0"
    change(database, "DELETE FROM later")
    report = shop.add()
    assert (str(report), report.gone) == ("+0 ~0 −0", 1)
    assert str(shop.add(prune=True)) == "+0 ~0 −1"


def test_a_row_without_an_id_does_not_rename_the_others(shop: Catalog, database: Path) -> None:
    source = asked(database, "SELECT sku, title FROM products")
    shop.add(source)
    change(database, "INSERT INTO products VALUES (NULL, NULL, 'nobody named it', 1)")
    report = shop.add(source, prune=True)
    assert (str(report), report.skipped[0].reason) == ("+0 ~0 −0, 1 skipped", "the id is empty")
    assert shop.count() == 5


def test_a_column_of_nulls_is_read_over_once(shop: Catalog, database: Path) -> None:
    """The answer is read to see what its columns are, then to take the rows; no third time."""
    reader = SqlReader(
        asked(database, "SELECT sku, title, NULL AS remark, x'00' AS raw FROM products"), database
    )
    assert reader.byte_columns == frozenset()
    first = [row for row in reader.rows(with_bytes=False) if not isinstance(row, BadRow)]
    assert reader.byte_columns == {"raw"}
    assert {row[1]["raw"] for row in first} == {None}
    assert next(iter(reader.rows(with_bytes=True)))[1]["raw"] == b"\0"  # type: ignore[index]


def test_a_large_table_tells_how_far_it_was_looked_at(shop: Catalog, database: Path) -> None:
    change(
        database,
        "CREATE TABLE many AS WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT 2500) "
        "SELECT 'i' || n AS id, 'the thing with number ' || n AS title FROM c",
    )
    told: list[tuple[int, int]] = []
    shop.add(asked(database, "SELECT * FROM many"), progress=lambda now: told.append((now.done, now.total)))
    assert told[:3] == [(1000, 0), (2000, 0), (1, 2500)] and told[-1] == (2500, 2500)
