"""What is measured of written texts, against counts by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openautoglm.evaluate.writing import Task, Written
from openautoglm.evaluate.writing_figures import BLIND, FEW, MOST, begin_of, measure
from openautoglm.tasks.asking import Asking


def asked(count: int, kind: str | None = None) -> list[Task]:
    """Questions about as many rows; the answer is the row's number."""
    return [Task(f"r{number}", "how many are there?", (str(number),), kind) for number in range(count)]


def wrote(tasks: list[Task], *texts: str, logprob: float = -0.1) -> list[Written]:
    return [Written(task, text, logprob) for task, text in zip(tasks, texts, strict=True)]


@given(st.lists(st.booleans(), min_size=1, max_size=30), st.data())
def test_exact_match_and_its_chance_are_shares(right: list[bool], data: st.DataObject) -> None:
    tasks = asked(len(right))
    blind = data.draw(st.lists(st.booleans(), min_size=len(right), max_size=len(right)))
    texts = [task.references[0] if ok else "none" for task, ok in zip(tasks, right, strict=True)]
    guesses = [task.references[0] if ok else "none" for task, ok in zip(tasks, blind, strict=True)]
    sections, _ = measure("answers", wrote(tasks, *texts), wrote(tasks, *guesses), None)

    found = sections[0].figures["exact match"]
    assert sections[0].texts == len(right)
    assert found.value == pytest.approx(sum(right) / len(right))
    assert found.chance == pytest.approx(sum(blind) / len(right))
    assert found.low is None or found.high is None or found.low <= found.value <= found.high
    assert sections[0].figures["token F1"].chance == found.chance, "of single words the two are one"


def test_answers_are_told_apart_by_type_and_kind() -> None:
    numbers = asked(FEW, "count")
    doubts = [Task(f"r{row}", "is it red?", ("yes",), None) for row in range(FEW)]
    few = [Task(f"r{row}", "where is it?", ("at the left",), "place") for row in range(FEW - 1)]
    tasks = numbers + doubts + few
    texts = [*(task.references[0] for task in numbers), *["no"] * FEW, *["left"] * len(few)]
    sections, _ = measure("answers", wrote(tasks, *texts), [], None)

    of = {one.of: one.figures["exact match"].value for one in sections}
    assert of == {
        "all": pytest.approx(FEW / len(tasks)),
        "answer type number": 1.0,
        "answer type yes/no": 0.0,
        "question type count": 1.0,
        "question type is it": 0.0,
    }
    assert sections[0].figures["exact match"].chance is None, "nothing was shuffled"


def test_captions_have_no_types_and_only_frequent_kinds_a_line() -> None:
    captions = [Task(f"r{row}", None, ("a red square",)) for row in range(FEW)]
    sections, _ = measure("captions", wrote(captions, *["a red circle"] * FEW), [], None)
    assert [one.of for one in sections] == ["all"]
    assert sections[0].figures["token F1"].value == pytest.approx(2 / 3)

    many = [task for kind in range(MOST + 5) for task in asked(FEW, f"kind {kind}")]
    sections, _ = measure("answers", wrote(many, *["0"] * len(many)), [], None)
    assert sum(one.of.startswith("question type") for one in sections) == MOST


def test_what_a_user_sees_is_measured() -> None:
    tasks = asked(4)
    sure = wrote(tasks[:2], "0", "none", logprob=math.log(0.9))
    unsure = wrote(tasks[2:], "2", "3", logprob=math.log(0.2))
    figures = measure("answers", sure + unsure, [], Asking(abstain=0.6))[0][0].figures
    assert figures["answered"].value == 0.5 and figures["right of those"].value == 0.5

    none = measure("answers", unsure, [], Asking(abstain=0.6))[0][0].figures
    assert none["answered"].value == 0 and "right of those" not in none
    (whole, *_), notes = measure("answers", sure + unsure, [], Asking(abstain=None))
    assert whole.figures["answered"].value == 0.5 and any("not calibrated" in one for one in notes)


def test_answers_that_rest_on_the_question_alone_are_said_to() -> None:
    tasks = asked(20)
    right = [one.references[0] for one in tasks]
    seen, blind = wrote(tasks, *right), wrote(tasks, *["nothing"] * 20)
    assert BLIND not in measure("answers", seen, blind, None)[1]
    assert BLIND in measure("answers", seen, seen, None)[1]
    assert BLIND in measure("answers", blind, blind, None)[1]


def test_nothing_written_is_no_figure() -> None:
    assert measure("answers", [], [], None) == ([], [])


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("  HOW   many birds?", "how many"),
        ("why?", "why"),
        ("有几只鸟？", "几"),
        ("多少钱？", "多少"),
        ("", ""),
    ],
)
def test_a_question_has_a_kind(question: str, kind: str) -> None:
    assert begin_of(question) == kind
