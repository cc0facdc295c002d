"""Hierarchical attention, against its formula token by token."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fuse.fusing import built, presences, rows
from torch import Tensor


@given(present=presences(), seed=st.integers(0, 99))
@settings(deadline=None, max_examples=25)
def test_it_equals_the_formula_for_any_presence(present: Tensor, seed: int) -> None:
    given = rows(present, seed)
    fuse = built("hierarchical", present.shape[1], seed, hidden=4)
    found = fuse(*given)
    for row in range(len(present)):
        vectors: dict[int, Tensor] = {}
        for m in (m for m in range(present.shape[1]) if present[row, m]):
            sequence = [given.pooled[row, m]]
            if (own := given.tokens[m]) is not None:
                sequence += [token for token, real in zip(own[0][row], own[1][row], strict=True) if real]
            scores = [
                fuse.token_score[m] @ torch.tanh(fuse.token.weight @ token + fuse.token.bias)
                for token in sequence
            ]
            weights = torch.stack(scores).exp()
            vectors[m] = sum(w * t for w, t in zip(weights / weights.sum(), sequence, strict=True))
        mean = sum(vectors.values()) / len(vectors)
        state = fuse.row.weight @ mean + fuse.row.bias
        gates = {
            m: (fuse.modality_score @ torch.tanh(state + fuse.modality[m].T @ vector)).exp()
            for m, vector in vectors.items()
        }
        total = sum(gates.values())
        expected = sum(gates[m] / total * vectors[m] for m in vectors)
        torch.testing.assert_close(found.embeds[row], expected)
        for m in vectors:
            torch.testing.assert_close(found.gates[row, m], gates[m] / total)
