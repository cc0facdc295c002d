"""Sheets: letters are drawn and not boxes, tiles are where they should be, and errors name the file."""

from __future__ import annotations

import base64
import io
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from openautoglm.catalog import lettering
from openautoglm.catalog.contact_sheet import Tile, draw_sheet, on_checker, render_sheet
from openautoglm.errors import UserError

CHINESE = "金色的银杏大道秋天"


def drawn(text: str, size: int = 40) -> np.ndarray:
    """Draw one line; return its ink, cut to its box."""
    canvas = Image.new("L", (size * (len(text) + 2), size * 2), 255)
    lettering.write(ImageDraw.Draw(canvas), (size // 2, int(size * 1.4)), text, size, "black")
    box = canvas.point(lambda value: 255 - value).getbbox()
    return np.asarray(canvas.crop(box)) if box else np.zeros((0, 0))


def test_chinese_letters_are_drawn_each_unlike_the_box_and_unlike_each_other() -> None:
    glyphs = [drawn(letter) for letter in dict.fromkeys(CHINESE)]
    box = drawn("\U0010ffff")
    assert box.size
    assert all(glyph.size and not np.array_equal(glyph, box) for glyph in glyphs)
    assert len({glyph.tobytes() for glyph in glyphs}) == len(glyphs)
    assert all(lettering.has_letter(lettering.font_file(letter), letter) for letter in CHINESE)


def test_a_label_in_three_scripts_is_drawn_in_one_line() -> None:
    assert all(drawn(word).size for word in ("ginkgo", "гинкго", "いちょう", "은행나무", "γίγκο"))
    assert lettering.width("ginkgo 银杏", 20) > lettering.width("ginkgo", 20) + lettering.width("银杏", 20)


def test_an_apostrophe_is_narrow_in_english_and_wide_in_chinese() -> None:
    assert lettering.width("o’clock", 20) == lettering.width("o'clock", 20)
    assert lettering.width("“金”", 20) == 60


def test_a_font_lacks_what_no_font_has() -> None:
    assert not lettering.has_letter(lettering.font_file("a"), "\U0010ffff")


@settings(max_examples=60, deadline=None)
@given(
    text=st.text(alphabet="ab cdé金银杏道，。 -", max_size=60),
    room=st.integers(40, 300),
    lines=st.integers(1, 3),
)
def test_wrapped_lines_fit_and_nothing_is_lost_but_behind_an_ellipsis(
    text: str, room: int, lines: int
) -> None:
    rows = lettering.wrap(text, 16, room, lines)
    assert len(rows) <= lines
    assert all(lettering.width(row, 16) <= room for row in rows)
    kept = "".join("".join(rows).split())
    whole = "".join(text.split())
    assert kept == whole or (kept.endswith("…") and whole.startswith(kept[:-1]))


def test_a_word_stays_whole_where_it_fits() -> None:
    room = lettering.width("golden ginkgo", 16)
    assert lettering.wrap("golden ginkgo avenue", 16, room, 2) == ["golden ginkgo", "avenue"]


def tile(colour: str, **about: object) -> Tile:
    return Tile(Image.new("RGB", (64, 64), colour), ["label"], **about)  # type: ignore[arg-type]


def test_tiles_stand_in_reading_order() -> None:
    sheet = render_sheet([tile("red"), tile("lime"), tile("blue")], title="", columns=2)
    pixels = np.asarray(sheet).astype(int)
    centres = []
    for channel in range(3):
        pure = (pixels[..., channel] > 250) & (pixels.sum(-1) < 300)
        ys, xs = np.nonzero(pure)
        centres.append((xs.mean(), ys.mean()))
    red, green, blue = centres
    assert red[0] == pytest.approx(blue[0], abs=2)
    assert red[1] == pytest.approx(green[1], abs=2)
    assert green[0] > red[0]
    assert blue[1] > red[1]


def test_marks_and_scores_can_be_seen() -> None:
    def shape(**about: object) -> bytes:
        return render_sheet([tile("gray", **about)], title="", columns=1).tobytes()

    looks = [
        shape(),
        shape(mark="right"),
        shape(mark="wrong"),
        shape(mark="query"),
        shape(score=0.3),
        shape(score=0.9),
    ]
    assert len(set(looks)) == len(looks)


def test_clear_pictures_lie_on_the_checker_without_their_hidden_colour() -> None:
    clear = Image.new("RGBA", (32, 32), (255, 0, 0, 0))
    ground = np.asarray(on_checker(clear, (64, 64)))
    assert ground.min() > 240
    assert len(np.unique(ground.reshape(-1, 3), axis=0)) == 2


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "CMYK"])
@pytest.mark.parametrize("size", [(1, 1), (300, 2), (40, 500)])
def test_any_picture_fits_its_place(mode: str, size: tuple[int, int]) -> None:
    fitted = on_checker(Image.new(mode, size), (100, 100))
    assert fitted.mode == "RGB"
    assert max(fitted.size) <= 100


def test_a_png_is_written_into_a_new_folder(tmp_path: Path) -> None:
    tiles = [tile("red", score=0.5), Tile(None, [CHINESE * 9, "query"], "query"), Tile(None)]
    path = draw_sheet(tiles, tmp_path / "new" / "sheet.png", title="金色的银杏大道\nthree tiles", columns=9)
    with Image.open(path) as sheet:
        assert sheet.format == "PNG"


def test_a_page_holds_its_pictures_and_escapes_its_text(tmp_path: Path) -> None:
    evil = "<script>alert('银杏')</script> \"&"
    tiles = [Tile(Image.new("RGBA", (500, 300)), [evil], "right", 0.25), Tile(None, [CHINESE], "query", -0.5)]
    page = draw_sheet(tiles, tmp_path / "sheet.html", title=f"{evil}\nnote").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert CHINESE in page
    assert re.findall(r"(?:src|href)=\"(?!data:)", page) == []
    data = re.findall(r"data:image/webp;base64,([^\"]+)", page)
    with Image.open(io.BytesIO(base64.b64decode(data[0]))) as picture:
        assert picture.size == (320, 192)
    assert "−0.500" in page


@pytest.mark.parametrize(
    ("tiles", "name", "columns", "says"),
    [
        ([], "a.png", 3, "nothing to draw"),
        ([tile("red")], "a.gif", 3, r"a\.gif: a sheet is written as \.png or \.html"),
        ([tile("red")], "a", 3, "without suffix"),
        ([tile("red")], "a.png", 0, "columns must be 1 or more"),
    ],
)
def test_what_cannot_be_drawn_is_said(
    tmp_path: Path, tiles: list[Tile], name: str, columns: int, says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        draw_sheet(tiles, tmp_path / name, columns=columns)


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"sheet\.png cannot be written"):
        draw_sheet([tile("red")], tmp_path / "file" / "sheet.png")


def test_no_font_at_all_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lettering, "has_letter", lambda path, letter: False)
    for fonts in ("packaged_fonts", "_system"):
        monkeypatch.setattr(lettering, fonts, lambda: ())
    with pytest.raises(UserError, match="pip install cvttf-NotoSansCJK-Regular"):
        lettering.font_file("\U000e0fff")  # a letter that no other test has asked for


def test_quotes_and_tags_in_a_file_name_stay_text(tmp_path: Path) -> None:
    name = """re'd "0" <img src=x onerror='alert("1")'> &amp;.png"""
    page = tmp_path / "sheet.html"
    draw_sheet([Tile(Image.new("RGB", (8, 8)), (name,))], page, title=name)
    shown: list[str] = []

    class Seen(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            assert not any(key.startswith("on") for key, _ in attrs)
            shown.extend(value or "" for key, value in attrs if key in ("alt", "title"))

        def handle_data(self, data: str) -> None:
            shown.append(data)

    Seen().feed(page.read_text(encoding="utf-8"))
    assert shown.count(name) == 5  # the page's title and heading, the picture's, its line's, and the line
