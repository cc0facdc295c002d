"""Adaptive gating, against its formula row by row in float64."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from openautoglm.fuse.adaptive_gating import AdaptiveGating

ROW = st.lists(st.booleans(), min_size=3, max_size=3).filter(any)


@given(st.lists(ROW, min_size=1, max_size=6), st.integers(0, 99))
def test_it_equals_the_formula_for_any_presence(rows: list[list[bool]], seed: int) -> None:
    torch.manual_seed(seed)
    present, dim = torch.tensor(rows), 5
    fuse = AdaptiveGating(dim, 3).double()
    pooled = torch.randn(len(rows), 3, dim, dtype=torch.float64)
    found = fuse(pooled.masked_fill(~present.unsqueeze(-1), torch.nan), present)
    for row, here in enumerate(present):
        known = torch.where(here.unsqueeze(1), pooled[row], 0.0)
        scores = (fuse.score.weight @ known.flatten() + fuse.score.bias).view(3, dim)
        weights = torch.where(here.unsqueeze(1), scores.exp(), 0.0)
        weights = weights / weights.sum(0)
        torch.testing.assert_close(found.embeds[row], (weights * known).sum(0))
        torch.testing.assert_close(found.gates[row], weights.mean(1))
        assert (found.gates[row][~here] == 0).all()


def test_two_modalities_give_the_gated_unit_of_the_paper() -> None:
    fuse = AdaptiveGating(4, 2).double()
    pooled = torch.randn(6, 2, 4, dtype=torch.float64)
    weight = fuse.score.weight.view(2, 4, 8)
    bias = fuse.score.bias.view(2, 4)
    gate = torch.sigmoid(pooled.flatten(1) @ (weight[0] - weight[1]).T + bias[0] - bias[1])
    found = fuse(pooled, torch.ones(6, 2, dtype=torch.bool))
    torch.testing.assert_close(found.embeds, gate * pooled[:, 0] + (1 - gate) * pooled[:, 1])


def test_no_gradient_comes_from_what_is_absent() -> None:
    pooled = torch.randn(2, 2, 3, requires_grad=True)
    AdaptiveGating(3, 2)(pooled, torch.tensor([[True, False], [True, True]])).embeds.sum().backward()
    assert not pooled.grad[0, 1].any()
    assert pooled.grad[1, 1].any()


def test_a_row_with_nothing_is_named() -> None:
    with pytest.raises(ValueError, match="row 1 of the batch has no modality"):
        AdaptiveGating(3, 2)(torch.zeros(2, 2, 3), torch.tensor([[True, False], [False, False]]))
