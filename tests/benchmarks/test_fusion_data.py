"""A set is made once, is made anew when what it is made from changes, and is summed up."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.fusion_data import Fields, Summary, key_of, names_category, once, write_table

FIELDS = Fields(texts=("title",), numbers=("size",), words=("colour",))
ROWS = [
    {"title": "a tool", "category": "tools", "size": "1", "colour": "", "split": "train", "group": "a"},
    {"title": "axe", "category": "tools", "size": "", "colour": "red", "split": "train", "group": "a"},
    {"title": "", "category": "food", "size": "3", "colour": "", "split": "test", "group": "b"},
    {"title": "saw", "category": "tools", "size": "3", "colour": "", "split": "test", "group": "c"},
]


def test_the_summary_counts_what_is_written(tmp_path: Path) -> None:
    summary = write_table(ROWS, FIELDS, {"broken": 2}, tmp_path)
    assert summary == Summary(
        rows=4,
        groups=3,
        categories={"tools": {"train": 2, "test": 1}, "food": {"test": 1}},
        majority=0.5,
        naming={"title": 0.25},
        missing={"title": 0.25, "size": 0.25, "colour": 0.75},
        dropped={"broken": 2},
    )
    assert "left out, broken: 2" in str(summary)
    assert (tmp_path / "data.csv").read_text(encoding="utf-8").splitlines()[1] == "a tool,tools,1,,train,a"


def test_an_empty_set_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"every row was left out \({'broken': 2}\)"):
        write_table([], FIELDS, {"broken": 2}, tmp_path)


def test_a_set_is_made_once_for_each_key(tmp_path: Path) -> None:
    made = []

    def make(folder: Path) -> Summary:
        made.append(folder)
        (folder / "images" / f"{len(made)}.webp").touch()
        return write_table(ROWS, FIELDS, {}, folder)

    out = tmp_path / "set"
    first = once(out, "k", FIELDS, make)
    again = once(out, "k", FIELDS, make)
    assert (len(made), again) == (1, first)
    assert first.table.is_file()
    once(out, "other", FIELDS, make)
    assert len(made) == 2
    assert [path.name for path in (out / "images").iterdir()] == ["2.webp"]


def test_a_build_that_fails_leaves_no_set(tmp_path: Path) -> None:
    def fail(folder: Path) -> Summary:
        (folder / "data.csv").touch()
        raise RuntimeError

    with pytest.raises(RuntimeError):
        once(tmp_path / "set", "k", FIELDS, fail)
    assert not (tmp_path / "set").exists()


def test_the_key_changes_with_inputs_and_seed(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_text("a", encoding="utf-8")
    keys = [key_of([source], 0), key_of([source], 1)]
    source.write_text("b", encoding="utf-8")
    keys.append(key_of([source], 0))
    assert len(set(keys)) == 3


@pytest.mark.parametrize(
    ("text", "category", "named"),
    [
        ("two animals", "animals", True),
        ("an Animal", "animals", True),
        ("animalistic", "animals", False),
        ("No-entry sign", "signs_and_symbols", True),
        ("salt and pepper", "signs_and_symbols", False),
        ("flag, IQ", "flags", True),
        ("", "food", False),
    ],
)
def test_a_text_names_its_category(text: str, category: str, named: bool) -> None:
    assert names_category(text, category) is named
