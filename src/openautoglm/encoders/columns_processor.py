"""From rows with structured columns to tensors, by statistics of the training split alone.

Choose the kinds as the catalogue does (`catalog/schema.py`): integer and number become numbers, text and
boolean categories, date and time dates, tags tags. How each is read stands in `column_features.py`.

Nothing at prediction time fails: a column that is absent is missing in every row, a further column is ignored
and counted, and so is a cell that is no value of its kind (a word among prices, infinity), which is missing
then. A column that tells no two training rows apart is left out.

>>> kinds = {"price": "number", "colour": "text"}
>>> rows = [{"price": 3, "colour": "red"}, {"price": 9, "colour": "red"}, {"price": 5, "colour": None}]
>>> columns = ColumnsProcessor.fit(rows, kinds)
>>> columns([{"price": "dear", "colour": "mauve", "size": 7}]).categories.tolist()
[[1]]
>>> columns.read([{"price": "dear", "colour": "mauve", "size": 7}]).misfits
{'price': 1}
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, Self, TypeAlias

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor

from openautoglm.catalog.schema import Kind
from openautoglm.catalog.values import convert
from openautoglm.config import ConfigError
from openautoglm.encoders.column_features import CategoryFeature, DateFeature, NumberFeature, seconds
from openautoglm.encoders.column_values import DATE_PARTS, ColumnValues

Rows: TypeAlias = pa.Table | Sequence[Mapping[str, Any]]


class Read(NamedTuple):
    """Rows as tensors, and what was not taken from them."""

    values: ColumnValues
    misfits: dict[str, int]
    """Cells of a column that are no value of its kind, and are missing therefore."""
    further: tuple[str, ...]
    """Columns that were not there when the statistics were made."""


@dataclass(frozen=True)
class ColumnsProcessor:
    """The features that a training split's columns gave, in the table's order kind by kind."""

    numbers: tuple[NumberFeature, ...] = ()
    categories: tuple[CategoryFeature, ...] = ()
    dates: tuple[DateFeature, ...] = ()
    tags: tuple[CategoryFeature, ...] = ()
    left_out: tuple[str, ...] = ()
    """Columns that told no two rows apart."""

    @classmethod
    def fit(cls, rows: Rows, kinds: Mapping[str, Kind]) -> Self:
        """Learn the statistics of the columns in `kinds` from the training split's rows.

        Raises:
            ConfigError: if there is no column, or none that tells two rows apart.
        """
        found: dict[str, list[Any]] = {"numbers": [], "categories": [], "dates": [], "tags": []}
        left_out: list[str] = []
        for name, kind in kinds.items():
            cells, _ = _cells(rows, name, kind)
            there = [cell for cell in cells if cell is not None]
            feature, states = _fitted(name, kind, there) if there else (None, 0)
            if states + (len(there) < len(cells)) < 2:  # that a value is missing is a state as well
                left_out.append(name)
            else:
                found[_PLACES[kind]].append(feature)
        if not any(found.values()):
            some = f"the columns {', '.join(left_out)} have one value each" if left_out else "there is none"
            raise ConfigError(f"columns_encoder needs a column that tells rows apart; {some}")
        return cls(**{key: tuple(features) for key, features in found.items()}, left_out=tuple(left_out))

    @property
    def names(self) -> tuple[str, ...]:
        """The columns in the order of the tower's tokens."""
        return (
            *(one.name for one in self.numbers),
            *(one.name for one in self.categories),
            *(one.name for one in self.dates),
            *(one.name for one in self.tags),
        )

    def __call__(self, rows: Rows) -> ColumnValues:
        """The rows as tensors."""
        return self.read(rows).values

    def read(self, rows: Rows) -> Read:
        """The rows as tensors, and what was not taken from them."""
        if isinstance(rows, (str, Mapping)):
            raise TypeError("rows are a list of mappings, or a pyarrow table; for a single one, write [row]")
        misfits: dict[str, int] = {}

        def cells(name: str, kind: Kind) -> list[Any]:
            found, wrong = _cells(rows, name, kind)
            if wrong:
                misfits[name] = wrong
            return found

        count = len(rows)
        numbers = [cells(one.name, "number") for one in self.numbers]
        ids = [one.ids(cells(one.name, "boolean" if one.boolean else "text")) for one in self.categories]
        dates = [cells(one.name, "time") for one in self.dates]
        tags = [cells(one.name, "tags") for one in self.tags]
        values = ColumnValues(
            numbers=_stacked([one(found) for one, found in zip(self.numbers, numbers, strict=True)], count),
            number_missing=_missing(numbers, count),
            categories=torch.tensor(ids, dtype=torch.long).reshape(len(ids), count).T.contiguous(),
            dates=_stacked(
                [one(found) for one, found in zip(self.dates, dates, strict=True)], count, DATE_PARTS
            ),
            date_missing=_missing(dates, count),
            tags=self._tags(tags, count),
        )
        known = {*self.names, *self.left_out}
        return Read(values, misfits, tuple(name for name in _names(rows) if name not in known))

    def _tags(self, columns: list[list[Any]], count: int) -> Tensor:
        """(B, G, L) ids."""
        ids = [
            [one.ids(list(dict.fromkeys(cell or ()))) for cell in found]
            for one, found in zip(self.tags, columns, strict=True)
        ]
        longest = max((len(cell) for found in ids for cell in found), default=0)
        padded = torch.zeros(count, len(ids), max(1, longest), dtype=torch.long)
        for column, found in enumerate(ids):
            for row, cell in enumerate(found):
                padded[row, column, : len(cell)] = torch.tensor(cell, dtype=torch.long)
        return padded

    def to_json(self) -> str:
        """Text that `from_json` reads back to an equal object."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote.

        Raises:
            ConfigError: if it is no such text.
        """
        try:
            parts = json.loads(text)
            return cls(
                tuple(NumberFeature(**_tuples(one)) for one in parts["numbers"]),
                tuple(CategoryFeature(**_tuples(one)) for one in parts["categories"]),
                tuple(
                    DateFeature(NumberFeature(**_tuples(one["trend"])), one["timed"])
                    for one in parts["dates"]
                ),
                tuple(CategoryFeature(**_tuples(one)) for one in parts["tags"]),
                tuple(parts["left_out"]),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigError(f"the statistics of the columns cannot be read ({error})") from None


_PLACES: dict[Kind, str] = {
    "integer": "numbers",
    "number": "numbers",
    "text": "categories",
    "boolean": "categories",
    "date": "dates",
    "time": "dates",
    "tags": "tags",
}
_AS: dict[Kind, Kind] = {"integer": "number", "date": "time"}
"""Kinds that are read as a wider one, so that 3.5 among whole numbers or an hour on a day is no misfit."""


def _fitted(name: str, kind: Kind, there: list[Any]) -> tuple[Any, int]:
    """The feature of a column, and how many values it tells apart."""
    if kind in ("integer", "number"):
        number = NumberFeature.fit(name, there)
        return number, len(number.values)
    if kind in ("date", "time"):
        date = DateFeature(NumberFeature.fit(name, map(seconds, there)), timed=kind == "time")
        return date, len(date.trend.values)
    if kind == "tags":
        tags = CategoryFeature.fit(name, (tag for cell in there for tag in set(cell)))
        return tags, len({tuple(tags.ids(cell)) for cell in there})
    boolean = kind == "boolean"
    category = (
        CategoryFeature(name, ("false", "true"), boolean=True)
        if boolean
        else CategoryFeature.fit(name, there)
    )
    return category, len(set(category.ids(there)))


def _cells(rows: Rows, name: str, kind: Kind) -> tuple[list[Any], int]:
    """The cells of a column as values of its kind, None where there is none; and how many were misfits."""
    cells: list[Any] = []
    wrong = 0
    for raw in _raw(rows, name):
        try:
            cell = convert(raw.item() if isinstance(raw, np.generic) else raw, _AS.get(kind, kind))
        except (ValueError, OverflowError):
            cell = None
            wrong += 1
        cells.append(str(cell).lower() if isinstance(cell, bool) else cell)
    return cells, wrong


def _raw(rows: Rows, name: str) -> list[Any]:
    if isinstance(rows, pa.Table):
        there = name in rows.column_names
        return rows[name].to_pylist() if there else [None] * rows.num_rows
    return [row.get(name) for row in rows]


def _names(rows: Rows) -> list[str]:
    if isinstance(rows, pa.Table):
        return list(rows.column_names)
    return list(dict.fromkeys(name for row in rows for name in row))


def _missing(columns: list[list[Any]], count: int) -> Tensor:
    """(B, columns) bool."""
    gone = [[cell is None for cell in column] for column in columns]
    return torch.tensor(gone, dtype=torch.bool).reshape(len(columns), count).T.contiguous()


def _stacked(columns: list[NDArray[np.float32]], count: int, *parts: int) -> Tensor:
    """(B, columns, parts)."""
    if not columns:
        return torch.zeros(count, 0, *parts)
    return torch.from_numpy(np.stack(columns, axis=1))


def _tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
