"""Muon for convolutions, AdamW for all else, as one optimizer.

Choose it for convolutional towers that learn from scratch: each step moves a kernel equally far in all its
directions instead of mostly in the few that dominate the gradient, and a small tower needs
fewer pictures to get to the same loss. Pretrained towers stay with AdamW, which they were trained with.

    m ← β m + (1 − β) g,   u = orthogonal((1 − β) g + β m)           kernels as matrices (out, in · h · w)
    w ← (1 − rate · decay) w − rate · √max(1, out / rest) · u

orthogonal(u) replaces the singular values of u by about 1, by five Newton–Schulz iterations of a quintic.

Source: K. Jordan et al., 2024, https://kellerjordan.github.io/posts/muon/; AdamW: Loshchilov and
Hutter, 2019, arXiv:1711.05101.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim.adamw import adamw

QUINTIC = (3.4445, -4.7750, 2.0315)
"""Coefficients of a x + b x³ + c x⁵, steep at 0: small singular values reach about 1 in five iterations."""
ITERATIONS = 5


class Muon(torch.optim.Optimizer):
    """Groups with `"muon": True` are stepped by Muon, the others by AdamW; each has `lr` and `weight_decay`.

    >>> kernel = torch.nn.Parameter(torch.zeros(2, 2, 1, 1))
    >>> kernel.grad = torch.tensor([[9.0, 0.0], [0.0, 0.1]]).view_as(kernel)
    >>> Muon([{"params": [kernel], "muon": True}], lr=1.0).step()
    >>> bool((kernel.view(2, 2).diag() < -0.6).all())  # both directions move alike
    True
    """

    def __init__(
        self,
        params: Iterable[dict[str, Any]],
        lr: float,
        momentum: float = 0.95,
        betas: tuple[float, float] = (0.9, 0.98),
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(
            params,
            {"lr": lr, "momentum": momentum, "betas": betas, "weight_decay": weight_decay, "muon": False},
        )

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step of every parameter that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            (self._muon if group["muon"] else self._adamw)(group, group["params"])
        return loss

    def _muon(self, group: dict[str, Any], params: list[Tensor]) -> None:
        for p in params:
            if p.grad is None:
                continue
            mean = self.state[p].setdefault("mean", torch.zeros_like(p)).lerp_(p.grad, 1 - group["momentum"])
            update = orthogonal(p.grad.lerp(mean, group["momentum"]).flatten(1))
            gain = max(1.0, update.shape[0] / update.shape[1]) ** 0.5
            p.mul_(1 - group["lr"] * group["weight_decay"])
            p.add_(update.view(p.shape), alpha=-group["lr"] * gain)

    def _adamw(self, group: dict[str, Any], params: list[Tensor]) -> None:
        params = [p for p in params if p.grad is not None]
        for p in params:
            if not self.state[p]:
                self.state[p].update(
                    step=torch.zeros(()), mean=torch.zeros_like(p), square=torch.zeros_like(p)
                )
        states = [self.state[p] for p in params]
        adamw(
            params,
            [p.grad for p in params if p.grad is not None],
            [s["mean"] for s in states],
            [s["square"] for s in states],
            [],
            [s["step"] for s in states],
            foreach=True,
            amsgrad=False,
            beta1=group["betas"][0],
            beta2=group["betas"][1],
            lr=group["lr"],
            weight_decay=group["weight_decay"],
            eps=1e-8,
            maximize=False,
        )


def orthogonal(matrix: Tensor) -> Tensor:
    """Replace the singular values of `matrix` by values near 1 (0.7 to 1.2); bfloat16 inside.

    >>> torch.linalg.svdvals(orthogonal(torch.diag(torch.tensor([5.0, 1.0])))).gt(0.6).tolist()
    [True, True]
    """
    wide = matrix.shape[0] <= matrix.shape[1]
    x = (matrix if wide else matrix.t()).bfloat16()
    x = x / (x.norm() + 1e-7)
    a, b, c = QUINTIC
    for _ in range(ITERATIONS):
        square = x @ x.t()
        x = a * x + (b * square + c * square @ square) @ x
    return (x if wide else x.t()).to(matrix.dtype)
