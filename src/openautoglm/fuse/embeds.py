"""A batch in the joint space: each modality's vectors, and what fusion made of them.

Without a fusion strategy, one vector of a row's modalities is their mean direction.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from openautoglm.fuse.fused import Fused


class Embeds(NamedTuple):
    """Unit vectors; zero for a row that lacks the modality.

    >>> left, right = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    >>> Embeds(left, right, None, None).fused().embeds
    tensor([[0.7071, 0.7071]])
    """

    image_embeds: Tensor | None
    """(B, D); None when no row has an image."""
    text_embeds: Tensor | None
    fused_embeds: Tensor | None
    """(B, D); None without a fusion strategy."""
    gates: Tensor | None
    """(B, M) share of each modality in `fused_embeds`, order of `MODALITIES`; 2 without a columns tower."""
    columns_embeds: Tensor | None = None
    """(B, D); None when no row has columns."""
    parts: Tensor | None = None
    """(B, M, D) under `late` alone: the modalities apart, for heads (`Fused.predict`)."""

    def fused(self) -> Fused:
        """One vector a row."""
        if self.fused_embeds is not None and self.gates is not None:
            return Fused(self.fused_embeds, self.gates, self.parts)
        each = (self.image_embeds, self.text_embeds, self.columns_embeds)
        found = [one for one in each if one is not None]
        there = torch.stack([one.detach().abs().sum(dim=1) > 0 for one in found], dim=1).float()
        shares = there / there.sum(dim=1, keepdim=True).clamp(min=1)
        return Fused(functional.normalize(sum(found[1:], found[0]), dim=-1), shares)
