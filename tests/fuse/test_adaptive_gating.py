"""Adaptive gating, against its formula row by row in float64."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fuse.fusing import built, rows

from openautoglm.fuse.adaptive_gating import AdaptiveGating

ROW = st.lists(st.booleans(), min_size=3, max_size=3).filter(any)


@given(st.lists(ROW, min_size=1, max_size=6), st.integers(0, 99))
@settings(deadline=None, max_examples=25)
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


def test_a_hidden_layer_comes_before_the_scores() -> None:
    given = rows(torch.tensor([[True, True, False], [True, True, True]]))
    fuse = built("adaptive_gating", 3, hidden=5)
    known = torch.where(given.present[..., None], given.pooled, 0.0)
    see = fuse.see[0]
    scores = (see.weight @ known.flatten(1).T).T + see.bias
    scores = (fuse.score.weight @ scores.tanh().T).T + fuse.score.bias
    weights = torch.where(given.present[..., None], scores.view_as(known).exp(), 0.0)
    expected = (weights * known).sum(1) / weights.sum(1)
    torch.testing.assert_close(fuse(*given).embeds, expected)
