"""How much of a score each part of a row carries: Shapley values, estimated from permutations.

    effect_i = mean over orders of v(those before i, and i) − v(those before i)        (P,)
    Σ_i effect_i = v(all) − v(none)                                              exactly, however many orders

Each order is followed by its reverse (antithetic pairs, Mitchell et al., 2022, arXiv:2104.12199), which saves
orders. `PAIRS` pairs are taken of few parts, `PAIRS_OF_MANY` of more than `FEW`; a pair takes 2 (P + 1)
evaluations.

It asks nothing of the model but its score, so it serves any tower and any fusion, and two parts that say the
same share what they carry, where hiding each alone would show nothing. It was chosen by measurement
(docs/explaining.md).

Source: Castro et al., 2009, doi:10.1016/j.cor.2008.04.004; Lundberg & Lee, 2017, arXiv:1705.07874.

>>> weights = torch.tensor([2.0, -1.0])
>>> effects(lambda shown: shown.float() @ weights, 2).tolist()
[2.0, -1.0]
"""

from __future__ import annotations

import torch
from torch import Tensor

from openautoglm.evaluate.explain.faithful import Value

PAIRS, FEW, PAIRS_OF_MANY = 4, 32, 2


def effects(value: Value, count: int, *, pairs: int | None = None, seed: int = 0) -> Tensor:
    """Effects (P,) of `count` parts on `value`, from so many pairs of orders or as many as above."""
    dice = torch.Generator().manual_seed(seed)
    steps = torch.arange(count + 1).unsqueeze(1)
    total = torch.zeros(count, dtype=torch.float64)
    pairs = pairs or _pairs(count)
    for _ in range(pairs):
        order = torch.randperm(count, generator=dice)
        for one in (order, order.flip(0)):
            ranks = torch.empty(count, dtype=torch.long)
            ranks[one] = torch.arange(count)
            total[one] += value(ranks < steps).double().diff()
    return (total / (2 * pairs)).float()


def evaluations(count: int) -> int:
    """How often `effects` evaluates the score of `count` parts.

    >>> evaluations(64), evaluations(5)
    (260, 48)
    """
    return 2 * _pairs(count) * (count + 1)


def _pairs(count: int) -> int:
    return PAIRS if count <= FEW else PAIRS_OF_MANY
