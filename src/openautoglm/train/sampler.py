"""Which rows make up the batch of a step: a pure function of (seed, step).

Nothing is remembered between steps, so a run that was killed and resumed at step n draws exactly
the batches it would have drawn; there is no sampler state to save. Each epoch is a fresh order of all
rows, cut into full batches; the few rows that do not fill one wait for the next epoch's order.

With `groups` and `together > 1` the rows of one group (several pictures of one concept, say) come in
runs of up to `together`, for losses that compare them within a batch. Every row still comes once an epoch.
"""

from __future__ import annotations

import zlib
from functools import lru_cache

import numpy as np


def derive(seed: int, step: int, purpose: str) -> int:
    """A 63-bit seed for one purpose in one step; different purposes draw independently.

    >>> derive(0, 7, "captions") == derive(0, 7, "captions") != derive(0, 7, "augment")
    True
    """
    mixed = np.random.SeedSequence([seed, step, zlib.crc32(purpose.encode())])
    return int(mixed.generate_state(1, np.uint64)[0] >> np.uint64(1))


class Sampler:
    """Batches of positions 0 … rows−1.

    Args:
        rows: how many rows there are to draw from.
        batch_size: rows in each batch; must not exceed `rows`.
        groups: (rows,) group number of each row; needed when `together > 1`.
        together: rows of one group that are drawn side by side.

    >>> Sampler(rows=4, batch_size=2, seed=0).steps_per_epoch
    2
    """

    def __init__(
        self, rows: int, batch_size: int, seed: int, groups: np.ndarray | None = None, together: int = 1
    ) -> None:
        if not 1 <= batch_size <= rows:
            raise ValueError(f"batch_size {batch_size} does not fit {rows} rows; choose 1 to {rows}")
        if together > 1 and groups is None:
            raise ValueError(f"together={together} needs the rows' groups")
        self.rows, self.batch_size, self.seed = rows, batch_size, seed
        self.groups, self.together = groups, together
        self.steps_per_epoch = rows // batch_size
        self._order = lru_cache(maxsize=2)(self._draw_order)

    def batch(self, step: int) -> np.ndarray:
        """(batch_size,) positions for `step`, counted from 0; no position twice."""
        epoch, place = divmod(step, self.steps_per_epoch)
        return self._order(epoch)[place * self.batch_size :][: self.batch_size]

    def _draw_order(self, epoch: int) -> np.ndarray:
        draw = np.random.default_rng(derive(self.seed, epoch, "order"))
        order = draw.permutation(self.rows)
        if self.groups is None or self.together == 1:
            return order
        # Sort by group, keeping the random order inside each; cut each group into runs; shuffle the runs.
        order = order[np.argsort(self.groups[order], kind="stable")]
        sorted_groups = self.groups[order]
        starts = np.flatnonzero(np.r_[True, sorted_groups[1:] != sorted_groups[:-1]])
        rank = np.arange(self.rows) - np.repeat(starts, np.diff(np.r_[starts, self.rows]))
        run = np.cumsum(rank % self.together == 0) - 1
        return order[np.argsort(draw.permutation(run[-1] + 1)[run], kind="stable")]
