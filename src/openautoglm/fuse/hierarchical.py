"""Hierarchical attention: first over the tokens of each modality, then over the modalities.

Choose it when a modality's message sits in few of its tokens (one object of a picture, one word of a
text), and you want to see which: both levels are plain weights. Without tokens it is `attention` with a
score per modality.

    s_m   = [h_m; t_m1 … t_mL]                                        (B, 1 + L_m, d)  pooled vector first
    β_m   = softmax over real tokens of u_m · tanh(W s_ml + b)        (B, 1 + L_m)
    z_m   = Σ_l β_ml s_ml                                             (B, d)
    g     = softmax over present of v · tanh(W' z̄ + U_m z_m + b')     (B, M), z̄ the mean of the present z
    fused = Σ_m g_m z_m                                               (B, d)

The fused vector is a weighted mean of tokens, so it stays in their space. A row with a single modality
keeps that modality's own vector where there are no tokens, and has the weighted mean of its tokens
where there are.

Source: Libovický and Helcl, 2017, arXiv:1704.06567 (*hierarchical combination*), z̄ in place of a
decoder's state; the learned u_m, Yang et al., 2016, *Hierarchical Attention Networks for Document
Classification*, NAACL.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from openautoglm.fuse.fused import Fused, Strategy, Tokens, equal_shares, shares, weighted
from openautoglm.fuse.sequences import sequences


class Hierarchical(Strategy):
    """Weights of tokens, then weights of modalities.

    Args:
        dim: size d of each modality's pooled vector and tokens.
        modalities: number M of modalities, present or not.
        hidden: width of both scoring layers, `dim` unless given.
        mixer: see `Strategy`.

    >>> fuse, pooled, present = Hierarchical(8, 2), torch.randn(1, 2, 8), torch.tensor([[True, False]])
    >>> words = torch.randn(1, 5, 8), torch.ones(1, 5, dtype=torch.bool)
    >>> fuse(pooled, present, tokens=[None, words]).embeds.equal(pooled[:, 0])
    True
    """

    wants_tokens = True
    comparable = False
    size = "hidden"

    def __init__(
        self, dim: int, modalities: int, hidden: int | None = None, mixer: int | None = None
    ) -> None:
        super().__init__(dim, modalities, mixer)
        hidden = dim if hidden is None else hidden
        self.token = nn.Linear(dim, hidden)
        self.token_score = nn.Parameter(torch.randn(modalities, hidden) / hidden**0.5)
        self.row = nn.Linear(dim, hidden)
        self.modality = nn.Parameter(torch.randn(modalities, dim, hidden) / dim**0.5)
        self.modality_score = nn.Parameter(torch.randn(hidden) / hidden**0.5)

    def mix(self, pooled: Tensor, present: Tensor, tokens: Sequence[Tokens | None] | None) -> Fused:
        """See `Strategy.mix`."""
        found = []
        for (each, real), score in zip(sequences(pooled, present, tokens), self.token_score, strict=True):
            weights = torch.tanh(self.token(each)) @ score
            # An absent modality has no real token: all of its zeros may count, and sum to 0.
            found.append(weighted(shares(weights, real | ~real.any(dim=1, keepdim=True)), each))
        vectors = torch.stack(found, dim=1)
        row = self.row(weighted(equal_shares(present, vectors), vectors))
        own = torch.einsum("bmd,mdk->bmk", vectors, self.modality)
        gates = shares(torch.tanh(row.unsqueeze(1) + own) @ self.modality_score, present)
        return Fused(weighted(gates, vectors), gates)
