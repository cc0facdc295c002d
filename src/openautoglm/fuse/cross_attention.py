"""Cross-attention: each modality looks at the tokens of the others before they are joined.

Choose it when the answer lies in details that one modality has to point out to another (which region of
the picture the question is about). It needs tokens for that; where there are pooled vectors alone,
choose `attention`.

    s_n   = [h_n; t_n1 … t_nL] + e_n                                       (B, 1 + L_n, d)
    x_m   = h_m + tanh(γ) attend(norm(h_m), norm([s_n, n ≠ m present]))    (B, d)
    g     = softmax over present of w · x_m                                (B, M)
    fused = Σ_m g_m x_m                                                    (B, d)

γ starts at 0, so training starts from a gated mean. Keys and values are shared by all modalities, e_n
tells them apart. Within a modality, tokens are a set: towers have put their places into them. g_m is
the share of modality m with what it has seen in the others. A row with a single modality has nothing to
look at: it keeps that modality's own vector.

Source: co-attention of Lu et al., 2019, ViLBERT, arXiv:1908.02265, for any number of modalities as in
Tsai et al., 2019, MulT, arXiv:1906.00295; the gate γ, Alayrac et al., 2022, arXiv:2204.14198.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from openautoglm.align.cross_attention import CrossAttentionBlock
from openautoglm.fuse.fused import Fused, Strategy, Tokens, shares, weighted
from openautoglm.fuse.sequences import sequences


class CrossAttentionFusion(Strategy):
    """Modalities that look at each other, then a gate.

    Args:
        dim: size d of each modality's pooled vector and tokens.
        modalities: number M of modalities, present or not.
        heads: attention heads.
        head_dim: size of a head, `dim` / `heads` unless given.
        mixer: see `Strategy`.

    >>> fuse, pooled, present = CrossAttentionFusion(8, 2), torch.randn(1, 2, 8), torch.tensor([[True, True]])
    >>> patches = torch.randn(1, 49, 8), torch.ones(1, 49, dtype=torch.bool)
    >>> fuse(pooled, present, tokens=[patches, None]).embeds.shape
    torch.Size([1, 8])
    """

    wants_tokens = True
    size = "head_dim"

    def __init__(
        self,
        dim: int,
        modalities: int,
        heads: int = 4,
        head_dim: int | None = None,
        mixer: int | None = None,
    ) -> None:
        super().__init__(dim, modalities, mixer)
        self.kind = nn.Parameter(torch.randn(modalities, dim) * 0.02)
        self.look = CrossAttentionBlock(dim, heads, head_dim=head_dim or max(1, dim // heads))
        self.score = nn.Linear(dim, 1, bias=False)

    def mix(self, pooled: Tensor, present: Tensor, tokens: Sequence[Tokens | None] | None) -> Fused:
        """See `Strategy.mix`."""
        parts = sequences(pooled, present, tokens)
        marked = [(found + kind, real) for (found, real), kind in zip(parts, self.kind, strict=True)]
        seen = []
        for number in range(self.modalities):
            own, others = pooled[:, number : number + 1], marked[:number] + marked[number + 1 :]
            if others:
                context, real = (torch.cat(each, dim=1) for each in zip(*others, strict=True))
                own = self.look(own, context, real)
            seen.append(own)
        vectors = torch.cat(seen, dim=1)
        gates = shares(self.score(vectors).squeeze(-1), present)
        return Fused(weighted(gates, vectors), gates)
