"""Window and memory as one layer: piece by piece, with padding, in a decoder."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from openautoglm.context.local_attention import LocalAttention
from openautoglm.context.memory_block import PIECE, BlockState, MemoryBlock
from openautoglm.encoders.decoder import Decoder
from openautoglm.encoders.families import TowerSpec


def drawn(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def built(seed: int, slots: int = 4, window: int = 3) -> MemoryBlock:
    torch.manual_seed(seed)
    block = MemoryBlock(dim=8, heads=2, window=window, slots=slots, address_dim=4, opened=1.0).double()
    torch.nn.init.normal_(block.local.bias)
    return block


def tensors(state: BlockState) -> list[Tensor]:
    return [*state.local, *(state.memory or ())]


@pytest.mark.parametrize("window", [1, 3, 50])
def test_attention_equals_the_plain_formula(window: int) -> None:
    torch.manual_seed(0)
    attend, steps = LocalAttention(8, 2, window).double(), drawn(0, 1, 9, 8)
    torch.nn.init.normal_(attend.bias)
    query, key, value = attend.project(steps[0]).chunk(3, 1)
    found, _ = attend(steps)
    for head in range(2):
        part = slice(4 * head, 4 * head + 4)
        for t in range(9):
            seen = range(max(0, t - window + 1), t + 1)
            scores = torch.stack([query[t, part] @ key[s, part] / 2 + attend.bias[head, t - s] for s in seen])
            expected = sum(w * value[s, part] for w, s in zip(scores.softmax(0), seen, strict=True))
            torch.testing.assert_close(found[0, t, part], expected)


def test_a_closed_block_changes_nothing_and_can_open() -> None:
    block, steps = MemoryBlock(8, 2, 4, slots=4, address_dim=4), torch.randn(2, 6, 8)
    updated, _ = block(steps)
    assert torch.equal(updated, steps)
    updated.square().sum().backward()
    assert block.gate.grad is not None and block.gate.grad != 0


@given(st.integers(0, 2**16), st.lists(st.integers(1, 5), min_size=1, max_size=6), st.integers(0, 4))
@settings(deadline=None, max_examples=30)
def test_piece_by_piece_is_at_once(seed: int, lengths: list[int], slots: int) -> None:
    block, steps = built(seed, slots), drawn(seed, 2, sum(lengths), 8)
    expected, whole = block(steps)
    state, parts = None, []
    for part in steps.split(lengths, 1):
        updated, state = block(part, state)
        parts.append(updated)
    torch.testing.assert_close(torch.cat(parts, 1), expected)
    assert state is not None
    for ours, theirs in zip(tensors(state), tensors(whole), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_a_sequence_longer_than_a_piece_is_its_steps_one_by_one() -> None:
    block, steps = built(0), drawn(0, 1, PIECE + 9, 8)
    expected, _ = block(steps)
    state, parts = None, []
    for step in steps.split(1, 1):
        updated, state = block(step, state)
        parts.append(updated)
    torch.testing.assert_close(torch.cat(parts, 1), expected)


@given(st.integers(0, 2**16), st.lists(st.booleans(), min_size=4, max_size=14), st.integers(1, 13))
@settings(deadline=None, max_examples=40)
def test_padding_changes_nothing_wherever_it_stands(seed: int, real: list[bool], cut: int) -> None:
    block, steps = built(seed), drawn(seed, 2, len(real), 8)
    mask = torch.tensor([real, [True] * len(real)])
    alone, state = block(steps[:1, mask[0]]) if mask[0].any() else (steps[:1, :0], block.start(1))
    steps[0, ~mask[0]] = torch.nan
    updated, after = [], None
    for part, shown in zip(steps.tensor_split([cut], 1), mask.tensor_split([cut], 1), strict=True):
        if part.shape[1]:
            found, after = block(part, after, shown)
            updated.append(found)
    found = torch.cat(updated, 1)
    torch.testing.assert_close(found[:1, mask[0]], alone)
    assert found[1].isfinite().all()
    assert after is not None
    assert after.memory is not None and state.memory is not None
    for ours, theirs in zip(after.memory, state.memory, strict=True):
        torch.testing.assert_close(ours[:1], theirs)
    seen = after.local.real[0]  # where there were not yet W − 1 steps, what stands there is never looked at
    assert torch.equal(seen, state.local.real[0])
    for ours, theirs in zip(after.local[:2], state.local[:2], strict=True):
        torch.testing.assert_close(ours[0, :, seen], theirs[0, :, seen])


def test_what_left_the_window_still_reaches_the_last_step_through_the_memory_alone() -> None:
    steps = drawn(0, 1, 40, 8).requires_grad_()
    for slots, reaches in ((0, False), (4, True)):
        updated, _ = built(0, slots)(steps)
        (gradient,) = torch.autograd.grad(updated[0, -1].square().sum(), [steps])
        assert bool(gradient[0, :30].any()) is reaches


@pytest.mark.parametrize("mask", [torch.ones(1, 5, dtype=torch.long), torch.ones(1, 4, dtype=torch.bool)])
def test_a_mask_of_another_kind_or_shape_is_refused(mask: Tensor) -> None:
    with pytest.raises(ValueError, match=r"expected bool \(1, 5\)"):
        built(0)(drawn(0, 1, 5, 8), mask=mask)


def test_the_state_does_not_grow() -> None:
    block = built(0)
    _, short = block(drawn(0, 1, 5, 8))
    _, long = block(drawn(0, 1, 500, 8))
    assert [part.shape for part in tensors(short)] == [part.shape for part in tensors(long)]


def test_a_detached_state_carries_no_history() -> None:
    _, state = built(0)(drawn(0, 1, 5, 8).requires_grad_())
    assert any(part.requires_grad for part in tensors(state))
    assert not any(part.requires_grad for part in tensors(state.detach()))


def test_a_pretrained_decoder_is_unharmed_and_learns_to_use_it() -> None:
    torch.manual_seed(0)
    shape = {
        "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 2,
        "head_dim": 16, "intermediate_size": 48, "vocab_size": 60, "pad_token_id": 0,
    }  # fmt: skip
    decoder = Decoder(TowerSpec("glm-tiny", "glm", shape), looking=2, encodes=False).eval()
    blocks = torch.nn.ModuleList(MemoryBlock(32, 2, window=4, slots=4, address_dim=8) for _ in range(2))
    words, mask = torch.randint(1, 60, (2, 12)), torch.ones(2, 12, dtype=torch.long)

    def look(number: int, hidden: Tensor) -> Tensor:
        return blocks[number](hidden, mask=mask.bool())[0]

    plain = decoder.logits(decoder.decode(words, mask))
    with_it = decoder.logits(decoder.decode(words, mask, look))
    assert torch.equal(plain, with_it)
    with_it.square().mean().backward()
    assert all(block.gate.grad != 0 for block in blocks)
