"""Dynamic weight average: the loss that fell least of late counts most.

Choose it when losses of like size differ in speed and nothing may be spent on it: it looks at the losses
only. It does not know their units; a loss that is 100 times larger stays so.

    λ_i = L̄_i(t−1) / L̄_i(t−2)                  L̄(t): mean over the t-th window of steps; 1 until there are two
    w_i = n · exp(λ_i / T) / Σ_j exp(λ_j / T)   n losses; T = 2

Losses that all fall by the same share keep weights of 1, and with T = 2 the weights never go far from it:
λ within 0.5 and 1 gives .88 and 1.12.

Source: Liu et al., 2019, arXiv:1803.10704, eq. 7, with a window of one epoch. A loss that was absent from a
whole window keeps its λ.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

TEMPERATURE = 2.0


class DWA:
    """Weights by the rate at which losses fell between the last two windows.

    Args:
        window: steps over which losses are averaged: an epoch, in the paper.

    >>> weighting = DWA(window=1)
    >>> weighting.after_step({"fast": 1.0, "slow": 1.0}, {})
    >>> weighting.after_step({"fast": 0.2, "slow": 0.9}, {})
    >>> [round(weighting.weight(name), 2) for name in ("fast", "slow")]
    [0.83, 1.17]
    """

    def __init__(self, window: int) -> None:
        self.window = window
        self._speeds: dict[str, float] = {}
        self._before: dict[str, float] = {}
        self._sums: dict[str, float] = {}
        self._counts: dict[str, int] = {}
        self._steps = 0

    def weight(self, name: str) -> float:
        """Weight of the loss of that name in the coming step."""
        if name not in self._speeds:
            return 1.0
        whole = sum(math.exp(speed / TEMPERATURE) for speed in self._speeds.values())
        return len(self._speeds) * math.exp(self._speeds[name] / TEMPERATURE) / whole

    def after_step(self, losses: Mapping[str, float], norms: Mapping[str, float]) -> None:
        """Learn from a step's mean losses, without their weights."""
        for name, loss in losses.items():
            self._speeds.setdefault(name, 1.0)
            self._sums[name] = self._sums.get(name, 0.0) + loss
            self._counts[name] = self._counts.get(name, 0) + 1
        self._steps += 1
        if self._steps % self.window:
            return
        for name, total in self._sums.items():
            mean = total / self._counts[name]
            if self._before.get(name, 0.0) > 0:
                self._speeds[name] = mean / self._before[name]
            self._before[name] = mean
        self._sums, self._counts = {}, {}

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` takes."""
        names = ("_speeds", "_before", "_sums", "_counts")
        return {**{name: dict(getattr(self, name)) for name in names}, "_steps": self._steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a saved state."""
        for name, value in state.items():
            setattr(self, name, value)
