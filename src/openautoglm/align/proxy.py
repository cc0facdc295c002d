"""One learned vector a thing, to which its pictures and its captions are drawn alike.

Choose it beside a contrastive loss when things come back (several pictures or captions of each) and are
counted in thousands: every picture is then told apart from all things at each step, not only from those
of its batch, for the price of one matrix product. The table serves training only and is not saved.

    z_c  = table_c / |table_c|                                     (C, D)  one row a class
    loss = ½ · CE(s · image_i · z, class_i)                        each picture picks its class among all
         + ½ · mean_c −log softmax_i(s · z_c · image_i)            each class of the batch picks its pictures
         + CE(s · text_j · z, class_j)                             each caption picks its class among all

Source: Movshovitz-Attias et al., 2017, arXiv:1703.07464 (proxies); the second line is Proxy Anchor's idea,
Kim et al., 2020, arXiv:2003.13911, with softmax in place of its margins.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from openautoglm.align.temperature import clamped_scale, learned_scale


class Proxy(nn.Module):
    """Softmax loss of pictures and captions with a table of class vectors.

    Args:
        classes: number C of classes (of groups, in a catalogue).
        dim: length D of an embedding.
        temperature: τ at the start; the learned scale 1/τ stays within [1, 100].

    >>> loss = Proxy(classes=3, dim=2)
    >>> pictures, captions = torch.eye(2), torch.eye(2)[:1]
    >>> loss(pictures, torch.tensor([0, 2]), captions, torch.tensor([0])).shape
    torch.Size([])
    """

    def __init__(self, classes: int, dim: int, temperature: float = 0.05) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.randn(classes, dim) * 0.05)
        self.logit_scale = learned_scale(temperature)

    def forward(
        self, image_embeds: Tensor, image_classes: Tensor, text_embeds: Tensor, text_classes: Tensor
    ) -> Tensor:
        """Scalar loss of unit vectors (B, D) and (T, D) with their classes (B,) and (T,), 0 … C−1."""
        precision = torch.promote_types(image_embeds.dtype, torch.float32)
        with torch.autocast(image_embeds.device.type, enabled=False):
            proxies = clamped_scale(self.logit_scale) * F.normalize(self.table, dim=1)
            by_image = image_embeds.to(precision) @ proxies.t()
            by_text = text_embeds.to(precision) @ proxies.t()
            here = image_classes.unique()
            belongs = here[:, None] == image_classes
            picked = by_image[:, here].t().log_softmax(1).masked_fill(~belongs, 0.0)
            by_class = -(picked.sum(1) / belongs.sum(1)).mean()
            both = F.cross_entropy(by_image, image_classes) + by_class
            return both / 2 + F.cross_entropy(by_text, text_classes)
