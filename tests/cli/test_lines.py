"""A hit is one line that fits the terminal, whatever its id and its text hold."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from tests.evaluate.stand_in import square
from typer.testing import CliRunner

from openautoglm.catalog.printable import one_line
from openautoglm.cli.app import app
from openautoglm.cli.lines import cut, line_of
from openautoglm.search.hit import Hit

WORDS = st.sampled_from(["bridge", "lake", "银杏", "大道", "a\nb", "\x1b[31m", "é", "🌉", " "])


@given(st.lists(WORDS, max_size=60), st.integers(4, 60))
def test_a_cut_text_fits_and_an_uncut_one_is_whole(words: list[str], room: int) -> None:
    text = one_line(" ".join(words))
    shown = cut(text, ("bridg",), room)
    assert cell_len(shown) <= room
    assert (shown == text) == (cell_len(text) <= room)
    assert shown.strip("…") in text


@given(st.integers(0, 400), st.integers(0, 400), st.sampled_from(["word ", "银杏大道，"]))
def test_the_word_that_was_found_is_on_the_line(before: int, behind: int, filling: str) -> None:
    text = f"{filling * before}needle {filling * behind}"
    assert "needle" in cut(text, ("needl",), 40)


def test_the_line_takes_the_terminals_width(monkeypatch: pytest.MonkeyPatch) -> None:
    hit = Hit("a/b.jpg", 0.5, {}, "银杏 " * 3000, copies=("c",))
    for columns in (70, 100):
        monkeypatch.setenv("COLUMNS", str(columns))
        line = line_of(3, hit)
        assert columns - 3 <= cell_len(line) <= columns
        assert line.startswith("  3  0.500  a/b.jpg  银杏 银杏") and line.endswith("…  (+1 near copies)")
    monkeypatch.setenv("COLUMNS", "10")
    assert "银杏 银杏" in line_of(3, hit)


def test_names_neither_steer_the_terminal_nor_break_lines(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for name in ("\x1b[31mred\nbridge.png", "two\u202ebridges.png"):
        square(10).save(photos / name)
    (photos / "\x1b]0;title\x07\nbridge.jpg").write_bytes(b"no picture")
    shop, run = str(tmp_path / "shop"), CliRunner().invoke
    said = [
        run(app, ["add", shop, str(photos), "-q"]),
        run(app, ["search", shop, "bridge", "--by", "words", "--facet", "file", "--all-copies"]),
        run(app, ["show", shop]),
    ]
    for result in said:
        assert result.exit_code == 0
        assert not {"\x1b", "\x07", "\u202e"} & set(result.output)
    assert len(said[0].output.splitlines()) == 2
    hits = said[1].output.splitlines()
    assert len(hits) == 4 and "photos/\\x1b[31mred\\nbridge.png" in said[1].output


def test_a_query_of_signs_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    square(10).save(tmp_path / "a" / "bridge.png")
    shop = str(tmp_path / "shop")
    CliRunner().invoke(app, ["add", shop, str(tmp_path / "a"), "-q"])
    signs = CliRunner().invoke(app, ["search", shop, "🍎 ?!", "--by", "words"])
    assert (signs.exit_code, "signs only, and no word" in signs.output) == (0, True)
    other = CliRunner().invoke(app, ["search", shop, "lake", "--by", "words"])
    assert other.output == "nothing found: no row has its words\n"
