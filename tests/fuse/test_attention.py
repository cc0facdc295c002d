"""Attention over modalities, against its formula row by row."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fuse.fusing import DIM, built, presences, rows
from torch import Tensor

from openautoglm.fuse.attention import Attention


@given(present=presences(), seed=st.integers(0, 99))
@settings(deadline=None, max_examples=25)
def test_it_equals_the_formula_for_any_presence(present: Tensor, seed: int) -> None:
    given = rows(present, seed)
    fuse = built("attention", present.shape[1], seed, hidden=4)
    maps = fuse.see.weight.split(DIM, dim=1)
    found = fuse(*given)
    for row in range(len(present)):
        here = [m for m in range(present.shape[1]) if present[row, m]]
        state = torch.tanh(sum((maps[m] @ given.pooled[row, m] for m in here), start=fuse.see.bias))
        weights = {m: (fuse.score.weight[m] @ state).exp() for m in here}
        total = sum(weights.values())
        expected = sum(weights[m] / total * given.pooled[row, m] for m in here)
        torch.testing.assert_close(found.embeds[row], expected)
        for m in here:
            torch.testing.assert_close(found.gates[row, m], weights[m] / total)


def test_two_modalities_give_the_reference_formula() -> None:
    fuse = Attention(4, 2).double()
    text, image = torch.randn(2, 5, 4, dtype=torch.float64)
    w_text, w_image = fuse.see.weight.split(4, dim=1)
    state = torch.tanh(image @ w_image.T + text @ w_text.T + fuse.see.bias)
    a_text, a_image = (state @ fuse.score.weight.T).softmax(1).T[..., None]
    found = fuse(torch.stack([text, image], 1), torch.ones(5, 2, dtype=torch.bool))
    torch.testing.assert_close(found.embeds, a_text * text + a_image * image)


def test_it_learns_to_turn_away_from_noise() -> None:
    torch.manual_seed(0)
    fuse = Attention(8, 2)
    optimizer = torch.optim.Adam(fuse.parameters(), 1e-2)
    present = torch.ones(64, 2, dtype=torch.bool)
    direction = torch.nn.functional.normalize(torch.ones(8), dim=0)
    for _ in range(200):
        signal, broken = torch.randn(64, 1) + 3, torch.arange(64) % 2
        good = signal * direction
        noise = torch.randn(64, 8) * 3 - 6 * direction  # whose look tells that it is noise
        pooled = torch.where(
            (broken == 0)[:, None, None], torch.stack([noise, good], 1), torch.stack([good, noise], 1)
        )
        found = fuse(pooled, present)
        loss = (found.embeds - good).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    trusted = found.gates[torch.arange(64), 1 - broken]
    assert trusted.mean() > 0.9
