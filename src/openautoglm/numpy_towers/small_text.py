"""`encoders/small_text.py` in numpy: a bag of subwords and neighbouring pairs → (d,)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openautoglm.numpy_towers.arithmetic import Floats, Weights, gelu, layer_norm, linear, softmax


def small_text(weights: Weights, shape: Mapping[str, Any], ids: NDArray[np.int64]) -> Floats:
    """The row vector of one text, (L,) ids without padding."""
    before = np.concatenate([[-1], ids[:-1]])
    with np.errstate(over="ignore"):  # products wrap around, as torch's do
        pairs = (before * 1000003 + ids) * 2654435761 % int(shape["pairs"])
    share = softmax(weights["weight.weight"][ids, 0])
    bag = share @ (weights["token.weight"][ids] + weights["pair.weight"][pairs])
    bag = layer_norm(bag, weights, "norm", 1e-5)
    return bag + linear(gelu(linear(bag, weights, "mlp.0")), weights, "mlp.2")
