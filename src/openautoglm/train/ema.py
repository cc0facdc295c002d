"""Exponential moving average of the weights: smoother than the last step's, often a point or two better.

Choose it (`ema` near 0.999) when training ends by a budget rather than by convergence; 0 turns it off.

    w̄ ← d w̄ + (1 − d) w,   d = min(decay, (1 + n) / (10 + n)) after n updates

The growing d lets the average forget the random start quickly (the rule of TensorFlow's
`ExponentialMovingAverage(num_updates)`). BatchNorm's running statistics are averaged alike, so that they fit
the averaged weights; other buffers (queues, counters) are left alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

RUNNING = ("running_mean", "running_var")


class EMA:
    """Follows the trainable parameters and running statistics of `model`.

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
        followed = {name: p.detach() for name, p in model.named_parameters() if p.requires_grad}
        followed |= {name: b for name, b in model.named_buffers() if name.endswith(RUNNING)}
        self._live = followed
        self._mean = {name: value.clone() for name, value in followed.items()}

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights as they are after an optimizer step."""
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        torch._foreach_lerp_(list(self._mean.values()), list(self._live.values()), 1 - decay)
        self.updates += 1

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Inside, the model holds the averaged weights; after, its own again."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def keep(self) -> None:
        """Leave the model with the averaged weights."""
        self._swap()

    @torch.no_grad()
    def _swap(self) -> None:
        # Values move, not tensors: optimizer state and compiled graphs keep pointing at the parameters.
        for name, live in self._live.items():
            kept = live.clone()
            live.copy_(self._mean[name])
            self._mean[name].copy_(kept)

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` takes."""
        return {"updates": self.updates, "mean": self._mean}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a saved state."""
        for name, mean in self._mean.items():
            mean.copy_(state["mean"][name])
        self.updates = state["updates"]
