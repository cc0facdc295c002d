"""Cross-attention: the tokens of one modality look at those of another.

    attend(q, c) = W_o · concat_heads softmax(Q Kᵀ / √d_head) V     Q = W_q q, K = W_k c, V = W_v c
    block(x, c)  = x + tanh(gate) · attend(norm(x + positions), norm(c + positions))

The gate is a number that starts at 0: a block put into a pretrained tower changes nothing until
training opens it (Alayrac et al., 2022, Flamingo, arXiv:2204.14198). For long contexts, `rank`
replaces the L keys and values by `rank` learned mixtures of them, so that cost grows with L and no
longer with L · queries (Wang et al., 2020, Linformer, arXiv:2006.04768, eq. 7).

A mask is True at real tokens. Padding never reaches the result, whatever numbers stand there, and
a row whose context is all padding attends to nothing: its update is exactly 0.
"""

from __future__ import annotations

from typing import NamedTuple, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Remembered(NamedTuple):
    """What queries look at: computed once of a context, whoever looks and however often."""

    key: Tensor
    """(B, heads, L, head_dim), L the context's length, or `rank`."""
    value: Tensor
    """(B, heads, L, head_dim)"""
    allowed: Tensor | None
    """(B, 1, 1, L) bool, which keys count; None where all do."""
    empty: Tensor | None
    """(B, 1, 1) bool, which rows have no context; None where no mask was given."""

    def rows(self, index: Tensor) -> Self:
        """Some of the rows, each as often as its position is in `index`."""
        allowed = None if self.allowed is None else self.allowed[index]
        empty = None if self.empty is None else self.empty[index]
        return type(self)(self.key[index], self.value[index], allowed, empty)


class CrossAttention(nn.Module):
    """Multi-head attention from queries to a context, the same numbers as `nn.MultiheadAttention`.

    Args:
        dim: width d of the queries and of the result.
        heads: number of heads, a divisor of `dim`.
        context_dim: width of the context, `dim` unless given.
        dropout: share of attention weights that are dropped in training.
        rank: number of mixtures that stand for keys and values; None keeps all of them.
        max_context: longest context; needed with `rank`, whose mixtures are over positions.
        head_dim: size of a head, `dim` / `heads` unless given; then `heads` need not divide `dim`.

    >>> attend = CrossAttention(dim=8, heads=2)
    >>> attend(torch.randn(1, 3, 8), torch.randn(1, 5, 8), mask=torch.ones(1, 5, dtype=torch.bool)).shape
    torch.Size([1, 3, 8])
    """

    def __init__(
        self,
        dim: int,
        heads: int,
        context_dim: int | None = None,
        dropout: float = 0.0,
        rank: int | None = None,
        max_context: int | None = None,
        head_dim: int | None = None,
    ) -> None:
        super().__init__()
        if dim % heads and head_dim is None:
            raise ValueError(f"dim={dim} cannot be cut into {heads} heads; use a divisor of {dim}")
        if rank is not None and max_context is None:
            raise ValueError(f"rank={rank} mixes positions, so it needs max_context, the longest context")
        self.heads, self.dropout = heads, dropout
        context_dim = dim if context_dim is None else context_dim
        inner = dim if head_dim is None else heads * head_dim
        self.query = nn.Linear(dim, inner)
        self.key = nn.Linear(context_dim, inner)
        self.value = nn.Linear(context_dim, inner)
        self.out = nn.Linear(inner, dim)
        self.mix_keys: nn.Parameter | None = None
        self.mix_values: nn.Parameter | None = None
        if rank is not None and max_context is not None:
            self.mix_keys = nn.Parameter(torch.randn(rank, max_context) / rank**0.5)
            self.mix_values = nn.Parameter(torch.randn(rank, max_context) / rank**0.5)

    def forward(self, queries: Tensor, context: Tensor, mask: Tensor | None = None) -> Tensor:
        """Let `queries` (B, T, d) look at `context` (B, L, context_dim) where `mask` (B, L) → (B, T, d)."""
        return self.look(queries, self.remember(context, mask))

    def look(self, queries: Tensor, context: Remembered) -> Tensor:
        """Let `queries` (B, T, d) look at what `remember` gave → (B, T, d)."""
        mixed = F.scaled_dot_product_attention(
            self._by_head(self.query(queries)),
            context.key,
            context.value,
            attn_mask=context.allowed,
            dropout_p=self.dropout if self.training else 0.0,
        )
        result = self.out(mixed.transpose(1, 2).flatten(2))
        return result if context.empty is None else result.masked_fill(context.empty, 0.0)

    def weights(self, queries: Tensor, context: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the share (B, heads, T, L) of each context token (of each mixture, with `rank`)."""
        key, _, allowed, empty = self.remember(context, mask)
        query = self._by_head(self.query(queries))
        scores = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5
        if allowed is not None:
            scores = scores.masked_fill(~allowed, -torch.inf)
        shares = scores.softmax(-1)
        return shares if empty is None else shares.masked_fill(empty[:, None], 0.0)

    def remember(self, context: Tensor, mask: Tensor | None = None) -> Remembered:
        """Compute keys and values of `context` (B, L, context_dim), of which `mask` (B, L) tells the real."""
        empty = None
        if mask is not None:
            if mask.shape != context.shape[:2] or mask.dtype != torch.bool:
                raise ValueError(
                    f"mask is {mask.dtype} {tuple(mask.shape)}; expected bool {tuple(context.shape[:2])}, "
                    "True at real tokens"
                )
            # Padding may hold anything, even NaN; 0 · NaN would still be NaN in the weighted sum.
            context = context.masked_fill(~mask[..., None], 0.0)
            empty = ~mask.any(1)[:, None, None]
        key, value = self.key(context), self.value(context)
        allowed = None
        if self.mix_keys is not None and self.mix_values is not None:
            length, longest = context.shape[1], self.mix_keys.shape[1]
            if length > longest:
                raise ValueError(
                    f"the context has {length} tokens; this block was made for max_context={longest}"
                )
            if mask is not None:  # the layers' bias is not zero at padding
                key, value = (x.masked_fill(~mask[..., None], 0.0) for x in (key, value))
            key, value = self.mix_keys[:, :length] @ key, self.mix_values[:, :length] @ value
        elif mask is not None and empty is not None:
            # A softmax over nothing is NaN: rows without context see everything here and are zeroed later.
            allowed = (mask | empty[:, 0])[:, None, None]
        return Remembered(self._by_head(key), self._by_head(value), allowed, empty)

    def _by_head(self, states: Tensor) -> Tensor:
        """(B, L, heads · head_dim) → (B, heads, L, head_dim)."""
        return states.unflatten(-1, (self.heads, -1)).transpose(1, 2)


class CrossAttentionBlock(nn.Module):
    """Gated cross-attention with learned positions, to be put between the layers of a tower.

    Args:
        dim: width d of the tokens that are updated.
        heads: number of heads, a divisor of `dim`.
        context_dim: width of the tokens that are looked at, `dim` unless given.
        max_tokens: longest sequence that gets learned positions; None when its tokens already know them.
        max_context: the same for the context.
        dropout: as in `CrossAttention`.
        rank: as in `CrossAttention`; needs `max_context`.
        head_dim: as in `CrossAttention`.

    >>> block = CrossAttentionBlock(dim=8, heads=2, max_context=5)
    >>> tokens = torch.randn(1, 3, 8)
    >>> torch.equal(block(tokens, torch.randn(1, 5, 8)), tokens)  # the gate starts closed
    True
    """

    def __init__(
        self,
        dim: int,
        heads: int,
        context_dim: int | None = None,
        max_tokens: int | None = None,
        max_context: int | None = None,
        dropout: float = 0.0,
        rank: int | None = None,
        head_dim: int | None = None,
    ) -> None:
        super().__init__()
        context_dim = dim if context_dim is None else context_dim
        self.token_positions = _positions(max_tokens, dim)
        self.context_positions = _positions(max_context, context_dim)
        self.token_norm = nn.LayerNorm(dim)
        self.context_norm = nn.LayerNorm(context_dim)
        self.attend = CrossAttention(dim, heads, context_dim, dropout, rank, max_context, head_dim)
        self.gate = nn.Parameter(torch.zeros(()))

    def forward(self, tokens: Tensor, context: Tensor, mask: Tensor | None = None) -> Tensor:
        """Update `tokens` (B, T, d) by what they see of `context` (B, L, context_dim) where `mask` (B, L)."""
        return self.look(tokens, self.remember(context, mask))

    def remember(self, context: Tensor, mask: Tensor | None = None) -> Remembered:
        """Compute what `look` needs of `context`, for when it is looked at more than once."""
        seen = self.context_norm(_placed(context, self.context_positions, "context"))
        return self.attend.remember(seen, mask)

    def look(self, tokens: Tensor, context: Remembered) -> Tensor:
        """Update `tokens` (B, T, d) by what they see."""
        queries = self.token_norm(_placed(tokens, self.token_positions, "tokens"))
        return tokens + self.gate.tanh() * self.attend.look(queries, context)

    def weights(self, tokens: Tensor, context: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the share (B, heads, T, L) of each context token in what `tokens` see."""
        queries = self.token_norm(_placed(tokens, self.token_positions, "tokens"))
        seen = self.context_norm(_placed(context, self.context_positions, "context"))
        return self.attend.weights(queries, seen, mask)


def _positions(longest: int | None, dim: int) -> nn.Parameter | None:
    return None if longest is None else nn.Parameter(torch.randn(longest, dim) * 0.02)


def _placed(tokens: Tensor, positions: nn.Parameter | None, what: str) -> Tensor:
    if positions is None:
        return tokens
    if tokens.shape[1] > len(positions):
        raise ValueError(
            f"{what} has {tokens.shape[1]} tokens; its learned positions end at {len(positions)}"
        )
    return tokens + positions[: tokens.shape[1]]
