"""Metrics of written texts, against counts by hand and sacrebleu itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openautoglm.tasks.written import answer_type, corpus_scores, exact, f1, tokens


@given(st.text(min_size=1, max_size=30))
def test_a_text_equals_itself_and_overlaps_with_itself_wholly(text: str) -> None:
    assert exact(text, [text]) == 1 and f1(text, [text]) == 1


@given(st.text(max_size=20), st.text(max_size=20))
def test_overlap_is_symmetric_and_between_0_and_1(one: str, other: str) -> None:
    assert f1(one, [other]) == pytest.approx(f1(other, [one]))
    assert 0 <= f1(one, [other]) <= 1


def test_the_best_reference_counts() -> None:
    assert f1("red bicycle", ["blue car", "a red bicycle"]) == pytest.approx(0.8)
    assert exact("TOP left.", ["bottom", "top left"]) == 1


def test_repeated_words_count_as_often_as_both_have_them() -> None:
    assert f1("red red red", ["red"]) == pytest.approx(0.5)


def test_chinese_is_counted_by_character() -> None:
    assert tokens("一辆red车") == ["一", "辆", "red", "车"]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [("Yes.", "yes/no"), ("没有", "yes/no"), ("12", "number"), ("-3.5", "number"), ("三", "number"),
     ("three", "number"), ("three birds", "other"), ("红色", "other"),
     ("不能", "yes/no"), ("会。", "yes/no"), ("两只", "number"), ("12 张", "number"), ("个", "other"),
     ("一本书", "other")],
)  # fmt: skip
def test_answers_have_a_type(answer: str, kind: str) -> None:
    assert answer_type(answer) == kind


def test_a_corpus_is_scored_by_language_and_bleu_needs_sentences() -> None:
    sacrebleu = pytest.importorskip("sacrebleu")
    english, chinese = "a red square at the top left", "一个红色的方块在左上角"
    found = corpus_scores([english, "a blue square below"], [[english], ["a blue one is below"]])
    assert set(found) == {"chrF", "BLEU"} and 0 < found["BLEU"] < 1
    plain = sacrebleu.corpus_bleu([english, "a blue square below"], [[english, "a blue one is below"]])
    assert found["BLEU"] == pytest.approx(plain.score / 100)
    both = corpus_scores([english, chinese], [[english], [chinese]])
    assert both == pytest.approx(dict.fromkeys(("chrF", "BLEU", "chrF zh", "BLEU zh"), 1.0))
    assert set(corpus_scores(["red"], [["red", "dark red"]])) == {"chrF"}
