"""The columns of a query: checked against what the model reads, made into a vector, or put into a row.

    vector     columns ─ tower, projection ─▶ (D,)                   "rows whose values are like these"
    put_into   picture, texts, and columns of a row, these instead of its own ─ fusion ─▶ (D,)

A value that training never showed would move nothing, so it is refused with the nearest one that it did.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from openautoglm.catalog.content import texts_of
from openautoglm.config import nearest
from openautoglm.evaluate.encoding import Encoder, Vectors
from openautoglm.evaluate.fusing import Fusing, whole_model, why_not
from openautoglm.search.errors import SearchError

if TYPE_CHECKING:
    from openautoglm.catalog.catalog import Catalog

_SHOWN = 8
"""Known values of a column that an error lists at most."""

_LITERALS = {"date": "date ", "time": "timestamp "}
"""What SQL wants before the text of a kind."""


@dataclass(frozen=True)
class AskedColumns:
    """Values of columns that a model reads."""

    fusing: Fusing
    catalog: Catalog
    values: Mapping[str, Any]

    @classmethod
    def of(cls, model: Encoder, catalog: Catalog, values: Mapping[str, Any]) -> AskedColumns:
        """Check the values of a query.

        Raises:
            SearchError: if the model reads no columns, not these, or not such values.
        """
        fusing = Fusing.of(model)
        if fusing is None or not fusing.columns:
            raise SearchError(_no_columns(model, catalog, values))
        for name in values:
            if name not in fusing.columns:
                raise SearchError(_not_read(fusing, catalog, name, values[name]))
        for name, value in values.items():
            _check(fusing, name, value)
        return cls(fusing, catalog, values)

    def vector(self) -> Vectors:
        """Make the (D,) unit vector of a row that has these values and nothing else."""
        return np.asarray(self.fusing.model.encode(columns=[dict(self.values)])[0], np.float32)

    def put_into(self, name: str, picture: Sequence[float] | None, texts: Sequence[float] | None) -> Vectors:
        """Make the fused (D,) vector that the row `name` would have with these values in place of its own.

        Args:
            name: its id.
            picture: the row's picture's vector.
            texts: its texts'.
        """
        fields = [one.name for one in self.catalog.text_fields]
        read = [one for one in self.fusing.columns if one in self.catalog.fields]
        row = self.catalog.read(["id", *dict.fromkeys([*fields, *read])], ids=[name]).to_pylist()[0]
        row = {**row, "texts": texts_of(row, fields), **self.values}
        pair = [None if one is None else np.asarray(one, np.float32) for one in (picture, texts)]
        (vector,) = self.fusing.fuse(self.catalog, [row], pair[:1], pair[1:])
        assert vector is not None  # it has these columns at least
        return vector


def _no_columns(model: Encoder, catalog: Catalog, values: Mapping[str, Any]) -> str:
    """Tell why no column can be searched with, and what to do instead."""
    if unknown := next((name for name in values if name not in catalog.fields), None):
        names = list(catalog.fields)
        return f"there is no column {unknown!r}{nearest(unknown, names)}"
    whole = whole_model(model)
    if whole is None or whole.columns is None:
        why = "it has no columns tower"
        teach = "train one that reads the other columns: `autoglm fit WORKSPACE --target COLUMN`"
    elif (reason := why_not(whole)) is not None:
        why = reason
        teach = "train one with targets and a fusion such as 'attention'"
    else:
        why = "its columns tower has seen no columns yet"
        teach = "train it: `autoglm fit WORKSPACE --target COLUMN`"
    return (
        f"this model cannot search by columns ({', '.join(values)}): {why}; filter by them, "
        f'--where "{_condition(catalog, values)}", or {teach}'
    )


def _not_read(fusing: Fusing, catalog: Catalog, name: str, value: Any) -> str:
    """Tell that the model does not read a column, and which it does."""
    if name not in catalog.fields:
        return f"there is no column {name!r} that the model reads{nearest(name, fusing.columns)}"
    targets = fusing.model.heads.targets
    why = (
        "is what the model predicts, and so does not read" if name in targets else "is not read by the model"
    )
    listed = f"(it reads {', '.join(fusing.columns)})"
    return f'column {name!r} {why} {listed}; filter by it: --where "{_condition(catalog, {name: value})}"'


def _check(fusing: Fusing, name: str, value: Any) -> None:
    """Refuse a value that the tower would take for missing, or unknown."""
    from openautoglm.encoders.column_features import UNKNOWN

    processor = fusing.model.processor.columns
    assert processor is not None  # there are columns that the tower reads
    read = processor.read([{name: value}])
    if read.misfits:
        kind = "date" if any(one.name == name for one in processor.dates) else "number"
        raise SearchError(f"{name}={value!r} is no {kind}, which that column holds")
    if not bool(read.values.there()):
        raise SearchError(f"{name}={value!r} is no value; leave it out")
    unknown = bool((read.values.categories == UNKNOWN).any() | (read.values.tags == UNKNOWN).any())
    if unknown:
        known = next(one.known for one in (*processor.categories, *processor.tags) if one.name == name)
        near = nearest(str(value), known)
        if near.startswith("; valid") and len(known) > _SHOWN:
            near = f"; valid: {', '.join(known[:_SHOWN])}, …"
        raise SearchError(
            f"{name}={value!r}: the model met no such value in training, so it would change nothing{near}"
        )


def _condition(catalog: Catalog, values: Mapping[str, Any]) -> str:
    """Write the SQL condition that asks for exactly these values."""
    parts = []
    for name, value in values.items():
        kind = catalog.fields[name].type
        plain = kind in ("integer", "number", "boolean")
        text = str(value) if plain else "'" + str(value).replace("'", "''") + "'"
        text = f"{_LITERALS.get(kind, '')}{text}"
        parts.append(f"array_has({name}, {text})" if kind == "tags" else f"{name} = {text}")
    return " AND ".join(parts)
