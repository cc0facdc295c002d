"""The rows of a table at one commit, in order of arrival, only a few at a time in memory.

Most often they lie in that order; rows that were written again lie behind the others. Rows that lie side by
side are read as one piece, which costs a hundredth of taking each by its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

if TYPE_CHECKING:
    import lance

Places = NDArray[np.int64]

_ROWS_READ, _ROWS_AT_ONCE = 4096, 1024
_GAP = 32
"""Rows between two that are wanted, which are rather read than passed over."""
_ROWS_A_PIECE = 16
"""Where pieces are shorter than this, on average, each row is taken by itself."""


class Arrival:
    """Rows by their places in the order of arrival, 0 to n − 1.

    Args:
        snapshot: the table, a handle that stays at its commit.
    """

    def __init__(self, snapshot: lance.LanceDataset) -> None:
        self._snapshot = snapshot
        positions = snapshot.to_table(columns=["_position"])["_position"].to_numpy()
        in_order = bool((positions[1:] >= positions[:-1]).all())
        self._order: Places | None = None if in_order else np.argsort(positions, kind="stable")
        self._count = len(positions)

    def __len__(self) -> int:
        return self._count

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch | pa.Table]:
        """Read some columns of all rows, some thousands of rows at a time."""
        if self._order is None:
            wanted = list(columns)
            yield from self._snapshot.to_batches(columns=wanted, batch_size=_ROWS_READ, batch_readahead=1)
            return
        for start in range(0, len(self), _ROWS_READ):
            yield self._take(self._order[start : start + _ROWS_READ], columns)

    def each(self, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Read some columns of all rows, one after the other."""
        for batch in self.batches(columns):
            for start in range(0, batch.num_rows, _ROWS_AT_ONCE):
                yield from batch.slice(start, _ROWS_AT_ONCE).to_pylist()

    def at(self, places: Places, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Read some columns of the rows at these places, in this order."""
        for start in range(0, len(places), _ROWS_AT_ONCE):
            some = places[start : start + _ROWS_AT_ONCE]
            yield from self._take(some if self._order is None else self._order[some], columns).to_pylist()

    def _take(self, lying: Places, columns: Sequence[str]) -> pa.Table:
        """Read rows by where they lie in the table."""
        rows, back = np.unique(lying, return_inverse=True)
        begins = np.concatenate([[0], np.flatnonzero(np.diff(rows) > _GAP) + 1])
        if len(begins) * _ROWS_A_PIECE > len(rows):
            return self._snapshot.take(rows.tolist(), columns=list(columns)).take(back)
        pieces, starts = [], rows[begins]
        counts = rows[np.append(begins[1:], len(rows)) - 1] - starts + 1
        for start, count in zip(starts.tolist(), counts.tolist(), strict=True):
            read = self._snapshot.scanner(columns=list(columns), offset=start, limit=count)
            pieces.append(read.to_table())
        before = np.cumsum(counts) - counts
        piece = np.searchsorted(starts, lying, side="right") - 1
        return pa.concat_tables(pieces).take(before[piece] + lying - starts[piece])
