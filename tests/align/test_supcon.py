"""Supervised contrast against a plain float64 reference."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from openautoglm.align.keys import NO_KEY
from openautoglm.align.supcon import SupCon


def reference(embeds: torch.Tensor, keys: list[int], temperature: float) -> float:
    rows = range(len(keys))
    total, counted = 0.0, 0
    for i in rows:
        relatives = [j for j in rows if j != i and keys[i] == keys[j] != NO_KEY]
        if not relatives:
            continue
        score = [float(embeds[i] @ embeds[j]) / temperature for j in rows]
        whole = math.log(sum(math.exp(score[j]) for j in rows if j != i))
        total += sum(whole - score[j] for j in relatives) / len(relatives)
        counted += 1
    return total / max(counted, 1)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from([NO_KEY, 1, 2, 3]), min_size=2, max_size=9), st.integers(0, 999))
def test_it_equals_the_reference(keys: list[int], seed: int) -> None:
    embeds = F.normalize(
        torch.randn(len(keys), 5, generator=torch.Generator().manual_seed(seed)).double(), dim=1
    )
    loss = SupCon(temperature=0.2).double()(embeds, torch.tensor(keys)[:, None])
    assert loss.item() == pytest.approx(reference(embeds, keys, 0.2), abs=1e-6)


def test_without_relatives_nothing_moves() -> None:
    embeds = F.normalize(torch.randn(3, 4), dim=1).requires_grad_()
    loss = SupCon()(embeds, torch.tensor([[1], [2], [3]]))
    loss.backward()
    assert loss.item() == 0
    assert embeds.grad is not None
    assert not embeds.grad.any()


def test_half_precision_pictures_are_compared_in_full() -> None:
    embeds, keys = F.normalize(torch.randn(4, 8), dim=1).bfloat16(), torch.tensor([[1], [1], [2], [2]])
    with torch.autocast("cpu", torch.bfloat16):
        loss = SupCon()(embeds, keys)
    assert loss.dtype == torch.float32
    assert torch.equal(loss, SupCon()(embeds.float(), keys))
