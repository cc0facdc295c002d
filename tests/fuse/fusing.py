"""Rows to be fused, and every strategy, opened so that all of it takes part."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from hypothesis import strategies as st
from torch import Tensor, nn

from openautoglm.fuse.fused import Fused, Strategy, Tokens
from openautoglm.fuse.strategies import STRATEGIES

DIM = 6
NAMES = sorted(STRATEGIES)
KEEPS_A_LONE_VECTOR = ("adaptive_gating", "attention", "cross_attention", "hierarchical", "late", "mean_pool")
"""`hierarchical` without tokens."""


class Rows(NamedTuple):
    """What a strategy is called with."""

    pooled: Tensor
    present: Tensor
    tokens: list[Tokens | None]

    def only(self, index: Any) -> Rows:
        rest = [None if one is None else (one[0][index], one[1][index]) for one in self.tokens]
        return Rows(self.pooled[index], self.present[index], rest)

    def spoiled(self, value: float) -> Rows:
        """The same with `value` wherever nothing is present."""
        pooled = self.pooled.masked_fill(~self.present[..., None], value)
        tokens: list[Tokens | None] = []
        for number, one in enumerate(self.tokens):
            real = None if one is None else one[1] & self.present[:, number : number + 1]
            tokens.append(None if one is None else (one[0].masked_fill(~real[..., None], value), one[1]))
        return Rows(pooled, self.present, tokens)


@st.composite
def presences(draw: st.DrawFn, least: int = 1) -> Tensor:
    """(B, M) with at least one modality a row."""
    modalities = draw(st.integers(least, 4))
    row = st.lists(st.booleans(), min_size=modalities, max_size=modalities).filter(any)
    return torch.tensor(draw(st.lists(row, min_size=1, max_size=5)))


def rows(present: Tensor, seed: int = 0, dtype: torch.dtype = torch.float64) -> Rows:
    """Random rows; every modality but the second has tokens, of different lengths, some of them padding."""
    generator = torch.Generator().manual_seed(seed)
    batch, modalities = present.shape
    pooled = torch.randn(batch, modalities, DIM, generator=generator, dtype=torch.float64).to(dtype)
    tokens: list[Tokens | None] = []
    for number in range(modalities):
        vectors = torch.randn(batch, number + 2, DIM, generator=generator, dtype=torch.float64).to(dtype)
        real = torch.rand(batch, number + 2, generator=generator) < 0.7
        tokens.append(None if number == 1 else (vectors, real))
    return Rows(pooled, present, tokens)


def built(name: str, modalities: int, seed: int = 0, **settings: int) -> Strategy:
    """A strategy in float64 whose parameters are all random: what starts at 0 or 1 would hide a mistake."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        strategy = STRATEGIES[name](DIM, modalities, **settings).double()  # type: ignore[index]
        for parameter in strategy.parameters():
            nn.init.normal_(parameter, std=0.7)
    return strategy


def whole(found: Fused) -> list[Tensor]:
    """All that a strategy returns."""
    return [value for value in found if value is not None]
