"""Low-rank multimodal fusion: products of the modalities' features, at the price of a few matrices.

Choose it when what counts is in the conjunction (a picture *and* a number that contradicts it) and the
modalities are few and nearly always there. A product multiplies noise as readily as signal.

    z_m   = [h_m; 1]                                        (B, d + 1)
    fused = Σ_i w_i ∏_m (W_m⁽ⁱ⁾ z_m) + b,   i = 1 … rank    (B, k)

This equals the fusion by the whole tensor z_1 ⊗ … ⊗ z_M, which holds each product of features of
different modalities, with a weight tensor of that rank; it costs rank · M · (d + 1) · k parameters in
place of (d + 1)^M · k.

An absent modality is the vector 0, whose z = [0; 1] keeps in the tensor exactly the products of the
others. Its factor then is the last row of W_m⁽ⁱ⁾, which is learned, and needs no token beside it. Those
rows start at 1, the neutral element of the product, and b at −Σ w_i: training starts from a sum of
linear maps with small interactions.

It has no gates; its shares are measured: how far the result moves when h_m is replaced by 0, over the
sum of such moves (`influence`). A row with a single modality does not keep that modality's vector.

Source: Liu et al., 2018, LMF, arXiv:1806.00064 (the w_i are in the authors' code); the tensor, Zadeh et
al., 2017, TFN, arXiv:1707.07250.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from openautoglm.fuse.fused import Fused, Strategy, Tokens, influence


class LowRank(Strategy):
    """A sum over ranks of a product over modalities.

    Args:
        dim: size d of each modality's pooled vector.
        modalities: number M of modalities, present or not.
        rank: number of products.
        hidden: width k of a product, brought back to `dim` by a matrix; None for `dim` and no matrix.
        mixer: see `Strategy`.

    >>> fuse = LowRank(dim=4, modalities=3)
    >>> fuse(torch.randn(1, 3, 4), torch.tensor([[False, True, False]])).gates.tolist()
    [[0.0, 1.0, 0.0]]
    """

    comparable = False
    size = "hidden"

    def __init__(
        self,
        dim: int,
        modalities: int,
        rank: int = 4,
        hidden: int | None = None,
        mixer: int | None = None,
    ) -> None:
        super().__init__(dim, modalities, mixer)
        width = dim if hidden is None else hidden
        factors = torch.randn(modalities, rank, dim + 1, width) / dim**0.5
        factors[:, :, -1] = 1.0
        self.factors = nn.Parameter(factors)
        self.weight = nn.Parameter(torch.full((rank,), rank**-0.5))
        self.bias = nn.Parameter(torch.full((width,), -(rank**0.5)))
        self.out = nn.Identity() if hidden is None else nn.Linear(width, dim, bias=False)

    def mix(self, pooled: Tensor, present: Tensor, tokens: Sequence[Tokens | None] | None) -> Fused:
        """See `Strategy.mix`."""

        def multiplied(there: Tensor) -> Tensor:
            known = torch.where(there.unsqueeze(-1), pooled, 0.0)
            each = torch.einsum("bmd,mrdk->bmrk", functional.pad(known, (0, 1), value=1.0), self.factors)
            return self.out(torch.einsum("r,brk->bk", self.weight, each.prod(dim=1)) + self.bias)

        return Fused(multiplied(present), influence(multiplied, present))
