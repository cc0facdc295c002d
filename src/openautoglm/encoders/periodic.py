"""Periodic embedding of numbers: each is shown as waves of learned frequencies, then mixed (PLR).

Choose it for the columns tower (`columns_shape = {"numbers": "periodic"}`) where a target goes up and down
with a number many times, as with hours, angles or prices with favourite endings, and the validation split
says that it helps. `piecewise_linear` asks for no choice; this one wants its `frequency_scale` tried, from
.01, where a number starts as nearly linear, to 10, where near values look unlike from the start.

    u_k = 2π c_k z                        K waves of the number z, c_k learned, c_k ~ N(0, scale²) at first
    t   = ReLU(W [sin u; cos u] + b)      (d,) with W (d, 2K) and b of the number's own

Source: Gorishniy et al., 2022, arXiv:2203.05556, section 3.3, which tunes K and the scale table by table.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

FREQUENCIES = 48
"""K unless given."""
SCALE = 0.01
"""Standard deviation of fresh frequencies unless given."""


class Periodic(nn.Module):
    """(B, N) → (B, N, d), a frequency table and a matrix for each of N numbers.

    Args:
        numbers: N.
        dim: d.
        frequencies: K.
        scale: standard deviation of the fresh frequencies.

    >>> Periodic(numbers=3, dim=8)(torch.randn(5, 3)).shape
    torch.Size([5, 3, 8])
    """

    def __init__(self, numbers: int, dim: int, frequencies: int = FREQUENCIES, scale: float = SCALE) -> None:
        super().__init__()
        if frequencies < 1 or scale <= 0:
            raise ValueError(f"frequencies {frequencies} and frequency_scale {scale} must be above 0")
        bound = (2 * frequencies) ** -0.5
        self.frequencies = nn.Parameter(torch.randn(numbers, frequencies) * scale)
        self.weight = nn.Parameter(torch.empty(numbers, 2 * frequencies, dim).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(numbers, dim).uniform_(-bound, bound))

    def forward(self, numbers: Tensor) -> Tensor:
        """Embed `numbers` (B, N)."""
        angles = 2 * math.pi * numbers.unsqueeze(-1) * self.frequencies
        waves = torch.cat([angles.sin(), angles.cos()], dim=-1)
        return (torch.einsum("bnk,nkd->bnd", waves, self.weight) + self.bias).relu()
