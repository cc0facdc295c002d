"""Negatives from earlier steps: a first-in, first-out store of embeddings (MoCo, ALBEF).

Choose it when the batch is small and a momentum encoder supplies slowly changing embeddings:
He et al., 2020, arXiv:1911.05722; Li et al., 2021, arXiv:2107.07651. A larger batch through
`gradient_cache` gives fresher negatives for more time; the queue gives many for almost none.

Only slots that were filled count, so the first steps see few negatives instead of random ones.
Any batch may be pushed, also a short last one or one longer than the queue. Everything lies in
buffers: `state_dict` checkpoints the queue. Related rows are masked by the losses, through keys.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from openautoglm.align.keys import NO_KEY, check_keys


class Negatives(NamedTuple):
    """Pairs of earlier steps; constants, no gradient flows into them."""

    image_embeds: Tensor
    """(Q, D) unit length."""
    text_embeds: Tensor
    """(Q, D) unit length."""
    keys: Tensor | None = None
    """(Q, K) int64; with the batch's keys they say which pairs are no negatives."""


class NegativeQueue(nn.Module):
    """Ring buffer of the last `size` pairs.

    Push *after* the backward pass: `negatives()` returns views, and autograd refuses to go back
    through a view whose memory has changed.

    Args:
        size: number of pairs that are kept, any number from 1.
        dim: length D of an embedding.
        keys: number K of keys a row carries, 0 for none.

    >>> queue = NegativeQueue(size=3, dim=2, keys=1)
    >>> queue.push(torch.eye(2), torch.eye(2), torch.tensor([[5], [6]]))
    >>> len(queue), queue.negatives().keys.tolist()
    (2, [[5], [6]])
    """

    image_embeds: Tensor
    text_embeds: Tensor
    keys: Tensor
    position: Tensor
    filled: Tensor

    def __init__(self, size: int, dim: int, keys: int = 0) -> None:
        super().__init__()
        if size < 1:
            raise ValueError(f"a queue of {size} pairs holds nothing; use a size from 1, or no queue at all")
        self.register_buffer("image_embeds", torch.zeros(size, dim))
        self.register_buffer("text_embeds", torch.zeros(size, dim))
        self.register_buffer("keys", torch.full((size, keys), NO_KEY, dtype=torch.int64))
        self.register_buffer("position", torch.tensor(0))
        self.register_buffer("filled", torch.tensor(0))

    @property
    def size(self) -> int:
        """Number of pairs that are kept when the queue is full."""
        return len(self.image_embeds)

    def __len__(self) -> int:
        """Count the slots that hold a pair."""
        return int(self.filled)

    @torch.no_grad()
    def push(self, image_embeds: Tensor, text_embeds: Tensor, keys: Tensor | None = None) -> None:
        """Store `image_embeds` and `text_embeds` (B, D) with `keys` (B, K); the oldest pairs leave."""
        batch = len(image_embeds)
        expected = (batch, self.image_embeds.shape[1])
        if image_embeds.shape != expected or text_embeds.shape != expected:
            raise ValueError(
                f"push got images {tuple(image_embeds.shape)} and texts {tuple(text_embeds.shape)}; "
                f"this queue takes pairs of shape (B, {expected[1]})"
            )
        if (keys is None) != (self.keys.shape[1] == 0):
            raise ValueError(f"this queue was made for {self.keys.shape[1]} keys a row; push the same number")
        if keys is not None:
            check_keys(keys, batch)
        if batch > self.size:  # only the newest would survive their own batch
            image_embeds, text_embeds = image_embeds[-self.size :], text_embeds[-self.size :]
            keys = None if keys is None else keys[-self.size :]
            batch = self.size

        slots = (self.position + torch.arange(batch, device=self.position.device)) % self.size
        self.image_embeds[slots] = image_embeds.to(self.image_embeds.dtype)
        self.text_embeds[slots] = text_embeds.to(self.text_embeds.dtype)
        if keys is not None:
            self.keys[slots] = keys
        self.position.copy_((self.position + batch) % self.size)
        self.filled.add_(batch).clamp_(max=self.size)

    def negatives(self) -> Negatives | None:
        """Return the filled slots, or None while there are none; slots fill in order."""
        filled = len(self)
        if filled == 0:
            return None
        keys = self.keys[:filled] if self.keys.shape[1] else None
        return Negatives(self.image_embeds[:filled], self.text_embeds[:filled], keys)
