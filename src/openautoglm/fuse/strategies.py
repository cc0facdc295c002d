"""Fusion strategies by the name that a configuration uses.

>>> STRATEGIES["mean_pool"](dim=8, modalities=3)
MeanPool()
"""

from __future__ import annotations

from openautoglm.config import FusionStrategy
from openautoglm.fuse.adaptive_gating import AdaptiveGating
from openautoglm.fuse.attention import Attention
from openautoglm.fuse.concat import Concat
from openautoglm.fuse.cross_attention import CrossAttentionFusion
from openautoglm.fuse.fused import Strategy
from openautoglm.fuse.hierarchical import Hierarchical
from openautoglm.fuse.late import Late
from openautoglm.fuse.low_rank import LowRank
from openautoglm.fuse.mean_pool import MeanPool

STRATEGIES: dict[FusionStrategy, type[Strategy]] = {
    "late": Late,
    "mean_pool": MeanPool,
    "concat": Concat,
    "attention": Attention,
    "adaptive_gating": AdaptiveGating,
    "low_rank": LowRank,
    "hierarchical": Hierarchical,
    "cross_attention": CrossAttentionFusion,
}
"""Each is built as `Strategy(dim, modalities)` and called as `Strategy.forward` says."""
