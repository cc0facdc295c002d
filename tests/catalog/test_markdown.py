"""Markdown folders: whose words a picture gets, in which forms it is named, and what cannot be found."""

from __future__ import annotations

import string
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from openautoglm.catalog.catalog import Catalog
from openautoglm.catalog.markdown import MAX_CONTEXT, shown_pictures


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    for seed, name in enumerate(["img/avenue.png", "img/red panda (1).png", "other.png", "图/秋天.png"]):
        path = tmp_path / "notes" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4), (seed, 0, 0)).save(path)
    return tmp_path / "notes"


def rows(shop: Catalog) -> dict[str, dict[str, Any]]:
    return {row["id"].partition("/")[2]: row for row in shop.read().to_pylist()}


def test_a_picture_gets_the_words_around_it(shop: Catalog, notes: Path) -> None:
    (notes / "walks").mkdir()
    (notes / "walks/autumn.md").write_text(
        "---\ntitle: Walks\n---\n# Walks\n\n## In autumn\n\nThe avenue turns *golden*.\n\n"
        '![Ginkgo avenue](../img/avenue.png "in the park")\n\nThen it is bare.\n\n## Winter\n\nSnow.\n',
        encoding="utf-8",
    )
    assert str(shop.add(notes)) == "+4 ~0 −0"
    found = rows(shop)["img/avenue.png"]
    assert found["caption"] == "Ginkgo avenue"
    assert found["context"] == "In autumn: The avenue turns golden."
    assert found["document"] == "walks/autumn.md"
    # The others keep what their names say.
    assert rows(shop)["other.png"] | {"document": None, "context": None} == rows(shop)["other.png"]
    assert [field.name for field in shop.text_fields] == ["caption", "context"]


@pytest.mark.parametrize(
    ("written", "caption"),
    [
        ("![a panda](img/red%20panda%20%281%29.png)", "a panda"),
        ("![a panda](<img/red panda (1).png>)", "a panda"),
        ('![](img/red%20panda%20%281%29.png "asleep")', "asleep"),
        ("![a panda][one]\n\n[one]: <img/red panda (1).png>", "a panda"),
        ('<img src="img/red%20panda%20(1).png" alt="a panda">', "a panda"),
        ("text <IMG width=10 src='./img/red panda (1).png' alt='a panda'/> text", "a panda"),
        ('<p align="center">\n  <img src="/img/red panda (1).png" title="asleep">\n</p>', "asleep"),
        ("| a |\n|---|\n| ![a panda](img\\\\red%20panda%20%281%29.png) |", "a panda"),
        ("![a panda](img/../img/red%20panda%20%281%29.png?raw=true#top)", "a panda"),
        ("[![a panda](img/red%20panda%20%281%29.png)](https://example.org)", "a panda"),
        ("- ![a `panda` *cub*](img/red%20panda%20%281%29.png)", "a panda cub"),
        # A name is no caption: it is what the file's own name says, too.
        ("![red panda (1).png](img/red%20panda%20%281%29.png)", "red panda"),
    ],
)
def test_forms_in_which_a_picture_is_named(shop: Catalog, notes: Path, written: str, caption: str) -> None:
    (notes / "README.md").write_text(f"# Zoo\n\n{written}\n", encoding="utf-8")
    report = shop.add(notes)
    assert report.skipped == []
    found = rows(shop)["img/red panda (1).png"]
    assert (found["caption"], found["document"]) == (caption, "README.md")
    assert found["context"].startswith("Zoo")


def test_chinese_names_and_encodings(shop: Catalog, notes: Path) -> None:
    text = f"# 四季\n\n银杏变黄了。![秋天的大道]({quote('图/秋天.png')})\n"
    (notes / "笔记.markdown").write_bytes(text.encode("gb18030"))
    shop.add(notes)
    found = rows(shop)["图/秋天.png"]
    assert (found["caption"], found["context"]) == ("秋天的大道", "四季: 银杏变黄了。")


def test_links_and_missing_pictures_are_listed_with_their_line(shop: Catalog, notes: Path) -> None:
    (notes / "a.md").write_text(
        "# A\n\n![web](https://example.org/a.png)\n\n![cdn](//example.org/b.png)\n\n![gone](img/gone.png)\n\n"
        "![up](../outside.png)\n\n![inline](data:image/png;base64,AAAA)\n\n```\n![code](no.png)\n```\n"
    )
    (notes.parent / "outside.png").write_bytes(b"x")
    found = {one.row: one.reason for one in shop.add(notes).skipped}
    assert found == {
        3: "https://example.org/a.png is a link; pictures are read from files: download it and give its path",
        5: "//example.org/b.png is a link; pictures are read from files: download it and give its path",
        7: "img/gone.png is not there",
        9: "../outside.png is no picture of this folder",
        11: "a picture written into the text itself; save it as a file",
    }


def test_the_first_text_counts_and_later_ones_fill_its_gaps(shop: Catalog, notes: Path) -> None:
    (notes / "a.md").write_text("First words.\n\n![](other.png)\n")
    (notes / "b.md").write_text("# B\n\nLater words.\n\n![the other](other.png)\n")
    shop.add(notes)
    found = rows(shop)["other.png"]
    assert (found["caption"], found["context"], found["document"]) == ("the other", "First words.", "a.md")


def test_a_changed_text_changes_its_pictures_only(shop: Catalog, notes: Path) -> None:
    (notes / "a.md").write_text("![one](other.png)\n")
    shop.add(notes)
    (notes / "a.md").write_text("![two](other.png)\n")
    report = shop.add(notes)
    assert (report.changed, report.unchanged) == (1, 3)
    assert rows(shop)["other.png"]["caption"] == "two"


def test_words_of_another_section_are_not_taken() -> None:
    shown = shown_pictures("# A\n\nWords.\n\n# B\n\n![bee](b.png)\n\n# C\n\nWords.\n")
    assert [(one.caption, one.context) for one in shown] == [("bee", "B")]


def test_a_long_paragraph_is_cut() -> None:
    (shown,) = shown_pictures("word " * 3000 + "![a](a.png)")
    assert shown.context and len(shown.context) == MAX_CONTEXT


@given(st.text(alphabet=string.printable + "![]()<img src=>\"'`|#-*\\\n金", max_size=200))
def test_any_text_can_be_read(text: str) -> None:
    for shown in shown_pictures(f"![a](b.png) <img src=x>\n{text}"):
        assert shown.target and 1 <= shown.line <= text.count("\n") + text.count("\r") + 2
