"""Known sources that cannot be read: the others are, and no row goes that nobody wanted to go."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from openautoglm.catalog.catalog import Catalog
from openautoglm.catalog.errors import CatalogError

SaveImage = Callable[..., Path]
Write = Callable[..., Path]


@pytest.fixture
def sources(shop: Catalog, save_image: SaveImage, write: Write, tmp_path: Path) -> tuple[Path, Path]:
    """A folder of two pictures and a table of two rows, both added."""
    folder = tmp_path / "photos"
    save_image(folder / "red car.png", 1)
    save_image(folder / "blue car.png", 2)
    table = write("table.csv", "id,title\na,the first thing\nb,the second thing\n")
    shop.add(folder, table)
    return folder, table


def test_a_source_that_is_gone_is_left_out(shop: Catalog, sources: tuple[Path, Path], tmp_path: Path) -> None:
    folder, table = sources
    folder.rename(tmp_path / "elsewhere")
    table.write_text("id,title\na,the first thing\nb,the second thing\nc,the third thing\n")
    report = shop.add()
    assert str(report) == "+1 ~0 −0, 1 source left out"
    assert f"there is no {folder}" in report.left_out[0]
    assert report.left_out[0].endswith("its 2 rows are kept, prune removes them")
    assert shop.count() == 5
    (tmp_path / "elsewhere").rename(folder)  # the disk is there again
    assert str(shop.add()) == "+0 ~0 −0"


def test_prune_removes_the_rows_of_what_is_gone_and_forgets_it(
    shop: Catalog, sources: tuple[Path, Path], tmp_path: Path
) -> None:
    folder, table = sources
    folder.rename(tmp_path / "elsewhere")
    report = shop.add(prune=True)
    assert str(report) == "+0 ~0 −2, 1 source left out"
    assert shop.read(["id"])["id"].to_pylist() == ["a", "b"]
    assert list(shop.settings["sources"]) == [str(table)]
    assert str(shop.add()) == "+0 ~0 −0"


def test_what_cannot_be_read_loses_nothing(shop: Catalog, sources: tuple[Path, Path]) -> None:
    folder, table = sources
    for picture in folder.iterdir():  # as an unmounted disk leaves the place where it was
        picture.unlink()
    report = shop.add(prune=True)
    assert str(report) == "+0 ~0 −0, 1 source left out" and "there are no pictures" in report.left_out[0]
    assert shop.count() == 4
    table.write_text("")
    with pytest.raises(CatalogError, match="there are no pictures") as error:
        shop.add(prune=True)
    assert "is empty" in str(error.value)
    assert shop.count() == 4


def test_the_only_source_gone_is_an_error(shop: Catalog, write: Write) -> None:
    table = write("table.csv", "id,title\na,the first thing\n")
    shop.add(table)
    table.unlink()
    with pytest.raises(CatalogError, match=f"there is no {table}"):
        shop.add(prune=True)
    assert shop.count() == 1


def test_a_given_source_that_is_gone_stops_all(shop: Catalog, sources: tuple[Path, Path]) -> None:
    with pytest.raises(CatalogError, match="there is no"):
        shop.add(sources[1], "/no/such/folder")


def test_a_folder_that_may_not_be_entered(plain_user: Path) -> None:
    shop = Catalog(plain_user / "shop", create=True)
    closed = plain_user / "closed"
    closed.mkdir()
    for one in (closed / "a.csv", plain_user / "b.csv"):
        one.write_text(f"id,title\n{one.stem},a thing in {one.stem}\n")
        shop.add(one)
    closed.chmod(0)
    report = shop.add(prune=True)
    assert str(report) == "+0 ~0 −0, 1 source left out"
    assert "a.csv cannot be reached: Permission denied; its 1 rows are kept" in report.left_out[0]
    with pytest.raises(CatalogError, match="cannot be reached"):
        shop.add(closed / "a.csv")
