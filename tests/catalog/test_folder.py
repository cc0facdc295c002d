"""Folders as people have them: nested, with odd files, closed parts, and the workspace inside."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from openautoglm.catalog.errors import CatalogError
from openautoglm.catalog.folder import FolderSource
from openautoglm.catalog.report import Skipped
from openautoglm.catalog.source import Item


def opened(folder: Path, workspace: Path = Path("/nowhere")) -> FolderSource:
    return FolderSource(folder, name="photos", prefix="photos", workspace=workspace)


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def ids(source: FolderSource) -> list[str]:
    return [item.id for item in source.items() if isinstance(item, Item)]


def test_nested_pictures_in_a_stable_order(tmp_path: Path) -> None:
    touch(
        tmp_path, "b.jpg", "a.PNG", "sub/deep/c.webp", "sub/d.tiff", "e.gif", "f.bmp", "notes.txt", "film.doc"
    )
    touch(tmp_path, "g.avif", "h.HEIC", "i.heif", "j.svg", "k.svgz")
    source = opened(tmp_path)
    names = ["a.PNG", "b.jpg", "e.gif", "f.bmp", "g.avif", "h.HEIC", "i.heif", "j.svg", "k.svgz"]
    names += ["sub/d.tiff", "sub/deep/c.webp"]
    assert ids(source) == [f"photos/{name}" for name in names]
    item = list(source.items())[-1]
    assert isinstance(item, Item)
    assert item.values == {"folder": "sub/deep", "file": "c.webp"}
    assert source.total == 11


def test_hidden_files_system_folders_and_the_workspace_are_passed_over(tmp_path: Path) -> None:
    touch(
        tmp_path, "a.jpg", ".hidden.jpg", ".git/b.jpg", "__MACOSX/c.jpg", "@eaDir/d.jpg", "shop/cache/e.jpg"
    )
    assert ids(opened(tmp_path, tmp_path / "shop")) == ["photos/a.jpg"]


def test_formats_that_are_not_read_are_listed(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "b.PSD")
    found = [one for one in opened(tmp_path).items() if isinstance(one, Skipped)]
    assert found[0].path == str(tmp_path / "b.PSD")
    assert found[0].reason == "PSD is not read; convert it to JPEG, PNG or WebP"


def test_a_loop_of_links_ends(tmp_path: Path) -> None:
    touch(tmp_path, "sub/a.jpg")
    (tmp_path / "sub" / "again").symlink_to(tmp_path)
    assert ids(opened(tmp_path)) == ["photos/sub/a.jpg"]


def test_a_name_that_is_no_unicode_is_listed(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg")
    with open(os.fsencode(tmp_path) + b"/\xff.jpg", "wb"):  # noqa: PTH123 - pathlib has no names of bytes
        pass
    source = opened(tmp_path)
    found = [one for one in source.items() if isinstance(one, Skipped)]
    assert "not valid Unicode" in found[0].reason
    assert ids(source) == ["photos/a.jpg"]


def test_a_closed_folder_is_listed_and_counts_as_unreadable(plain_user: Path) -> None:
    touch(plain_user, "a.jpg", "closed/b.jpg")
    (plain_user / "closed").chmod(0)
    source = opened(plain_user)
    found = [one for one in source.items() if isinstance(one, Skipped)]
    assert "cannot be opened (Permission denied)" in found[0].reason
    assert source.unreadable == 1


def test_a_folder_without_pictures(tmp_path: Path) -> None:
    touch(tmp_path, "notes.txt")
    with pytest.raises(CatalogError, match=r"there are no pictures in .*formats: JPEG, PNG"):
        opened(tmp_path)
