"""What every tower returns, whatever it reads.

>>> tokens = torch.tensor([[[2.0], [4.0], [9.0]]])
>>> mean_of_real(tokens, torch.tensor([[True, True, False]]))
tensor([[3.]])
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Encoded(NamedTuple):
    """One modality of a batch, encoded."""

    tokens: Tensor
    """(B, L, d) one vector per patch or token."""
    pooled: Tensor
    """(B, d) one vector per row."""
    mask: Tensor
    """(B, L) bool, True for a real token, False for padding."""


def mean_of_real(tokens: Tensor, mask: Tensor) -> Tensor:
    """(B, d): the mean of `tokens` (B, L, d) over the real ones; 0 where a row has none.

    What stands in padding, even NaN, does not reach the result.
    """
    kept = torch.where(mask.unsqueeze(-1), tokens, 0.0)
    return kept.sum(dim=1) / mask.sum(dim=1, keepdim=True).clamp(min=1)
