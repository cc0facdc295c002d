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

from openautoglm.align.keys import Positives, check_keys, check_positives, related, related_rows
from openautoglm.align.queue import Negatives
from openautoglm.align.temperature import clamped_scale, learned_scale
from openautoglm.align.tiled import tiled_softmax_loss


class InfoNCE(nn.Module):
    """Two-sided softmax loss with a learned temperature.

    Args:
        temperature: τ at the start; the learned scale 1/τ stays within [1, 100].
        positives: what related rows are to each other, "match" or "mask".
        tile_rows: rows of similarities that exist at a time in a large batch.
        tiled_from: batches of this size or more go through `tiled_softmax_loss`: the same numbers,
            less memory, and from about here also less time.

    >>> loss = InfoNCE(temperature=1.0)
    >>> embeds, keys = torch.eye(2), torch.tensor([[7], [7]])  # two rows, one caption
    >>> round(loss(embeds, embeds).item(), 4), round(loss(embeds, embeds, keys).item(), 4)
    (0.3133, 0.8133)
    """

    def __init__(
        self,
        temperature: float = 0.07,
        positives: Positives = "match",
        tile_rows: int = 256,
        tiled_from: int = 1024,
    ) -> None:
        super().__init__()
        self.logit_scale = learned_scale(temperature)
        self.positives = check_positives(positives)
        self.tile_rows = tile_rows
        self.tiled_from = tiled_from

    def forward(
        self,
        image_embeds: Tensor,
        text_embeds: Tensor,
        keys: Tensor | None = None,
        queue: Negatives | None = None,
    ) -> Tensor:
        """Scalar loss of unit vectors (B, D) with `keys` (B, K)."""
        check_pairs(image_embeds, text_embeds, keys)
        scale = clamped_scale(self.logit_scale)
        if len(image_embeds) < self.tiled_from:
            return plain_softmax_loss(image_embeds, text_embeds, scale, keys, queue, self.positives)
        return tiled_softmax_loss(
            image_embeds, text_embeds, scale, keys, queue, self.positives, tile_rows=self.tile_rows
        )


def plain_softmax_loss(
    image_embeds: Tensor,
    text_embeds: Tensor,
    scale: Tensor,
    keys: Tensor | None = None,
    queue: Negatives | None = None,
    positives: Positives = "match",
) -> Tensor:
    """The same loss with the whole matrix of similarities in memory. Arguments as in `tiled_softmax_loss`."""
    batch, device = len(image_embeds), image_embeds.device
    scores = scale * image_embeds @ text_embeds.t()
    alike = related_rows(keys, batch, device)
    if positives == "match":
        target = alike / alike.sum(1, keepdim=True)
    else:
        target = torch.eye(batch, device=device)
        scores = scores.masked_fill(alike & ~target.bool(), -torch.inf)
    # Masked scores are −inf with a target of 0, and 0 · −inf is NaN.
    picked = scores.masked_fill(target == 0, 0.0)

    by_image, by_text = scores, scores.t()
    if queue is not None:
        earlier = torch.zeros(batch, len(queue.image_embeds), dtype=torch.bool, device=device)
        if keys is not None and queue.keys is not None:
            earlier = related(keys, queue.keys)
        queued_texts = scale * image_embeds @ queue.text_embeds.t().to(image_embeds)
        queued_images = scale * text_embeds @ queue.image_embeds.t().to(text_embeds)
        by_image = torch.cat([by_image, queued_texts.masked_fill(earlier, -torch.inf)], dim=1)
        by_text = torch.cat([by_text, queued_images.masked_fill(earlier, -torch.inf)], dim=1)
    image_loss = by_image.logsumexp(1) - (target * picked).sum(1)
    text_loss = by_text.logsumexp(1) - (target * picked.t()).sum(1)
    return (image_loss.mean() + text_loss.mean()) / 2


def check_pairs(image_embeds: Tensor, text_embeds: Tensor, keys: Tensor | None) -> None:
    """Refuse what cannot be a batch of pairs, saying which argument is wrong."""
    if image_embeds.ndim != 2 or image_embeds.shape != text_embeds.shape:
        raise ValueError(
            f"image_embeds {tuple(image_embeds.shape)} and text_embeds {tuple(text_embeds.shape)} "
            "must both be (B, D): row i of one belongs to row i of the other"
        )
    if len(image_embeds) == 0:
        raise ValueError("the batch has no row with both an image and a text, so there is nothing to align")
    if keys is not None:
        check_keys(keys, len(image_embeds))
