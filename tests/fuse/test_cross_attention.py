"""Cross-attention between modalities, against its formula head by head."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fuse.fusing import DIM, built, presences, rows
from torch import Tensor

from openautoglm.fuse.cross_attention import CrossAttentionFusion


def normed(vector: Tensor, norm: torch.nn.LayerNorm) -> Tensor:
    middle = vector - vector.mean()
    return norm.weight * middle / (middle.square().mean() + norm.eps).sqrt() + norm.bias


@given(present=presences(least=2), seed=st.integers(0, 99))
@settings(deadline=None, max_examples=25)
def test_it_equals_the_formula_for_any_presence(present: Tensor, seed: int) -> None:
    given = rows(present, seed)
    fuse = built("cross_attention", present.shape[1], seed, heads=2, head_dim=5)
    look, attend = fuse.look, fuse.look.attend
    found = fuse(*given)
    for row in range(len(present)):
        here = [m for m in range(present.shape[1]) if present[row, m]]
        sequences: dict[int, list[Tensor]] = {}
        for m in here:
            sequences[m] = [given.pooled[row, m]]
            if (own := given.tokens[m]) is not None:
                sequences[m] += [t for t, real in zip(own[0][row], own[1][row], strict=True) if real]
        vectors: dict[int, Tensor] = {}
        for m in here:
            vectors[m] = given.pooled[row, m]
            context = [
                normed(token + fuse.kind[n], look.context_norm)
                for n in here
                if n != m
                for token in sequences[n]
            ]
            if not context:
                continue
            query = attend.query(normed(given.pooled[row, m], look.token_norm)).split(5)
            keys, values = ([layer(c).split(5) for c in context] for layer in (attend.key, attend.value))
            heads = []
            for h in range(2):
                scores = torch.stack([query[h] @ key[h] / 5**0.5 for key in keys]).exp()
                shares = scores / scores.sum()
                heads.append(sum(s * value[h] for s, value in zip(shares, values, strict=True)))
            vectors[m] = vectors[m] + look.gate.tanh() * attend.out(torch.cat(heads))
        gates = {m: (fuse.score.weight[0] @ vectors[m]).exp() for m in here}
        total = sum(gates.values())
        torch.testing.assert_close(found.embeds[row], sum(gates[m] / total * vectors[m] for m in here))
        for m in here:
            torch.testing.assert_close(found.gates[row, m], gates[m] / total)


def test_a_fresh_one_is_a_gated_mean_of_the_modalities_own_vectors() -> None:
    given = rows(torch.tensor([[True, True, False]]), dtype=torch.float32)
    found = CrossAttentionFusion(DIM, 3)(*given)
    torch.testing.assert_close(found.embeds, (found.gates[..., None] * given.pooled).sum(1))


@pytest.mark.parametrize("dim", [1, 3, 7, 8])
def test_any_width_will_do(dim: int) -> None:
    pooled, present = torch.randn(2, 2, dim), torch.ones(2, 2, dtype=torch.bool)
    assert CrossAttentionFusion(dim, 2)(pooled, present).embeds.shape == (2, dim)
