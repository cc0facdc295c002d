"""Strategies of one size, so that a comparison tells of the way of fusing and not of the parameters.

    parameters(n) = c + n · step        n is the strategy's own width (`Strategy.size`)

The width nearest the target is taken. `mean_pool` and `late` have no weights of their own; their width
is that of the residual MLP after the fusion (`mixer.py`).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch

from openautoglm.config import FusionStrategy
from openautoglm.fuse.fused import Strategy
from openautoglm.fuse.strategies import STRATEGIES


class Matched(NamedTuple):
    """A strategy of the wanted size, and how near that it came."""

    strategy: Strategy
    """With fresh weights."""
    settings: dict[str, int]
    """The width that was chosen, by the name of its argument."""
    parameters: int
    """How many it has."""
    off: float
    """(parameters − target) / target; no width comes nearer."""


def matched(name: FusionStrategy, dim: int, modalities: int, parameters: int, **others: int) -> Matched:
    """Build the strategy `name` with as nearly `parameters` parameters as its width allows.

    A target below width 1 is overshot, and `off` tells by how much. Two strategies have coarse steps where
    the target is small: to come within 3 % for sure, `cross_attention` with its 4 heads needs 270 · d
    parameters, `low_rank` with its rank of 4 needs 75 · M · d. Fewer of them, set in `others`, make the steps
    finer.

    Args:
        name: as in a configuration.
        dim: size d of each modality's pooled vector.
        modalities: number M of modalities.
        parameters: how many it should have.
        others: further arguments of the strategy, for example `heads=1`.

    >>> found = matched("attention", dim=256, modalities=3, parameters=100_000)
    >>> found.settings, found.parameters, round(found.off, 4)
    ({'hidden': 130}, 100360, 0.0036)
    """
    kind: Any = STRATEGIES[name]

    def count(width: int) -> int:
        with torch.device("meta"):  # shapes without numbers
            return parameters_of(kind(dim, modalities, **others, **{kind.size: width}))

    step = count(2) - count(1)
    width = max(1, 1 + round((parameters - count(1)) / step))
    strategy = kind(dim, modalities, **others, **{kind.size: width})
    found = parameters_of(strategy)
    return Matched(strategy, {kind.size: width}, found, (found - parameters) / parameters)


def parameters_of(strategy: Strategy) -> int:
    """Count the numbers that are learned.

    >>> parameters_of(STRATEGIES["mean_pool"](dim=256, modalities=3))
    0
    """
    return sum(parameter.numel() for parameter in strategy.parameters())
