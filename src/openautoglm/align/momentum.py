"""A slow copy of an encoder, whose embeddings change little from step to step (MoCo, ALBEF).

Choose it together with `queue`: negatives of many steps ago are only comparable with those of now
if the encoder that made them has hardly moved since.

    θ_slow ← m · θ_slow + (1 − m) · θ        after each optimiser step

Floating buffers (running means and variances) move the same way, so that they fit the averaged
weights; integer buffers are copied. He et al., 2020, arXiv:1911.05722, eq. 2.
"""

from __future__ import annotations

import copy
from typing import Any, Self

import torch
from torch import Tensor, nn


class MomentumEncoder(nn.Module):
    """Exponential moving average of `encoder`: no gradient, always in evaluation mode.

    Args:
        encoder: any module; it is copied, not kept.
        momentum: m, the share of the old value that stays at each update.

    >>> online = nn.Linear(1, 1, bias=False)
    >>> slow = MomentumEncoder(online, momentum=0.75)
    >>> _ = nn.init.zeros_(slow.encoder.weight), nn.init.ones_(online.weight)
    >>> slow.update(online)
    >>> slow(torch.ones(1, 1)).item()
    0.25
    """

    def __init__(self, encoder: nn.Module, momentum: float = 0.995) -> None:
        super().__init__()
        if not 0 <= momentum < 1:
            raise ValueError(f"momentum={momentum} is outside [0, 1); 0.995 is usual")
        self.encoder = copy.deepcopy(encoder).requires_grad_(False)
        self.momentum = momentum
        self.train(False)

    def train(self, mode: bool = True) -> Self:
        """Stay in evaluation mode: targets should not change with dropout."""
        return super().train(False)

    @torch.no_grad()
    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Return whatever the encoder returns, without a graph."""
        return self.encoder(*args, **kwargs)

    @torch.no_grad()
    def update(self, encoder: nn.Module) -> None:
        """Move towards `encoder`; call it after the optimiser's step."""
        slow, fast = _state(self.encoder), _state(encoder)
        if slow.keys() != fast.keys():
            name = sorted(slow.keys() ^ fast.keys())[0]
            raise ValueError(f"the encoder differs from the one that was copied, for example in {name!r}")
        moving = [name for name, value in slow.items() if value.is_floating_point()]
        if moving:
            torch._foreach_lerp_(
                [slow[name] for name in moving], [fast[name] for name in moving], 1 - self.momentum
            )
        for name in slow.keys() - set(moving):
            slow[name].copy_(fast[name])


def _state(module: nn.Module) -> dict[str, Tensor]:
    """Parameters and all buffers, also those that are not saved; a shared tensor once."""
    return {**dict(module.named_parameters()), **dict(module.named_buffers())}
