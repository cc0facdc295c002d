from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.align import reference
from tests.align.pairs_data import Case, cases, make_case

from openautoglm.align.siglip import SigLIP


@settings(max_examples=40, deadline=None)
@given(cases, st.sampled_from([1, 3, 100]))
def test_value_and_gradients_equal_the_formula_pair_by_pair(case: Case, strip_rows: int) -> None:
    loss = SigLIP(1 / case.scale.item(), bias=-3.0, positives=case.positives, strip_rows=strip_rows).double()
    loss.logit_scale.data = case.scale.detach().log()
    expected = reference.sigmoid_loss(
        case.image, case.text, loss.logit_scale.exp(), loss.logit_bias, case.keys, case.queue, case.positives
    )
    value = loss(case.image, case.text, case.keys, case.queue)
    torch.testing.assert_close(value, expected, rtol=1e-7, atol=1e-9)
    learned = [case.image, case.text, loss.logit_scale, loss.logit_bias]
    for ours, theirs in zip(
        torch.autograd.grad(value, learned), torch.autograd.grad(expected, learned), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-8)


def test_starts_as_published() -> None:
    loss = SigLIP()
    assert (loss.logit_scale.exp().item(), loss.logit_bias.item()) == (pytest.approx(10), -10)


def test_autocast_does_not_round_the_loss() -> None:
    case = make_case(12, 16, 10.0, 0, 0, "match", seed=5)
    image, text = case.image.detach().float().requires_grad_(), case.text.detach().float()
    loss = SigLIP(strip_rows=5)
    exact = loss(image, text)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = loss(image, text)
    assert rounded.item() == exact.item()
    ours, theirs = torch.autograd.grad(rounded, image)[0], torch.autograd.grad(exact, image)[0]
    assert torch.equal(ours, theirs)
