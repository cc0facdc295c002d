"""What every fusion strategy takes, returns and keeps to.

    pooled (B, M, d), present (B, M)  ─ Strategy ─▶  embeds (B, d), gates (B, M)

- A row's gates sum to 1; an absent modality's gate is exactly 0.
- What stands in an absent slot, be it NaN, changes no bit of the result and of any gradient: `forward` puts 0
  there before a strategy sees it. `where` does that; multiplying by 0 would let NaN through.
- A row without any modality is refused.
- Everything is computed in the precision of the weights (float32 or better without any), also under
  autocast: in half precision the gates of a row would no longer sum to 1.

A strategy is a subclass with one method, `mix`. Those that read tokens say so by `wants_tokens`; handed
none, they read each pooled vector as a single token. Two strategies have no gates by nature (`concat`,
`low_rank`); theirs are measured, by `influence`.

>>> from openautoglm.fuse.mean_pool import MeanPool
>>> MeanPool(dim=2, modalities=2)(torch.eye(2).expand(1, 2, 2), torch.tensor([[True, True]])).embeds
tensor([[0.5000, 0.5000]])
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from openautoglm.fuse.mixer import Mixer

Tokens = tuple[Tensor, Tensor]
"""Tokens (B, L, d) of a modality, and which of them are real (B, L, bool)."""


class Fused(NamedTuple):
    """What every fusion strategy returns."""

    embeds: Tensor
    """(B, d) one vector per row."""
    gates: Tensor
    """(B, M) share of each modality in the row's vector; rows sum to 1, absent ones are 0."""
    parts: Tensor | None = None
    """(B, M, d) the modalities still apart, absent ones 0: of `late` alone, whose heads see one at a time."""

    def predict(self, head: Callable[[Tensor], Tensor]) -> Tensor:
        """Apply `head`, (…, d) → (…, C), to each row → (B, C); where there are `parts`, to each of them.

        What it says of the parts is averaged by the gates, whatever it is: probabilities, if it ends in a
        softmax.
        """
        if self.parts is None:
            return head(self.embeds)
        return (self.gates.unsqueeze(-1) * head(self.parts)).sum(dim=1)


class Strategy(nn.Module, ABC):
    """A way to make one vector of a row's modalities.

    Args:
        dim: size d of each modality's pooled vector.
        modalities: number M of modalities, present or not.
        mixer: hidden width of an MLP after the fusion (`mixer.py`); None for none.
    """

    wants_tokens: ClassVar[bool] = False
    """Whether it reads tokens, which are then worth projecting."""
    comparable: ClassVar[bool] = True
    """Whether a lone modality keeps its vector, so that any mixture compares with any other by cosine."""
    size: ClassVar[str] = "mixer"
    """The argument that sets how many parameters it has (`matched.py`)."""

    def __init__(self, dim: int, modalities: int, mixer: int | None = None) -> None:
        super().__init__()
        self.dim, self.modalities = dim, modalities
        self.mixer = None if mixer is None else Mixer(dim, mixer)

    def forward(
        self, pooled: Tensor, present: Tensor, tokens: Sequence[Tokens | None] | None = None
    ) -> Fused:
        """Fuse `pooled` (B, M, d) under `present` (B, M, bool).

        Args:
            pooled: one vector per row and modality; arbitrary where absent.
            present: which modalities a row has.
            tokens: per modality None or its tokens (B, L_m, d), whose absent rows are arbitrary, with their
                mask (B, L_m). Read by strategies that want tokens, and by no other.

        Raises:
            ValueError: if a shape is another, or if a row has no modality at all; such rows must be left out
                before.
        """
        self._check(pooled, present, tokens)
        with torch.autocast(pooled.device.type, enabled=False):
            pooled = torch.where(present.unsqueeze(-1), pooled.to(self._precision(pooled)), 0.0)
            fused = self.mix(pooled, present, tokens if self.wants_tokens else None)
            if self.mixer is None:
                return fused
            if fused.parts is None:
                return fused._replace(embeds=self.mixer(fused.embeds))
            parts = torch.where(present.unsqueeze(-1), self.mixer(fused.parts), 0.0)
            return Fused(weighted(fused.gates, parts), fused.gates, parts)

    @abstractmethod
    def mix(self, pooled: Tensor, present: Tensor, tokens: Sequence[Tokens | None] | None) -> Fused:
        """Do what `forward` says, absent vectors being 0 and no row empty; `tokens` as they were given."""

    def _precision(self, pooled: Tensor) -> torch.dtype:
        weight = next(self.parameters(), None)
        return torch.promote_types(pooled.dtype, torch.float32) if weight is None else weight.dtype

    def _check(self, pooled: Tensor, present: Tensor, tokens: Sequence[Tokens | None] | None) -> None:
        wanted = (len(present), self.modalities, self.dim)
        if pooled.shape != wanted:
            raise ValueError(f"pooled is {tuple(pooled.shape)}; expected (B, M, d) = {wanted}")
        if present.shape != wanted[:2] or present.dtype != torch.bool:
            raise ValueError(
                f"present is {present.dtype} {tuple(present.shape)}; expected bool (B, M) = {wanted[:2]}"
            )
        if tokens is not None and len(tokens) != self.modalities:
            raise ValueError(
                f"tokens has {len(tokens)} entries for {self.modalities} modalities; give each one, or None"
            )
        if not present.any(dim=1).all():
            row = int((~present.any(dim=1)).nonzero()[0])
            raise ValueError(f"row {row} of the batch has no modality; leave such rows out")


def shares(scores: Tensor, present: Tensor) -> Tensor:
    """Softmax of `scores` (B, M, …) over the modalities that are `present` (B, M): the others' are exactly 0.

    >>> shares(torch.tensor([[0.0, 9.0, 0.0]]), torch.tensor([[True, False, True]]))
    tensor([[0.5000, 0.0000, 0.5000]])
    """
    mask = present.reshape(*present.shape, *[1] * (scores.dim() - 2))
    return scores.masked_fill(~mask, -torch.inf).softmax(dim=1)


def equal_shares(present: Tensor, like: Tensor) -> Tensor:
    """1 / number of present modalities for each of them (B, M), in the precision of `like`."""
    return present.to(like.dtype) / present.sum(dim=1, keepdim=True)


def weighted(gates: Tensor, vectors: Tensor) -> Tensor:
    """Σ_m gates (B, M) of vectors (B, M, d) → (B, d)."""
    return (gates.unsqueeze(-1) * vectors).sum(dim=1)


@torch.no_grad()
def influence(fuse: Callable[[Tensor], Tensor], present: Tensor) -> Tensor:
    """Gates (B, M) of a strategy that has none: how far the result moves when a modality is left out.

        c_m = ‖fuse(present) − fuse(present without m)‖       gate_m = c_m / Σ_n c_n

    No gradient flows through them. Where nothing moves the result, all present ones have an equal share.

    Args:
        fuse: presence (B, M), also of rows with nothing → embeds (B, d).
        present: which modalities a row has.
    """
    whole = fuse(present)
    alone = torch.eye(present.shape[1], dtype=torch.bool, device=present.device)
    moved = torch.stack([(whole - fuse(present & ~one)).norm(dim=-1) for one in alone], dim=1)
    moved = moved.masked_fill(~present, 0.0)
    total = moved.sum(dim=1, keepdim=True)
    return torch.where(total > 0, moved / total, equal_shares(present, moved))
