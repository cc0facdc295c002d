"""Symmetric InfoNCE: each image picks its text among all texts, each text its image among all images.

The default. Choose `siglip` when batches are small or many pairs are only loosely matched, and
`triplet` when a fixed distance between classes matters more than the ranking.

    S_ij = exp(logit_scale) · image_i · text_j
    loss = ½ · mean_i CE(S_i·, P_i·) + ½ · mean_j CE(S_·j, P_j·)

P is the target. With `positives="match"` all n_i rows related to row i (same caption, id or
group) get 1/n_i each; with "mask" only the row itself is the target and the related ones leave
the denominator. Either way none of them is a negative. Pairs from a queue only ever are negatives.

Source: van den Oord et al., 2018, arXiv:1807.03748; two-sided with a learned temperature, as in
CLIP (Radford et al., 2021, arXiv:2103.00020, figure 3).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from openautoglm.align.keys import Positives, check_positives, related
from openautoglm.align.pairs import full_precision
from openautoglm.align.queue import Negatives
from openautoglm.align.temperature import clamped_scale, learned_scale
from openautoglm.align.tiled import tiled_softmax_loss


class InfoNCE(nn.Module):
    """Two-sided softmax loss with a learned temperature.

    Args:
        temperature: τ at the start; the learned scale 1/τ stays within [1, 100].
        positives: what related rows are to each other, "match" or "mask".
        tiled_from: batches of this size or more go through `tiled_softmax_loss`: the same numbers,
            less memory, and from about here also less time.
        keep_mib: memory that a tiled loss may take to save time, see there.

    >>> loss = InfoNCE(temperature=1.0)
    >>> embeds, keys = torch.eye(2), torch.tensor([[7], [7]])  # two rows, one caption
    >>> round(loss(embeds, embeds).item(), 4), round(loss(embeds, embeds, keys).item(), 4)
    (0.3133, 0.8133)
    """

    def __init__(
        self,
        temperature: float = 0.07,
        positives: Positives = "match",
        tiled_from: int = 512,
        keep_mib: float = 36.0,
    ) -> None:
        super().__init__()
        self.logit_scale = learned_scale(temperature)
        self.positives = check_positives(positives)
        self.tiled_from = tiled_from
        self.keep_mib = keep_mib

    def forward(
        self,
        image_embeds: Tensor,
        text_embeds: Tensor,
        keys: Tensor | None = None,
        queue: Negatives | None = None,
    ) -> Tensor:
        """Scalar loss of unit vectors (B, D) with `keys` (B, K)."""
        with full_precision(image_embeds, text_embeds, keys) as (image, text):
            scale = clamped_scale(self.logit_scale).to(image.dtype)
            if len(image) < self.tiled_from:
                return plain_softmax_loss(image, text, scale, keys, queue, self.positives)
            return tiled_softmax_loss(image, text, scale, keys, queue, self.positives, keep_mib=self.keep_mib)


def plain_softmax_loss(
    image_embeds: Tensor,
    text_embeds: Tensor,
    scale: Tensor,
    keys: Tensor | None = None,
    queue: Negatives | None = None,
    positives: Positives = "match",
) -> Tensor:
    """Compute the loss with the whole (B, B) in memory, from the arguments of `tiled_softmax_loss`."""
    batch, device = len(image_embeds), image_embeds.device
    by_image = scale * image_embeds @ text_embeds.t()
    by_text = by_image.t()
    itself = torch.eye(batch, dtype=torch.bool, device=device)
    alike = itself if keys is None else related(keys, keys) | itself
    if positives == "mask":
        left_out = alike & ~itself
        by_image, by_text = (
            by_image.masked_fill(left_out, -torch.inf),
            by_text.masked_fill(left_out, -torch.inf),
        )
        alike = itself
    if queue is not None:
        queued_texts = scale * image_embeds @ queue.text_embeds.to(text_embeds).t()
        queued_images = scale * text_embeds @ queue.image_embeds.to(image_embeds).t()
        if keys is not None and queue.keys is not None:
            earlier = related(keys, queue.keys)
            queued_texts.masked_fill_(earlier, -torch.inf)
            queued_images.masked_fill_(earlier, -torch.inf)
        by_image = torch.cat([by_image, queued_texts], dim=1)
        by_text = torch.cat([by_text, queued_images], dim=1)

    share = alike.sum(1, keepdim=True, dtype=by_image.dtype).reciprocal()
    # `where`, not `*`: a masked pair's log-probability is −inf, and 0 · −inf is NaN.
    image_loss = torch.where(alike, -share * by_image.log_softmax(1)[:, :batch], 0.0).sum()
    text_loss = torch.where(alike, -share * by_text.log_softmax(1)[:, :batch], 0.0).sum()
    return (image_loss + text_loss) / (2 * batch)
