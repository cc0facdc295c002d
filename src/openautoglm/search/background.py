"""What the catalogue's vectors look like as a whole: a sample of them, so that a score can be judged.

A cosine of 0.3 may be a sentence's best match and a picture's worst. Held against the scores that the same
query has with rows at random, both speak one language:

    spread(v)   standard deviation of v · x over the sample             one number a query part
    judge(v)    (mean, spread) of the same                              what `relevance.py` starts from

A model that fuses rows makes fused vectors that lie elsewhere; of these there is a sample of its own
(`of_rows`). Both are drawn when the index is made and lie in the workspace's `cache/`; without them (the
cache was deleted, the folder is read-only) a search draws them anew.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from openautoglm.evaluate.encoding import Vectors
from openautoglm.search.vectors import FUSED, KEY, VECTORS, fuses_rows

if TYPE_CHECKING:
    from openautoglm.catalog.catalog import Catalog

SAMPLE = 2048
"""Rows in the sample; the spread is then known to about 1.6 %."""
FEW = 8
"""Rows below which a spread says nothing."""


@dataclass(frozen=True)
class Background:
    """A sample of a model's vectors in the index."""

    vectors: Vectors
    """(n, D) unit vectors: a row's picture's, or its texts' where it has no picture."""
    fused: Vectors | None = None
    """(m, D) fused ones; None where they are but means of pictures and texts."""

    @property
    def of_rows(self) -> Background:
        """What fused vectors are judged by."""
        return self if self.fused is None else Background(self.fused)

    def judge(self, vector: Vectors) -> tuple[float, float]:
        """Tell the mean and the standard deviation of a query's scores with rows at random.

        >>> Background(np.zeros((0, 2), np.float32)).judge(np.ones(2, np.float32))
        (0.0, 1.0)
        """
        if len(self.vectors) < FEW:
            return 0.0, 1.0
        scores = self.vectors @ vector
        return float(scores.mean()), max(float(scores.std()), 1e-4)

    @classmethod
    def of(cls, catalog: Catalog, fingerprint: str) -> Background:
        """Read the sample, or draw it where there is none."""
        path = _path(catalog.folder, fingerprint)
        try:
            with np.load(path) as kept:
                return cls(kept["vectors"], kept.get("fused"))
        except (OSError, ValueError, KeyError):
            return cls.draw(catalog, fingerprint)

    @classmethod
    def draw(cls, catalog: Catalog, fingerprint: str) -> Background:
        """Draw the sample from the index as it is now; the same rows give the same sample."""
        dataset = catalog.dataset
        rows = dataset.count_rows()
        # More than needed: some rows have no vectors, or those of another model.
        places = np.random.default_rng(0).permutation(rows)[: 2 * SAMPLE]
        table = dataset.take(np.sort(places).tolist(), columns=[*VECTORS[:2], KEY])
        own = [str(key).startswith(f"{fingerprint}:") for key in table[KEY].to_pylist()]
        pictures, texts = (_matrix(table[name]) for name in VECTORS[:2])
        vectors = np.where(np.isnan(pictures), texts, pictures)
        usable = np.array(own, bool) & ~np.isnan(vectors).any(axis=1)
        drawn = np.ascontiguousarray(vectors[usable][:SAMPLE])
        if not any(fuses_rows(key) for key in table[KEY].to_pylist()):
            return cls(drawn)
        fused = _matrix(dataset.take(np.sort(places).tolist(), columns=[FUSED])[FUSED])
        usable = np.array(own, bool) & ~np.isnan(fused).any(axis=1)
        return cls(drawn, np.ascontiguousarray(fused[usable][:SAMPLE]))

    def save(self, folder: Path, fingerprint: str) -> None:
        """Keep the sample in the workspace `folder`; where it cannot be written, searches draw it."""
        path = _path(folder, fingerprint)
        with contextlib.suppress(OSError):
            path.parent.mkdir(exist_ok=True)
            draft = path.with_suffix(".tmp")
            with draft.open("wb") as file:
                if self.fused is None:
                    np.savez(file, vectors=self.vectors)
                else:
                    np.savez(file, vectors=self.vectors, fused=self.fused)
            draft.replace(path)


def _path(folder: Path, fingerprint: str) -> Path:
    return folder / "cache" / f"background-{fingerprint[:16]}.npz"


def _matrix(column: pa.ChunkedArray) -> Vectors:
    """(n, D) of a column of lists; NaN where a row has none."""
    size = column.type.list_size
    there = column.is_valid().to_numpy()
    values = np.full((len(there), size), np.nan, np.float32)
    flat = column.drop_null().combine_chunks()
    if len(flat):
        values[there] = np.asarray(flat.flatten(), np.float32).reshape(-1, size)
    return values
