"""A model's predictions for rows of a catalogue, whatever modalities they have.

A row's text is its first one in the order of the fields or, where it has none, its tags; a target is never
shown. A picture that cannot be read counts as absent and is listed; so is a row with nothing to tell it by.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from openautoglm.catalog.condition import all_of
from openautoglm.catalog.formats import BadImage
from openautoglm.evaluate.encoding import Broken, Tell
from openautoglm.tasks.predicted import Predicted, Trust

if TYPE_CHECKING:
    from openautoglm.catalog.catalog import Catalog
    from openautoglm.catalog.schema import Field
    from openautoglm.model import OpenAutoGLM


class Predictions(NamedTuple):
    """Of n rows."""

    ids: list[str]
    targets: dict[str, Predicted]
    """By name, n rows each."""
    values: dict[str, list[Any]]
    """What the column of each target holds in these rows; None where there is nothing, or no such column."""
    skipped: list[Broken]
    """Pictures that could not be read, and rows that were left out."""


def predict_rows(
    model: OpenAutoGLM,
    catalog: Catalog,
    *,
    fields: Mapping[str, Field] | None = None,
    where: str | None = None,
    without: Collection[str] = (),
    batch_size: int = 64,
    tell: Tell | None = None,
) -> Predictions:
    """Predict every target of the rows that satisfy `where`.

    Args:
        model: with targets.
        catalog: whose rows are read.
        fields: what they are read for, where `catalog` is not the one that the model learned from.
        where: an SQL condition on the catalogue's columns.
        without: modalities ("image", "text", "columns") that are not shown.
        batch_size: rows a forward pass.
        tell: told how far it is.
    """
    here = catalog.fields
    known = {
        name: one
        for name, one in (here if fields is None else fields).items()
        if name in here and name not in model.heads.targets
    }
    texts = [name for role in ("text", "tags") for name, one in known.items() if one.role == role]
    columns = [name for name, one in known.items() if one.role == "column"]
    labels = [name for name in model.heads.targets if name in here]
    rows = catalog.read(["id", "_image_hash", *texts, *columns, *labels], where=where).to_pylist()
    reads_columns = model.columns is not None and "columns" not in without
    kept: list[dict[str, Any]] = []
    skipped: list[Broken] = []
    parts: dict[str, list[np.ndarray]] = {name: [] for name in model.heads.targets}
    for start in range(0, len(rows), batch_size):
        chunk = rows[start : start + batch_size]
        pictures = {} if "image" in without else _pictures(model, catalog, chunk, skipped)
        there = [False] * len(chunk)
        if reads_columns:
            there = model.processor.column_values(chunk).there().tolist()
        shown = []
        for row, has_columns in zip(chunk, there, strict=True):
            text = None if "text" in without else text_of(row, texts)
            if row["id"] in pictures or text is not None or has_columns:
                shown.append((row, pictures.get(row["id"]), text))
            elif not without:
                skipped.append(Broken(row["id"], "has no picture, text or column that the model reads"))
        if shown:
            found = model.predict(
                [picture for _, picture, _ in shown],
                [text for _, _, text in shown],
                [{name: row[name] for name in columns} for row, _, _ in shown] if reads_columns else None,
                batch_size,
            )
            for name, one in found.items():
                parts[name].append(one.outputs)
            kept += [row for row, _, _ in shown]
        if tell:
            tell("predicting", min(start + batch_size, len(rows)), len(rows))
    return Predictions(
        [row["id"] for row in kept],
        {
            name: Predicted(target, _joined(parts[name], target.outputs), model.heads.trust[name])
            for name, target in model.heads.targets.items()
        },
        {name: [row.get(name) for row in kept] for name in model.heads.targets},
        skipped,
    )


def predict_validation(model: OpenAutoGLM, catalog: Catalog, *, where: str | None = None) -> Predictions:
    """Predict the validation rows among those that satisfy `where`."""
    return predict_rows(model, catalog, where=all_of("_split = 'validation'", where))


def trust_of(found: Predictions) -> dict[str, Trust]:
    """Learn from predictions of the validation rows how far each target can be trusted."""
    return {
        name: Trust.fit(one.target, one.outputs, found.values[name]) for name, one in found.targets.items()
    }


def _pictures(
    model: OpenAutoGLM, catalog: Catalog, rows: Sequence[Mapping[str, Any]], skipped: list[Broken]
) -> dict[str, Any]:
    """The pictures of those rows that have one, by id."""
    wanted = [row["id"] for row in rows if row["_image_hash"] is not None]
    found = {}
    for row in catalog.read(["id", "_image", "_image_bytes"], ids=wanted).to_pylist() if wanted else ():
        try:
            found[row["id"]] = model.prepare(catalog.load_image(row))
        except BadImage as error:
            skipped.append(Broken(row["id"], error.reason))
    return found


def text_of(row: Mapping[str, Any], fields: Sequence[str]) -> str | None:
    """The row's first text in the order of `fields`, tags joined by commas; None where all are empty."""
    for name in fields:
        value = row[name]
        text = (", ".join(value) if isinstance(value, list) else value or "").strip()
        if text:
            return text
    return None


def _joined(parts: Sequence[np.ndarray], width: int) -> np.ndarray:
    return np.concatenate(parts) if parts else np.zeros((0, width), np.float32)
