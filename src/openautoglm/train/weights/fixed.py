"""Weights that are given and stay.

Choose it when you know what each loss is worth, or can afford to try: a small grid of fixed weights is what
every other method has to beat. A loss without a weight counts 1.

    total = Σ_i w_i L_i
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Fixed:
    """The weights of a configuration.

    Args:
        weights: by name of the loss, at least 0.

    >>> Fixed({"captioning": 0.5}).weight("captioning"), Fixed({}).weight("contrastive")
    (0.5, 1.0)
    """

    def __init__(self, weights: Mapping[str, float]) -> None:
        self._weights = dict(weights)

    def weight(self, name: str) -> float:
        """Weight of the loss of that name in the coming step."""
        return self._weights.get(name, 1.0)

    def after_step(self, losses: Mapping[str, float], norms: Mapping[str, float]) -> None:
        """Learn nothing from a step's losses."""

    def state_dict(self) -> dict[str, Any]:
        """Nothing: the weights are in the configuration."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on; the weights stay as given."""
