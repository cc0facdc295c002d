"""A bidirectional text tower of transformers behind the common interface.

Its row vector is the mean over real tokens unless the tower was trained with another (see `families.py`):
for matching, the mean needs no training of a special first token and is the steadier start.
"""

from __future__ import annotations

from torch import Tensor, nn

from openautoglm.encoders.encoded import Encoded, mean_of_real
from openautoglm.encoders.families import TowerSpec, build_backbone, build_small


class TextTower(nn.Module):
    """`input_ids`, `attention_mask` (B, L) → `Encoded`."""

    def __init__(self, spec: TowerSpec) -> None:
        super().__init__()
        self.backbone = build_backbone(spec)
        self.pooling = spec.pooling
        self.dim: int = self.backbone.config.hidden_size

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Encoded:
        found = self.backbone(input_ids=input_ids, attention_mask=attention_mask.long())
        tokens, mask = found.last_hidden_state, attention_mask.bool()
        if self.pooling == "pooler":
            return Encoded(tokens, found.pooler_output, mask)
        return Encoded(tokens, tokens[:, 0] if self.pooling == "first" else mean_of_real(tokens, mask), mask)


def build_text(spec: TowerSpec) -> nn.Module:
    """The text tower that `spec` decides."""
    return build_small(spec) if spec.family == "small_text" else TextTower(spec)
