"""Supervised contrast between pictures: pictures of one thing find each other among all of the batch.

Choose it beside a picture–text loss when several pictures show the same thing (drawn by several houses,
photographed several times) and the batches hold them together: it asks directly for what the picture tower
must ignore.

    s_ij = exp(logit_scale) · z_i · z_j,   i ≠ j
    loss = mean over i with relatives of  − 1/|P_i| Σ_{j ∈ P_i} log softmax_j(s_i)

P_i are the rows related to row i by `keys`, itself left out. A row without relatives is a negative of the
others and has no loss of its own; a batch without any relatives costs 0.

Source: Khosla et al., 2020, arXiv:2004.11362, equation 2.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from openautoglm.align.keys import check_keys, related
from openautoglm.align.temperature import clamped_scale, learned_scale


class SupCon(nn.Module):
    """Contrast of pictures with the related pictures of their batch.

    Args:
        temperature: τ at the start; the learned scale 1/τ stays within [1, 100].

    >>> loss = SupCon(temperature=1.0)
    >>> pictures = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> round(loss(pictures, torch.tensor([[5], [5], [6]])).item(), 4)  # ln(1 + e⁻¹)
    0.3133
    """

    def __init__(self, temperature: float = 0.1) -> None:
        super().__init__()
        self.logit_scale = learned_scale(temperature)

    def forward(self, image_embeds: Tensor, keys: Tensor) -> Tensor:
        """Scalar loss of unit vectors (B, D) with `keys` (B, K)."""
        check_keys(keys, len(image_embeds))
        itself = torch.eye(len(keys), dtype=torch.bool, device=keys.device)
        relatives = related(keys, keys) & ~itself
        precision = torch.promote_types(image_embeds.dtype, torch.float32)
        with torch.autocast(image_embeds.device.type, enabled=False):
            embeds = image_embeds.to(precision)
            scores = (clamped_scale(self.logit_scale) * embeds @ embeds.t()).masked_fill(itself, -torch.inf)
            # The diagonal is −inf also after the softmax, and 0 · −inf is NaN.
            chances = scores.log_softmax(1).masked_fill(~relatives, 0.0)
            counts = relatives.sum(1)
            each = -chances.sum(1) / counts.clamp(min=1)
            return each.sum() / (counts > 0).sum().clamp(min=1)
