"""Effects are Shapley values: exact where they can be, unbiased elsewhere, and they add up."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from openautoglm.evaluate.explain.attribution import effects, evaluations
from openautoglm.evaluate.explain.faithful import evaluations as of_curves
from openautoglm.evaluate.explain.faithful import measure


def game(seed: int, count: int) -> Tensor:
    """A score for each of the 2^count subsets, any numbers."""
    return torch.rand(2**count, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def played(scores: Tensor, masks: Tensor) -> Tensor:
    return scores[(masks.long() * 2 ** torch.arange(masks.shape[1])).sum(1)]


def shapley(scores: Tensor, count: int) -> Tensor:
    """The mean over all orders, written out."""
    found = torch.zeros(count, dtype=torch.float64)
    for order in itertools.permutations(range(count)):
        shown = torch.zeros(1, count, dtype=torch.bool)
        before = played(scores, shown)
        for part in order:
            shown[0, part] = True
            after = played(scores, shown)
            found[part] += float(after - before)
            before = after
    return found / math.factorial(count)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.integers(1, 9), st.integers(1, 3))
def test_effects_add_up_to_what_all_parts_change(seed: int, count: int, pairs: int) -> None:
    scores = game(seed, count)
    found = effects(lambda masks: played(scores, masks), count, pairs=pairs, seed=seed)
    assert float(found.sum()) == pytest.approx(float(scores[-1] - scores[0]), abs=1e-5)


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=40))
def test_parts_that_do_not_interact_get_their_own_weight(weights: list[float]) -> None:
    own = torch.tensor(weights)
    assert torch.allclose(effects(lambda masks: masks.float() @ own, len(own)), own, atol=1e-4)


def test_many_orders_come_near_the_mean_of_all() -> None:
    scores = game(3, 5)
    found = effects(lambda masks: played(scores, masks), 5, pairs=1500)
    assert torch.allclose(found.double(), shapley(scores, 5), atol=0.02)


def test_parts_that_say_the_same_share_it() -> None:
    either = effects(lambda masks: masks[:, :2].any(1).float(), 3, pairs=1)
    assert either.tolist() == [0.5, 0.5, 0.0]


@pytest.mark.parametrize("count", [1, 7, 32, 33, 64])
def test_evaluations_are_counted(count: int) -> None:
    seen = [0, 0]

    def value(masks: Tensor, place: int) -> Tensor:
        seen[place] += len(masks)
        return masks.float().sum(1)

    found = effects(lambda masks: value(masks, 0), count)
    measure(lambda masks: value(masks, 1), found)
    assert seen == [evaluations(count), of_curves(count)]


def test_the_right_order_is_ahead_and_its_reverse_behind() -> None:
    weights = torch.linspace(0, 1, 12) ** 3

    def value(masks: Tensor) -> Tensor:
        return masks.float() @ weights

    right, wrong = measure(value, weights), measure(value, -weights)
    assert right.gain > 0.5 > -0.5 > wrong.gain
    assert right.deletion[0] == right.insertion[-1] and right.deletion[-1] == right.insertion[0]
    # What makes a score small comes first where it is small for its parts.
    fallen = measure(lambda masks: -value(masks), -weights, sign=-1.0)
    assert fallen.gain == pytest.approx(right.gain, rel=1e-5)
