"""The mean, and late fusion, which is the mean of predictions."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fuse.fusing import DIM, NAMES, built, presences, rows
from torch import Tensor, nn


@pytest.mark.parametrize("name", ["mean_pool", "late"])
@given(present=presences(), seed=st.integers(0, 99))
@settings(deadline=None, max_examples=25)
def test_it_is_the_mean_of_what_is_there(name: str, present: Tensor, seed: int) -> None:
    given = rows(present, seed)
    found = built(name, present.shape[1])(*given)
    for row in range(len(present)):
        torch.testing.assert_close(found.embeds[row], given.pooled[row][present[row]].mean(0))
        torch.testing.assert_close(
            found.gates[row][present[row]] * present[row].sum(),
            torch.ones_like(found.gates[row][present[row]]),
        )


@given(present=presences(), seed=st.integers(0, 99))
@settings(deadline=None, max_examples=25)
def test_late_predictions_are_averaged_over_what_is_there(present: Tensor, seed: int) -> None:
    given = rows(present, seed)
    head = nn.Sequential(nn.Linear(DIM, 5), nn.ReLU(), nn.Linear(5, 3), nn.Softmax(-1)).double()
    found = built("late", present.shape[1])(*given.spoiled(torch.nan)).predict(head)
    for row in range(len(present)):
        expected = torch.stack([head(vector) for vector in given.pooled[row][present[row]]]).mean(0)
        torch.testing.assert_close(found[row], expected)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "late"])
def test_other_strategies_predict_from_their_one_vector(name: str) -> None:
    found = built(name, 3)(*rows(torch.tensor([[True, True, False]])))
    assert found.parts is None
    assert torch.equal(found.predict(torch.exp), found.embeds.exp())
