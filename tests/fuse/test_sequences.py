"""Tokens behind the pooled vector, clean of whatever is not real."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fuse.fusing import presences, rows
from torch import Tensor

from openautoglm.fuse.sequences import sequences


@given(present=presences(), seed=st.integers(0, 99))
@settings(deadline=None, max_examples=25)
def test_only_what_is_real_is_left(present: Tensor, seed: int) -> None:
    given = rows(present, seed)
    clean = torch.where(present[..., None], given.pooled, 0.0)
    found = sequences(clean, present, given.spoiled(torch.nan).tokens)
    assert len(found) == present.shape[1]
    for m, (vectors, real) in enumerate(found):
        own = given.tokens[m]
        assert vectors.shape[1] == real.shape[1] == (1 if own is None else 1 + own[0].shape[1])
        assert torch.equal(vectors[:, 0], clean[:, m])
        assert not vectors[~real].any()
        assert not real[~present[:, m]].any()
        if own is not None:
            there = present[:, m]
            assert torch.equal(real[there, 1:], own[1][there])
            assert torch.equal(vectors[:, 1:][real[:, 1:]], own[0][own[1] & there[:, None]])
