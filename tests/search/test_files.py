"""Hits become files: named by rank, never over others; what has no file is said; a table that reads back."""

from __future__ import annotations

import csv
import errno
import io
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import PIL.features
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from tests.evaluate.stand_in import catalogue, square

from openautoglm.catalog.catalog import Catalog
from openautoglm.catalog.errors import CatalogError
from openautoglm.catalog.schema import Roles
from openautoglm.search import files
from openautoglm.search.errors import SearchError
from openautoglm.search.files import as_csv, copy_pictures, link_pictures, picture_of, picture_paths
from openautoglm.search.hit import Hit


def encoded(hue: float, kind: str) -> bytes:
    held = io.BytesIO()
    square(hue).save(held, kind)
    return held.getvalue()


def hits_of(catalog: Catalog, ids: Sequence[str]) -> list[Hit]:
    rows = catalog.read(ids=list(ids)).to_pylist()
    return [Hit(row.pop("id"), 0.5, row) for row in rows]


@pytest.fixture
def shop(tmp_path: Path) -> Catalog:
    """Two rows with picture files, one without a picture, and three whose bytes lie in the workspace."""
    rows: list[dict[str, object]] = [
        {"hue": 10, "id": "ten", "title": "colour 10"},
        {"hue": 20, "id": "twenty", "title": "colour 20"},
        {"hue": None, "id": "words", "title": "colour 30"},
    ]
    shop = catalogue(tmp_path, rows)
    kinds = {"in/jpeg": "JPEG", "in/webp": "WEBP", "in/tiff": "TIFF"}
    table = pa.table(
        {"id": list(kinds), "picture": [encoded(40, kind) for kind in kinds.values()], "title": list(kinds)}
    )
    pq.write_table(table, tmp_path / "inside.parquet")
    report = shop.add(tmp_path / "inside.parquet", roles=Roles(image="picture", text=("title",), id="id"))
    assert report.added == 3
    return shop


ALL = ("twenty", "in/jpeg", "words", "ten", "in/webp", "in/tiff")


def test_pictures_are_copied_under_their_rank(shop: Catalog, tmp_path: Path) -> None:
    found = copy_pictures(shop, hits_of(shop, ALL), tmp_path / "new" / "hits")
    names = ["001-20.png", "002-in_jpeg.jpg", "004-10.png", "005-in_webp.webp", "006-in_tiff.tif"]
    assert [file.name for file in found.files] == names
    assert sorted(file.name for file in (tmp_path / "new" / "hits").iterdir()) == names
    assert found.files[0].read_bytes() == (tmp_path / "pictures" / "20.png").read_bytes()
    assert found.files[1].read_bytes() == encoded(40, "JPEG")
    assert found.left == {"words": "the row has no picture"}
    assert found.remarks == ["left out words: the row has no picture"]


def test_a_second_page_goes_beside_the_first_but_nothing_is_written_over(
    shop: Catalog, tmp_path: Path
) -> None:
    folder = tmp_path / "hits"
    first, second = hits_of(shop, ["ten"]), hits_of(shop, ["twenty", "ten"])
    copy_pictures(shop, first, folder)
    assert [file.name for file in copy_pictures(shop, second, folder, start=1).files] == [
        "002-20.png",
        "003-10.png",
    ]
    (folder / "001-10.png").write_text("mine")
    (folder / "002-20.png").unlink()
    with pytest.raises(SearchError, match=r"003-10\.png exists and is not written over"):
        copy_pictures(shop, second, folder, start=1)
    assert sorted(file.name for file in folder.iterdir()) == ["001-10.png", "003-10.png"]
    # A link that leads nowhere is a name that is taken, too.
    (folder / "001-20.png").symlink_to("nowhere")
    with pytest.raises(SearchError, match="exists"):
        copy_pictures(shop, hits_of(shop, ["twenty"]), folder)
    assert not Path("nowhere").exists()


def test_a_lost_file_is_left_out_or_comes_from_the_workspace(shop: Catalog, tmp_path: Path) -> None:
    shop.add(tmp_path / "rows.csv", embed=True)  # now the bytes of `ten` and `twenty` are kept as well
    whole = (tmp_path / "pictures" / "10.png").read_bytes()
    (tmp_path / "pictures" / "10.png").unlink()
    hits = hits_of(shop, ["ten", "twenty", "in/jpeg"])
    assert copy_pictures(shop, hits, tmp_path / "hits").files[0].read_bytes() == whole
    assert (tmp_path / "hits" / "001-10.png").is_file()
    paths = picture_paths(shop, hits)
    assert paths.files == [tmp_path / "pictures" / "20.png"]
    assert "has gone" in paths.left["ten"] and "--copy writes it out" in paths.left["in/jpeg"]
    assert picture_of(shop, hits[0]) is not None


def test_links_lead_to_the_pictures(shop: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = link_pictures(shop, hits_of(shop, ALL), "links")
    assert [(file.name, str(file.readlink())) for file in found.files] == [
        ("001-20.png", str(tmp_path / "pictures" / "20.png")),
        ("004-10.png", str(tmp_path / "pictures" / "10.png")),
    ]
    assert set(found.left) == {"words", "in/jpeg", "in/webp", "in/tiff"}
    with pytest.raises(SearchError, match="exists"):
        link_pictures(shop, hits_of(shop, ALL), "links")


def test_a_file_system_without_links_is_said(
    shop: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, target: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    with pytest.raises(SearchError, match="symbolic links cannot be made in .*--copy"):
        link_pictures(shop, hits_of(shop, ["ten"]), tmp_path / "links")


def test_a_place_that_cannot_be_written_is_said_and_no_half_picture_stays(
    shop: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CatalogError, match="file.* cannot be written"):
        copy_pictures(shop, hits_of(shop, ["ten"]), tmp_path / "file" / "hits")

    def fill_up(source: object, target: io.BufferedWriter) -> None:
        target.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.shutil, "copyfileobj", fill_up)
    with pytest.raises(CatalogError, match=r"001-10\.png cannot be written: the disk is full"):
        copy_pictures(shop, hits_of(shop, ["ten"]), tmp_path / "hits")
    assert list((tmp_path / "hits").iterdir()) == []


@given(
    rank=st.integers(1, 5000),
    stem=st.text(st.characters(exclude_categories=["Cs"]), max_size=300),
    suffix=st.sampled_from([".jpg", ".JPEG", ""]),
)
def test_a_name_is_one_that_every_system_takes(rank: int, stem: str, suffix: str) -> None:
    name = files._name(rank, stem, suffix)
    assert name.startswith(f"{rank:03}-") and name.endswith(suffix)
    assert len(name.encode()) < 255
    assert not set(name) & set('<>:"/\\|?*\0\n')
    assert Path(name).name == name and name[-1] not in " ."


@pytest.mark.parametrize(
    ("kind", "suffix"),
    [("JPEG", ".jpg"), ("PNG", ".png"), ("GIF", ".gif"), ("WEBP", ".webp")]
    + [("TIFF", ".tif"), ("BMP", ".bmp"), ("DIB", ".dib"), ("AVIF", ".avif")],
)
def test_bytes_get_the_suffix_of_their_format(kind: str, suffix: str) -> None:
    if kind == "AVIF" and not PIL.features.check("avif"):
        pytest.skip("this Pillow writes no AVIF")
    assert files._suffix(encoded(40, kind)) == suffix


def test_a_table_reads_back_to_the_same_rows(tmp_path: Path) -> None:
    shop = catalogue(
        tmp_path,
        [
            {"hue": 10, "id": "1", "title": '红色，"深"', "price": 1.5, "day": "2024-02-29", "good": "true"},
            {"hue": None, "id": "2", "title": "two, lines\nhere", "price": None, "day": None, "good": None},
        ],
    )
    hits = hits_of(shop, ["2", "1"])
    text = as_csv(shop, hits)
    lines = list(csv.reader(io.StringIO(text, newline="")))
    assert lines[0] == ["id", "score", "picture", "title", "price", "day", "good"]
    assert lines[1] == ["2", "0.500000", "", "two, lines\nhere", "", "", ""]
    picture = str(tmp_path / "pictures" / "10.png")
    assert lines[2] == ["1", "0.500000", picture, '红色，"深"', "1.5", date(2024, 2, 29).isoformat(), "true"]
    assert text.count("\r\n") == 3

    (tmp_path / "again.csv").write_bytes(text.encode("utf-8-sig"))
    again = Catalog(tmp_path / "again", create=True)
    roles = Roles(image="picture", text=("title",), columns=("price", "day", "good"), id="id")
    assert again.add(tmp_path / "again.csv", roles=roles).skipped == []
    same = ["title", "price", "day", "good", "_image_hash"]
    assert again.read(same, ids=["1", "2"]).to_pylist() == shop.read(same, ids=["1", "2"]).to_pylist()


def test_a_users_own_score_keeps_its_name(tmp_path: Path) -> None:
    shop = catalogue(tmp_path, [{"hue": 10, "id": "1", "title": "a", "score": 7}])
    lines = as_csv(shop, hits_of(shop, ["1"])).splitlines()
    assert lines[0] == "id,_score,picture,title,score" and lines[1].endswith(",a,7")
    assert as_csv(shop, []) == "id,score,picture\r\n"


def test_pages_of_a_pdf_are_copied_as_pictures_and_found_in_their_file(shop: Catalog, tmp_path: Path) -> None:
    sheets = [Image.new("RGB", (60, 80), (40 * number, 90, 200)) for number in range(2)]
    sheets[0].save(tmp_path / "scan.pdf", save_all=True, append_images=sheets[1:])
    shop.add(tmp_path / "scan.pdf")
    hits = hits_of(shop, ["scan.pdf#page=2", "scan.pdf#page=1"])
    copied = copy_pictures(shop, hits, tmp_path / "copied").files
    assert [one.name for one in copied] == ["001-scan.pdf#page=2.png", "002-scan.pdf#page=1.png"]
    with Image.open(copied[0]) as image:
        assert image.getpixel((9, 9)) == pytest.approx((40, 90, 200), abs=6)
    assert picture_paths(shop, hits).files == [tmp_path / "scan.pdf"]
    linked = link_pictures(shop, hits[:1], tmp_path / "linked").files
    assert [(one.name, one.resolve()) for one in linked] == [("001-scan.pdf", tmp_path / "scan.pdf")]
