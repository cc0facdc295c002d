"""Copies, shared captions and groups become one relation between distinct pictures and captions."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from openautoglm.catalog.schema import Field
from openautoglm.evaluate.gallery import Gallery, collect

TITLE = Field("title", "text", "text", "en")
OTHER = Field("title_zh", "text", "text", "zh")
MIXED = Field("note", "text", "text", None)


def gallery(
    rows: list[tuple[str, str | None, str | None, str | None]], *, clusters: list[str] | None = None
) -> Gallery:
    """Rows of (id, picture, title, title_zh)."""
    table = pa.table(
        {
            "id": [row[0] for row in rows],
            "_image_hash": pa.array([row[1] for row in rows], pa.string()),
            "_cluster": pa.array(clusters or [None] * len(rows), pa.string()),
            "title": pa.array([row[2] for row in rows], pa.string()),
            "title_zh": pa.array([row[3] for row in rows], pa.string()),
        }
    )
    return collect(table, [TITLE, OTHER])


def pairs(found: Gallery) -> set[tuple[str, str]]:
    return {
        (caption, found.pictures[item])
        for place, caption in enumerate(found.captions)
        for item in found.relevant.of(place)
    }


def test_a_row_joins_its_captions_and_its_picture() -> None:
    found = gallery([("1", "p", "red", "红"), ("2", "q", "blue", None)])
    assert pairs(found) == {("red", "1"), ("红", "1"), ("blue", "2")}
    assert {key: list(places) for key, places in found.members.items()} == {
        ("all", ""): [0, 1, 2],
        ("field", "title"): [0, 1],
        ("field", "title_zh"): [2],
        ("language", "en"): [0, 1],
        ("language", "zh"): [2],
    }


def test_one_caption_on_several_rows_is_one_query_with_several_answers() -> None:
    found = gallery([("1", "p", "Card", None), ("2", "q", "card ", None), ("3", "r", "ｃａｒｄ", None)])
    assert found.captions == ["Card"]
    assert found.relevant.counts.tolist() == [3]


def test_copies_of_a_picture_are_one_item_with_all_captions() -> None:
    found = gallery([("1", "p", "red", None), ("2", "p", "crimson", None)])
    assert found.pictures == ["1"]
    assert pairs(found) == {("red", "1"), ("crimson", "1")}


def test_rows_of_one_group_answer_each_other() -> None:
    found = gallery(
        [("1", "p", "front", None), ("2", "q", "back", None), ("3", "r", "cup", None)],
        clusters=["g", "g", "h"],
    )
    assert pairs(found) == {("front", "1"), ("front", "2"), ("back", "1"), ("back", "2"), ("cup", "3")}


def test_what_has_no_partner_is_a_distractor() -> None:
    found = gallery([("1", "p", None, None), ("2", None, "red", " "), ("3", None, None, None)])
    assert (found.pictures, found.captions, found.rows) == (["1"], ["red"], 3)
    assert found.relevant.counts.tolist() == [0]


def test_a_broken_picture_leaves_with_its_pairs() -> None:
    found = gallery([("1", "p", "red", None), ("2", "q", "blue", None)]).keep_pictures(np.array([1]))
    assert pairs(found) == {("blue", "2")}
    assert found.relevant.counts.tolist() == [0, 1]


def test_a_field_without_a_language_is_sorted_by_script() -> None:
    table = pa.table(
        {
            "id": ["1", "2"],
            "_image_hash": ["p", "q"],
            "_cluster": ["1", "2"],
            "note": ["金色的大道", "golden avenue"],
        }
    )
    assert {name for kind, name in collect(table, [MIXED]).members if kind == "language"} == {"zh", "en"}


@pytest.mark.parametrize("rows", [[], [("1", None, None, None)]])
def test_nothing_gives_an_empty_gallery(rows: list) -> None:
    found = gallery(rows)
    assert (len(found.pictures), len(found.captions), len(found.relevant.items)) == (0, 0, 0)
