"""The learned temperature of a contrastive loss, stored as CLIP stores it: `logit_scale = ln(1/τ)`.

The scale exp(logit_scale) is kept between 1 and 100 (Radford et al., 2021, arXiv:2103.00020,
section 2.5): above, float32 training becomes unstable; below, the softmax is flat.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

MAX_SCALE = 100.0


def learned_scale(temperature: float) -> nn.Parameter:
    """Make a scalar parameter that starts at ln(1/temperature).

    >>> round(learned_scale(0.07).exp().item(), 3)
    14.286
    """
    if not 1 / MAX_SCALE <= temperature <= 1:
        raise ValueError(f"temperature={temperature} is outside [{1 / MAX_SCALE}, 1]; CLIP starts at 0.07")
    return nn.Parameter(torch.tensor(math.log(1 / temperature)))


def clamped_scale(logit_scale: nn.Parameter) -> Tensor:
    """Return exp(logit_scale), after moving the parameter itself back into [0, ln 100].

    The parameter is moved, not its image: a clamp inside the graph has no gradient outside its
    range, and a scale that once overshot could never come back.
    """
    logit_scale.data.clamp_(0.0, math.log(MAX_SCALE))
    return logit_scale.exp()
