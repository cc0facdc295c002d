"""GradNorm: every loss pulls at what they share with a comparable force, a slow one with more.

Choose it when losses of different units or speeds share a trunk and one of them drowns the others. It asks
for one more backward pass a loss, from the loss to the shared point only.

    g_i  = ‖∇_z L_i‖                        gradient at the shared point z, of the loss without its weight
    L̃_i  = L_i / L_i(0)                     share of the loss that is left; L_i(0) is its first value
    r_i  = L̃_i / mean_j L̃_j                 above 1: slower than the others
    grad = Σ_i |w_i g_i − Ḡ r_i^α| / Ḡ      Ḡ = mean_j w_j g_j; both Ḡ and r are constants here
    log w_i ← log w_i − RATE · ∂grad/∂log w_i,  then all scaled so that Σ_i w_i is the number of losses

α = 0 makes the forces equal; the larger α, the more a slow loss is helped. A loss in another unit (× 100)
gets the weight that undoes it, since L̃ does not know the unit and w_i g_i is what is compared.

Source: Chen et al., 2018, arXiv:1711.02257, eq. 1 and 2, algorithm 1. There the step is taken in w itself,
where a step of .025 is large for a weight of .02 and may turn it negative; here it is taken in log w, of
`grad` over Ḡ, so that neither the unit of the losses nor the size of a weight matters.

The shared point may be the weights of the last shared layer, as in the paper, or the shared layer's
output, as in Sener and Koltun, 2018, arXiv:1810.04650, section 3.3. Training takes the latter, the
embeddings, where the gradient cache has the gradient of each loss apart; at the towers' weights it only
ever has that of the sum. The losses between pictures and texts are measured at the two embeddings, those of
targets at the fused vector: fusion lies between, and what it does to the size of a gradient is not undone.

Losses of a step are compared with each other; one that is absent keeps its weight, and those present keep
the sum that they had.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

ALPHA = 1.5
"""The paper's for its large networks (section 5); its toy takes .12."""
RATE = 0.025


def gradient_norms(losses: Mapping[str, Tensor], shared: Iterable[Tensor]) -> dict[str, float]:
    """Norm of each loss's gradient with respect to all of `shared` together; the graph is kept.

    Args:
        losses: scalars by name, without their weights.
        shared: parameters or activations from which the losses were computed. Those that need no gradient,
            and those that a loss does not use, count 0.

    >>> layer = torch.ones(2, requires_grad=True)
    >>> gradient_norms({"a": 3 * layer[0] + 4 * layer[1], "b": 2 * layer[0]}, [layer])
    {'a': 5.0, 'b': 2.0}
    """
    points = [point for point in shared if point.requires_grad]
    norms = dict.fromkeys(losses, 0.0)
    for name, loss in losses.items():
        if points and loss.requires_grad:
            found = torch.autograd.grad(loss, points, retain_graph=True, allow_unused=True)
            norms[name] = math.hypot(*(float(part.norm()) for part in found if part is not None))
    return norms


class GradNorm:
    """Weights that even out gradients and speeds.

    Args:
        alpha: α ≥ 0, how much more a slow loss may pull.

    >>> weighting = GradNorm(alpha=0.0)
    >>> for _ in range(200):
    ...     weighting.after_step({"near": 1.0, "far": 1.0}, {"near": 3.0, "far": 1.0})
    >>> [round(weighting.weight(name), 1) for name in ("near", "far")]
    [0.5, 1.5]
    """

    def __init__(self, alpha: float = ALPHA) -> None:
        self.alpha = alpha
        self._weights: dict[str, float] = {}
        self._first: dict[str, float] = {}

    def weight(self, name: str) -> float:
        """Weight of the loss of that name in the coming step."""
        return self._weights.get(name, 1.0)

    def after_step(self, losses: Mapping[str, float], norms: Mapping[str, float]) -> None:
        """Learn from a step's mean losses, without their weights, and from `gradient_norms` of them.

        A run over several processes gives the means over all of them, so that their weights stay alike.
        """
        for name in losses:
            self._weights.setdefault(name, 1.0)
            if (
                losses[name] > 0
            ):  # a loss that begins at 0 has no share left of it; its first value comes later
                self._first.setdefault(name, losses[name])
        names = [name for name in losses if name in norms and name in self._first]
        pulls = {name: self._weights[name] * norms[name] for name in names}
        mean_pull = sum(pulls.values()) / len(names) if names else 0.0
        left = {name: losses[name] / self._first[name] for name in names}
        mean_left = sum(left.values()) / len(names) if names else 0.0
        if not 0 < mean_pull * mean_left < math.inf:
            return  # nothing pulls, or nothing is left to learn
        before = sum(self._weights[name] for name in names)
        for name in names:
            target = mean_pull * (left[name] / mean_left) ** self.alpha
            slope = math.copysign(pulls[name] / mean_pull, pulls[name] - target)
            self._weights[name] *= math.exp(-RATE * slope)
        scale = before / sum(self._weights[name] for name in names)
        for name in names:
            self._weights[name] *= scale

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` takes."""
        return {"weights": dict(self._weights), "first": dict(self._first)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a saved state."""
        self._weights, self._first = dict(state["weights"]), dict(state["first"])
