"""Many tokens under a window at once, each seeing what it would see if they were read one by one.

    token p of row b, n = p − first_b tokens before it
    n < seen    the row's slots from first_b to p
    else        the sinks, and the slots p − size + 1 … p

Its distance to sink i is n where all fits, and seen − 1 − i beyond, whatever p: a second query, turned by
seen − 1, meets the sinks' keys, turned by i. Both products come from one attention of twice the head's size:

    [q turned by p ; q turned by seen − 1] · [k ; 0] or [0 ; k_sink]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from openautoglm.encoders.attention import masked_attention, rotate

if TYPE_CHECKING:
    from openautoglm.context.cache import KeyValueCache


class Wide:
    """Attention of `count` tokens from the slot `before` on, of which some have outgrown the window."""

    def __init__(self, cache: KeyValueCache, before: int, count: int) -> None:
        if cache.window is None:
            raise ValueError("a cache without a window reads any number of tokens by itself")
        self.cache, window = cache, cache.window
        self.new = slice(before, before + count)
        self.start = max(0, before + 1 - window.seen)
        device = cache.keys.device
        self.rows = torch.tensor(sorted(cache.sinks), device=device)
        first = torch.tensor(cache.pads, device=device)[:, None, None]
        token = torch.arange(before, before + count, device=device)[None, :, None]
        slot = torch.arange(self.start, before + count, device=device)[None, None, :]
        outgrown = token - first >= window.seen
        seen = torch.where(outgrown, slot > token - window.size, slot >= first) & (slot <= token)
        self.allowed = torch.cat([outgrown.expand(-1, -1, window.sinks), seen], dim=-1)[:, None]
        self.far = cache.rotations[window.seen - 1]

    def __call__(self, number: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """See `Attend`."""
        cache, near = self.cache, self.cache.rotations[self.new]
        cache.keys[number][:, :, self.new] = rotate(key, near)
        cache.values[number][:, :, self.new] = value
        keys = cache.keys[number][:, :, self.start : self.new.stop]
        values = cache.values[number][:, :, self.start : self.new.stop]
        sink_keys, sink_values = (part[number] for part in cache.sinks_together())
        ahead = keys.new_zeros(*keys.shape[:2], sink_keys.shape[2], keys.shape[3])
        both = torch.cat([ahead.index_copy(0, self.rows, sink_keys), keys.new_zeros(keys.shape)], dim=2)
        return masked_attention(
            torch.cat([rotate(query, near), rotate(query, self.far)], dim=-1),
            torch.cat([torch.cat([ahead, keys], dim=2), both], dim=-1),
            torch.cat([ahead.index_copy(0, self.rows, sink_values), values], dim=2),
            self.allowed,
            scale=query.shape[-1] ** -0.5,
        )
