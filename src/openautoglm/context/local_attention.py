"""Causal attention over the last W steps, with a state of W − 1 steps.

    result_t = Σ_{0 ≤ t−s < W} softmax_s(q_t · k_s / √d_head + b[t − s]) v_s

b is learned, one number a head and distance (T5's relative bias, Raffel et al., 2020, arXiv:1910.10683, with
a bucket a distance). It begins as slopes of 1, 1/2, 1/4, … a step (ALiBi, Press et al., 2022,
arXiv:2108.12409), so that what is near is seen first. Distances count real steps only, so that padding
anywhere in a row changes nothing.

Steps are taken in blocks of W, each with the W − 1 steps before it: work and memory grow with T · W.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from openautoglm.context.steps import real_steps


class LocalState(NamedTuple):
    """The last W − 1 steps."""

    keys: Tensor
    """(B, heads, W − 1, d / heads)."""
    values: Tensor
    """As `keys`."""
    real: Tensor
    """(B, W − 1) bool; False where there were not yet so many steps."""


class LocalAttention(nn.Module):
    """Multi-head attention in a window, without the projection at its end.

    Args:
        dim: width d.
        heads: a divisor of `dim`.
        window: number W of steps that a step sees, itself among them.

    >>> attend = LocalAttention(dim=8, heads=2, window=3)
    >>> attend(torch.randn(1, 5, 8))[0].shape
    torch.Size([1, 5, 8])
    """

    def __init__(self, dim: int, heads: int, window: int) -> None:
        super().__init__()
        if dim % heads:
            raise ValueError(f"dim={dim} cannot be cut into {heads} heads; use a divisor of {dim}")
        if window < 1:
            raise ValueError(f"window={window}: a step sees at least itself")
        self.heads, self.window = heads, window
        self.project = nn.Linear(dim, 3 * dim, bias=False)
        slopes = -(0.5 ** torch.arange(heads))
        self.bias = nn.Parameter(slopes[:, None] * torch.arange(window))

    def start(self, batch: int) -> LocalState:
        """The state before the first step."""
        like = self.project.weight
        size = like.shape[1] // self.heads
        empty = like.new_zeros(batch, self.heads, self.window - 1, size)
        return LocalState(
            empty, empty, torch.zeros(batch, self.window - 1, dtype=torch.bool, device=like.device)
        )

    def forward(
        self, steps: Tensor, state: LocalState | None = None, mask: Tensor | None = None
    ) -> tuple[Tensor, LocalState]:
        """Let each of `steps` (B, T, d) see itself and those before it; `mask` (B, T) is False at padding."""
        if state is None:
            state = self.start(len(steps))
        mask = real_steps(steps, mask)
        # Padding goes to the end, where no real step sees it; the order of real steps stays.
        order = (~mask).int().argsort(dim=1, stable=True)
        steps = torch.where(mask.unsqueeze(2), steps, 0.0).gather(1, _wide(order, steps))
        query, key, value = self.project(steps).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        key, value = torch.cat((state.keys, key), 2), torch.cat((state.values, value), 2)
        mixed = self._attend(query, key, value, state.real).transpose(1, 2).flatten(2)
        result = mixed.gather(1, _wide(order.argsort(dim=1), mixed)).masked_fill(~mask[:, :, None], 0.0)
        # The last W − 1 real steps end where this row's padding begins.
        last = mask.sum(1, keepdim=True) + torch.arange(self.window - 1, device=mask.device)
        chosen = last[:, None, :, None].expand(-1, self.heads, -1, key.shape[3])
        real = torch.cat((state.real, torch.ones_like(mask)), 1).gather(1, last)
        return result, LocalState(key.gather(2, chosen), value.gather(2, chosen), real)

    def _attend(self, query: Tensor, key: Tensor, value: Tensor, real: Tensor) -> Tensor:
        """(B, heads, T, d / heads): T queries over W − 1 + T keys, of which the first are `real` or not."""
        length, block = query.shape[2], self.window
        blocks = -(-length // block)
        spare = blocks * block - length
        query = F.pad(query, (0, 0, 0, spare)).unflatten(2, (blocks, block))
        time = torch.arange(blocks * block + block - 1, device=query.device)
        places = time.unfold(0, 2 * block - 1, block)  # (blocks, keys of a block)
        key, value = (F.pad(x, (0, 0, 0, spare))[:, :, places] for x in (key, value))
        distance = time[:block, None] + block - 1 - time[: 2 * block - 1]
        bias = self.bias[:, distance.clamp(0, block - 1)].masked_fill(
            (distance < 0) | (distance >= block), -torch.inf
        )
        there = F.pad(real, (0, blocks * block), value=True)[:, places]
        bias = torch.where(there[:, None, :, None], bias[:, None], -torch.inf)
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        return mixed.flatten(2, 3)[:, :, :length]


def _wide(order: Tensor, like: Tensor) -> Tensor:
    """(B, T) places as an index into (B, T, d)."""
    return order.unsqueeze(2).expand(-1, -1, like.shape[2])
