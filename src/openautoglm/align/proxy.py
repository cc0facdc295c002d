"""Captions beyond the batch as classes: each picture picks its caption among many more texts than pictures.

Choose it when texts are cheap to encode and pictures are dear: a batch of 128 pictures can be told apart
from 600 captions, drawn anew each step, for little more time. It takes the place of InfoNCE.

    S_ij = exp(logit_scale) · image_i · text_j                i < B,  j < T,  T ≥ B
    loss = ½ · mean_i CE(S_i·, P_i·) + ½ · mean_j CE(Sᵀ_j·, Q_j·)   over texts j that have a picture here

P shares a picture's mass among the texts related to it by keys, Q a text's among its pictures. The first
sum runs over all T texts, so the further ones are negatives of the pictures, with gradients (unlike a queue).

With T = B this is InfoNCE with `positives="match"` (van den Oord et al., 2018, arXiv:1807.03748). Captions as
the weights of a classifier: Yang et al., 2022, arXiv:2204.03610 (UniCL).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from openautoglm.align.keys import check_keys, related
from openautoglm.align.temperature import clamped_scale, learned_scale


class Proxy(nn.Module):
    """Two-sided softmax loss of B pictures with T texts.

    Args:
        temperature: τ at the start; the learned scale 1/τ stays within [1, 100].

    >>> loss = Proxy(temperature=1.0)
    >>> picture, texts = torch.tensor([[1.0, 0.0]]), torch.eye(2)
    >>> round(loss(picture, texts, torch.tensor([[5]]), torch.tensor([[5], [6]])).item(), 4)  # ½ ln(1 + e⁻¹)
    0.1566
    """

    def __init__(self, temperature: float = 0.05) -> None:
        super().__init__()
        self.logit_scale = learned_scale(temperature)

    def forward(self, image_embeds: Tensor, text_embeds: Tensor, keys: Tensor, text_keys: Tensor) -> Tensor:
        """Scalar loss of unit vectors (B, D) and (T, D) with `keys` (B, K) and `text_keys` (T, K).

        Raises:
            ValueError: if a picture has no related text.
        """
        check_keys(keys, len(image_embeds))
        check_keys(text_keys, len(text_embeds), "text_keys")
        alike = related(keys, text_keys)
        if not alike.any(1).all():
            row = int((~alike.any(1)).nonzero()[0])
            raise ValueError(
                f"picture {row} has no related text among the {len(text_keys)} texts; add its caption"
            )
        precision = torch.promote_types(image_embeds.dtype, torch.float32)
        with torch.autocast(image_embeds.device.type, enabled=False):
            image, text = image_embeds.to(precision), text_embeds.to(precision)
            scores = clamped_scale(self.logit_scale) * image @ text.t()
            with_picture = alike.any(0)
            by_image = _cross_entropy(scores, alike)
            by_text = _cross_entropy(scores.t()[with_picture], alike.t()[with_picture])
        return (by_image + by_text) / 2


def _cross_entropy(scores: Tensor, alike: Tensor) -> Tensor:
    """Mean over rows, the target shared equally among the columns that are `alike`."""
    target = alike / alike.sum(1, keepdim=True)
    return (scores.logsumexp(1) - (target * scores).sum(1)).mean()
