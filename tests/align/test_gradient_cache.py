from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from openautoglm.align.gradient_cache import cached_backward
from openautoglm.align.infonce import InfoNCE


class Towers(nn.Module):
    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.image = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Dropout(dropout), nn.Linear(16, 4))
        self.text = nn.Sequential(nn.Linear(5, 16), nn.Tanh(), nn.Dropout(dropout), nn.Linear(16, 4))
        self.loss = InfoNCE()

    def encode(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        image, text = self.image(rows[:, :6]), self.text(rows[:, 6:])
        return nn.functional.normalize(image, dim=1), nn.functional.normalize(text, dim=1)


def taken_gradients(module: nn.Module) -> dict[str, Tensor]:
    found = {name: p.grad.clone() for name, p in module.named_parameters() if p.grad is not None}
    module.zero_grad()
    return found


def assert_same(ours: dict[str, Tensor], theirs: dict[str, Tensor], tolerance: float = 1e-9) -> None:
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        torch.testing.assert_close(value, theirs[name], rtol=tolerance, atol=tolerance, msg=name)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 7), min_size=1, max_size=5))
def test_gradients_are_those_of_the_full_batch(sizes: list[int]) -> None:
    torch.manual_seed(0)
    towers, rows = Towers().double(), torch.randn(sum(sizes), 11).double()
    full = towers.loss(*towers.encode(rows))
    full.backward()
    expected = taken_gradients(towers)
    value = cached_backward(towers.encode, rows.split(sizes), towers.loss)
    torch.testing.assert_close(value, full.detach(), rtol=1e-12, atol=1e-12)
    assert_same(taken_gradients(towers), expected)


def test_float32_is_equal_to_1e_5() -> None:
    torch.manual_seed(0)
    towers, rows = Towers(), torch.randn(64, 11)
    towers.loss(*towers.encode(rows)).backward()
    expected = taken_gradients(towers)
    cached_backward(towers.encode, rows.split(16), towers.loss)
    assert_same(taken_gradients(towers), expected, 1e-5)


def test_dropout_and_augmentation_happen_the_same_twice() -> None:
    """The gradient is that of one graph over all chunks, drawn in the same order."""
    torch.manual_seed(0)
    towers, rows = Towers(dropout=0.5).double(), torch.randn(12, 11).double()
    own = torch.Generator()

    def encode(chunk: Tensor) -> tuple[Tensor, Tensor]:
        return towers.encode(chunk + 0.1 * torch.randn(chunk.shape, generator=own, dtype=torch.float64))

    torch.manual_seed(1)
    own.manual_seed(2)
    outputs = [encode(chunk) for chunk in rows.split(5)]
    towers.loss(*(torch.cat(parts) for parts in zip(*outputs, strict=True))).backward()
    expected, next_numbers = taken_gradients(towers), (torch.rand(3), torch.rand(3, generator=own))

    torch.manual_seed(1)
    own.manual_seed(2)
    cached_backward(encode, rows.split(5), towers.loss, generators=[own])
    assert_same(taken_gradients(towers), expected)
    assert torch.equal(torch.rand(3), next_numbers[0]), "the stream goes on as after one pass"
    assert torch.equal(torch.rand(3, generator=own), next_numbers[1])


def test_a_modality_that_some_or_all_chunks_lack() -> None:
    torch.manual_seed(0)
    layer = nn.Linear(2, 2).double()

    def encode(chunk: Tensor) -> tuple[Tensor, Tensor | None, None]:
        return layer(chunk), layer(2 * chunk) if chunk.sum() > 0 else None, None

    def loss_fn(first: Tensor, second: Tensor, third: Tensor | None) -> Tensor:
        assert third is None
        assert torch.equal(second[1:], torch.zeros(2, 2).double())
        return (first.square() + first.sum() * second).sum()

    with_text, without = (
        torch.tensor([[1.0, 2.0]]).double(),
        torch.tensor([[-1.0, 0.0], [-2.0, 1.0]]).double(),
    )
    first = layer(torch.cat([with_text, without]))
    loss_fn(first, torch.cat([layer(2 * with_text), torch.zeros(2, 2).double()]), None).backward()
    expected = taken_gradients(layer)
    cached_backward(encode, [with_text, without], loss_fn)
    assert_same(taken_gradients(layer), expected)


def test_works_under_autocast() -> None:
    torch.manual_seed(0)
    towers, rows = Towers(), torch.randn(16, 11)
    with torch.autocast("cpu", torch.bfloat16):
        towers.loss(*(torch.cat(p) for p in zip(*map(towers.encode, rows.split(4)), strict=True))).backward()
        expected = taken_gradients(towers)
        cached_backward(towers.encode, rows.split(4), towers.loss)
    assert_same(taken_gradients(towers), expected, 1e-2)


def test_a_scaled_backward_scales_every_gradient_once() -> None:
    torch.manual_seed(0)
    towers, rows = Towers().double(), torch.randn(8, 11).double()
    cached_backward(towers.encode, rows.split(3), towers.loss)
    expected = {name: 4 * grad for name, grad in taken_gradients(towers).items()}
    cached_backward(towers.encode, rows.split(3), towers.loss, backward=lambda loss: (4 * loss).backward())
    assert_same(taken_gradients(towers), expected)


def test_processes_exchange_gradients_with_the_last_chunk_only() -> None:
    towers, rows, inside = Towers(), torch.randn(9, 11), []

    @contextlib.contextmanager
    def no_sync() -> Iterator[None]:
        inside.append(True)
        yield
        inside.append(False)

    synced = []

    def encode(chunk: Tensor) -> tuple[Tensor, Tensor]:
        if torch.is_grad_enabled():
            synced.append(not (inside and inside[-1]))
        return towers.encode(chunk)

    cached_backward(encode, rows.split(3), towers.loss, no_sync=no_sync)
    assert synced == [False, False, True]


def test_chunks_that_cannot_be_joined_are_named() -> None:
    with pytest.raises(ValueError, match="no chunks"):
        cached_backward(lambda chunk: [chunk], [], torch.sum)
    with pytest.raises(ValueError, match="chunk 1 was encoded to outputs of no rows"):
        cached_backward(lambda c: [c if c.sum() > 0 else None], [torch.ones(1), torch.zeros(1)], torch.sum)
