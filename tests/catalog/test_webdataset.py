"""WebDataset archives that tarfile writes: samples, compression, damage, second pictures, odd members."""

from __future__ import annotations

import io
import json
import random
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from openautoglm.catalog.catalog import Catalog
from openautoglm.catalog.errors import CatalogError
from openautoglm.catalog.images import BadImage
from openautoglm.catalog.report import Skipped
from openautoglm.catalog.webdataset import TarSource


def picture(seed: int, kind: str = "PNG") -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (8, 10, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def archive(path: Path, members: list[tuple[str, bytes]]) -> Path:
    with tarfile.open(path, "w:gz" if path.suffix in (".gz", ".tgz") else "w") as tar:
        for name, data in members:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


SAMPLES = [
    ("./a/000.jpg", picture(0, "JPEG")),
    ("./a/000.txt", b"a ginkgo\navenue"),
    ("./a/000.cls", b"7"),
    ("./a/001.json", json.dumps({"caption": "from JSON", "caption_zh": "红车", "tags": ["car"]}).encode()),
    ("./a/001.webp", picture(1, "WEBP")),
    ("./a/002.txt", b"words without a picture"),
    ("./a/003.seg.png", picture(3)),
    ("./a/003.npy", b"whatever"),
]


def rows(shop: Catalog) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in shop.read().to_pylist()}


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tgz"])
def test_members_of_one_stem_are_a_row(shop: Catalog, tmp_path: Path, suffix: str) -> None:
    path = archive(tmp_path / f"train-000{suffix}", SAMPLES)
    assert str(shop.add(path)) == "+4 ~0 −0"
    found = rows(shop)
    assert list(found) == [f"train-000/a/{stem}" for stem in ("000", "001", "002", "003")]
    first, second, third, fourth = found.values()
    assert (first["caption"], first["cls"], first["_width"], first["_height"]) == (
        "a ginkgo avenue",
        7,
        10,
        8,
    )
    assert (second["caption"], second["caption_zh"], second["tags"]) == ("from JSON", "红车", ["car"])
    assert (third["caption"], third["_image_hash"]) == ("words without a picture", None)
    assert fourth["caption"] is None
    wanted = Image.open(io.BytesIO(SAMPLES[4][1])).convert("RGB")
    assert shop.load_image(second) == wanted
    # What is not compressed stays where it is, what is compressed is copied.
    assert second["_embedded"] == (suffix != ".tar")
    path.rename(tmp_path / "elsewhere")
    if suffix == ".tar":
        with pytest.raises(BadImage, match="file not found"):
            shop.load_image(second)
    else:
        assert shop.load_image(second) == wanted


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz"])
def test_adding_again_touches_only_what_differs(shop: Catalog, tmp_path: Path, suffix: str) -> None:
    path = archive(tmp_path / f"a{suffix}", SAMPLES)
    shop.add(path)
    assert shop.add(path).unchanged == 4
    # Behind a longer text everything lies elsewhere: the places change, the contents do not.
    before = rows(shop)["a/a/003"]
    archive(path, [SAMPLES[0], ("./a/000.txt", b"long " * 400), *SAMPLES[3:5], *SAMPLES[6:]])
    report = shop.add(path, prune=True)
    assert report.removed == 1
    after = rows(shop)["a/a/003"]
    assert (after["_image_hash"], after["_hash"]) == (before["_image_hash"], before["_hash"])
    assert shop.load_image(after).size == (10, 8)


def test_bad_members_are_listed_and_the_rest_is_added(shop: Catalog, tmp_path: Path) -> None:
    path = archive(
        tmp_path / "a.tar",
        [
            ("0.jpg", picture(0)[:-60]),
            ("1.jpg", picture(1)),
            ("1.json", b"{no json"),
            ("2.left.png", picture(2)),
            ("2.right.png", picture(3)),
            ("3.jpg", b""),
            ("3.txt", b"its picture is empty"),
            ("4.mp3", b"sound"),
            ("._1.jpg", b"what a Mac leaves"),
        ],
    )
    report = shop.add(path)
    assert set(rows(shop)) == {"a/1", "a/2", "a/3"}
    said = {one.field: one.reason for one in report.skipped}
    assert said.pop("0.jpg").startswith("truncated picture")
    assert said.pop("1.json").startswith("cannot be read (Expecting property name")
    assert said == {
        "2.right.png": "a second picture of this row; 2.left.png stands",
        "3.jpg": "empty file",
        None: "the row has neither a picture nor a text nor a value in a column",
    }


def test_names_of_classes_are_texts(shop: Catalog, tmp_path: Path) -> None:
    shop.add(archive(tmp_path / "a.tar", [("0.png", picture(0)), ("0.cls", b"cat\n")]))
    assert rows(shop)["a/0"]["cls"] == "cat"


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz"])
def test_damage_anywhere_is_told_and_nothing_is_pruned(tmp_path: Path, suffix: str) -> None:
    members = [one for n in range(20) for one in ((f"{n:03}.png", picture(n)), (f"{n:03}.txt", b"t"))]
    whole = archive(tmp_path / f"whole{suffix}", members).read_bytes()
    chance = random.Random(5)
    for _ in range(25):
        path = tmp_path / f"cut{suffix}"
        # The last two kilobytes of a tar are empty blocks, whose loss harms nobody.
        path.write_bytes(whole[: chance.randrange(1000, len(whole) - (12_000 if suffix == ".tar" else 20))])
        source = TarSource(path, name="cut", prefix="cut")
        found = list(source.items())
        assert isinstance(found[-1], Skipped) or isinstance(found[-2], Skipped)
        assert source.unreadable == 1


def test_a_damaged_header_is_no_end(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.tar", [(f"{number}.txt", b"words") for number in range(5)])
    data = bytearray(path.read_bytes())
    data[1024 * 2 : 1024 * 2 + 100] = b"\xff" * 100
    path.write_bytes(data)
    source = TarSource(path, name="a", prefix="a")
    kinds = [type(one).__name__ for one in source.items()]
    assert kinds == ["Item", "Skipped", "Item"] and source.unreadable == 1


def test_what_is_no_archive_is_an_error(shop: Catalog, tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_text("no archive " * 100)
    with pytest.raises(CatalogError, match=r"a\.tar is not a readable tar archive"):
        shop.add(tmp_path / "a.tar")
    (tmp_path / "b.tar.gz").write_bytes(b"\x1f\x8b no archive")
    with pytest.raises(CatalogError, match=r"b\.tar\.gz is not a readable tar archive"):
        shop.add(tmp_path / "b.tar.gz")


def test_an_archive_in_a_folder_is_left_closed(shop: Catalog, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    archive(folder / "backup.tar.gz", SAMPLES)
    (folder / "a.png").write_bytes(picture(0))
    report = shop.add(folder)
    assert report.added == 1
    assert report.skipped[0].reason.startswith("an archive in a folder is left closed")


def test_a_sparse_or_linked_member_is_no_place_in_the_file(shop: Catalog, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        (tmp_path / "0.png").write_bytes(picture(0))
        tar.add(tmp_path / "0.png", "0.png")
        link = tarfile.TarInfo("1.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    assert shop.add(tmp_path / "a.tar").added == 1
