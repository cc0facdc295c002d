"""Regression: a number from a row's vector, with its scale kept and an interval around it.

    prediction = mean + std · (W · LayerNorm(x) + b)      mean and std of the training rows
    loss       = mean smooth L1 of the standardised error (Huber 1964): outliers pull no harder than linearly

    MAE        mean |error|, in the column's own unit
    R²         1 − Σ error² / Σ (label − mean of the labels)²

The interval is the split conformal one (Lei et al. 2018, arXiv:1604.04173): half as wide as the
⌈(n + 1) · level⌉-th smallest |error| on n validation rows, so that a new row's label lies in it with at least
that probability, whatever the model is, as long as rows of validation and use are alike.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

LEVEL = 0.9
"""Share of labels that the interval is to hold."""
Floats = NDArray[np.floating]


def number_loss(outputs: Tensor, labels: Tensor) -> Tensor | None:
    """Smooth L1 over the labelled rows, both (B,) and standardised, NaN for no label; None without any."""
    known = ~labels.isnan()
    return functional.smooth_l1_loss(outputs[known], labels[known]) if bool(known.any()) else None


def absolute_error(predicted: Floats, labels: Floats) -> float:
    """Mean |error| of n rows."""
    return float(np.abs(predicted - labels).mean())


def r_squared(predicted: Floats, labels: Floats) -> float | None:
    """1 for perfect, 0 for as good as the mean, negative for worse; None where all labels are equal.

    >>> r_squared(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 4.0])).__round__(4)
    0.7857
    """
    spread = float(((labels - labels.mean()) ** 2).sum())
    return 1 - float(((predicted - labels) ** 2).sum()) / spread if spread else None


def half_width(errors: Floats, level: float = LEVEL) -> float | None:
    """Half the width of the interval, from n errors on validation rows; None where they are too few.

    >>> half_width(np.arange(1.0, 20.0), level=0.9)
    18.0
    """
    place = math.ceil((len(errors) + 1) * level)
    return float(np.sort(np.abs(errors))[place - 1]) if place <= len(errors) else None
