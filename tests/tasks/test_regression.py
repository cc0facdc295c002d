"""Regression's loss leaves out missing labels, and its interval holds the share that it promises."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from openautoglm.tasks.regression import absolute_error, half_width, number_loss, r_squared


def test_missing_labels_take_no_part() -> None:
    outputs = torch.tensor([0.0, torch.nan, 5.0])
    loss = number_loss(outputs, torch.tensor([0.5, torch.nan, 2.0]))
    assert loss is not None
    assert loss.item() == pytest.approx((0.5**2 / 2 + (3 - 0.5)) / 2)
    assert number_loss(outputs, torch.full((3,), torch.nan)) is None


def test_r_squared_is_zero_for_the_mean_and_none_without_spread() -> None:
    labels = np.array([1.0, 2.0, 6.0])
    assert r_squared(np.full(3, 3.0), labels) == pytest.approx(0)
    assert r_squared(labels, labels) == 1
    assert r_squared(labels, np.ones(3)) is None
    assert absolute_error(labels, np.array([0.0, 4.0, 6.0])) == 1.0


@settings(max_examples=20)
@given(st.integers(0, 500))
def test_the_interval_holds_new_labels_as_often_as_it_says(seed: int) -> None:
    dice = np.random.default_rng(seed)
    width = half_width(dice.standard_t(3, 2000), level=0.9)
    assert width is not None
    assert (np.abs(dice.standard_t(3, 20_000)) <= width).mean() == pytest.approx(0.9, abs=0.03)


def test_too_few_rows_promise_nothing() -> None:
    assert half_width(np.ones(8), level=0.9) is None
    assert half_width(np.ones(9), level=0.9) == 1.0
