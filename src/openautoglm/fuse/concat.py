"""Concatenation: all vectors side by side, and a layer that learns what to make of them.

Choose it where every row has every modality and all can be trusted: the layer may combine any two
features. Its weights are the same for each row, so it cannot turn away from a modality that is noise in
this one.

    c     = [h_1; …; h_M], an absent h_m replaced by a learned vector a_m     (B, M·d)
    fused = W c + b,   or with `hidden`   W_2 GELU(W_1 c + b_1) + b_2         (B, d)

The layout is fixed, so something must stand in an absent slot. a_m starts at 0, which says nothing to
the layer.

It has no gates; its shares are measured: how far the result moves when h_m is replaced by a_m, over the
sum of such moves (`influence`). A row with a single modality does not keep that modality's vector.

Source: early fusion by a joint layer, e.g. Ngiam et al., 2011, *Multimodal Deep Learning*, ICML.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from openautoglm.fuse.fused import Fused, Strategy, Tokens, influence


class Concat(Strategy):
    """A layer over the vectors side by side.

    Args:
        dim: size d of each modality's pooled vector.
        modalities: number M of modalities, present or not.
        hidden: width of a hidden layer; None for a single linear one.
        mixer: see `Strategy`.

    >>> fuse = Concat(dim=4, modalities=3)
    >>> fuse(torch.randn(1, 3, 4), torch.tensor([[False, True, False]])).gates.tolist()
    [[0.0, 1.0, 0.0]]
    """

    comparable = False
    size = "hidden"

    def __init__(
        self, dim: int, modalities: int, hidden: int | None = None, mixer: int | None = None
    ) -> None:
        super().__init__(dim, modalities, mixer)
        self.absent = nn.Parameter(torch.zeros(modalities, dim))
        self.join: nn.Module = nn.Linear(modalities * dim, dim)
        if hidden is not None:
            self.join = nn.Sequential(nn.Linear(modalities * dim, hidden), nn.GELU(), nn.Linear(hidden, dim))

    def mix(self, pooled: Tensor, present: Tensor, tokens: Sequence[Tokens | None] | None) -> Fused:
        """See `Strategy.mix`."""

        def joined(there: Tensor) -> Tensor:
            return self.join(torch.where(there.unsqueeze(-1), pooled, self.absent).flatten(1))

        return Fused(joined(present), influence(joined, present))
