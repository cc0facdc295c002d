"""Geometry of the joint space: how close partners are, and how the rest spreads over the sphere.

    alignment  = mean over pairs of ‖x − y‖²                          0 is best
    uniformity = log of the mean over i ≠ j of exp(−2 ‖x_i − x_j‖²)   0 is a collapsed space, −4 the limit

(Wang & Isola, 2020, arXiv:2005.10242, with α = 2 and t = 2.) A model can be well aligned because
everything lies in one spot; only the two figures together tell. For unit vectors ‖x − y‖² is
2 − 2·cosine, so both are read from cosines.

Shapes: x, y (N, D) of unit length.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SAMPLE = 8192
"""Above so many vectors uniformity is estimated on a seeded sample: its cost grows with the square."""

_BLOCK_ROWS = 1024


def pair_cosines(left: NDArray[np.float32], right: NDArray[np.float32]) -> NDArray[np.float32]:
    """Compute the (N,) cosines of pairs of rows."""
    return np.einsum("nd,nd->n", left, right)


def squared_distances(cosines: NDArray[np.floating]) -> NDArray[np.float64]:
    """Compute (N,) ‖x − y‖² of unit vectors with these (N,) cosines; their mean is the alignment.

    >>> squared_distances(np.array([1.0, 0.5])).tolist()
    [0.0, 1.0]
    """
    return 2 - 2 * cosines.astype(np.float64)


def uniformity(vectors: NDArray[np.float32], seed: int = 0) -> float:
    """Compute the log of the mean Gaussian potential between two different vectors.

    Raises:
        ValueError: if there are not at least two vectors.

    >>> round(uniformity(np.array([[1.0, 0.0], [0.0, 1.0]], np.float32)), 6)
    -4.0
    """
    if len(vectors) < 2:
        raise ValueError(f"uniformity needs two vectors or more; got {len(vectors)}")
    if len(vectors) > SAMPLE:
        vectors = vectors[np.random.default_rng(seed).choice(len(vectors), SAMPLE, replace=False)]
    size, total = len(vectors), 0.0
    for start in range(0, size, _BLOCK_ROWS):
        cosines = vectors[start : start + _BLOCK_ROWS] @ vectors.T
        # A vector's potential with itself is exactly 1; its computed cosine may not be, so it is left out.
        cosines[np.arange(len(cosines)), np.arange(start, start + len(cosines))] = -np.inf
        total += float(np.exp(4 * cosines - 4).sum(dtype=np.float64))
    return float(np.log(total / (size * (size - 1))))
