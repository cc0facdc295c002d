"""Late fusion: each modality is judged alone, and the judgements are averaged.

Choose it as the baseline that shows what the modalities say without having met: what is broken in one
touches no other's judgement, and only takes its share of the average. What can be seen in two together
alone it cannot learn.

    parts      = h_m, 0 where absent                            (B, M, d)
    g_m        = 1 / n for the n modalities present, 0 else     (B, M)
    prediction = Σ_m g_m head(h_m)                              (B, C)
    fused      = Σ_m g_m h_m                                    (B, d)

One head serves all modalities, since they share a space; `Fused.predict(head)` applies it. Only where
one vector is asked for in place of a prediction is it the mean, as of `mean_pool`; a row with a single
modality keeps that modality's own. For a linear head the two agree; behind any other (a softmax, an
MLP) they differ.

Source: the mean rule of Kittler et al., 1998, *On Combining Classifiers*, IEEE TPAMI 20(3).
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from openautoglm.fuse.fused import Fused, Strategy, Tokens, equal_shares, weighted


class Late(Strategy):
    """Modalities apart until after the head.

    >>> import torch
    >>> found = Late(dim=2, modalities=2)(torch.eye(2)[None], torch.tensor([[True, True]]))
    >>> found.predict(lambda vectors: vectors.exp())
    tensor([[1.8591, 1.8591]])
    """

    def mix(self, pooled: Tensor, present: Tensor, tokens: Sequence[Tokens | None] | None) -> Fused:
        """See `Strategy.mix`."""
        gates = equal_shares(present, pooled)
        return Fused(weighted(gates, pooled), gates, parts=pooled)
