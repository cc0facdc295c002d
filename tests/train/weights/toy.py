"""The toy of the GradNorm paper (section 4), smaller: tasks alike but for their scale, on one trunk.

f_i(x) = σ_i tanh((B + E_i) x)         B ~ N(0, 10), E_i ~ N(0, 3.5); squared error
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

INPUTS, OUTPUTS, HIDDEN = 12, 6, 16


class Toy:
    """A trunk of two layers with a linear head for each task, in float64, and its batches."""

    def __init__(self, scales: list[float], seed: int = 0) -> None:
        torch.manual_seed(seed)
        self.names = [f"task{number}" for number in range(len(scales))]
        base = 10**0.5 * torch.randn(OUTPUTS, INPUTS, dtype=torch.float64)
        self.targets = [
            (scale, base + 3.5**0.5 * torch.randn(OUTPUTS, INPUTS, dtype=torch.float64)) for scale in scales
        ]
        self.last = nn.Linear(HIDDEN, HIDDEN).double()
        self.trunk = nn.Sequential(nn.Linear(INPUTS, HIDDEN).double(), nn.ReLU(), self.last, nn.ReLU())
        self.heads = nn.ModuleList(nn.Linear(HIDDEN, OUTPUTS).double() for _ in scales)
        parameters = [*self.trunk.parameters(), *self.heads.parameters()]
        self.optimizer = torch.optim.Adam(parameters, lr=3e-3)
        self.draw = torch.Generator().manual_seed(seed)

    def losses(self) -> dict[str, Tensor]:
        """Those of the next batch."""
        x = torch.randn(32, INPUTS, dtype=torch.float64, generator=self.draw)
        hidden = self.trunk(x)
        return {
            name: (head(hidden) - scale * torch.tanh(x @ matrix.t())).square().mean()
            for name, head, (scale, matrix) in zip(self.names, self.heads, self.targets, strict=True)
        }

    def step(self, total: Tensor) -> None:
        """Descend."""
        self.optimizer.zero_grad()
        total.backward()
        self.optimizer.step()
