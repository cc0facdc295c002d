"""The columns of vectors that an index keeps beside each row, and which model made them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from openautoglm.evaluate.encoding import Vectors

if TYPE_CHECKING:
    from openautoglm.catalog.catalog import Catalog

IMAGE, TEXT, FUSED = VECTORS = ("_image_embeds", "_text_embeds", "_fused_embeds")
KEY = "_embeds_key"
"""FINGERPRINT:CONTENT, what the vectors were made from and by which model."""


def made_by(fingerprint: str) -> str:
    """Write the SQL condition for rows with vectors of the model of this fingerprint."""
    quoted = fingerprint.replace("'", "''")
    return f"starts_with({KEY}, '{quoted}:')"


def indexed_rows(catalog: Catalog) -> dict[str, int]:
    """Count the rows that have vectors, by the fingerprint of the model that made them."""
    keys = catalog.read([KEY])[KEY].drop_null().to_pylist()
    return dict(Counter(key.partition(":")[0] for key in keys).most_common())


def unit_mean(vectors: Sequence[Vectors]) -> Vectors:
    """Return the mean direction of one unit vector or more, (D,) each.

    >>> unit_mean([np.array([1, 0], np.float32), np.array([0, 1], np.float32)]).round(3).tolist()
    [0.7070000171661377, 0.7070000171661377]
    """
    mean = np.mean(vectors, axis=0, dtype=np.float64)
    length = np.linalg.norm(mean)
    # Opposite vectors cancel out; then either one says more than none.
    return np.asarray(mean / length if length > 1e-6 else vectors[0], np.float32)
