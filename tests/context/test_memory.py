"""The slot memory beside plain formulas, step by step, in float64."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from openautoglm.context.memory import SOFT, MemoryState, SlotMemory, recall, write


def drawn(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def weights(seed: int, *shape: int) -> Tensor:
    """0 to 1, with exact zeros and ones among them, as one-hot weights have."""
    return (0.5 + drawn(seed, *shape)).clamp(0, 1)


def built(seed: int, slots: int = 5, dim: int = 6, fading: float = 0.99) -> SlotMemory:
    torch.manual_seed(seed)
    memory = SlotMemory(dim, slots, address_dim=4, content_dim=3, fading=fading).double()
    with torch.no_grad():
        memory.written.add_(0.1 * torch.randn_like(memory.written))
    return memory


def plain(memory: SlotMemory, steps: Tensor) -> tuple[Tensor, MemoryState]:
    """One row (T, d), by the docstring's formulas, with loops."""
    beta, beta_read = memory.log_sharpness.exp()
    addresses = torch.zeros(memory.slots, memory.address_dim).double()
    contents = torch.zeros(memory.slots, memory.content_dim).double()
    usage, last = [0.0] * memory.slots, torch.zeros(memory.address_dim).double()
    results = []
    for x in steps:
        projected = memory.address.weight @ x
        a = memory.written[:, 0] * projected + memory.written[:, 1] * last
        q = memory.asked[:, 0] * projected + memory.asked[:, 1] * last
        a, q, last = a / a.norm(), q / q.norm(), projected
        v, g = memory.content.weight @ x, torch.sigmoid(memory.strength.weight @ x + memory.strength.bias)
        lengths = [(row.square().sum() + SOFT).sqrt() for row in addresses]
        rows = list(zip(addresses, lengths, strict=True))
        near = torch.stack([torch.exp(beta * (a @ row) / n) for row, n in rows])
        known = near / (near.sum() + torch.exp(beta * memory.known))
        reads = torch.stack([beta_read * (q @ row) / n for row, n in rows]).softmax(0)
        results.append(sum(r * row for r, row in zip(reads, contents, strict=True)))
        least = usage.index(min(usage))
        w = [g * (known[i] + (1 - known.sum()) * (i == least)) for i in range(memory.slots)]
        addresses = torch.stack([row + w[i] * (a - row) for i, row in enumerate(addresses)])
        contents = torch.stack([row + w[i] * (v - row) for i, row in enumerate(contents)])
        usage = [memory.fading * u + w[i].item() + reads[i].item() for i, u in enumerate(usage)]
    used = torch.tensor(usage, dtype=torch.float64)
    return torch.stack(results), MemoryState(addresses, contents, used, last)


@given(st.integers(0, 2**16), st.integers(1, 6), st.integers(1, 5))
def test_write_is_the_turing_machines_with_erase_one(seed: int, slots: int, dim: int) -> None:
    memory, key = drawn(seed, 2, slots, dim), drawn(seed + 1, 2, dim)
    w = weights(seed + 2, 2, slots)
    erase = torch.ones(2, dim).double()
    erased = memory * (1 - w[:, :, None] * erase[:, None])  # eq. 3
    torch.testing.assert_close(write(memory, w, key), erased + w[:, :, None] * key[:, None])  # eq. 4


@given(st.integers(0, 2**16), st.integers(1, 6), st.floats(0, 1))
def test_write_is_the_delta_rule_for_one_hot_weights(seed: int, slots: int, rate: float) -> None:
    memory, value = drawn(seed, 1, slots, 3), drawn(seed + 1, 1, 3)
    key = torch.zeros(1, slots).double()
    key[0, seed % slots] = 1
    found = torch.einsum("bnd,bn->bd", memory, key)
    expected = memory + rate * torch.einsum("bn,bd->bnd", key, value - found)
    torch.testing.assert_close(write(memory, rate * key, value), expected)


def test_write_is_not_the_delta_rule_for_other_weights() -> None:
    memory, w = torch.tensor([[[1.0], [3.0]]]), torch.tensor([[0.5, 0.5]])
    value = torch.zeros(1, 1)
    assert write(memory, w, value).flatten().tolist() == [0.5, 1.5]
    found = torch.einsum("bnd,bn->bd", memory, w)
    assert (memory + w[:, :, None] * (value - found)[:, None]).flatten().tolist() == [0.0, 2.0]


@given(st.integers(0, 2**16), st.integers(1, 40), st.integers(1, 6))
def test_a_slot_that_is_never_written_never_changes(seed: int, length: int, slots: int) -> None:
    memory, w = drawn(seed, 2, slots, 3), weights(seed + 1, 2, length, slots)
    w[..., seed % slots] = 0
    _, after = recall(memory, w, drawn(seed + 2, 2, length, 3), weights(seed + 3, 2, length, slots), piece=7)
    assert torch.equal(after[:, seed % slots], memory[:, seed % slots])


@given(st.integers(0, 2**16), st.integers(1, 40), st.integers(1, 5), st.sampled_from([1, 3, 16, 64]))
@settings(deadline=None)
def test_pieces_equal_single_steps(seed: int, length: int, slots: int, piece: int) -> None:
    memory, keys = drawn(seed, 2, slots, 3).float(), drawn(seed + 1, 2, length, 3).float()
    w, reads = weights(seed + 2, 2, length, slots).float(), weights(seed + 3, 2, length, slots).float()
    inputs = [x.requires_grad_() for x in (memory, keys, w, reads)]
    found, after = recall(memory, w, keys, reads, piece)
    expected, now = [], memory
    for step in range(length):
        expected.append((reads[:, step, :, None] * now).sum(1))
        now = write(now, w[:, step], keys[:, step])
    torch.testing.assert_close(found, torch.stack(expected, 1), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(after, now, rtol=1e-5, atol=1e-5)
    scale = drawn(seed + 4, 2, length, 3).float()
    ours = torch.autograd.grad((found * scale).sum() + after.sum(), inputs)
    theirs = torch.autograd.grad((torch.stack(expected, 1) * scale).sum() + now.sum(), inputs)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("seed", range(4))
def test_equals_the_docstrings_formulas(seed: int) -> None:
    memory, steps = built(seed), drawn(seed, 30, 6)
    expected, state = plain(memory, steps)
    found, after = memory(steps[None])
    torch.testing.assert_close(found[0], expected)
    for ours, theirs in zip(after, state, strict=True):
        torch.testing.assert_close(ours[0], theirs)


def test_an_empty_memory_reads_as_zero_with_finite_gradients() -> None:
    memory, steps = built(0), torch.zeros(1, 3, 6).double().requires_grad_()
    found, _ = memory(steps)
    assert torch.equal(found, torch.zeros_like(found))
    (gradient,) = torch.autograd.grad(found.sum() + memory(steps)[1].addresses.sum(), [steps])
    assert gradient.isfinite().all()


@given(st.integers(0, 2**16), st.lists(st.booleans(), min_size=3, max_size=16))
@settings(deadline=None, max_examples=30)
def test_padding_changes_nothing_wherever_it_stands(seed: int, real: list[bool]) -> None:
    memory = built(seed)
    mask = torch.tensor([real, [True] * len(real)])
    steps = drawn(seed, 2, len(real), 6)
    alone, state = memory(steps[:1, mask[0]])
    steps[0, ~mask[0]] = torch.nan
    found, after = memory(steps, mask=mask)
    torch.testing.assert_close(found[:1, mask[0]], alone)
    assert not found[0, ~mask[0]].any()
    for ours, theirs in zip(after, state, strict=True):
        torch.testing.assert_close(ours[:1], theirs)


def test_a_batch_is_its_rows_one_by_one() -> None:
    memory, steps = built(1), drawn(1, 3, 20, 6)
    found, after = memory(steps)
    for row in range(3):
        alone, state = memory(steps[row : row + 1])
        torch.testing.assert_close(found[row : row + 1], alone)
        for ours, theirs in zip(after, state, strict=True):
            torch.testing.assert_close(ours[row : row + 1], theirs)


@given(st.integers(0, 2**16), st.integers(0, 20))
@settings(deadline=None, max_examples=20)
def test_a_sequence_in_two_parts_is_the_whole(seed: int, cut: int) -> None:
    memory, steps = built(seed), drawn(seed, 2, 20, 6)
    expected, state = memory(steps)
    parts, after = [], None
    for part in steps.tensor_split([cut], 1):
        if part.shape[1]:
            found, after = memory(part, after)
            parts.append(found)
    torch.testing.assert_close(torch.cat(parts, 1), expected)
    assert after is not None
    for ours, theirs in zip(after, state, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_gradients_live_and_stay_small_over_a_thousand_steps() -> None:
    torch.manual_seed(0)
    memory = SlotMemory(dim=16, slots=8, address_dim=8)
    with torch.no_grad():
        memory.strength.bias.fill_(-4.0)  # seldom written, so that the first step is still there
    steps = torch.randn(1, 1000, 16)
    start = torch.randn(1, 8, 16, requires_grad=True)
    steps.requires_grad_()
    found, _ = memory(steps, memory.start(1)._replace(contents=start))
    to_steps, to_start = torch.autograd.grad(found[:, -1].square().sum(), [steps, start])
    sizes = to_steps.norm(dim=2)[0]
    assert sizes.isfinite().all() and sizes.max() < 100 * max(1.0, float(sizes[-1]))
    assert float(sizes[:500].max()) > 0
    # Rows are convex mixtures: what is read can depend on the first contents no more than on itself.
    assert to_start.norm() <= 2 * found[:, -1].detach().norm() + 1e-6


def test_a_known_address_is_rewritten_and_a_new_one_takes_the_row_used_longest_ago() -> None:
    memory = SlotMemory(dim=4, slots=2, address_dim=4, fading=0.9)
    with torch.no_grad():
        memory.address.weight.copy_(torch.eye(4))
        memory.content.weight.copy_(torch.eye(4))
        memory.written.copy_(torch.tensor([1.0, 0.0]).repeat(4, 1))
        memory.strength.weight.zero_()
        memory.strength.bias.fill_(50.0)
        memory.log_sharpness.fill_(5.0)
    first, second, third = torch.eye(4)[:3]
    _, state = memory(torch.stack([first, second, 2 * first])[None])
    # Contents in any order of rows: the second mention of `first` replaced the other.
    assert state.contents[0].round(decimals=3).tolist() == [(2 * first).tolist(), second.tolist()]
    _, state = memory(third[None, None], state)
    assert state.contents[0].round(decimals=3).tolist() == [(2 * first).tolist(), third.tolist()]


@pytest.mark.parametrize(("arguments", "said"), [({"slots": 0}, "slots=0"), ({"fading": 0.0}, "fading=0.0")])
def test_what_cannot_be_built_is_refused(arguments: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        SlotMemory(**{"dim": 4, "slots": 2, "address_dim": 2, **arguments})
