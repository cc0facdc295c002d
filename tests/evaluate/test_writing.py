"""What a model is asked to write, and about which picture."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from openautoglm.catalog.questions import Asked, Questions
from openautoglm.evaluate.writing import _other, question_tasks


@given(st.integers(2, 60), st.integers(0, 99))
def test_each_row_is_shown_the_picture_of_another(count: int, seed: int) -> None:
    rows = [f"r{number}" for number in range(count)]
    shown = _other(rows, seed)
    assert sorted(shown) == sorted(rows)
    assert all(one != other for one, other in zip(rows, shown, strict=True))
    assert _other(rows, seed) == shown


def test_a_question_is_asked_once_and_all_its_answers_are_right() -> None:
    said = [
        ("a", "what is it?", "bridge"),
        ("a", "What  is it", "a bridge"),
        ("a", "what is it?", "bridge"),
        ("a", "is it red?", "no"),
        ("b", "what is it?", "boat"),
        ("c", "what is it?", "car"),
    ]
    questions = Questions("qa.csv", [Asked(row, question, answer) for row, question, answer in said])
    tasks = question_tasks(questions, ["a", "b"])
    assert [(one.row, one.references) for one in tasks] == [
        ("a", ("bridge", "a bridge")),
        ("a", ("no",)),
        ("b", ("boat",)),
    ]
