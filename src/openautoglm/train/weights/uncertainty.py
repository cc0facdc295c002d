"""Weights by uncertainty: a loss counts the less the larger it stays.

Choose it when losses are negative log-likelihoods (cross-entropies, half squared errors) whose size says how
uncertain the answers are: noisy ones are then trusted less. It looks at the losses only.

    total = Σ_i exp(−s_i) L_i + s_i / 2           s_i = log σ_i², 0 at the start
    w_i   = exp(−s_i)                             1 / (2 L_i) where s_i is at rest

The term s_i / 2 is what keeps the weights up: without it this is Σ exp(w_i) L_i, whose way down is
w → −∞, with nothing learned. The weights have no fixed sum: as losses fall they rise, and so does the
effective learning rate of an optimizer that does not normalise (Adam does).

Source: Kendall et al., 2018, arXiv:1705.07115, eq. 7 and 10, both of them this form when the loss of a
regression is half its squared error. There s is a parameter among the others; here it moves by

    s_i ← s_i − RATE · ∂/|∂|,   ∂ = ½ − exp(−s_i) L_i,   |∂| = ½ + exp(−s_i) L_i

in the same direction and to the same rest, by a step of at most RATE as under Adam, whatever the loss's unit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

RATE = 0.025
FLOOR = 1e-3
"""Losses below it, which have no uncertainty left to tell, count as this: no weight grows beyond 500."""


class Uncertainty:
    """Weights exp(−s), s learned from the losses.

    >>> weighting = Uncertainty()
    >>> for _ in range(2000):
    ...     weighting.after_step({"noisy": 5.0, "clean": 0.25}, {})
    >>> [round(weighting.weight(name), 3) for name in ("noisy", "clean")]
    [0.1, 2.0]
    """

    def __init__(self) -> None:
        self._log_variances: dict[str, float] = {}

    def weight(self, name: str) -> float:
        """Weight of the loss of that name in the coming step."""
        return math.exp(-self._log_variances.get(name, 0.0))

    def after_step(self, losses: Mapping[str, float], norms: Mapping[str, float]) -> None:
        """Learn from a step's mean losses, without their weights."""
        for name, loss in losses.items():
            weighted = self.weight(name) * max(loss, FLOOR)
            step = RATE * (0.5 - weighted) / (0.5 + weighted)
            self._log_variances[name] = self._log_variances.get(name, 0.0) - step

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` takes."""
        return {"log_variances": dict(self._log_variances)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a saved state."""
        self._log_variances = dict(state["log_variances"])
