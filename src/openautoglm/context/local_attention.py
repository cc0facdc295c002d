"""Causal attention over the last W steps, with a state of W − 1 steps.

    result_t = Σ_{0 ≤ t−s < W} softmax_s(q_t · k_s / √d_head + b[t − s]) v_s

b is learned, one number a head and distance (T5's relative bias, Raffel et al., 2020, arXiv:1910.10683, with
a bucket a distance). Distances count real steps only, so that padding anywhere in a row changes nothing.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F


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
        self.bias = nn.Parameter(torch.zeros(heads, window))

    def start(self, batch: int) -> LocalState:
        """The state before the first step."""
        like = self.project.weight
        size = like.shape[1] // self.heads
        empty = like.new_zeros(batch, self.heads, self.window - 1, size)
        return LocalState(empty, empty, torch.zeros(batch, self.window - 1, dtype=torch.bool, device=like.device))

    def forward(
        self, steps: Tensor, state: LocalState | None = None, mask: Tensor | None = None
    ) -> tuple[Tensor, LocalState]:
        """Let each of `steps` (B, T, d) see itself and those before it; `mask` (B, T) is False at padding."""
        if state is None:
            state = self.start(len(steps))
        if mask is None:
            mask = torch.ones(steps.shape[:2], dtype=torch.bool, device=steps.device)
        steps = torch.where(mask.unsqueeze(2), steps, 0.0)
        query, key, value = self.project(steps).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        key, value = torch.cat((state.keys, key), 2), torch.cat((state.values, value), 2)
        real = torch.cat((state.real, mask), 1)
        places = real.cumsum(1)
        distance = places[:, -mask.shape[1] :, None] - places[:, None]
        order = torch.arange(real.shape[1], device=real.device)
        # A padded step sees itself, so that no softmax is over nothing; its result is 0 in the end.
        itself = order[-mask.shape[1] :, None] == order
        seen = (distance >= 0) & (distance < self.window) & real[:, None] & mask[:, :, None] | itself
        bias = self.bias[:, distance.clamp(0, self.window - 1)].transpose(0, 1)
        mixed = F.scaled_dot_product_attention(
            query, key, value, attn_mask=bias.masked_fill(~seen[:, None], -torch.inf)
        )
        result = mixed.transpose(1, 2).flatten(2).masked_fill(~mask[:, :, None], 0.0)
        return result, self._last(key, value, real)

    def _last(self, key: Tensor, value: Tensor, real: Tensor) -> LocalState:
        """The last W − 1 real steps, in order, whatever padding lies between them."""
        count = self.window - 1
        order = real.int().argsort(dim=1, stable=True)[:, real.shape[1] - count :]
        chosen = order[:, None, :, None].expand(-1, self.heads, -1, key.shape[3])
        return LocalState(key.gather(2, chosen), value.gather(2, chosen), real.gather(1, order))
