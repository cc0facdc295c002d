from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.align.pairs_data import Case, cases, make_case, unit
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from openautoglm.align.infonce import plain_softmax_loss
from openautoglm.align.queue import Negatives
from openautoglm.align.tiled import tiled_softmax_loss

ROW = 8 / 2**20
"""MiB of one float64 number."""


class LargestTensor(TorchDispatchMode):
    """Remembers the size of the largest tensor that any operation made."""

    numbers = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        self.numbers = max(self.numbers, result.numel() if isinstance(result, Tensor) else 0)
        return result


def gradients(loss: Tensor, case: Case) -> tuple[Tensor, ...]:
    return torch.autograd.grad(loss, [case.image, case.text, case.scale])


@settings(max_examples=60, deadline=None)
@given(cases, st.sampled_from([0.0, 3 * ROW * 11 * 11, 1.0]))
def test_value_and_gradients_equal_the_plain_form(case: Case, keep_mib: float) -> None:
    plain = plain_softmax_loss(*case)
    tiled = tiled_softmax_loss(*case, tile_mib=1e-6, keep_mib=keep_mib)  # type: ignore[arg-type]
    torch.testing.assert_close(tiled, plain, rtol=1e-9, atol=1e-9)
    for ours, theirs in zip(gradients(tiled, case), gradients(plain, case), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("scale", [14.3, 100.0, 1000.0])
def test_columns_far_below_the_rows_lose_nothing_in_float32(scale: float) -> None:
    """At high scales one exponential for both directions would underflow; then two are made."""
    g = torch.Generator().manual_seed(0)
    image, text = unit(90, 3, g), unit(90, 3, g)
    text[:70] = -image[:70]
    text[70:] = image[70:]
    exact = Case(
        image.requires_grad_(), text.requires_grad_(), torch.tensor(scale).double(), None, None, "match"
    )
    single = [tensor.detach().float().requires_grad_() for tensor in exact[:3] if tensor is not None]
    tiled = tiled_softmax_loss(single[0], single[1], single[2], tile_mib=20 * 90 * 4 / 2**20)
    plain = plain_softmax_loss(*exact)
    torch.testing.assert_close(tiled.double(), plain, rtol=1e-5, atol=1e-5)
    ours = torch.autograd.grad(tiled, single[:2])
    for mine, right in zip(ours, torch.autograd.grad(plain, [exact.image, exact.text]), strict=True):
        torch.testing.assert_close(mine.double(), right, rtol=1e-4, atol=1e-4 * right.abs().max().item())


@pytest.mark.parametrize("positives", ["match", "mask"])
@pytest.mark.parametrize("keep_mib", [0.0, 0.05, 40.0])
def test_many_tiles_of_uneven_size(positives: str, keep_mib: float) -> None:
    case = make_case(rows=157, dim=16, scale=14.3, key_range=60, queued=300, positives=positives, seed=7)
    plain = plain_softmax_loss(*case)
    tiled = tiled_softmax_loss(*case, tile_mib=0.03, keep_mib=keep_mib)  # type: ignore[arg-type]
    torch.testing.assert_close(tiled, plain, rtol=1e-9, atol=1e-9)
    for ours, theirs in zip(gradients(tiled, case), gradients(plain, case), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-10)


def test_gradients_are_those_of_finite_differences() -> None:
    case = make_case(5, 3, 5.0, 3, 4, "match", seed=2)
    torch.autograd.gradcheck(
        lambda image, text, scale: tiled_softmax_loss(
            image, text, scale, case.keys, case.queue, tile_mib=1e-6
        ),
        (case.image, case.text, case.scale),
    )


def test_a_graph_that_is_kept_gives_the_same_gradient_twice() -> None:
    case = make_case(40, 8, 14.3, 10, 0, "match", seed=4)
    loss = tiled_softmax_loss(*case)  # type: ignore[arg-type]
    first = torch.autograd.grad(loss, case.image, retain_graph=True)[0]
    assert torch.equal(first, torch.autograd.grad(4 * loss, case.image)[0] / 4)


def test_large_scales_do_not_overflow_in_float32() -> None:
    g = torch.Generator().manual_seed(0)
    image, text = unit(64, 4, g).float().requires_grad_(), -unit(64, 4, g).float()
    loss = tiled_softmax_loss(image, text, torch.tensor(1e4), tile_mib=1e-3)
    loss.backward()
    assert loss.isfinite()
    assert image.grad is not None
    assert image.grad.isfinite().all()


def test_queue_wider_than_a_tile() -> None:
    g = torch.Generator().manual_seed(0)
    image, text = unit(9, 4, g).requires_grad_(), unit(9, 4, g).requires_grad_()
    queue = Negatives(unit(9000, 4, g), unit(9000, 4, g), torch.arange(9000)[:, None])
    case = Case(
        image, text, torch.tensor(8.0).double().requires_grad_(), torch.arange(9)[:, None], queue, "match"
    )
    tiled = tiled_softmax_loss(*case)  # type: ignore[arg-type]
    plain = plain_softmax_loss(*case)
    torch.testing.assert_close(tiled, plain, rtol=1e-9, atol=1e-9)
    for ours, theirs in zip(gradients(tiled, case), gradients(plain, case), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-10)


def test_only_what_is_asked_gets_a_gradient() -> None:
    case = make_case(30, 8, 14.3, 0, 0, "match", seed=4)
    locked = case.image.detach()
    tiled_softmax_loss(locked, case.text, case.scale.detach()).backward()
    assert locked.grad is None
    torch.testing.assert_close(
        case.text.grad, torch.autograd.grad(plain_softmax_loss(*case), case.text)[0], rtol=1e-6, atol=1e-10
    )


def test_a_batch_of_related_rows_only() -> None:
    """Everything masked but the pair itself: the loss is 0, not NaN."""
    g = torch.Generator().manual_seed(0)
    image, text = unit(20, 4, g).requires_grad_(), unit(20, 4, g)
    keys = torch.zeros(20, 1, dtype=torch.long)
    queue = Negatives(unit(3, 4, g), unit(3, 4, g), torch.zeros(3, 1, dtype=torch.long))
    loss = tiled_softmax_loss(image, text, torch.tensor(9.0).double(), keys, queue, "mask", tile_mib=1e-3)
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-12)
    assert image.grad is not None
    assert image.grad.abs().max() < 1e-12


@pytest.mark.parametrize("positives", ["match", "mask"])
def test_nothing_larger_than_a_tile_is_ever_made(positives: str) -> None:
    case = make_case(400, 4, 14.3, 50, 3000, positives, seed=0)
    with LargestTensor() as ours:
        gradients(tiled_softmax_loss(*case, tile_mib=0.1, keep_mib=0), case)  # type: ignore[arg-type]
    with LargestTensor() as plain:
        gradients(plain_softmax_loss(*case), case)
    assert ours.numbers <= 2 * 8 * 3000  # two tiles, which are never lower than 8 rows
    assert plain.numbers >= 400 * 3000
