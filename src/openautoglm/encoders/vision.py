"""A vision tower of transformers behind the common interface.

ViT-like towers give a token a patch (and one for the whole picture, first); convolutional ones a token a
place of their last map, row by row.
"""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import Tensor, nn

from openautoglm.encoders.encoded import Encoded, mean_of_real
from openautoglm.encoders.families import TowerSpec, build_backbone, build_small
from openautoglm.encoders.small_vision import SmallVision


class VisionTower(nn.Module):
    """`pixel_values` (B, 3, H, W) → `Encoded`.

    Pictures of another size than the backbone's own are accepted: learned positions are interpolated.
    """

    backbone: Any

    def __init__(self, spec: TowerSpec) -> None:
        super().__init__()
        self.backbone = build_backbone(spec)
        self.pooling = spec.pooling
        config = self.backbone.config
        self.dim: int = getattr(config, "hidden_size", None) or config.hidden_sizes[-1]
        takes = inspect.signature(self.backbone.forward).parameters
        self.own_size = config.image_size if "interpolate_pos_encoding" in takes else None

    def forward(self, pixel_values: Tensor) -> Encoded:
        """Encode (B, 3, H, W)."""
        other_size = self.own_size is not None and pixel_values.shape[-2:] != (self.own_size, self.own_size)
        found = self.backbone(pixel_values, **({"interpolate_pos_encoding": True} if other_size else {}))
        tokens = found.last_hidden_state
        if tokens.ndim == 4:  # (B, d, h, w) map of a convolutional tower
            tokens = tokens.flatten(2).transpose(1, 2)
        mask = torch.ones(tokens.shape[:2], dtype=torch.bool, device=tokens.device)
        if self.pooling == "pooler":
            return Encoded(tokens, found.pooler_output.flatten(1), mask)
        return Encoded(tokens, tokens[:, 0] if self.pooling == "first" else mean_of_real(tokens, mask), mask)


def build_vision(spec: TowerSpec) -> SmallVision | VisionTower:
    """The vision tower that `spec` decides."""
    if spec.family != "small_vision":
        return VisionTower(spec)
    return build_small(SmallVision, spec)
