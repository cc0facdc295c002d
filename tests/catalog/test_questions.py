"""Questions find their rows by id, path or name; what cannot be used is told with file, line and field."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from openautoglm.catalog.catalog import Catalog
from openautoglm.catalog.errors import CatalogError
from openautoglm.catalog.questions import read_questions
from openautoglm.catalog.schema import Roles


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    """Three rows `a`, `b`, `c` with pictures in folders; those of `b` and `c` have one name."""
    for name in ("one/a.png", "one/same.png", "two/same.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (8, 8), (len(name), hash(name) % 200, 0)).save(tmp_path / name)
    table = "id,photo,title\na,one/a.png,x\nb,one/same.png,y\nc,two/same.png,z\n"
    (tmp_path / "rows.csv").write_text(table, encoding="utf-8")
    made = Catalog(tmp_path / "shop", create=True)
    made.add(tmp_path / "rows.csv", roles=Roles(id="id", image="photo", text=("title",)))
    return made


def table(folder: Path, text: str) -> Path:
    (folder / "qa.csv").write_text(text, encoding="utf-8")
    return folder / "qa.csv"


def test_a_picture_is_named_by_id_path_or_a_name_that_only_one_row_has(
    tmp_path: Path, catalog: Catalog
) -> None:
    lines = ["a", "one/a.png", "a.png", str(tmp_path / "two" / "same.png"), "one/same.png"]
    file = table(tmp_path, "image,question,answer\n" + "".join(f"{one},what?,it\n" for one in lines))

    assert [one.row for one in read_questions(file, catalog).asked] == ["a", "a", "a", "c", "b"]


def test_lines_that_cannot_be_used_are_told_and_the_others_kept(tmp_path: Path, catalog: Catalog) -> None:
    text = "image,question,answer\na,what?,it\na,,it\na,what?,\nsame.png,what?,it\nnone.png,what?,it\na,b\n"
    found = read_questions(table(tmp_path, text), catalog)

    assert len(found.asked) == 1
    assert [(one.row, one.field) for one in found.skipped] == [(3, "question"), (4, "answer"), (7, None)]
    assert [(one.row, one.field, one.path) for one in found.unknown] == [
        (5, "image", "same.png"),
        (6, "image", "none.png"),
    ]
    assert "2 rows have a picture of that name" in found.unknown[0].reason
    told = str(found)
    assert "1 questions about 1 rows" in told and "qa.csv, line 6, image, none.png" in told


def test_kinds_numbers_and_truths_of_json_are_texts(tmp_path: Path, catalog: Catalog) -> None:
    rows = [
        {"ID": "a", "Question": "how many?", "Answer": 3, "type": "count"},
        {"ID": "b", "Question": "is it red?", "Answer": True},
    ]
    file = tmp_path / "qa.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    found = read_questions(file, catalog).asked

    assert [(one.answer, one.kind) for one in found] == [("3", "count"), ("yes", None)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("image,question\na,what?\n", "lacks answer"),
        ("question,answer\nwhat?,it\n", r"lacks image \(or id\)"),
        ("image,question,answer\nnone.png,what?,it\n", "no line of it can be used"),
    ],
)
def test_a_table_without_any_use_is_an_error(tmp_path: Path, catalog: Catalog, text: str, said: str) -> None:
    with pytest.raises(CatalogError, match=said):
        read_questions(table(tmp_path, text), catalog)


def test_questions_by_row_keep_the_order_of_both(tmp_path: Path, catalog: Catalog) -> None:
    text = "id,question,answer\nb,q1,x\na,q2,x\nb,q3,x\n"
    found = read_questions(table(tmp_path, text), catalog).by_row(["c", "b"])

    assert [[one.question for one in row] for row in found] == [[], ["q1", "q3"]]
