"""Texts of any language fall into words that join to what the tower reads."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openautoglm.encoders.tokenizer import train_bpe
from openautoglm.evaluate.explain.words import LONGEST, units

TOKENIZER = train_bpe(["a red apple", "红苹果", "苹果汁", "银杏大道上的秋天"] * 3, 320)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("golden ginkgo, in autumn!", ("golden ", "ginkgo, ", "in ", "autumn!")),
        ("it's 3.5 kg", ("it's ", "3.5 ", "kg")),
        ("  (red) apple", ("  (red) ", "apple")),
        ("!!!", ("!!!",)),
        ("苹果，apple", ("苹果，", "apple")),
        ("", ()),
    ],
)
def test_words_keep_the_signs_behind_them(text: str, words: tuple[str, ...]) -> None:
    assert units(text, TOKENIZER, 64).units == words


def test_a_caption_that_is_one_token_falls_into_its_characters() -> None:
    caption = "银杏大道上的秋天"
    assert len(TOKENIZER.encode(caption, add_special_tokens=False).ids) <= 2
    found = units(caption, TOKENIZER, 64).units
    assert "".join(found) == caption and all(len(one) <= LONGEST for one in found) and len(found) > 2


@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=60))
def test_words_join_to_the_text(text: str) -> None:
    found = units(text, TOKENIZER, 512)
    assert "".join(found.units) == text and found.unread == "" and all(found.units)


@given(st.text("ab 红苹果汁, ", max_size=60), st.integers(2, 12))
def test_what_is_not_read_is_told(text: str, room: int) -> None:
    found = units(text, TOKENIZER, room)
    read = "".join(found.units)
    assert read + found.unread == text
    whole = TOKENIZER.encode(text, add_special_tokens=False).ids
    kept = TOKENIZER.encode("".join(found.units[:-1]), add_special_tokens=False).ids
    assert len(whole) > room - 2 or not found.unread
    assert len(kept) <= max(0, room - 2)  # the last word may be read in part
