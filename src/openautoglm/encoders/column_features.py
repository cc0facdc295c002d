"""What is learned of one structured column from the training split, and how its cells become numbers.

    number    mid-rank quantile normalisation: of n values, F(v) = (#{below v} + #{equal v} / 2) / n, and
              z(v) = Φ⁻¹(F(v)); between the values that are kept (`KNOTS` at most) z is linear, outside them
              constant, so that 1e30 is no more than "the largest".
    category  0 missing; 1 unknown, or seen fewer than `FEWEST` times; then the values by falling frequency.
              A column with more than `MOST` of them keeps the most frequent ones, and all others, new ones
              too, fall into `BUCKETS` by hash: that is how a column of free text is read.
    date      a trend, which is the time's number z(v), and the angles of month, day of the month, weekday
              and (for times) hour, each as cosine and sine. Zones are taken to UTC. Beyond the training's
              dates the trend stands still, as it does for trees.
    tags      ids as of a category, any number of them.

Values are compared after Unicode NFC. Quantile normalisation before a neural network: Gorishniy et al., 2022,
arXiv:2203.05556, section 4; hashing: Weinberger et al., 2009, arXiv:0902.2206.
"""

from __future__ import annotations

import hashlib
import math
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import NormalDist
from typing import Self

import numpy as np
from numpy.typing import NDArray

KNOTS = 256
"""Values of a number that are kept."""
FEWEST = 2
"""Times that a category must be seen to get a vector of its own."""
MOST = 1024
"""Categories with a vector of their own."""
BUCKETS = 256
"""Vectors that the rest of a column with more than `MOST` categories shares."""
MISSING, UNKNOWN, FIRST = 0, 1, 2
"""Ids of categories: nothing there, not known, the first known one."""
_EPOCH = datetime(1970, 1, 1)
_LARGEST = 1e300
_CLOSEST = 1e-290
"""Values nearer than this are one: the slope between them would not be a number."""


@dataclass(frozen=True)
class NumberFeature:
    """Quantile normalisation of one column; `values` rise strictly, `scores` are their z."""

    name: str
    values: tuple[float, ...]
    scores: tuple[float, ...]

    @classmethod
    def fit(cls, name: str, cells: Iterable[float]) -> Self:
        """Learn it from the cells that are there.

        >>> NumberFeature.fit("price", [3.0, 1.0, 3.0, 8.0]).values
        (1.0, 3.0, 8.0)
        """
        found = np.sort(_bounded(np.array(list(cells), dtype=np.float64)))
        first = np.flatnonzero(np.diff(found, prepend=-np.inf) > _CLOSEST)
        ends = np.append(first[1:], len(found))
        shares = (first + ends) / 2 / len(found)
        values = found[first]
        if len(values) > KNOTS:  # of even steps in rank, with both ends
            kept = np.unique(np.searchsorted(shares, np.linspace(shares[0], shares[-1], KNOTS)))
            values, shares = values[kept], shares[kept]
        normal = NormalDist()
        return cls(name, tuple(values.tolist()), tuple(normal.inv_cdf(share) for share in shares.tolist()))

    def __call__(self, cells: Sequence[float | None]) -> NDArray[np.float32]:
        """(B,) z of each cell; 0 for a missing one."""
        there = np.array([cell is not None for cell in cells], dtype=bool)
        known = np.array([0.0 if cell is None else cell for cell in cells], dtype=np.float64)
        values, knots = _bounded(known), np.array(self.scores)
        scores = np.interp(values, self.values, knots)
        # Rounding may carry a value past the next knot, whose score is exact.
        after = np.searchsorted(self.values, values)
        last = len(knots) - 1
        scores = np.clip(scores, knots[np.clip(after - 1, 0, last)], knots[np.clip(after, 0, last)])
        return np.where(there, scores, 0.0).astype(np.float32)


@dataclass(frozen=True)
class CategoryFeature:
    """The known values of one column, or of a column of tags."""

    name: str
    known: tuple[str, ...]
    buckets: int = 0
    boolean: bool = False
    """Whether the column holds true and false."""

    @classmethod
    def fit(cls, name: str, cells: Iterable[str]) -> Self:
        """Learn them from the cells that are there.

        >>> CategoryFeature.fit("colour", ["red", "blue", "red", "blue", "blue", "teal"]).known
        ('blue', 'red')
        """
        counts = Counter(composed(cell) for cell in cells)
        often = sorted(
            (value for value, count in counts.items() if count >= FEWEST), key=lambda one: (-counts[one], one)
        )
        return cls(name, tuple(often[:MOST]), BUCKETS if len(counts) > MOST else 0)

    @property
    def size(self) -> int:
        """Ids that there are."""
        return FIRST + len(self.known) + self.buckets

    def ids(self, cells: Sequence[str | None]) -> list[int]:
        """One id a cell."""
        places = {value: place for place, value in enumerate(self.known, FIRST)}
        return [MISSING if cell is None else self._id(composed(cell), places) for cell in cells]

    def _id(self, value: str, places: dict[str, int]) -> int:
        if value in places or not self.buckets:
            return places.get(value, UNKNOWN)
        digest = hashlib.blake2b(value.encode("utf-8", "replace"), digest_size=8).digest()
        return FIRST + len(self.known) + int.from_bytes(digest, "little") % self.buckets


@dataclass(frozen=True)
class DateFeature:
    """The trend of one column of dates, and whether its hours mean something."""

    trend: NumberFeature
    timed: bool

    @property
    def name(self) -> str:
        """The column's name."""
        return self.trend.name

    def __call__(self, cells: Sequence[datetime | None]) -> NDArray[np.float32]:
        """(B, `DATE_PARTS`); 0 for a missing one."""
        trend = self.trend([None if cell is None else seconds(cell) for cell in cells])
        angles = np.array([self._turns(cell) if cell else (0.0,) * 4 for cell in cells]).reshape(-1, 4)
        angles = 2 * math.pi * angles
        parts = np.stack([np.cos(angles), np.sin(angles)], axis=2).reshape(len(cells), 8)
        if not self.timed:
            parts[:, 6:] = 0.0
        there = np.array([cell is not None for cell in cells], dtype=bool).reshape(-1, 1)
        return np.where(there, np.column_stack([trend, parts]), 0.0).astype(np.float32)

    @staticmethod
    def _turns(cell: datetime) -> tuple[float, float, float, float]:
        hours = cell.hour + cell.minute / 60 + cell.second / 3600
        return (cell.month - 1) / 12, (cell.day - 1) / 31, cell.weekday() / 7, hours / 24


def seconds(cell: datetime) -> float:
    """Seconds since 1970."""
    return (cell - _EPOCH).total_seconds()


def composed(text: str) -> str:
    """The text in Unicode NFC, so that é is é however it was typed."""
    return unicodedata.normalize("NFC", text)


def _bounded(cells: NDArray[np.float64]) -> NDArray[np.float64]:
    # Differences of the largest floats would overflow; −0.0 + 0.0 is 0.0.
    return np.clip(cells, -_LARGEST, _LARGEST) + 0.0
