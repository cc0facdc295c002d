"""Models with and without a memory, of one size: what the memory's parameters cost is given to the MLPs."""

from __future__ import annotations

from torch import nn

from openautoglm.context.memory_block import MemoryBlock


def size(module: nn.Module) -> int:
    """Number of parameters."""
    return sum(parameter.numel() for parameter in module.parameters())


def memory_size(dim: int, heads: int, window: int, slots: int, address_dim: int) -> int:
    """How many parameters a memory adds to a `MemoryBlock`."""
    with_it, without = (MemoryBlock(dim, heads, window, count, address_dim) for count in (slots, 0))
    return size(with_it) - size(without)


def mlps(dim: int, layers: int, spare: int = 0) -> nn.ModuleList:
    """A layer's feed-forward part for each of `layers`, with `spare` parameters more in all."""
    hidden = 2 * dim + spare // layers // (2 * dim + 1)
    return nn.ModuleList(
        nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, hidden), nn.GELU(), nn.Linear(hidden, dim))
        for _ in range(layers)
    )
