"""Pictures that have not changed are not read again; what has changed is, and what lies beside them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from PIL import Image

from openautoglm.catalog import examine, file_cache
from openautoglm.catalog.catalog import Catalog

SaveImage = Callable[..., Path]
Write = Callable[[str, str], Path]


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Name the files as they are read, and take every file as settled."""
    names: list[str] = []
    real = examine.read_image_bytes

    def read(path: Path) -> bytes:
        names.append(path.name)
        return real(path)

    monkeypatch.setattr(examine, "read_image_bytes", read)
    monkeypatch.setattr(file_cache, "_SETTLED_NS", -1_000_000_000)
    return names


@pytest.fixture
def photos(tmp_path: Path, save_image: SaveImage) -> Path:
    folder = tmp_path / "photos"
    for number in range(5):
        save_image(folder / f"{number}.bmp", number)
    exif = Image.Exif()
    exif[0x010E] = "A golden avenue"
    exif[0x010F] = "Nikon"
    exif.get_ifd(0x8769)[0x9003] = "2021:10:03 17:12:00"
    save_image(folder / "taken.jpg", 9, exif=exif)
    return folder


def test_only_the_changed_file_is_read(
    shop: Catalog, photos: Path, reads: list[str], save_image: SaveImage
) -> None:
    shop.add(photos)
    before = shop.read().to_pylist()
    reads.clear()
    report = shop.add(photos)
    assert (reads, report.unchanged, str(report)) == ([], 6, "+0 ~0 −0")
    assert shop.read().to_pylist() == before
    save_image(photos / "3.bmp", 33)
    assert str(shop.add(photos)) == "+0 ~1 −0"
    assert reads == ["3.bmp"]


def test_a_moved_workspace_and_one_without_its_cache_read_all_once(
    shop: Catalog, photos: Path, reads: list[str]
) -> None:
    shop.add(photos)
    shutil.rmtree(shop.folder / "cache")
    for expected in (6, 0):
        reads.clear()
        assert str(shop.add(photos)) == "+0 ~0 −0"
        assert len(reads) == expected


def test_what_lies_beside_an_unread_picture_counts(shop: Catalog, photos: Path, reads: list[str]) -> None:
    shop.add(photos)
    reads.clear()
    (photos / "taken.txt").write_text("Ginkgos")
    assert str(shop.add(photos)) == "+0 ~1 −0"
    (row,) = shop.read(["caption", "taken_at", "camera"], where="file = 'taken.jpg'").to_pylist()
    assert row == {"caption": "Ginkgos", "taken_at": datetime(2021, 10, 3, 17, 12), "camera": "Nikon"}
    (photos / "taken.txt").unlink()
    assert str(shop.add(photos)) == "+0 ~1 −0"
    assert shop.read(["caption"], where="file = 'taken.jpg'")["caption"].to_pylist() == ["A golden avenue"]
    assert reads == []


def test_an_edit_that_restores_size_and_time_is_seen(
    shop: Catalog, photos: Path, reads: list[str], save_image: SaveImage
) -> None:
    shop.add(photos)
    before = (photos / "0.bmp").stat()
    save_image(photos / "0.bmp", 100)
    os.utime(photos / "0.bmp", ns=(before.st_atime_ns, before.st_mtime_ns))
    after = (photos / "0.bmp").stat()
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert str(shop.add(photos)) == "+0 ~1 −0"


def test_a_file_that_has_just_changed_is_read_again(
    shop: Catalog, photos: Path, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_cache, "_SETTLED_NS", 10**12)
    shop.add(photos)
    reads.clear()
    shop.add(photos)
    assert len(reads) == 6


def test_a_file_that_changes_while_it_is_read_is_not_noted(
    shop: Catalog, photos: Path, reads: list[str], save_image: SaveImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = examine.read_image_bytes

    def edited_meanwhile(path: Path) -> bytes:
        data = real(path)
        if path.name == "1.bmp":
            save_image(path, 111)
        return data

    monkeypatch.setattr(examine, "read_image_bytes", edited_meanwhile)
    shop.add(photos)
    monkeypatch.setattr(examine, "read_image_bytes", real)
    assert str(shop.add(photos)) == "+0 ~1 −0"


def test_pictures_that_are_embedded_later_are_read(shop: Catalog, photos: Path, reads: list[str]) -> None:
    shop.add(photos)
    shop.add(photos, embed=True)
    (kept,) = shop.read(["_image_bytes"], where="file = '2.bmp'")["_image_bytes"].to_pylist()
    assert kept == (photos / "2.bmp").read_bytes()


def test_what_a_table_did_not_ask_of_a_file_a_folder_does(
    shop: Catalog, photos: Path, reads: list[str], write: Write
) -> None:
    (photos.parent / "copy.jpg").write_bytes((photos / "taken.jpg").read_bytes())
    shop.add(write("a.csv", "id,image,title\n1,photos/taken.jpg,one\n2,copy.jpg,two\n"))
    shop.add(write("a.csv", "id,image,title\n2,copy.jpg,two\n"), prune=True)
    shop.add(photos)
    assert shop.read(["camera"], where="file = 'taken.jpg'")["camera"].to_pylist() == ["Nikon"]


@pytest.mark.parametrize("damage", ["garbage", "folder", "other version"])
def test_a_damaged_cache_costs_reading_and_nothing_else(
    shop: Catalog, photos: Path, reads: list[str], damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.add(photos)
    cache = shop.folder / file_cache.FILE
    if damage == "other version":
        monkeypatch.setattr(file_cache, "_VERSION", 99)
    else:
        cache.unlink()
        cache.mkdir() if damage == "folder" else cache.write_bytes(b"no database" * 1000)
    reads.clear()
    assert str(shop.add(photos)) == "+0 ~0 −0"
    assert len(reads) == 6
    reads.clear()
    assert str(shop.add(photos)) == "+0 ~0 −0"
    assert len(reads) == (6 if damage == "folder" else 0)
