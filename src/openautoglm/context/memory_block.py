"""A layer that sees the last W steps by attention, and all before them through a slot memory.

    h      = norm(x)
    s      = σ(W_s h)                                             (B, T, d) what comes from the memory
    y      = x + tanh(γ) W_o [(1 − s) ∘ local(h) + s ∘ W_r memory(h)]

γ is a number that starts at `opened`. With 0 the block changes nothing until training opens it: so it can be
put before any layer of a pretrained decoder (`Decoder.decode(look=…)`), as gated cross-attention is. A model
that learns from nothing may begin with 1.

A sequence gives the same results at once or piece by piece with the state between; the state is W − 1 steps
and N rows, however long the sequence was, and so is the work for the next step.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from openautoglm.context.local_attention import LocalAttention, LocalState
from openautoglm.context.memory import MemoryState, SlotMemory
from openautoglm.context.steps import real_steps

PIECE = 256
"""Steps that are taken at once: bounds what a long sequence needs at a time."""


class BlockState(NamedTuple):
    """All that a block keeps between two pieces of a sequence."""

    local: LocalState
    memory: MemoryState | None

    def detach(self) -> BlockState:
        """The same numbers without history."""
        memory = None if self.memory is None else self.memory.detach()
        return BlockState(LocalState(*(part.detach() for part in self.local)), memory)


class MemoryBlock(nn.Module):
    """Window and memory joined by a gate, to stand where attention stands in a transformer's layer.

    Args:
        dim: width d.
        heads: of the attention in the window.
        window: W, the steps that attention sees.
        slots: rows of the memory; 0 leaves it out, which makes a plain block of windowed attention.
        address_dim: width of the memory's addresses.
        opened: γ at the start.

    >>> block = MemoryBlock(dim=8, heads=2, window=4, slots=4, address_dim=4)
    >>> steps = torch.randn(1, 6, 8)
    >>> torch.equal(block(steps)[0], steps)  # the gate starts closed
    True
    """

    def __init__(
        self, dim: int, heads: int, window: int, slots: int, address_dim: int = 32, opened: float = 0.0
    ) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.local = LocalAttention(dim, heads, window)
        self.memory = SlotMemory(dim, slots, address_dim) if slots else None
        if slots:
            self.recalled = nn.Linear(dim, dim, bias=False)
            self.share = nn.Linear(dim, dim)
        self.out = nn.Linear(dim, dim)
        self.gate = nn.Parameter(torch.tensor(float(opened)))

    def start(self, batch: int) -> BlockState:
        """The state before the first step."""
        return BlockState(self.local.start(batch), self.memory.start(batch) if self.memory else None)

    def forward(
        self, steps: Tensor, state: BlockState | None = None, mask: Tensor | None = None
    ) -> tuple[Tensor, BlockState]:
        """Update `steps` (B, T, d).

        Args:
            steps: (B, T, d).
            state: what the call for the steps before these returned.
            mask: (B, T) bool, False at padding, which stays as it is and changes no state.
        """
        if state is None:
            state = self.start(len(steps))
        mask = real_steps(steps, mask)
        updated = []
        for piece, real in zip(steps.split(PIECE, 1), mask.split(PIECE, 1), strict=True):
            update, state = self._update(piece, state, real)
            updated.append(update)
        return torch.cat(updated, 1), state

    def _update(self, steps: Tensor, state: BlockState, mask: Tensor) -> tuple[Tensor, BlockState]:
        # Padding may hold anything, even NaN, which no weight of 0 takes away.
        hidden = self.norm(torch.where(mask[:, :, None], steps, 0.0))
        mixed, local = self.local(hidden, state.local, mask)
        memory = None
        if self.memory is not None:
            found, memory = self.memory(hidden, state.memory, mask)
            mixed = torch.lerp(mixed, self.recalled(found), self.share(hidden).sigmoid())
        update = self.gate.tanh() * self.out(mixed)
        return steps + update.masked_fill(~mask[:, :, None], 0.0), BlockState(local, memory)
