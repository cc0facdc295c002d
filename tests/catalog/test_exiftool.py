"""Metadata that the real exiftool wrote: files in `data/exiftool/`, and new ones where it is installed."""

from __future__ import annotations

import shutil
import subprocess
from datetime import datetime
from pathlib import Path

import pytest
from PIL import Image

from openautoglm.catalog.captions import caption_values
from openautoglm.catalog.catalog import Catalog
from openautoglm.catalog.embedded import embedded_values

DATA = Path(__file__).parent / "data" / "exiftool"
KINDS = ["jpg", "png", "webp", "tif"]
EVERYTHING = {
    "caption": "A golden ginkgo avenue",
    "caption_zh": "金色的银杏大道",
    "caption_de": "Goldene Ginkgoallee",
    "caption_ja": "並木道",
    "tags": ["autumn", "秋天", "银杏"],
    "taken_at": datetime(2023, 11, 5, 16, 20),
    "camera": "NIKON D750",
    "latitude": -33.8568,
    "longitude": 151.2153,
}


def expected(kind: str) -> dict[str, object]:
    return EVERYTHING | ({"tags": ["autumn", "秋天"]} if kind == "webp" else {})  # no IPTC in WebP


@pytest.mark.parametrize("kind", KINDS)
def test_all_that_was_written_is_read(kind: str) -> None:
    assert embedded_values((DATA / f"everything.{kind}").read_bytes()) == expected(kind)


def test_iptc_alone() -> None:
    values = embedded_values((DATA / "iptc.jpg").read_bytes())
    assert values == {"caption": "金色的银杏大道", "tags": ["秋天", "银杏"]}


@pytest.mark.parametrize("kind", KINDS)
def test_what_this_machines_exiftool_writes_is_read(tmp_path: Path, kind: str) -> None:
    if not shutil.which("exiftool"):
        pytest.skip("exiftool is not installed (Debian: libimage-exiftool-perl)")
    path = tmp_path / f"a.{kind}"
    Image.new("RGB", (8, 6)).save(path)
    command = ["exiftool", "-q", "-q", "-overwrite_original", "-@", str(DATA / "everything.args"), str(path)]
    subprocess.run(command, check=True, timeout=60)
    assert embedded_values(path.read_bytes()) == expected(kind)


def test_a_sidecar_goes_before_and_does_not_hide_the_rest(tmp_path: Path) -> None:
    picture, sidecar = tmp_path / "red_car.jpg", tmp_path / "red_car.txt"
    shutil.copy(DATA / "everything.jpg", picture)
    sidecar.write_text("from the sidecar", encoding="utf-8")
    values, _ = caption_values(picture, Path("red_car.jpg"), [sidecar], embedded_values(picture.read_bytes()))
    assert values == EVERYTHING | {"caption": "from the sidecar"}


def test_a_folder_gets_columns_from_its_pictures(shop: Catalog, tmp_path: Path) -> None:
    shutil.copytree(DATA, tmp_path / "photos")
    Image.new("RGB", (8, 6)).save(tmp_path / "photos" / "blue sky.png")
    assert shop.add(tmp_path / "photos").added == 6
    kinds = {name: (one.role, one.type) for name, one in shop.fields.items()}
    assert kinds["taken_at"] == ("column", "time")
    assert kinds["latitude"] == kinds["longitude"] == ("column", "number")
    assert kinds["tags"] == ("tags", "tags")
    assert kinds["caption_zh"] == ("text", "text")
    assert shop.count("taken_at >= date '2023-11-01' AND latitude < 0 AND camera LIKE '%D750'") == 4
    assert shop.count("array_has(tags, '秋天')") == 5
    plain = shop.read(where="file = 'blue sky.png'").to_pylist()[0]
    assert (plain["caption"], plain["camera"], plain["taken_at"]) == ("blue sky", None, None)
    assert shop.add(tmp_path / "photos").unchanged == 6


def test_a_folder_without_such_pictures_has_no_such_columns(shop: Catalog, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (8, 6)).save(tmp_path / "photos" / "blue sky.png")
    shop.add(tmp_path / "photos")
    assert set(shop.fields) == {"caption", "folder", "file"}
    assert "camera" not in str(shop.summary())


def test_a_tables_column_of_the_same_name_keeps_its_kind(shop: Catalog, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    shutil.copy(DATA / "everything.jpg", tmp_path / "photos" / "a.jpg")
    table = tmp_path / "table.csv"
    table.write_text(
        "id,title,taken_at,latitude,tags\n1,A tower,long ago,3,old\n2,A bridge,today,4,new\n", "utf-8"
    )
    shop.add(table, tmp_path / "photos")
    assert {name: shop.fields[name].type for name in ("taken_at", "latitude", "tags")} == {
        "taken_at": "text",
        "latitude": "number",
        "tags": "text",
    }
    row = shop.read(where="file = 'a.jpg'").to_pylist()[0]
    assert row["taken_at"] == "2023-11-05 16:20:00"
    assert row["latitude"] == -33.8568
    assert row["tags"] == "autumn, 秋天, 银杏"
