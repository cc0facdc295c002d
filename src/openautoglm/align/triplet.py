"""Triplet loss: an anchor's positive must be nearer than its negative, by a margin.

Choose it when distances themselves are used (a threshold that decides "same or not"), or to
compare with older work; for ranking alone `infonce` learns faster.

    loss = mean over anchors a of max(0, margin + ‖a − p‖₂ − ‖a − n‖₂)

Anchors are all images (with texts as p and n) and all texts (with images). The negative is mined
among the batch and the queue, without what is related to the anchor:

    "hardest"    the nearest negative: strong, but can collapse an untrained model
    "semi-hard"  the nearest one that is farther than p; if there is none, the farthest

With `positives="match"` p is the farthest related row; with "mask" the anchor's own pair. For the
first `warmup_steps` training steps the loss is InfoNCE, since mining needs a space that already
has some order. The count is part of `state_dict`, so a resumed run does not warm up again.

Sources: Schroff et al., 2015, arXiv:1503.03832 (semi-hard); Hermans et al., 2017,
arXiv:1703.07737 (hardest positive and negative).
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor, nn

from openautoglm.align.infonce import InfoNCE
from openautoglm.align.keys import Positives, related
from openautoglm.align.pairs import full_precision
from openautoglm.align.queue import Negatives

Mining = Literal["semi-hard", "hardest"]


class Triplet(nn.Module):
    """Margin on Euclidean distances with mined negatives and an InfoNCE warm-up.

    Args:
        margin: how much nearer the positive has to be; distances of unit vectors are 0 to 2.
        mining: "semi-hard" or "hardest".
        warmup_steps: number of training steps (calls in training mode) that use InfoNCE.
        temperature: τ of the warm-up.
        positives: what related rows are to each other, "match" or "mask".

    >>> loss = Triplet(margin=0.5, mining="hardest", warmup_steps=0)
    >>> loss(torch.eye(2), torch.eye(2)).item()  # positives at 0, negatives at √2
    0.0
    """

    step: Tensor

    def __init__(
        self,
        margin: float = 0.2,
        mining: Mining = "semi-hard",
        warmup_steps: int = 500,
        temperature: float = 0.07,
        positives: Positives = "match",
    ) -> None:
        super().__init__()
        if mining not in get_args(Mining):
            raise ValueError(f"mining={mining!r} is unknown; choose 'semi-hard' or 'hardest'")
        if margin <= 0:
            raise ValueError(f"margin={margin} asks for nothing; use a positive distance such as 0.2")
        self.margin = margin
        self.mining = mining
        self.warmup_steps = warmup_steps
        self.warmup = InfoNCE(temperature, positives)
        self.register_buffer("step", torch.tensor(0))

    @property
    def logit_scale(self) -> nn.Parameter:
        """The warm-up's; the triplets themselves have no temperature."""
        return self.warmup.logit_scale

    def forward(
        self,
        image_embeds: Tensor,
        text_embeds: Tensor,
        keys: Tensor | None = None,
        queue: Negatives | None = None,
    ) -> Tensor:
        """Scalar loss of unit vectors (B, D) with `keys` (B, K)."""
        warming_up = int(self.step) < self.warmup_steps
        if self.training:
            self.step += 1
        if warming_up:
            loss: Tensor = self.warmup(image_embeds, text_embeds, keys, queue)
            return loss

        with full_precision(image_embeds, text_embeds, keys) as (image, text):
            itself = torch.eye(len(image), dtype=torch.bool, device=image.device)
            alike = itself if keys is None else related(keys, keys) | itself
            if queue is None:
                return (self._hinge(image, text, text, alike) + self._hinge(text, image, image, alike)) / 2
            earlier = itself.new_zeros(len(image), len(queue.image_embeds))
            if keys is not None and queue.keys is not None:
                earlier = related(keys, queue.keys)
            excluded = torch.cat([alike, earlier], dim=1)
            texts = torch.cat([text, queue.text_embeds.to(text.dtype)])
            images = torch.cat([image, queue.image_embeds.to(image.dtype)])
            return (
                self._hinge(image, text, texts, excluded) + self._hinge(text, image, images, excluded)
            ) / 2

    def _hinge(self, anchors: Tensor, others: Tensor, candidates: Tensor, excluded: Tensor) -> Tensor:
        """Mean over `anchors`; `others` are their pairs, `candidates` those and the queue."""
        with torch.no_grad():  # mining picks indices; only the picked distances are differentiated
            distances = torch.cdist(anchors, candidates)
            positive = torch.arange(len(anchors), device=anchors.device)
            if self.warmup.positives == "match":
                alike = excluded[:, : len(others)]
                positive = distances[:, : len(others)].masked_fill(~alike, -torch.inf).argmax(1)
            negative = self._mine(distances, distances.gather(1, positive[:, None]), excluded)
            has_negative = ~excluded.all(1)
        near = torch.linalg.vector_norm(anchors - others[positive], dim=1)
        far = torch.linalg.vector_norm(anchors - candidates[negative], dim=1)
        hinge = (self.margin + near - far).clamp_min(0)
        return torch.where(has_negative, hinge, 0.0).mean()

    def _mine(self, distances: Tensor, positive: Tensor, excluded: Tensor) -> Tensor:
        """Return the index (B,) of each anchor's negative, any where all candidates are excluded."""
        nearest = distances.masked_fill(excluded, torch.inf)
        if self.mining == "hardest":
            return nearest.argmin(1)
        beyond = nearest.masked_fill(distances <= positive, torch.inf)
        farthest = distances.masked_fill(excluded, -torch.inf).argmax(1)
        return torch.where(beyond.isfinite().any(1), beyond.argmin(1), farthest)
