"""Attention: each row gives every modality one weight, seeing all of them together.

Choose it when reliability differs from row to row and one readable weight per modality is enough.
Choose `adaptive_gating` when a modality may be right about some features and wrong about others.

    e     = tanh(Σ_m W_m h_m + b)            (B, k)  absent modalities add nothing
    g     = softmax over present of W_a e    (B, M)  an absent modality's gate is exactly 0
    fused = Σ_m g_m h_m                      (B, d)

With two modalities this is α = softmax(W_a tanh(W_v v + W_t t + b)), fused = α_v v + α_t t. A row with
a single modality keeps that modality's own vector.

Source: additive attention, Bahdanau et al., 2015, arXiv:1409.0473, app. A.1.2; over modalities, Hori et
al., 2017, arXiv:1701.03126.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from openautoglm.fuse.fused import Fused, Strategy, Tokens, shares, weighted


class Attention(Strategy):
    """One softmax weight per present modality.

    Args:
        dim: size d of each modality's pooled vector.
        modalities: number M of modalities, present or not.
        hidden: width k of the layer that sees all modalities, `dim` unless given.
        mixer: see `Strategy`.

    >>> fuse = Attention(dim=4, modalities=2)
    >>> fuse(torch.randn(2, 2, 4), torch.tensor([[True, True], [False, True]])).gates[1].tolist()
    [0.0, 1.0]
    """

    size = "hidden"

    def __init__(
        self, dim: int, modalities: int, hidden: int | None = None, mixer: int | None = None
    ) -> None:
        super().__init__(dim, modalities, mixer)
        hidden = dim if hidden is None else hidden
        self.see = nn.Linear(modalities * dim, hidden)
        self.score = nn.Linear(hidden, modalities, bias=False)

    def mix(self, pooled: Tensor, present: Tensor, tokens: Sequence[Tokens | None] | None) -> Fused:
        """See `Strategy.mix`."""
        gates = shares(self.score(torch.tanh(self.see(pooled.flatten(1)))), present)
        return Fused(weighted(gates, pooled), gates)
