"""Structured columns of B rows as tensors: what `ColumnsProcessor` makes and `ColumnsTower` reads.

>>> values = ColumnValues.empty(rows=2)
>>> len(values), values.there().tolist()
(2, [False, False])
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

import torch
from torch import Tensor


@dataclass(frozen=True)
class ColumnValues:
    """B rows of N numbers, C categories, D dates and G lists of tags. What is missing holds 0."""

    numbers: Tensor
    """(B, N) float32, quantile-normalised: the training split's values are a standard normal's."""
    number_missing: Tensor
    """(B, N) bool."""
    categories: Tensor
    """(B, C) int64: 0 missing, 1 unknown or rare, from 2 on a known value or a hash bucket."""
    dates: Tensor
    """(B, D, `DATE_PARTS`) float32: trend, then cosine and sine of each of month, day, weekday and hour."""
    date_missing: Tensor
    """(B, D) bool."""
    tags: Tensor
    """(B, G, L) int64, ids as of `categories`, padded with 0; a row without tags is all 0."""

    def __post_init__(self) -> None:
        lengths = {field.name: len(getattr(self, field.name)) for field in fields(self)}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"the parts of columns have different numbers of rows: {lengths}")

    @classmethod
    def empty(cls, rows: int, numbers: int = 0, categories: int = 0, dates: int = 0, tags: int = 0) -> Self:
        """Rows in which everything is missing."""
        return cls(
            torch.zeros(rows, numbers),
            torch.ones(rows, numbers, dtype=torch.bool),
            torch.zeros(rows, categories, dtype=torch.long),
            torch.zeros(rows, dates, DATE_PARTS),
            torch.ones(rows, dates, dtype=torch.bool),
            torch.zeros(rows, tags, 1, dtype=torch.long),
        )

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def device(self) -> torch.device:
        """Where the tensors lie."""
        return self.numbers.device

    def to(self, device: torch.device | str) -> Self:
        """The same values on another device."""
        return type(self)(*(getattr(self, field.name).to(device) for field in fields(self)))

    def rows(self, index: slice | Tensor) -> Self:
        """Some of the rows, chosen by a slice, positions or a boolean mask."""
        return type(self)(*(getattr(self, field.name)[index] for field in fields(self)))

    def keys(self) -> list[bytes]:
        """Of each row its values as bytes: alike where the rows are."""
        parts = [getattr(self, field.name).cpu().flatten(1).numpy() for field in fields(self)]
        return [b"".join(part[row].tobytes() for part in parts) for row in range(len(self))]

    def there(self) -> Tensor:
        """(B,) bool: which rows have any value at all."""
        known = [~self.number_missing, self.categories != 0, ~self.date_missing, (self.tags != 0).any(-1)]
        return torch.cat(known, dim=1).any(dim=1)


DATE_PARTS = 9
"""Trend, and two for each of month, day of the month, weekday, hour."""
