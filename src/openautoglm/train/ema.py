"""Exponential moving average of the weights: smoother than the last step's, often a point or two better.

Choose it (`ema` near 0.999) when training ends by a budget rather than by convergence; 0 turns it off.

    w̄ ← d w̄ + (1 − d) w,   d = min(decay, (1 + n) / (10 + n)) after n updates

The growing d lets the average forget the random start quickly (the rule of TensorFlow's
`ExponentialMovingAverage(num_updates)`). Buffers (running statistics, queues) are copied, not averaged.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


class EMA:
    """Follows the trainable parameters of `model`.

    >>> model = nn.Linear(1, 1, bias=False)
    >>> average = EMA(model, decay=0.5)
    >>> with torch.no_grad(): _ = model.weight.fill_(1.0)
    >>> for _ in range(20): average.update()
    >>> with average.applied(): round(model.weight.item(), 3)
    1.0
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self._names = [name for name, p in model.named_parameters() if p.requires_grad]
        self._live = [p for p in model.parameters() if p.requires_grad]
        self._mean = [p.detach().clone() for p in self._live]

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights as they are after an optimizer step."""
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        torch._foreach_lerp_(self._mean, [p.detach() for p in self._live], 1 - decay)
        self.updates += 1

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Inside, the model holds the averaged weights; after, its own again."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    @torch.no_grad()
    def _swap(self) -> None:
        # Values move, not tensors: optimizer state and compiled graphs keep pointing at the parameters.
        for live, mean in zip(self._live, self._mean, strict=True):
            kept = live.detach().clone()
            live.copy_(mean)
            mean.copy_(kept)

    def state_dict(self) -> dict[str, Any]:
        return {"updates": self.updates, "mean": dict(zip(self._names, self._mean, strict=True))}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        means: dict[str, Tensor] = state["mean"]
        for name, mean in zip(self._names, self._mean, strict=True):
            mean.copy_(means[name])
        self.updates = state["updates"]
