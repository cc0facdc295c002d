"""Uncertainty weighting against Kendall's loss, minimised by Adam; the collapse of exp(w) without its term.

The reference form Σ exp(w_i) L_i is here only, to show what the documentation says of it.
"""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from openautoglm.train.weights.uncertainty import FLOOR, Uncertainty


def test_it_rests_where_kendalls_loss_is_smallest() -> None:
    losses = torch.tensor([3.0, 0.2], dtype=torch.float64)
    log_variances = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([log_variances], lr=0.025)
    weighting = Uncertainty()
    for _ in range(1500):
        optimizer.zero_grad()
        ((-log_variances).exp() * losses + log_variances / 2).sum().backward()
        optimizer.step()
        weighting.after_step({"a": 3.0, "b": 0.2}, {})
    found = [weighting.weight("a"), weighting.weight("b")]
    assert found == pytest.approx((-log_variances).exp().tolist(), rel=1e-3)
    assert found == pytest.approx([1 / 6, 2.5], rel=1e-3)


@given(loss=st.floats(0, 1e9), steps=st.integers(1, 5))
def test_each_step_goes_kendalls_way_and_is_small(loss: float, steps: int) -> None:
    weighting = Uncertainty()
    for _ in range(steps):
        before = weighting.weight("a")
        slope = 0.5 - before * max(loss, FLOOR)
        weighting.after_step({"a": loss}, {})
        moved = math.log(weighting.weight("a") / before)  # −Δs
        assert moved * slope >= 0 and abs(moved) < 0.0251


def collapse(speed: float) -> tuple[list[float], list[float], list[float]]:
    """Σ exp(w_i) L_i by gradient descent in w and θ, L_i = (θ_i − a_i)² + 1; totals, weights, losses by step.

    The 1 is what noise leaves of any loss; `speed` is θ's learning rate over w's.
    """
    logs, theta = torch.zeros(2, requires_grad=True), torch.zeros(2, requires_grad=True)
    optimizer = torch.optim.SGD([{"params": [logs], "lr": 0.1}, {"params": [theta], "lr": 0.1 * speed}])
    totals, weights, found = [], [], []
    for _ in range(3000):
        losses = (theta - torch.tensor([2.0, -3.0])) ** 2 + 1
        total = (logs.exp() * losses).sum()
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        totals.append(total.item())
        weights.append(logs.max().item())
        found.append(losses.detach().min().item())
    return totals, weights, found


def test_free_exponential_weights_collapse_and_nothing_is_learned() -> None:
    totals, weights, losses = collapse(speed=0.0)
    assert all(after < before for before, after in pairwise(weights))
    assert totals[-1] < 0.01 and weights[-1] < -5 and losses[-1] == losses[0] == 5.0


def test_they_collapse_before_a_slow_model_has_learned() -> None:
    totals, weights, losses = collapse(speed=0.05)
    assert totals[-1] < 0.01 and weights[-1] < -5
    assert losses[-1] > 3.5  # 1 would be learned, 5 is the start


def test_with_kendalls_term_the_weights_stay() -> None:
    weighting = Uncertainty()
    for _ in range(3000):
        weighting.after_step({"a": 5.0, "b": 10.0}, {})
    assert [weighting.weight("a"), weighting.weight("b")] == pytest.approx([0.1, 0.05], rel=1e-3)


def test_free_softmax_weights_run_to_the_loss_that_is_small_already() -> None:
    logs, losses = torch.zeros(2, requires_grad=True), torch.tensor([0.1, 2.0])
    for _ in range(500):
        (slope,) = torch.autograd.grad((logs.softmax(0) * losses).sum(), logs)
        logs.data -= 0.1 * slope
    assert logs.softmax(0)[0] > 0.99
