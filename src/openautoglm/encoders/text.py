"""A bidirectional text tower of transformers behind the common interface.

Its row vector is the mean over real tokens unless the tower was trained with another (see `families.py`):
for matching, the mean needs no training of a special first token and is the steadier start.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from openautoglm.encoders.encoded import Encoded, mean_of_real
from openautoglm.encoders.families import TowerSpec, build_backbone, build_small
from openautoglm.encoders.small_text import SmallText


class TextTower(nn.Module):
    """`input_ids`, `attention_mask` (B, L) → `Encoded`."""

    backbone: Any

    def __init__(self, spec: TowerSpec) -> None:
        super().__init__()
        self.backbone = build_backbone(spec)
        self.pooling = spec.pooling
        self.dim: int = self.backbone.config.hidden_size

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Encoded:
        """Encode (B, L) ids; where `attention_mask` (B, L) is False there is padding."""
        found = self.backbone(input_ids=input_ids, attention_mask=attention_mask.long())
        tokens, mask = found.last_hidden_state, attention_mask.bool()
        if self.pooling == "pooler":
            return Encoded(tokens, found.pooler_output, mask)
        return Encoded(tokens, tokens[:, 0] if self.pooling == "first" else mean_of_real(tokens, mask), mask)


def build_text(spec: TowerSpec) -> SmallText | TextTower:
    """The text tower that `spec` decides."""
    if spec.family != "small_text":
        return TextTower(spec)
    return build_small(SmallText, spec)
