"""SVG: drawn as it should be, and every way in which a drawing can do harm."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pytest
from PIL import Image

from openautoglm.catalog import svg
from openautoglm.catalog.images import BadImage, decode_image, inspect_image

OPEN = (
    '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
    'width="24mm" height="12mm" viewBox="0 0 24 12">'
)
RED = '<rect width="12" height="12" fill="#c81e3c"/>'


def drawing(inside: str = RED, before: str = "") -> bytes:
    return f"{before}{OPEN}{inside}</svg>".encode()


def refused(data: bytes) -> str:
    with pytest.raises(BadImage) as caught:
        inspect_image(data)
    return caught.value.reason


def test_a_drawing_keeps_its_shape_and_is_transparent_where_nothing_is_drawn() -> None:
    image = decode_image(drawing())
    assert (image.mode, image.size) == ("RGBA", (1024, 512))
    assert image.getpixel((100, 100)) == (0xC8, 0x1E, 0x3C, 255)
    assert image.getpixel((1000, 100))[3] == 0
    assert inspect_image(drawing())[1:3] == (1024, 512)


@pytest.mark.parametrize(
    ("size", "seen"),
    [
        ('width="24" height="12"', (1024, 512)),
        ('viewBox="0 0 1.2 .3"', (1024, 256)),
        ('width="0.5in" height="1in" viewBox="0,0,10,20"', (512, 1024)),
        ('width="100%" height="100%" viewBox="0 0 16 16"', (1024, 1024)),
        ('width="1e9" height="1e9"', (1024, 1024)),
        ("", (1024, 512)),
    ],
)
def test_any_stated_size_is_drawn_at_one(size: str, seen: tuple[int, int]) -> None:
    data = f'<svg xmlns="http://www.w3.org/2000/svg" {size}><rect width="24" height="12"/></svg>'
    assert decode_image(data.encode()).size == seen


@pytest.mark.parametrize(
    "data",
    [
        gzip.compress(drawing()),
        drawing(before="\ufeff<?xml version='1.0'?>\n<!-- a comment -->\n"),
        ("\ufeff<?xml version='1.0' encoding='utf-16'?>" + drawing().decode()).encode("utf-16-le"),
        drawing(before='<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/no.dtd">'),
        drawing('<rect width="&w;" height="12" fill="#c81e3c"/>', '<!DOCTYPE svg [<!ENTITY w "12">]>'),
    ],
    ids=["svgz", "utf-8 with mark", "utf-16", "doctype", "entity of an editor"],
)
def test_svg_as_programs_write_it(data: bytes) -> None:
    assert decode_image(data).getpixel((100, 100)) == (0xC8, 0x1E, 0x3C, 255)


def test_chinese_letters_are_drawn_and_not_the_same_box() -> None:
    drawn = [decode_image(drawing(f'<text y="11" font-size="11">{said}</text>')) for said in "银杏"]
    assert all(one.getbbox() for one in drawn)
    assert drawn[0].tobytes() != drawn[1].tobytes()


@pytest.mark.parametrize("attribute", ["href", "xlink:href"])
@pytest.mark.parametrize("form", ["{path}", "file://{path}", "&e;", "  {path}"])
def test_no_file_is_opened(tmp_path: Path, attribute: str, form: str) -> None:
    path = tmp_path / "secret.png"
    Image.new("RGB", (10, 10), (0, 255, 0)).save(path)
    shown = f'{RED}<image {attribute}="{form.format(path=path)}" width="12" height="12"/>'
    image = decode_image(drawing(shown, f'<!DOCTYPE svg [<!ENTITY e "{path}">]>'))
    assert image.getpixel((100, 100)) == (0xC8, 0x1E, 0x3C, 255)


def test_a_picture_inside_is_drawn() -> None:
    import base64

    out = io.BytesIO()
    Image.new("RGB", (10, 10), (0, 255, 0)).save(out, "PNG")
    data = base64.b64encode(out.getvalue()).decode()
    image = decode_image(drawing(f'<image href="data:image/png;base64,{data}" width="12" height="12"/>'))
    assert image.getpixel((100, 100)) == (0, 255, 0, 255)


@pytest.mark.parametrize(
    ("before", "reason"),
    [
        ('<!DOCTYPE svg [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>', "'b' grows"),
        (f'<!DOCTYPE svg [<!ENTITY a "{"a" * 5000}">]>', "'a' grows"),
        ('<!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/passwd">]>', "'a' lies outside"),
        ('<!DOCTYPE svg [<!ENTITY % a SYSTEM "http://127.0.0.1/x">%a;]>', "'a' lies outside"),
    ],
)
def test_entities_that_grow_or_lie_outside_are_refused(before: str, reason: str) -> None:
    assert reason in refused(drawing(before=before))


def test_many_entities_are_refused() -> None:
    bomb = drawing(f"<text>{'&a;' * 20_000}</text>", f'<!DOCTYPE svg [<!ENTITY a "{"a" * 4000}">]>')
    assert "amplification" in refused(bomb)


NESTED = "".join(
    f'<g id="a{level}">{f"""<use xlink:href="#a{level - 1}"/>""" * 10}</g>' for level in range(1, 12)
)


@pytest.mark.parametrize(
    "inside",
    [
        "<g>" * 100_000 + "</g>" * 100_000,
        f'<defs><g id="a0">{RED}</g>{NESTED}</defs><use xlink:href="#a11"/>',
    ],
    ids=["nested too deeply", "uses of uses"],
)
def test_what_crashes_or_fills_the_renderer_is_refused(inside: str) -> None:
    assert "cannot be drawn" in refused(drawing(inside))


def test_what_never_ends_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(svg, "_SECONDS", 1)
    noise = '<filter id="f"><feTurbulence baseFrequency="0.5" numOctaves="1000000000"/></filter>'
    reason = refused(drawing(f'{noise}<rect width="24" height="12" filter="url(#f)"/>'))
    assert "not drawn after 1 second" in reason or "more than 5 seconds" in reason


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (drawing()[:-10], "its XML is broken"),
        (b"<html><body><svg /></body></html>", "its first element is 'html'"),
        (b'<svg xmlns="http://www.w3.org/2000/svg" width="0" height="9"/>', "invalid size"),
        (gzip.compress(drawing())[:-30], "broken"),
    ],
)
def test_broken_drawings(data: bytes, reason: str) -> None:
    assert reason in refused(data)


def test_a_drawing_above_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(svg, "MAX_BYTES", 50)
    assert "more than 50 bytes" in refused(drawing())
    assert "more than 50 bytes" in refused(gzip.compress(drawing()))
