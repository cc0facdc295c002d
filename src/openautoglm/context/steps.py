"""Which steps of a sequence are real: every part that keeps a state between pieces asks this first."""

from __future__ import annotations

import torch
from torch import Tensor


def real_steps(steps: Tensor, mask: Tensor | None) -> Tensor:
    """(B, T) bool for `steps` (B, T, d): `mask`, or all of them.

    Raises:
        ValueError: if the mask is not of that shape and boolean.

    >>> real_steps(torch.zeros(1, 2, 3), None)
    tensor([[True, True]])
    """
    if mask is None:
        return torch.ones(steps.shape[:2], dtype=torch.bool, device=steps.device)
    if mask.shape != steps.shape[:2] or mask.dtype != torch.bool:
        raise ValueError(
            f"mask is {mask.dtype} {tuple(mask.shape)}; expected bool {tuple(steps.shape[:2])}, "
            "True at real steps"
        )
    return mask
