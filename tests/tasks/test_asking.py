"""Confidence in answers holds what it promises on questions like those that it was learned from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openautoglm.config import ConfigError
from openautoglm.tasks.asking import FILE, Asking, load, save
from openautoglm.tasks.predicted import RIGHT


def answers(count: int, sharp: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Log-probabilities that are too sure by `sharp`, and which answers are right."""
    dice = np.random.default_rng(seed)
    odds = dice.normal(1.5, 2.0, count)
    return -np.log1p(np.exp(-odds * sharp)), dice.random(count) < 1 / (1 + np.exp(-odds))


def test_the_temperature_takes_back_how_much_too_sure_a_model_is() -> None:
    logprobs, right = answers(20_000, sharp=2.5, seed=0)
    trust = Asking.fit(logprobs.tolist(), right.tolist(), [])

    assert trust.temperature == pytest.approx(2.5, rel=0.1)
    confidences = np.array([trust.confidence(one) for one in logprobs])
    for low, high in ((0.2, 0.4), (0.5, 0.7), (0.8, 0.95)):
        some = (confidences >= low) & (confidences < high)
        assert right[some].mean() == pytest.approx(confidences[some].mean(), abs=0.03)


def test_answers_above_the_threshold_keep_the_promise_on_other_questions() -> None:
    trust = Asking.fit(*map(list, answers(20_000, 2.0, seed=1)), [])  # type: ignore[arg-type]
    logprobs, right = answers(20_000, 2.0, seed=2)
    given_ = np.array([trust.sure(trust.confidence(one)) for one in logprobs])

    assert 0.05 < given_.mean() < 0.95
    assert right[given_].mean() == pytest.approx(RIGHT, abs=0.015)


def test_too_few_questions_calibrate_nothing() -> None:
    trust = Asking.fit([-0.1] * 10, [True] * 10, ["what is it?"])

    assert (trust.questions, trust.temperature, trust.abstain) == (0, 1.0, None)
    assert trust.words == ("is", "it", "what") and "not calibrated" in str(trust)
    assert trust.sure(0.5) and not trust.sure(0.49)


def test_where_no_confidence_keeps_the_promise_answers_more_likely_wrong_than_right_are_not_given() -> None:
    trust = Asking.fit([-2.0] * 100, [False] * 90 + [True] * 10, ["what is it?"])

    assert trust.abstain is None and trust.confidence(-2.0) == pytest.approx(0.1, abs=0.02)
    assert not trust.sure(trust.confidence(-2.0)) and trust.sure(trust.confidence(-0.1))
    assert str(trust).endswith('no confidence keeps 95% of the answers right; "I don\'t know" below 0.5')


def test_unknown_words_are_named_and_many_make_a_question_strange() -> None:
    trust = Asking(words=("is", "it", "red", "what", "红", "色"))

    assert trust.unknown("What is it, purple?") == ["purple"] and not trust.strange("What is it, purple?")
    assert trust.strange("c'est rouge?") and trust.strange("蓝吗") and not trust.strange("红色")


@given(st.floats(-50, 0), st.floats(-50, 0))
def test_a_likelier_answer_is_trusted_no_less(one: float, other: float) -> None:
    trust = Asking(temperature=1.7)
    low, high = sorted((one, other))

    assert 0 <= trust.confidence(low) <= trust.confidence(high) <= 1


def test_it_is_read_as_written_and_a_broken_file_is_told(tmp_path: Path) -> None:
    trust = Asking(1.5, 0.7, 0.95, 40, ("what", "红"))
    save(trust, tmp_path)
    assert load(tmp_path) == trust
    save(None, tmp_path)
    assert load(tmp_path) is None
    (tmp_path / FILE).write_text("{", encoding="utf-8")
    with pytest.raises(ConfigError, match="answering.json: cannot be read"):
        load(tmp_path)
