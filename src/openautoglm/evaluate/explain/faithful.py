"""Whether an order of parts is the model's own: deletion and insertion curves against random orders.

    deletion    v(all but the first s · P parts of the order)       falls early, if these are what counts
    insertion   v(only the first s · P parts of the order)          rises early
    area        ∫₀¹ v ds, trapezoids

    gain        (random deletion − deletion) + (insertion − random insertion),  areas

`gain` is 0 for a random order on average, and the larger the better; areas of random orders are means over
`DRAWS` of them. A probability's or a cosine's areas lie in its own unit.

Source: RISE, Petsiuk et al., 2018, arXiv:1806.07421, section 3.4. Random orders are the control without which
a low deletion area says nothing: of a model that one part suffices for, any order's is high.

>>> weights = torch.tensor([0.6, 0.1, 0.3])
>>> curves = measure(lambda shown: shown.float() @ weights, weights)
>>> round(float(curves.deletion[0]), 1), curves.gain > 0
(1.0, True)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Value = Callable[[Tensor], Tensor]
"""Masks (N, P, bool), True for a part that is shown → scores (N,)."""
DRAWS = 5
"""Random orders that an order is compared with."""
STEPS = 10
"""Most steps of a curve."""


@dataclass(frozen=True)
class Curves:
    """Scores as parts are hidden, and as they are shown, one after the other."""

    counts: Tensor
    """(S,) of the parts that are hidden, or shown: 0 to P."""
    deletion: Tensor
    """(S,) scores with that share hidden, the strongest parts first."""
    insertion: Tensor
    """(S,) scores with only that share shown, the strongest first."""
    random_deletion: Tensor
    """(S,) mean over random orders."""
    random_insertion: Tensor
    sign: float = 1.0
    """−1 where the parts make the score small, and the order is by how much."""

    @property
    def lines(self) -> dict[str, Tensor]:
        """The four curves, those of random orders first."""
        names = ("random_deletion", "random_insertion", "deletion", "insertion")
        return {name: getattr(self, name) for name in names}

    @property
    def range(self) -> tuple[float, float]:
        """The lowest and the highest score of all curves."""
        every = torch.stack(list(self.lines.values()))
        return float(every.min()), float(every.max())

    @property
    def gain(self) -> float:
        """How far the order is ahead of random ones, in both curves together."""
        ahead = self.random_deletion - self.deletion + self.insertion - self.random_insertion
        return self.sign * area(self.counts / self.counts[-1], ahead)


def area(shares: Tensor, scores: Tensor) -> float:
    """Area under a curve over (S,) rising shares.

    >>> area(torch.tensor([0.0, 0.5, 1.0]), torch.tensor([1.0, 1.0, 0.0]))
    0.75
    """
    return float(torch.trapezoid(scores, shares))


def measure(value: Value, effects: Tensor, *, sign: float = 1.0, seed: int = 0) -> Curves:
    """Hide and show the parts by falling `effects` (P,), and in `DRAWS` random orders.

    A `sign` of −1 is for a score that the parts make small: they come by rising effects then.
    """
    count = len(effects)
    points = torch.linspace(0, count, min(count, STEPS) + 1).round().long()
    dice = torch.Generator().manual_seed(seed)
    orders = [
        (sign * effects).argsort(descending=True),
        *(torch.randperm(count, generator=dice) for _ in range(DRAWS)),
    ]
    masks = []
    for order in orders:
        ranks = torch.empty(count, dtype=torch.long)
        ranks[order] = torch.arange(count)
        first = ranks < points.unsqueeze(1)
        masks += [~first, first]
    found = value(torch.cat(masks)).reshape(len(orders), 2, len(points))
    ours, random = found[0], found[1:].mean(dim=0)
    return Curves(points, ours[0], ours[1], random[0], random[1], sign)


def evaluations(count: int) -> int:
    """How often `measure` evaluates the score of `count` parts.

    >>> evaluations(64), evaluations(5)
    (132, 72)
    """
    return 2 * (DRAWS + 1) * (min(count, STEPS) + 1)
