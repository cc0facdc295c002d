"""Fusion strategies by the name that a configuration uses.

>>> STRATEGIES["adaptive_gating"](dim=8, modalities=2)
AdaptiveGating(
  (score): Linear(in_features=16, out_features=16, bias=True)
)
"""

from __future__ import annotations

from openautoglm.config import FusionStrategy
from openautoglm.fuse.adaptive_gating import AdaptiveGating

STRATEGIES: dict[FusionStrategy, type[AdaptiveGating]] = {"adaptive_gating": AdaptiveGating}
"""Each is built as `Strategy(dim, modalities)`, called with `pooled` (B, M, d) and `present` (B, M)."""
