"""A target: a column that a model learns to predict, as the training split shows it.

    kind      values                                   encoded as                          a missing label is
    "class"   text, booleans, integers of few values   (B,) int64, place in `classes`      −1
    "tags"    lists of tags                            (B, C) float32 of 0 and 1           NaN
    "number"  numbers, integers of many values         (B,) float32, (value − mean) / std  NaN

A value that the training split did not have is no label either: nothing can be learned or checked about it.

>>> target = Target.fit("category", ["shoe", "hat", None, "shoe"], "text")
>>> target.kind, target.classes, target.encode(["hat", None, "glove"]).tolist()
('class', ('hat', 'shoe'), [0, -1, -1])
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

import numpy as np
import torch
from torch import Tensor

from openautoglm.catalog.values import to_tags
from openautoglm.errors import UserError

TargetKind = Literal["class", "tags", "number"]
MOST_CLASSES = 10_000
FEW_INTEGERS = 20
"""Different integers up to which a column of integers is taken for classes."""


class TargetError(UserError):
    """A column cannot be a target; the message says why and what to do."""


@dataclass(frozen=True)
class Target:
    """A column to be predicted: what its values are and how they become numbers."""

    name: str
    kind: TargetKind
    classes: tuple[str, ...] = ()
    """Of "class" and "tags", in order of their names."""
    counts: tuple[int, ...] = ()
    """Training rows of each class."""
    mean: float = 0.0
    """Of a number over the training rows."""
    std: float = 1.0

    @classmethod
    def fit(cls, name: str, values: Sequence[Any], type_: str, kind: TargetKind | None = None) -> Self:
        """Learn what a column's values are.

        Args:
            name: of the column.
            values: of the training rows; None where there is no label.
            type_: the catalogue's kind of the column, e.g. "text" or "integer".
            kind: how it is predicted; by default as its values suggest.

        Raises:
            TargetError: if there is nothing to tell apart, too much of it, or nothing of that kind.
        """
        there = [value for value in values if not _missing(value)]
        if not there:
            raise TargetError(f"target {name!r} has no value in the training split; choose another column")
        chosen = kind or _kind(type_, there)
        if chosen == "number":
            return cls._numbers(name, there)
        counts: Counter[str] = Counter()
        for value in there:
            counts.update(set(to_tags(value) or ()) if chosen == "tags" else (_label(value),))
        classes = tuple(sorted(counts))
        if len(classes) < 2 and chosen == "class":
            raise TargetError(
                f"target {name!r} has one class only, {classes[0]!r}, in the {len(there):,} labelled "
                "training rows, so there is nothing to learn; add rows of another or choose another column"
            )
        if len(classes) > MOST_CLASSES or (chosen == "class" and len(classes) == len(there) > FEW_INTEGERS):
            raise TargetError(
                f"target {name!r} has {len(classes):,} different values in {len(there):,} rows, which is an "
                "identifier or free text rather than a class; choose a column whose values repeat"
            )
        return cls(name, chosen, classes, tuple(counts[one] for one in classes))

    @classmethod
    def _numbers(cls, name: str, values: Sequence[Any]) -> Self:
        try:
            numbers = np.array([float(value) for value in values], np.float64)
        except (TypeError, ValueError):
            raise TargetError(f"target {name!r} is no column of numbers, so it has no regression") from None
        numbers = numbers[np.isfinite(numbers)]
        if not len(numbers) or not numbers.std():
            value = f"{numbers[0]:g}" if len(numbers) else "no finite number"
            raise TargetError(
                f"target {name!r} is {value} in every labelled training row, so there is nothing to learn; "
                "choose another column"
            )
        return cls(name, "number", mean=float(numbers.mean()), std=float(numbers.std()))

    @property
    def outputs(self) -> int:
        """Numbers that a head gives a row."""
        return 1 if self.kind == "number" else len(self.classes)

    def encode(self, values: Sequence[Any]) -> Tensor:
        """Labels of B rows as in the table above."""
        places = {name: place for place, name in enumerate(self.classes)}
        if self.kind == "class":
            found = [-1 if _missing(value) else places.get(_label(value), -1) for value in values]
            return torch.tensor(found, dtype=torch.int64)
        if self.kind == "number":
            numbers = [math.nan if _missing(value) else float(value) for value in values]
            tensor = (torch.tensor(numbers, dtype=torch.float64) - self.mean) / self.std
            return torch.where(tensor.isfinite(), tensor, torch.nan).float()
        labels = torch.zeros(len(values), len(self.classes))
        for row, value in enumerate(values):
            if _missing(value):
                labels[row] = torch.nan
            for tag in () if _missing(value) else to_tags(value) or ():
                if tag in places:
                    labels[row, places[tag]] = 1.0
        return labels

    def as_dict(self) -> dict[str, Any]:
        """Give what JSON keeps of it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, kept: dict[str, Any]) -> Self:
        """Take what `as_dict` gave."""
        lists = {key: tuple(value) for key, value in kept.items() if isinstance(value, list)}
        return cls(**{**kept, **lists})


def _kind(type_: str, values: Sequence[Any]) -> TargetKind:
    if type_ == "tags":
        return "tags"
    if type_ == "number" or (type_ == "integer" and len(set(values)) > FEW_INTEGERS):
        return "number"
    return "class"


def _missing(value: Any) -> bool:
    if isinstance(value, str | list | tuple):
        return not value
    return value is None or (isinstance(value, float) and math.isnan(value))


def _label(value: Any) -> str:
    """Name a class as the command line and the reports show it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()
