"""Temperature brings confidence to what it is worth; abstaining keeps the share of right answers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openautoglm.tasks.confidence import abstain_below, fit_temperature, softmax


@settings(max_examples=20)
@given(st.floats(0.3, 5.0), st.integers(0, 100))
def test_the_temperature_that_spoiled_the_logits_is_found(temperature: float, seed: int) -> None:
    dice = np.random.default_rng(seed)
    honest = dice.normal(0, 2, (4000, 5))
    labels = (softmax(honest).cumsum(axis=1) < dice.random((4000, 1))).sum(axis=1).clip(max=4)
    labels[:50] = -1
    assert fit_temperature(honest * temperature, labels) == pytest.approx(temperature, rel=0.12)


def test_without_labels_nothing_changes() -> None:
    assert fit_temperature(np.ones((3, 2)), np.full(3, -1)) == 1.0


@given(
    st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=1, max_size=40),
    st.floats(0.5, 1.0),
)
def test_those_that_are_answered_are_right_often_enough(rows: list[tuple[int, bool]], share: float) -> None:
    confidence = np.array([one / 20 for one, _ in rows])
    right = np.array([one for _, one in rows])
    level = abstain_below(confidence, right, share)
    shares = {one: right[confidence >= one].mean() for one in set(confidence.tolist())}
    good = [one for one, value in shares.items() if value >= share]
    assert level == (min(good) if good else None)
