"""A residual MLP after a fusion: room to compute that the fusion itself lacks.

    mixer(x) = x + W_2 GELU(W_1 x + b_1) + b_2        (…, d) → (…, d)

Strategies without weights (`mean_pool`, `late`) can be compared with the others at equal size only with
it: what is then compared is where the modalities meet, and no longer who has more parameters. With it,
a row with a single modality no longer keeps that modality's own vector, whatever the strategy.

>>> import torch
>>> Mixer(dim=4, hidden=3)(torch.zeros(2, 4)).shape
torch.Size([2, 4])
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class Mixer(nn.Module):
    """The MLP.

    Args:
        dim: size d of what comes in and goes out.
        hidden: width of its one hidden layer.
    """

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.up = nn.Linear(dim, hidden)
        self.down = nn.Linear(hidden, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Map (…, d) to (…, d)."""
        return x + self.down(functional.gelu(self.up(x)))
