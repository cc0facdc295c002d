"""Mean pooling: the middle of what is there.

Choose it as the baseline to beat, and where nothing is trained on the fused vector, since it has no
weights. It trusts a blurred picture as much as a clear one.

    g_m   = 1 / n for the n modalities present, 0 else     (B, M)
    fused = Σ_m g_m h_m                                    (B, d)

The order of the modalities does not matter, and a row with a single modality keeps that modality's
vector.

Source: the baseline of most comparisons, e.g. Kiela et al., 2018, arXiv:1802.02892.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from openautoglm.fuse.fused import Fused, Strategy, Tokens, equal_shares, weighted


class MeanPool(Strategy):
    """The mean of the present modalities' vectors.

    >>> import torch
    >>> pooled, present = torch.eye(2).expand(2, 2, 2), torch.tensor([[True, True], [False, True]])
    >>> MeanPool(dim=2, modalities=2)(pooled, present).embeds.tolist()
    [[0.5, 0.5], [0.0, 1.0]]
    """

    def mix(self, pooled: Tensor, present: Tensor, tokens: Sequence[Tokens | None] | None) -> Fused:
        """See `Strategy.mix`."""
        gates = equal_shares(present, pooled)
        return Fused(weighted(gates, pooled), gates)
