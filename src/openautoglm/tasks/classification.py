"""Classification: one class of several, or any number of tags, from a row's vector.

Choose "class" where a row has exactly one answer and "tags" where it may have none or many. Rows without a
label take no part.

    logits   = W · LayerNorm(x) + b                                          (B, C)
    class    loss = − mean log softmax(logits + balance · log prior)[label]
    tags     loss = mean over labels of binary cross-entropy

With `balance` 0 the model aims at the share of right answers; with 1, each class counts alike however rare it
is (logit adjustment, Menon et al. 2021, arXiv:2007.07314, eq. 10): the prior is added while learning and
left out when predicting.

Figures of n rows with probabilities p (n, C):

    accuracy    share of rows whose most probable class is the label
    macro F1    mean over the classes that occur of 2 · hits / (predicted + labelled)
    AUROC       mean over the classes that occur, and do not alone, of P(p of a row of it > p of another row)
    ECE         expected calibration error: Σ over BINS equal bins of confidence of
                |accuracy − confidence| · share (Guo et al. 2017, arXiv:1706.04599, eq. 3)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

BINS = 15
Floats = NDArray[np.floating]
Labels = NDArray[np.int64]


def class_loss(
    logits: Tensor, labels: Tensor, counts: Sequence[int] = (), balance: float = 0.0
) -> Tensor | None:
    """Cross-entropy over the labelled rows; None where there is none.

    Args:
        logits: (B, C).
        labels: (B,) int64, −1 where there is no label.
        counts: (C,) training rows of each class; needed by `balance`.
        balance: 0 … 1, how much rare classes are made up for.
    """
    known = labels >= 0
    if not bool(known.any()):
        return None
    if balance:
        prior = torch.tensor(counts, dtype=logits.dtype, device=logits.device)
        logits = logits + balance * (prior / prior.sum()).log()
    return functional.cross_entropy(logits[known], labels[known])


def tags_loss(logits: Tensor, labels: Tensor) -> Tensor | None:
    """Binary cross-entropy over labelled rows; logits, labels (B, C), NaN for no label; None without any."""
    known = ~labels.isnan().any(dim=1)
    if not bool(known.any()):
        return None
    return functional.binary_cross_entropy_with_logits(logits[known], labels[known])


def accuracy(probabilities: Floats, labels: Labels) -> float:
    """Share of the n rows whose most probable class is the label.

    >>> accuracy(np.array([[0.9, 0.1], [0.6, 0.4]]), np.array([0, 1]))
    0.5
    """
    return float((probabilities.argmax(axis=1) == labels).mean())


def macro_f1(predicted: Labels, labels: Labels, classes: int) -> float:
    """Mean F1 over the classes that are labelled or predicted."""
    hits = np.bincount(labels[predicted == labels], minlength=classes)
    sizes = np.bincount(predicted, minlength=classes) + np.bincount(labels, minlength=classes)
    there = sizes > 0
    return float((2 * hits[there] / sizes[there]).mean())


def auroc(scores: Floats, positive: NDArray[np.bool_]) -> float | None:
    """P(a positive scores above a negative), ties half; None where one kind is missing.

    >>> auroc(np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True]))
    0.75
    """
    positives = int(positive.sum())
    negatives = len(positive) - positives
    if not positives or not negatives:
        return None
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    above = ranks[positive].sum() - positives * (positives + 1) / 2
    return float(above / (positives * negatives))


def macro_auroc(probabilities: Floats, labels: Labels) -> float | None:
    """Mean of each class against the rest; None where no class can be told from others."""
    each = [auroc(probabilities[:, one], labels == one) for one in range(probabilities.shape[1])]
    known = [value for value in each if value is not None]
    return float(np.mean(known)) if known else None


def calibration_error(probabilities: Floats, labels: Labels) -> float:
    """Expected calibration error of the most probable class."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = np.bincount(bins, weights=right - confidence, minlength=BINS)
    return float(np.abs(gaps).sum() / len(labels))
