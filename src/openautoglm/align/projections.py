"""From each tower's own width into the joint space: vectors of D numbers and length 1.

    "linear"  one matrix per modality, no bias: CLIP's choice, right after strong pretrained towers
    "mlp"     two layers per modality with a GELU between: for frozen towers, whose features still
              need bending (locked-tower tuning)
    "shared"  one matrix per modality into a common width, then the same residual MLP for all: for
              little data, since what one modality learns about the joint space helps the others

All are called alike: `projection("image", pooled)` with (…, width of that tower) → (…, D).

>>> import torch
>>> project = PROJECTIONS["linear"]({"image": 8, "text": 6}, dim=4)
>>> project("text", torch.randn(3, 6)).norm(dim=1).allclose(torch.ones(3))
True
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn import functional as F


class Projection(nn.Module):
    """One way into the joint space per modality; subclasses say which.

    Args:
        dims: width of each modality's pooled vector, by its name.
        dim: length D of the joint space's vectors.
    """

    def __init__(self, dims: Mapping[str, int], dim: int) -> None:
        super().__init__()
        self.dim = dim
        self.into = nn.ModuleDict({name: self.entry(width, dim) for name, width in dims.items()})

    def entry(self, width: int, dim: int) -> nn.Module:
        """Make the part that belongs to one modality."""
        return nn.Linear(width, dim, bias=False)

    def forward(self, modality: str, pooled: Tensor) -> Tensor:
        """Project `pooled` (…, width) of `modality` to unit vectors (…, D)."""
        if modality not in self.into:
            raise ValueError(f"no projection for {modality!r}; this model projects {', '.join(self.into)}")
        return F.normalize(self.joint(self.into[modality](pooled)), dim=-1)

    def joint(self, entered: Tensor) -> Tensor:
        """Apply the part that all modalities share: nothing, unless a subclass has one."""
        return entered


class LinearProjection(Projection):
    """One matrix per modality."""


class MLPProjection(Projection):
    """Two layers per modality, the hidden one as wide as the wider of its ends."""

    def entry(self, width: int, dim: int) -> nn.Module:
        """Make the two layers of one modality."""
        hidden = max(width, dim)
        return nn.Sequential(nn.LayerNorm(width), nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, dim))


class SharedProjection(Projection):
    """One matrix per modality, then one residual MLP for all of them."""

    def __init__(self, dims: Mapping[str, int], dim: int) -> None:
        super().__init__(dims, dim)
        self.shared = nn.Sequential(
            nn.LayerNorm(dim), nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim)
        )

    def joint(self, entered: Tensor) -> Tensor:
        """Add what the shared layers make of it."""
        return entered + self.shared(entered)


PROJECTIONS: dict[str, type[Projection]] = {
    "linear": LinearProjection,
    "mlp": MLPProjection,
    "shared": SharedProjection,
}
