"""A batch: rows side by side, any modality of any row possibly absent.

>>> batch = Batch.of(pixel_values=torch.zeros(2, 3, 4, 4))
>>> len(batch), batch.present.tolist(), len(batch.rows(slice(0, 1)))
(2, [[True, False, False], [True, False, False]], 1)
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Self

import torch
from torch import Tensor
from torch.nn import functional

from openautoglm.encoders.column_values import ColumnValues

MODALITIES = ("image", "text", "columns")
"""The order of the columns of `present` and of every gate; a model without columns has no third gate."""

KEYS = ("id", "group", "caption")
"""What the columns of `keys` are hashes of: rows that agree in one are never each other's negatives."""


@dataclass(frozen=True)
class Batch:
    """Tensors of B rows. Of an absent modality the values are arbitrary and never read."""

    pixel_values: Tensor | None
    """(B, 3, H, W) normalised; None when no row has an image."""
    input_ids: Tensor | None
    """(B, L) int64; None when no row has a text."""
    attention_mask: Tensor | None
    """(B, L) bool, True for a real token."""
    present: Tensor
    """(B, M) bool, columns in the order of `MODALITIES`; a modality that it does not reach is absent."""
    keys: Tensor | None = None
    """(B, K) int64, columns in the order of `KEYS`; −1 agrees with nothing."""
    columns: ColumnValues | None = None
    """Structured columns of all rows; None when no row has any."""

    def __post_init__(self) -> None:
        if (self.input_ids is None) != (self.attention_mask is None):
            raise ValueError("input_ids and attention_mask belong together: give both or neither")
        if (lacking := len(MODALITIES) - self.present.shape[1]) > 0:
            object.__setattr__(self, "present", functional.pad(self.present, (0, lacking)))
        lengths = {name: len(value) for name, value in self._parts().items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"the parts of a batch have different numbers of rows: {lengths}")
        if self.present.device.type != "cpu":
            return  # to look at it would wait for the device, and it was looked at where it was made
        given = (part is not None for part in (self.pixel_values, self.input_ids, self.columns))
        for column, (name, there) in enumerate(zip(MODALITIES, given, strict=True)):
            if not there and bool(self.present[:, column].any()):
                raise ValueError(
                    f"`present` says that rows have a modality {name!r}, but the batch holds none"
                )

    @classmethod
    def of(
        cls,
        pixel_values: Tensor | None = None,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        keys: Tensor | None = None,
        columns: ColumnValues | None = None,
    ) -> Self:
        """A batch in which every row has each modality that is given, and columns where it has any value."""
        parts = (pixel_values, input_ids, columns)
        first = next((part for part in parts if part is not None), None)
        if first is None:
            raise ValueError("a batch needs pixel_values, input_ids, columns, or several of them")
        there = [torch.full((len(first),), part is not None, device=first.device) for part in parts]
        if columns is not None and len(columns) == len(first):
            there[MODALITIES.index("columns")] = columns.there()
        return cls(pixel_values, input_ids, attention_mask, torch.stack(there, dim=1), keys, columns)

    def __len__(self) -> int:
        return len(self.present)

    def to(self, device: torch.device | str) -> Self:
        """The same batch on another device."""
        return replace(self, **{name: value.to(device) for name, value in self._parts().items()})

    def rows(self, index: slice | Tensor) -> Self:
        """Some of the rows, chosen by a slice, positions or a boolean mask."""
        chosen: dict[str, Any] = {
            name: value[index] if isinstance(value, Tensor) else value.rows(index)
            for name, value in self._parts().items()
        }
        return replace(self, **chosen)

    def has(self, modality: str) -> Tensor:
        """(B,) bool: which rows have the modality."""
        return self.present[:, MODALITIES.index(modality)]

    def paired(self) -> Tensor:
        """(B,) bool: which rows have both an image and a text, and so can be aligned."""
        return self.has("image") & self.has("text")

    def pairs(self) -> Self:
        """The rows that have both an image and a text."""
        whole = self.paired()
        return self if bool(whole.all()) else self.rows(whole)

    def images(self) -> Tensor | None:
        """`pixel_values` of the rows that have an image, in their order; None when there is none."""
        there = self.has("image")
        if self.pixel_values is None or not bool(there.any()):
            return None
        return self.pixel_values if bool(there.all()) else self.pixel_values[there]

    def texts(self) -> tuple[Tensor, Tensor] | None:
        """`input_ids` and `attention_mask` of the rows that have a text; None when there is none."""
        there = self.has("text")
        if self.input_ids is None or self.attention_mask is None or not bool(there.any()):
            return None
        if bool(there.all()):
            return self.input_ids, self.attention_mask
        return self.input_ids[there], self.attention_mask[there]

    def structured(self) -> ColumnValues | None:
        """`columns` of the rows that have any; None when there is none."""
        there = self.has("columns")
        if self.columns is None or not bool(there.any()):
            return None
        return self.columns if bool(there.all()) else self.columns.rows(there)

    def with_present(self, present: Tensor) -> Self:
        """The same rows, of which other modalities count as present: only such as are."""
        return replace(self, present=self.present & present)

    def _parts(self) -> dict[str, Any]:
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value is not None}


def spread(values: Tensor, there: Tensor) -> Tensor:
    """Put `values` of the rows that are `there` (B, bool) at their places → (B, …); 0 elsewhere.

    >>> spread(torch.ones(1, 2), torch.tensor([False, True])).tolist()
    [[0.0, 0.0], [1.0, 1.0]]
    """
    if bool(there.all()):
        return values
    return values.new_zeros(len(there), *values.shape[1:]).index_put((there,), values)
