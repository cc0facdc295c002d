from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.context.plain import plain_attention

from openautoglm.encoders.attention import masked_attention, rotate


@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(1, 3),
    shared=st.integers(1, 3),
    heads=st.integers(1, 2),
    queries=st.integers(1, 5),
    keys=st.integers(1, 6),
    share=st.sampled_from([0.0, 0.3, 0.8]),
    seed=st.integers(0, 10**6),
)
def test_equals_the_plain_formula_with_infinite_masks(
    rows: int, shared: int, heads: int, queries: int, keys: int, share: float, seed: int
) -> None:
    draws = torch.Generator().manual_seed(seed)
    query, key, value = (
        torch.randn(rows, count, length, 4, generator=draws, dtype=torch.float64)
        for count, length in ((heads * shared, queries), (heads, keys), (heads, keys))
    )
    allowed = torch.rand(rows, 1, queries, keys, generator=draws) < share
    query.requires_grad_(True)
    found = masked_attention(query, key, value, allowed)
    torch.testing.assert_close(found, plain_attention(query, key, value, allowed), rtol=1e-12, atol=1e-12)
    assert not found[~allowed.any(-1).expand(-1, heads * shared, -1)].any()
    (gradient,) = torch.autograd.grad(found.sum(), query)
    assert gradient.isfinite().all()
    everything = torch.ones_like(allowed)
    torch.testing.assert_close(
        masked_attention(query, key, value),
        plain_attention(query, key, value, everything),
        rtol=1e-12,
        atol=1e-12,
    )


@given(st.integers(0, 500), st.integers(0, 500), st.integers(0, 300))
def test_products_of_turned_vectors_know_only_the_distance(first: int, second: int, shift: int) -> None:
    angles = torch.tensor([1.0, 0.1, 0.03], dtype=torch.float64)
    turns = torch.polar(torch.ones(801, 3, dtype=torch.float64), torch.arange(801)[:, None] * angles)
    one, other = torch.randn(2, 1, 8, dtype=torch.float64)
    here = rotate(one, turns[first, None]) * rotate(other, turns[second, None])
    there = rotate(one, turns[first + shift, None]) * rotate(other, turns[second + shift, None])
    torch.testing.assert_close(here.sum(), there.sum(), rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(rotate(one, turns[first, None]).norm(), one.norm())
