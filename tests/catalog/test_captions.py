"""Where a caption comes from, in order; and what the metadata of real files look like."""

from __future__ import annotations

import json
from pathlib import Path, PurePath

import pytest
from PIL import Image, PngImagePlugin

from openautoglm.catalog.captions import caption_values
from openautoglm.catalog.embedded import embedded_values

XMP = """<?xpacket begin='\ufeff' id='W5M0MpCehiHzreSzNTczkc9d'?>
<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>
<rdf:Description xmlns:dc='http://purl.org/dc/elements/1.1/'>
<dc:title><rdf:Alt><rdf:li xml:lang='x-default'>Avenue</rdf:li></rdf:Alt></dc:title>
<dc:description><rdf:Alt><rdf:li xml:lang='zh'>银杏</rdf:li>
<rdf:li xml:lang='x-default'>A golden avenue</rdf:li></rdf:Alt></dc:description>
</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end='w'?>"""


def captions(path: Path, *sidecars: Path) -> tuple[dict[str, object], list[str]]:
    return caption_values(path, PurePath(path.name), list(sidecars), embedded_values(path.read_bytes()))


def embedded_caption(data: bytes) -> object:
    return embedded_values(data).get("caption")


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    Image.new("RGB", (4, 4)).save(tmp_path / "red_car.png")
    return tmp_path / "red_car.png"


def save(path: Path, **options: object) -> bytes:
    Image.new("RGB", (4, 4)).save(path, **options)
    return path.read_bytes()


def test_a_text_file_beside_it_comes_first(picture: Path) -> None:
    picture.with_suffix(".txt").write_text("  A red\n car ", encoding="utf-8")
    assert captions(picture, picture.with_suffix(".txt")) == ({"caption": "A red car"}, [])


def test_a_chinese_text_file_from_windows(picture: Path) -> None:
    picture.with_suffix(".txt").write_bytes("一辆红色的汽车".encode("gb18030"))
    assert captions(picture, picture.with_suffix(".txt"))[0]["caption"] == "一辆红色的汽车"


def test_json_brings_captions_in_languages_and_tags(picture: Path) -> None:
    content = {
        "title": "red_car.png",
        "description": "A car",
        "caption_zh": "汽车",
        "tags": ["red", "car"],
        "id": 3,
    }
    sidecar = picture.with_suffix(".json")
    sidecar.write_text(json.dumps(content), encoding="utf-8")
    values = {"caption": "A car", "caption_zh": "汽车", "tags": ["red", "car"]}
    assert captions(picture, sidecar) == (values, [])


def test_text_wins_over_json_but_does_not_hide_its_tags(picture: Path) -> None:
    text, sidecar = picture.with_suffix(".txt"), picture.with_suffix(".json")
    text.write_text("from text", encoding="utf-8")
    sidecar.write_text('{"caption": "from json", "tags": ["a"]}', encoding="utf-8")
    assert captions(picture, text, sidecar)[0] == {"caption": "from text", "tags": ["a"]}


@pytest.mark.parametrize("content", ["{broken", "[1]"])
def test_a_broken_sidecar_is_told_and_passed_over(picture: Path, content: str) -> None:
    sidecar = picture.with_suffix(".json")
    sidecar.write_text(content, encoding="utf-8")
    values, problems = captions(picture, sidecar)
    assert values == {"caption": "red car"}
    assert "red_car.json cannot be read" in problems[0]


def test_without_anything_the_name_speaks(picture: Path) -> None:
    assert captions(picture) == ({"caption": "red car"}, [])


@pytest.mark.parametrize("key", ["Title", "Description"])
@pytest.mark.parametrize("text", ["A car", "一辆汽车"])
def test_png_text(tmp_path: Path, key: str, text: str) -> None:
    info = PngImagePlugin.PngInfo()
    info.add_itxt(key, text)
    assert embedded_caption(save(tmp_path / "a.png", pnginfo=info)) == text


@pytest.mark.parametrize("kind", ["jpg", "png", "webp", "tif"])
def test_exif_description(tmp_path: Path, kind: str) -> None:
    exif = Image.Exif()
    exif[0x010E] = "A car"
    assert embedded_caption(save(tmp_path / f"a.{kind}", exif=exif)) == "A car"


def test_exif_description_in_utf_8(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010E] = "一辆汽车".encode()
    assert embedded_caption(save(tmp_path / "a.jpg", exif=exif)) == "一辆汽车"


def test_windows_title(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x9C9B] = "一辆汽车\0".encode("utf-16-le")
    assert embedded_caption(save(tmp_path / "a.jpg", exif=exif)) == "一辆汽车"


@pytest.mark.parametrize("kind", ["jpg", "webp"])
def test_xmp_description(tmp_path: Path, kind: str) -> None:
    values = embedded_values(save(tmp_path / f"a.{kind}", xmp=XMP.encode()))
    assert values == {"caption": "A golden avenue", "caption_zh": "银杏"}


def test_texts_behind_the_pixels_of_a_png(tmp_path: Path) -> None:
    info = PngImagePlugin.PngInfo()
    info.add_itxt("Description", "一辆汽车", zip=True)
    data = save(tmp_path / "a.png", pnginfo=info)
    start = data.index(b"iTXt") - 4
    end = data.index(b"IDAT") - 4
    behind = data[:start] + data[end:-12] + data[start:end] + data[-12:]
    assert embedded_values(behind) == {"caption": "一辆汽车"}


def test_languages_that_no_field_is_named_by_are_left_out(tmp_path: Path) -> None:
    packet = XMP.replace("xml:lang='zh'", "xml:lang='tlh'")
    assert embedded_values(save(tmp_path / "a.jpg", xmp=packet.encode())) == {"caption": "A golden avenue"}


def test_one_language_alone_is_the_caption(tmp_path: Path) -> None:
    packet = XMP.replace("x-default'>A golden", "zh-TW'>A golden").replace("x-default'>Avenue", "zh'>Avenue")
    assert embedded_values(save(tmp_path / "a.jpg", xmp=packet.encode())) == {
        "caption": "银杏",
        "caption_zh": "A golden avenue",
    }


def test_windows_keywords(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x9C9E] = "红色;汽车;红色\0".encode("utf-16-le")
    assert embedded_values(save(tmp_path / "a.jpg", exif=exif)) == {"tags": ["红色", "汽车"]}


def test_xmp_that_declares_entities_is_not_parsed(tmp_path: Path) -> None:
    bomb = b"<!DOCTYPE x [<!ENTITY a 'aaaa'>]>" + XMP.encode()
    assert embedded_caption(save(tmp_path / "a.jpg", xmp=bomb)) is None


def test_iptc_caption(tmp_path: Path) -> None:
    text = b"A golden avenue"
    record = b"\x1c\x02\x78" + len(text).to_bytes(2, "big") + text
    block = b"8BIM\x04\x04\0\0" + len(record).to_bytes(4, "big") + record + b"\0" * (len(record) % 2)
    payload = b"Photoshop 3.0\0" + block
    data = save(tmp_path / "a.jpg")
    data = data[:2] + b"\xff\xed" + (len(payload) + 2).to_bytes(2, "big") + payload + data[2:]
    assert embedded_caption(data) == "A golden avenue"


@pytest.mark.parametrize(
    "said", ["OLYMPUS DIGITAL CAMERA         ", "SONY DSC", "Created with GIMP", "...", ""]
)
def test_what_cameras_write_is_no_caption(tmp_path: Path, said: str) -> None:
    exif = Image.Exif()
    exif[0x010E] = said
    assert embedded_caption(save(tmp_path / "a.jpg", exif=exif)) is None


def test_bytes_that_are_no_picture_have_no_caption() -> None:
    assert embedded_caption(b"x") is None
