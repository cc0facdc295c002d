"""Key-value cache: the past of a text is computed once and read at every later token.

Each layer's rotated keys and values stand in two buffers that are made once, of the length that the text can
reach, so that a step copies one position and nothing grows. Rows of a batch are padded on the left: a row's
tokens end where all rows end, and rotary positions count slots, since only their differences matter.

    slot        0 … pads_b − 1    padding of row b, seen by nothing
                pads_b … length   its tokens, rotated by their slot
"""

from __future__ import annotations

import torch
from torch import Tensor

from openautoglm.encoders.attention import Attend, masked_attention, rotate


class KeyValueCache:
    """Keys and values of N layers and B rows, at most `capacity` positions each.

    Args:
        shape: (N, B, K, capacity, d) of keys and of values.
        rotations: complex (capacity, R), the turn of each slot.
        dtype: of keys and values.
    """

    def __init__(self, shape: tuple[int, int, int, int, int], rotations: Tensor, dtype: torch.dtype) -> None:
        self.keys = torch.empty(shape, dtype=dtype, device=rotations.device)
        self.values = torch.empty_like(self.keys)
        self.rotations = rotations
        self.length = 0
        self.pads: Tensor | None = None
        """(B,) padding of each row; None when no row has any."""

    @property
    def capacity(self) -> int:
        """Positions that there is room for."""
        return self.keys.shape[3]

    def extend(self, count: int, pads: Tensor | None = None) -> Attend:
        """Make room for `count` positions, and return the attention that fills it, layer by layer.

        Args:
            count: new positions of every row.
            pads: (B,) how many of them are padding, for the first positions only.

        Raises:
            ValueError: if they do not fit.
        """
        before, self.length = self.length, self.length + count
        if self.length > self.capacity:
            raise ValueError(f"{self.length} positions do not fit into a cache of {self.capacity}")
        if pads is not None and bool(pads.any()):
            self.pads = pads
        new = slice(before, self.length)
        rotation, allowed = self.rotations[new], self._allowed(before, count)
        return lambda *layer: self._attend(*layer, new, rotation, allowed)

    def branch(self, depths: Tensor, sees: Tensor) -> Attend:
        """Attention of positions that continue every row in several ways at once, and are forgotten after it.

        Args:
            depths: (B, T) how many positions behind the last one each stands.
            sees: (B, T, T) bool, which of the others each position sees; the past is seen by all.
        """
        before, after = self.length, self.length + depths.shape[1]
        if after > self.capacity:
            raise ValueError(f"{after} positions do not fit into a cache of {self.capacity}")
        past = torch.ones(before, dtype=torch.bool, device=sees.device).expand(*sees.shape[:2], -1)
        if self.pads is not None:
            past = past & (torch.arange(before, device=sees.device) >= self.pads[:, None])[:, None]
        allowed = torch.cat([past, sees], dim=-1)[:, None]
        rotation = self.rotations[before + depths][:, None]
        return lambda *layer: self._attend(*layer, slice(before, after), rotation, allowed)

    def trim(self, length: int) -> None:
        """Forget all positions from `length` on."""
        if not 0 <= length <= self.length:
            raise ValueError(f"a cache of {self.length} positions cannot be trimmed to {length}")
        self.length = length

    def rows(self, index: Tensor) -> None:
        """Go on with some of the rows, each as often as its position is in `index`."""
        used = slice(0, self.length)
        if len(index) == self.keys.shape[1]:
            self.keys[..., used, :] = self.keys[:, index, :, used]
            self.values[..., used, :] = self.values[:, index, :, used]
        else:
            self.keys, self.values = self.keys[:, index], self.values[:, index]
        self.pads = None if self.pads is None else self.pads[index]

    def _attend(
        self,
        number: int,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        new: slice,
        rotation: Tensor,
        allowed: Tensor | None,
    ) -> Tensor:
        """Put what a layer adds into the slots `new`, and let its queries see all slots up to them."""
        keys, values = self.keys[number], self.values[number]
        keys[:, :, new] = rotate(key, rotation)
        values[:, :, new] = value
        return masked_attention(
            rotate(query, rotation), keys[:, :, : new.stop], values[:, :, : new.stop], allowed
        )

    def _allowed(self, before: int, count: int) -> Tensor | None:
        """Which slots new positions see, (B or 1, 1, T, length); None for all."""
        if count == 1 and self.pads is None:
            return None
        slots = torch.arange(self.length, device=self.keys.device)
        allowed = (slots <= slots[before:, None])[None, None]
        return allowed if self.pads is None else allowed & (slots >= self.pads[:, None])[:, None, None]
