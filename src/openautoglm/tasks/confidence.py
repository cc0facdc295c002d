"""Confidence that can be taken at its word: temperature, and when to abstain.

    p = softmax(logits / T)      T makes the negative log likelihood of validation rows smallest
                                 (Guo et al. 2017, arXiv:1706.04599); it never changes which class is first

The abstain threshold is the lowest confidence at which at least a wanted share of the validation rows
that reach it are right; below it, a prediction is better left to a person.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Labels = NDArray[np.int64]

RANGE = (0.05, 20.0)
_ROUNDS = 60


def softmax(logits: Floats, temperature: float = 1.0) -> NDArray[np.float64]:
    """Probabilities (n, C) of logits (n, C).

    >>> softmax(np.array([[0.0, np.log(3)]])).round(6).tolist()
    [[0.25, 0.75]]
    """
    scaled = np.asarray(logits, np.float64) / temperature
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    found: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return found


def fit_temperature(logits: Floats, labels: Labels) -> float:
    """Find T by golden-section search over its logarithm; the loss has one minimum in 1 / T.

    Args:
        logits: (n, C) of validation rows.
        labels: (n,), −1 where there is none.
    """
    known = labels >= 0
    if not known.any():
        return 1.0
    given, right = np.asarray(logits, np.float64)[known], labels[known]

    def loss(log_temperature: float) -> float:
        scaled = given / np.exp(log_temperature)
        top = scaled.max(axis=1)
        sums = np.log(np.exp(scaled - top[:, None]).sum(axis=1)) + top
        return float((sums - scaled[np.arange(len(right)), right]).mean())

    low, high = np.log(RANGE[0]), np.log(RANGE[1])
    ratio = (np.sqrt(5) - 1) / 2
    left, right_ = high - ratio * (high - low), low + ratio * (high - low)
    at_left, at_right = loss(left), loss(right_)
    for _ in range(_ROUNDS):
        if at_left <= at_right:
            high, right_, at_right = right_, left, at_left
            left = high - ratio * (high - low)
            at_left = loss(left)
        else:
            low, left, at_left = left, right_, at_right
            right_ = low + ratio * (high - low)
            at_right = loss(right_)
    return float(np.exp((low + high) / 2))


def abstain_below(confidence: Floats, right: NDArray[np.bool_], share: float) -> float | None:
    """Find the lowest confidence from which on at least `share` are right; None where there is none.

    >>> abstain_below(np.array([0.9, 0.8, 0.7, 0.6]), np.array([True, True, False, True]), share=0.9)
    0.8
    """
    order = np.argsort(-confidence, kind="stable")
    levels = confidence[order]
    good = np.cumsum(right[order]) / np.arange(1, len(order) + 1) >= share
    # Rows of one confidence stand or fall together.
    last = np.append(levels[1:] != levels[:-1], True)
    places = np.flatnonzero(good & last)
    return float(levels[places[-1]]) if len(places) else None
