from __future__ import annotations

import pytest
import torch
from torch import nn

from openautoglm.align.cross_attention import CrossAttention, CrossAttentionBlock


def pair(context_dim: int, rank: int | None = None) -> tuple[CrossAttention, nn.MultiheadAttention]:
    """Ours and PyTorch's with the same random weights, biases included."""
    torch.manual_seed(0)
    ours = CrossAttention(8, 2, context_dim, rank=rank, max_context=7).double()
    theirs = nn.MultiheadAttention(8, 2, kdim=context_dim, vdim=context_dim, batch_first=True).double()
    with torch.no_grad():
        for parameter in ours.parameters():
            parameter.normal_()
        if theirs.in_proj_weight is None:
            theirs.q_proj_weight.copy_(ours.query.weight)
            theirs.k_proj_weight.copy_(ours.key.weight)
            theirs.v_proj_weight.copy_(ours.value.weight)
        else:
            theirs.in_proj_weight.copy_(torch.cat([ours.query.weight, ours.key.weight, ours.value.weight]))
        theirs.in_proj_bias.copy_(torch.cat([ours.query.bias, ours.key.bias, ours.value.bias]))
        theirs.out_proj.load_state_dict(ours.out.state_dict())
    return ours, theirs


@pytest.mark.parametrize("context_dim", [8, 6])
@pytest.mark.parametrize("masked", [False, True])
def test_equals_multihead_attention(context_dim: int, masked: bool) -> None:
    ours, theirs = pair(context_dim)
    queries, context = torch.randn(3, 4, 8).double(), torch.randn(3, 7, context_dim).double()
    mask = torch.arange(7) < torch.tensor([[7], [4], [1]]) if masked else None
    expected, shares = theirs(
        queries,
        context,
        context,
        key_padding_mask=None if mask is None else ~mask,
        average_attn_weights=False,
    )
    torch.testing.assert_close(ours(queries, context, mask), expected, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(ours.weights(queries, context, mask), shares, rtol=1e-9, atol=1e-9)


def test_heads_of_a_given_size_need_not_fill_the_width() -> None:
    torch.manual_seed(0)
    attend = CrossAttention(7, heads=2, context_dim=4, head_dim=3).double()
    queries, context = torch.randn(2, 5, 7).double(), torch.randn(2, 6, 4).double()
    query, key, value = attend.query(queries), attend.key(context), attend.value(context)
    heads = [
        (query[..., h] @ key[..., h].mT / 3**0.5).softmax(-1) @ value[..., h]
        for h in (slice(0, 3), slice(3, 6))
    ]
    torch.testing.assert_close(attend(queries, context), attend.out(torch.cat(heads, dim=-1)))
    same = CrossAttention(8, heads=2, head_dim=4)
    same.load_state_dict(CrossAttention(8, heads=2).state_dict())


def test_low_rank_with_identity_mixtures_is_full_attention() -> None:
    ours, theirs = pair(8, rank=7)
    with torch.no_grad():
        ours.mix_keys.copy_(torch.eye(7))
        ours.mix_values.copy_(torch.eye(7))
    queries, context = torch.randn(2, 4, 8).double(), torch.randn(2, 7, 8).double()
    torch.testing.assert_close(
        ours(queries, context), theirs(queries, context, context)[0], rtol=1e-9, atol=1e-9
    )


@pytest.mark.parametrize("rank", [None, 3])
def test_padding_never_reaches_the_result(rank: int | None) -> None:
    ours, _ = pair(8, rank)
    queries, context = torch.randn(2, 4, 8).double(), torch.randn(2, 6, 8).double()
    mask = torch.tensor([[True, True, False, False, False, False], [True] * 6])
    expected = ours(queries, context, mask)
    context[0, 2:] = torch.nan
    assert torch.equal(ours(queries, context, mask), expected)
    torch.testing.assert_close(ours(queries[:1], context[:1, :2], mask[:1, :2]), expected[:1])


@pytest.mark.parametrize("rank", [None, 3])
def test_a_row_without_context_is_left_as_it_was_with_finite_gradients(rank: int | None) -> None:
    block = CrossAttentionBlock(8, 2, max_tokens=4, max_context=6, rank=rank)
    nn.init.ones_(block.gate)
    tokens = torch.randn(2, 4, 8, requires_grad=True)
    mask = torch.tensor([[False] * 6, [True] * 6])
    result = block(tokens, torch.randn(2, 6, 8), mask)
    assert torch.equal(result[0], tokens[0])
    assert not torch.equal(result[1], tokens[1])
    result.sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in block.parameters())


def test_a_closed_gate_changes_nothing_but_can_open() -> None:
    block = CrossAttentionBlock(8, 2, context_dim=5)
    tokens = torch.randn(2, 4, 8)
    result = block(tokens, torch.randn(2, 3, 5))
    assert torch.equal(result, tokens)
    result.square().sum().backward()
    assert block.gate.grad is not None
    assert block.gate.grad != 0


def test_positions_tell_equal_tokens_apart() -> None:
    torch.manual_seed(0)
    block = CrossAttentionBlock(8, 2, max_tokens=4, max_context=6).double()
    nn.init.ones_(block.gate)
    nn.init.normal_(block.token_positions)
    same = torch.randn(1, 1, 8).double().expand(1, 4, 8)
    update = block(same, torch.randn(1, 6, 8).double()) - same
    assert (update[0, 0] - update[0, 1]).abs().max() > 1e-4


def test_dropout_only_in_training() -> None:
    attend = CrossAttention(8, 2, dropout=0.5)
    queries, context = torch.randn(1, 4, 8), torch.randn(1, 6, 8)
    assert not torch.equal(attend(queries, context), attend(queries, context))
    attend.eval()
    assert torch.equal(attend(queries, context), attend(queries, context))


def test_what_does_not_fit_is_named() -> None:
    with pytest.raises(ValueError, match="dim=8 cannot be cut into 3 heads"):
        CrossAttention(8, 3)
    with pytest.raises(ValueError, match="rank=2 mixes positions"):
        CrossAttention(8, 2, rank=2)
    with pytest.raises(ValueError, match="context has 5 tokens; its learned positions end at 4"):
        CrossAttentionBlock(8, 2, max_context=4)(torch.zeros(1, 2, 8), torch.zeros(1, 5, 8))
    with pytest.raises(ValueError, match="made for max_context=4"):
        CrossAttention(8, 2, rank=2, max_context=4)(torch.zeros(1, 2, 8), torch.zeros(1, 5, 8))
    with pytest.raises(ValueError, match=r"expected bool \(1, 5\)"):
        CrossAttention(8, 2)(torch.zeros(1, 2, 8), torch.zeros(1, 5, 8), torch.ones(1, 5))
