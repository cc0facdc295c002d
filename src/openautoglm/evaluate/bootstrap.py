"""Bootstrap intervals: how far a figure would move with other queries of the same kind.

Queries are drawn again with replacement, as many as there are, and the figure is counted anew;
the middle 95 % of these repetitions are the interval (percentile bootstrap; Efron, 1979). It
speaks about the choice of queries only: not about other training seeds, nor other galleries.

All columns of one call see the same draws, so that their intervals belong together. The draws
come in blocks, and the seed fixes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

_BLOCK_DRAWS = 1 << 22

Statistic = Literal["mean", "median"]


@dataclass(frozen=True)
class Figure:
    """One measured number with what is needed to judge it."""

    value: float
    low: float | None = None
    """Lower end of the 95 % interval; null where nothing was drawn again."""
    high: float | None = None
    chance: float | None = None
    """What a shuffled gallery would give."""

    def as_dict(self) -> dict[str, float]:
        """Return what JSON holds; what was not measured is left out."""
        return {key: value for key, value in asdict(self).items() if value is not None}


def bootstrap(
    columns: Mapping[str, tuple[NDArray[np.floating | np.integer], Statistic]],
    *,
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> dict[str, Figure]:
    """Compute value and interval of each column of per-query numbers.

    Args:
        columns: name → ((Q,) one number a query, how they become one figure).
        resamples: how often the queries are drawn again.
        seed: of the draws.
        level: share of the repetitions inside the interval.

    Raises:
        ValueError: if the columns are empty or of different lengths.

    >>> bootstrap({"recall@1": (np.array([1, 1, 1, 0]), "mean")}, seed=1)["recall@1"]
    Figure(value=0.75, low=0.25, high=1.0, chance=None)
    """
    sizes = {len(values) for values, _ in columns.values()}
    if len(sizes) != 1 or 0 in sizes:
        raise ValueError(
            f"columns of one length with at least one query are needed; got lengths {sorted(sizes)}"
        )
    size = sizes.pop()
    random = np.random.default_rng(seed)
    repeated: dict[str, list[NDArray[np.float64]]] = {name: [] for name in columns}
    step = max(1, _BLOCK_DRAWS // size)
    for start in range(0, resamples, step):
        draws = random.integers(0, size, (min(step, resamples - start), size))
        for name, (values, statistic) in columns.items():
            repeated[name].append(_apply(statistic, values[draws]))
    tails = [(1 - level) / 2, (1 + level) / 2]
    figures = {}
    for name, (values, statistic) in columns.items():
        low, high = np.quantile(np.concatenate(repeated[name]), tails)
        figures[name] = Figure(float(_apply(statistic, values[None])[0]), float(low), float(high))
    return figures


def _apply(statistic: Statistic, values: NDArray[np.floating | np.integer]) -> NDArray[np.float64]:
    return (np.median if statistic == "median" else np.mean)(values.astype(np.float64), axis=1)
