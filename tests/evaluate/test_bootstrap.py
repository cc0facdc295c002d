"""Intervals: seeded, of the stated coverage, and the same for however large a block."""

from __future__ import annotations

import numpy as np
import pytest

from openautoglm.evaluate import bootstrap as module
from openautoglm.evaluate.bootstrap import bootstrap


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(0)
    inside = 0
    for trial in range(200):
        figure = bootstrap({"r": (random.random(150) < 0.4, "mean")}, resamples=300, seed=trial)["r"]
        inside += figure.low <= 0.4 <= figure.high
    assert 0.88 <= inside / 200 <= 0.99


def test_the_width_is_that_of_the_binomial() -> None:
    figure = bootstrap({"r": (np.arange(2000) < 800, "mean")}, seed=1)["r"]
    assert figure.value == 0.4
    assert figure.high - figure.low == pytest.approx(2 * 1.96 * np.sqrt(0.4 * 0.6 / 2000), rel=0.1)


def test_one_seed_one_interval_whatever_else_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(2).random(50)
    alone = bootstrap({"a": (values, "median")}, seed=5)["a"]
    assert bootstrap({"b": (values**2, "mean"), "a": (values, "median")}, seed=5)["a"] == alone
    monkeypatch.setattr(module, "_BLOCK_DRAWS", 120)
    assert bootstrap({"a": (values, "median")}, seed=5)["a"] == alone


@pytest.mark.parametrize(
    "columns", [{}, {"a": (np.zeros(0), "mean")}, {"a": (np.zeros(2), "mean"), "b": (np.zeros(3), "mean")}]
)
def test_columns_must_be_there_and_of_one_length(columns: dict) -> None:
    with pytest.raises(ValueError, match="one length"):
        bootstrap(columns)
