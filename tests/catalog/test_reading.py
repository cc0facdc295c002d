"""Words in pictures: read by the true engine from true letters, once a picture, kept out of captions."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from PIL import Image, ImageDraw, ImageFont

from openautoglm.catalog import catalog as catalog_module
from openautoglm.catalog import lettering, reading
from openautoglm.catalog.catalog import Catalog
from openautoglm.catalog.errors import CatalogError
from openautoglm.catalog.reading import Reader
from openautoglm.encoders.image_settings import ImageSettings
from openautoglm.search.words import find_words
from openautoglm.train.data import TrainingData

Write = Callable[..., Path]


def sign(path: Path, *lines: str, back: str = "white", ink: str = "black", mode: str = "RGB") -> Path:
    font = ImageFont.truetype(str(lettering.packaged_fonts()[0]), 34)
    image = Image.new(mode, (360, 40 + 60 * len(lines)), back)
    for number, line in enumerate(lines):
        ImageDraw.Draw(image).text((20, 15 + 60 * number), line, ink, font)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)
    return path


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader()


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Sizes of the pictures that a reader was asked to read; it says what size each has."""
    asked: list[tuple[int, int]] = []

    def read(image: Image.Image) -> str | None:
        asked.append(image.size)
        return f"size {image.size[1]}"

    monkeypatch.setattr(catalog_module, "Reader", lambda: read)
    return asked


def words(shop: Catalog) -> dict[str, str | None]:
    return {row["id"]: row["ocr_text"] for row in shop.read(["id", "ocr_text"]).to_pylist()}


def test_chinese_and_english_words_without_network(
    shop: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the network was touched")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    photos = tmp_path / "photos"
    sign(photos / "a.png", "Golden Bridge", "OPEN DAILY")
    sign(photos / "b.png", "保温杯", "新品上市", back="#224488", ink="yellow")
    sign(photos / "c.png", "Fresh Coffee", back="#00000000", mode="RGBA")
    Image.new("RGB", (200, 120), "grey").save(photos / "nothing.png")
    report = shop.add(photos, ocr=True)
    assert report.read == 4
    assert "4 pictures read, 3 with words" in report.notes
    assert words(shop) == {
        "photos/a.png": "Golden Bridge OPEN DAILY",
        "photos/b.png": "保温杯 新品上市",
        "photos/c.png": "Fresh Coffee",
        "photos/nothing.png": None,
    }
    assert shop.count("ocr_text LIKE '%新品%'") == 1
    assert shop.fields["ocr_text"].role == "words"


def test_odd_pictures_are_read_without_a_fault(reader: Reader) -> None:
    for size in ((1, 1), (1, 300), (2000, 3), (900, 24), (20, 20)):
        assert reader(Image.new("RGB", size, "white")) is None


def test_only_new_and_changed_pictures_are_read(
    shop: Catalog, write: Write, tmp_path: Path, counting: list[tuple[int, int]]
) -> None:
    for height in (20, 30, 40):
        Image.new("RGB", (50, height), "red").save(tmp_path / f"{height}.png")
    lines = "id,image,price,title\n1,20.png,{},a\n2,30.png,1,b\n3,20.png,1,c\n"
    table = write("t.csv", lines.format(1))
    shop.add(table)
    shop.add(table, ocr=True)
    assert sorted(counting) == [(50, 20), (50, 30)], "equal pictures are read once"
    assert words(shop)["1"] == words(shop)["3"] == "size 20"
    counting.clear()

    write("t.csv", lines.format(7))
    assert shop.add(table).changed == 1
    assert (counting, words(shop)["1"]) == ([], "size 20")

    Image.new("RGB", (50, 44), "blue").save(tmp_path / "30.png")
    shop.add(table)
    assert (counting, words(shop)["2"]) == ([(50, 44)], "size 44")
    counting.clear()

    write("t.csv", lines.format(7).replace("20.png,7", ",7") + "6,20.png,9,d\n7,40.png,1,e\n")
    shop.add(table, ocr=False)
    assert words(shop)["7"] is None
    shop.add(table, ocr=True)
    assert counting == [(50, 40)], "what another row's picture says is known"
    assert [words(shop)[key] for key in "1236"] == [None, "size 44", "size 20", "size 20"]


def test_a_killed_reading_goes_on(
    shop: Catalog, tmp_path: Path, counting: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_ROWS_PER_COMMIT", 1)
    monkeypatch.setattr("openautoglm.catalog.threads._AHEAD", 1)
    for height in range(20, 60):
        path = tmp_path / "photos" / f"{height}.png"
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (50, height), "red").save(path)

    def stop(progress: Any) -> None:
        if progress.source == "words in pictures" and progress.done == 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shop.add(tmp_path / "photos", ocr=True, progress=stop)
    counting.clear()
    assert shop.add(tmp_path / "photos").read == 31
    assert set(words(shop).values()) == {f"size {height}" for height in range(20, 60)}


def test_without_the_engine(shop: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sign(tmp_path / "photos" / "a.png", "hello")
    monkeypatch.setattr(reading, "can_read", lambda: False)
    monkeypatch.setattr(catalog_module, "can_read", lambda: False)
    with pytest.raises(CatalogError, match=r"needs RapidOCR.* pip install 'openautoglm\[ocr\]'"):
        shop.add(tmp_path / "photos", ocr=True)
    assert shop.count() == 0
    shop.update_settings(ocr=True)
    report = shop.add(tmp_path / "photos")
    assert report.added == 1
    assert "the words of 1 pictures were not read: RapidOCR is not installed" in report.notes[0]


def test_a_column_of_that_name_is_not_overwritten(
    shop: Catalog, write: Write, tmp_path: Path, counting: list[tuple[int, int]]
) -> None:
    path = write("a.csv", "id,title,ocr_text\n1,a,my own\n")
    with pytest.raises(CatalogError, match=r"a\.csv has a column of that name; rename the column"):
        shop.add(path, ocr=True)
    shop.add(path)
    assert words(shop) == {"1": "my own"}
    with pytest.raises(CatalogError, match="rename the column"):
        shop.add(write("b.csv", "id,title\n2,b\n"), ocr=True)
    other = Catalog(tmp_path / "other", create=True)
    sign(tmp_path / "photos" / "a.png", "hello")
    other.add(tmp_path / "photos", ocr=True)
    with pytest.raises(CatalogError, match="rename the column"):
        other.add(path, ocr=False)


def test_what_was_read_is_found_at_once_and_stays_found(
    shop: Catalog, tmp_path: Path, counting: list[tuple[int, int]]
) -> None:
    path = sign(tmp_path / "photos" / "a.png", "x")
    shop.add(tmp_path / "photos", ocr=True)
    assert [hit.id for hit in find_words(shop, "sizes")] == ["photos/a.png"]
    path.with_suffix(".txt").write_text("a plate")
    assert shop.add(tmp_path / "photos").changed == 1
    assert [hit.id for hit in find_words(shop, "size plate")] == ["photos/a.png"]
    assert find_words(shop, "size")[0].words == ("size",)


def test_words_are_no_captions_unless_named(
    shop: Catalog, tmp_path: Path, counting: list[tuple[int, int]]
) -> None:
    sign(tmp_path / "photos" / "red car.png", "x")
    shop.add(tmp_path / "photos", ocr=True)
    assert [one.name for one in shop.text_fields] == ["caption"]
    size = ImageSettings(size=32)
    data = TrainingData.from_catalog(shop, tmp_path / "cache", size, split=None)
    assert list(data.texts()) == ["red car"]
    data = TrainingData.from_catalog(shop, tmp_path / "cache", size, split=None, fields=["ocr_text"])
    assert list(data.texts()) == ["size 100"]


def test_reading_leaves_vectors_valid(shop: Catalog, tmp_path: Path, counting: list[tuple[int, int]]) -> None:
    sign(tmp_path / "photos" / "a.png", "x")
    shop.add(tmp_path / "photos")
    shop.merge_columns(pa.table({"id": ["photos/a.png"], "_embeds_key": ["k"]}))
    before = shop.read(["_hash", "_updated_at", "_embeds_key"]).to_pylist()
    assert shop.add(tmp_path / "photos", ocr=True).unchanged == 1
    assert shop.read(["_hash", "_updated_at", "_embeds_key"]).to_pylist() == before
