"""A workspace made for what could not be added does not stay; one that was there, or has rows, does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from openautoglm.catalog.catalog import Catalog
from openautoglm.catalog.errors import CatalogError
from openautoglm.catalog.fresh import kept_if_filled

SaveImage = Callable[..., Path]
Write = Callable[..., Path]


def test_a_failure_leaves_nothing(tmp_path: Path, write: Write) -> None:
    shop = tmp_path / "shop"
    with pytest.raises(CatalogError, match="is empty"), kept_if_filled(shop):
        Catalog(shop, create=True).add(write("a.csv", ""))
    assert not shop.exists()


def test_a_folder_that_its_user_made_stays_empty(tmp_path: Path, write: Write) -> None:
    (tmp_path / "shop").mkdir()
    with kept_if_filled(tmp_path / "shop"):
        assert not Catalog(tmp_path / "shop", create=True).add(write("a.png", "no picture")).added
    assert list((tmp_path / "shop").iterdir()) == []


def test_what_has_rows_stays(tmp_path: Path, save_image: SaveImage) -> None:
    with pytest.raises(CatalogError), kept_if_filled(tmp_path / "shop"):
        Catalog(tmp_path / "shop", create=True).add(save_image(tmp_path / "photos" / "red.png")).write_errors(
            tmp_path / "no" / "such"  # whatever happens after the rows were written
        )
    assert Catalog(tmp_path / "shop").count() == 1


def test_what_was_there_stays(shop: Catalog, write: Write) -> None:
    with pytest.raises(CatalogError), kept_if_filled(shop.folder):
        shop.add(write("a.csv", ""))
    assert Catalog(shop.folder).count() == 0


def test_what_another_process_writes_stays(tmp_path: Path) -> None:
    with kept_if_filled(tmp_path / "shop"):
        other = Catalog(tmp_path / "shop", create=True).writing()
        other.__enter__()
    assert Catalog(tmp_path / "shop").count() == 0
    other.__exit__(None, None, None)
