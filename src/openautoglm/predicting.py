"""`predict`: a model's targets for rows that need not be in the catalogue, and the table that comes of it.

A file is read exactly as `add` reads it, into a catalogue that lasts as long as the prediction: so pictures,
dates and lists mean what they meant in training, and a broken picture is listed and no reason to stop. A
column that the file lacks is missing; one that it has beside is ignored.
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from openautoglm.catalog.catalog import Catalog
from openautoglm.catalog.errors import NoRolesError
from openautoglm.catalog.readers import open_table
from openautoglm.catalog.report import Skipped
from openautoglm.catalog.schema import Roles, column_name
from openautoglm.catalog.sources import is_table
from openautoglm.errors import UserError
from openautoglm.evaluate.encoding import Broken, Tell
from openautoglm.evaluate.predictions import Predictions, predict_rows
from openautoglm.tasks.heads import FILE as TARGETS

if TYPE_CHECKING:
    from openautoglm.model import OpenAutoGLM

FORMS = (".parquet", ".csv", ".jsonl")
TEACH = "`autoglm fit WORKSPACE --target COLUMN` trains one that does"
SHOWN = 20
"""Lines of each list that are printed."""


class PredictError(UserError):
    """Nothing can be predicted or written; the message says why."""


@dataclass(frozen=True)
class PredictReport:
    """What was predicted."""

    predictions: Predictions
    skipped: list[Skipped | Broken]
    """Rows and pictures that could not be read."""
    out: Path | None

    def table(self) -> pa.Table:
        """A line a row: its id, and for each target the columns of `Predicted.columns`."""
        columns: dict[str, list[Any]] = {"id": self.predictions.ids}
        for one in self.predictions.targets.values():
            columns |= one.columns()
        return pa.table(columns)

    def __str__(self) -> str:
        rows = len(self.predictions.ids)
        parts = [f"{rows:,} rows predicted: {', '.join(self.predictions.targets)}"]
        for name, one in self.predictions.targets.items():
            if left := int(one.abstained().sum()):
                parts.append(f"{name}: {left:,} better left to a person (probability too low)")
        if self.skipped:
            parts.append(f"{len(self.skipped):,} skipped")
            parts += [
                f"  {one}" if isinstance(one, Skipped) else f"  {one.id}: {one.reason}"
                for one in self.skipped[:SHOWN]
            ]
        if self.out:
            parts.append(f"written to {self.out}")
        else:
            parts += [json.dumps(row, ensure_ascii=False) for row in self.table().slice(0, SHOWN).to_pylist()]
        return "\n".join(parts)


def predict(
    model: OpenAutoGLM,
    catalog: Catalog,
    source: Path | str | None,
    *,
    out: Path | str | None,
    where: str | None,
    tell: Tell | None = None,
) -> PredictReport:
    """See `Workspace.predict`."""
    if not model.heads.targets:
        able = sorted(file.parent.name for file in catalog.folder.glob(f"models/*/{TARGETS}"))
        raise PredictError(
            "the model predicts nothing; "
            + (f"of this workspace these do: {', '.join(able)} (--model NAME)" if able else TEACH)
        )
    path = None if out is None else Path(out)
    if path is not None and path.suffix.lower() not in FORMS:
        raise PredictError(f"{path}: predictions are written as {', '.join(FORMS)}")
    skipped: list[Skipped | Broken] = []
    if source is None:
        found = predict_rows(model, catalog, where=where, tell=tell)
    else:
        with tempfile.TemporaryDirectory(prefix="autoglm-predict-") as folder:
            rows = Catalog(Path(folder) / "rows", create=True)
            try:
                skipped += rows.add(source, roles=_roles(catalog, source)).skipped
            except NoRolesError as error:
                raise PredictError(_unknown(catalog, model, source)) from error
            found = predict_rows(model, rows, fields=catalog.fields, where=where, tell=tell)
    report = PredictReport(found, [*skipped, *found.skipped], path)
    if not found.ids:
        raise PredictError(f"there are no rows to predict; {report!s}")
    if path is not None:
        write_table(report.table(), path)
    return report


def _roles(catalog: Catalog, source: Path | str) -> Roles | None:
    """What the file's columns are for: what those of the same name in the catalogue are for."""
    path = Path(source).expanduser()
    if not is_table(path):
        return None
    found: dict[str, list[str]] = {"text": [], "tags": [], "column": []}
    for raw in open_table(path).columns:
        field = catalog.fields.get(column_name(raw, catalog.fields))
        if field is not None and field.role in (*found, "group"):
            found["column" if field.role == "group" else field.role].append(raw)
    if not any(found.values()):
        return None
    return Roles(text=tuple(found["text"]), tags=tuple(found["tags"]), columns=tuple(found["column"]))


def _unknown(catalog: Catalog, model: OpenAutoGLM, source: Path | str) -> str:
    """Tell that a table has no column that the catalogue has, and which those are."""
    known = [one.name for one in catalog.fields.values() if one.role in ("text", "tags", "column", "group")]
    read = ", ".join(name for name in known if name not in model.heads.targets)
    columns = ", ".join(open_table(Path(source).expanduser()).columns)
    return (
        f"{source}: the model reads pictures, texts and the catalogue's columns ({read}); the table has "
        f"{columns}; rename its columns to theirs"
    )


def write_table(table: pa.Table, path: Path) -> None:
    """Write the table whole or not at all, in the form of its suffix (`FORMS`)."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        if path.suffix.lower() == ".parquet":
            pyarrow.parquet.write_table(table, draft)
        elif path.suffix.lower() == ".csv":
            pyarrow.csv.write_csv(_flat(table), draft)
        else:
            lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in table.to_pylist())
            draft.write_text("".join(lines), encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise PredictError(f"{path}: cannot be written ({error.strerror})") from error


def _flat(table: pa.Table) -> pa.Table:
    """Lists as texts, which is all that CSV can hold."""
    for place, name in enumerate(table.column_names):
        if pa.types.is_list(table[name].type):
            cells = [None if one is None else ", ".join(map(str, one)) for one in table[name].to_pylist()]
            table = table.set_column(place, name, pa.array(cells, pa.string()))
    return table
