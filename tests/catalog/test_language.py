"""Languages by script, by suffix, and of a whole field."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openautoglm.catalog.language import field_language, guess_language, main_language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("a red car", "en"),
        ("红色的汽车", "zh"),
        ("iPhone 15 手机壳", "zh"),
        ("赤い車です", "ja"),
        ("ねこ", "ja"),
    ]
    + [
        ("빨간 자동차", "ko"),
        ("красная машина", "ru"),
        ("سيارة حمراء", "ar"),
        ("κόκκινο", "el"),
        ("รถ", "th"),
    ]
    + [("Café crème", "en"), ("2 × 3 = 6", "und"), ("", "und"), ("🚗", "und"), ("A4 paper 纸", "en")],
)
def test_scripts(text: str, language: str) -> None:
    assert guess_language(text) == language


@given(st.text())
def test_any_text_has_an_answer(text: str) -> None:
    assert len(guess_language(text)) in (2, 3)


@pytest.mark.parametrize(
    ("name", "language"),
    [("title_zh", "zh"), ("title-EN", "en"), ("title.de", "de"), ("title_zh_CN", "zh"), ("title", None)]
    + [("product_id", None), ("item_no", None), ("zh", None), ("rush", None)],
)
def test_a_fields_suffix_states_its_language(name: str, language: str | None) -> None:
    assert field_language(name) == language


def test_a_mixed_field_has_no_language() -> None:
    assert main_language(["red", "红"]) is None
    assert main_language(["red", "blue", "12"]) == "en"
    assert main_language([]) is None
