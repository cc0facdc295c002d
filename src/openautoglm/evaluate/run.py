"""`evaluate`: how well a model connects the pictures and captions of a catalogue.

Reads rows, encodes each distinct picture and caption once, measures, and writes a folder:
`report.json`, `report.md`, the best and worst queries as contact sheets, the histogram of
similarities, and the training curves where there are some. The threshold of pair accuracy comes
from validation rows only.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from openautoglm.errors import UserError
from openautoglm.evaluate.encoding import Broken, Encoder, Tell, Vectors, encode_captions, encode_pictures
from openautoglm.evaluate.gallery import EVERY, Gallery, collect
from openautoglm.evaluate.measure import (
    Ranked,
    measure_pairs,
    measure_retrieval,
    measure_space,
    score_pairs,
)
from openautoglm.evaluate.pictures import draw_queries, draw_similarity
from openautoglm.evaluate.report import Report
from openautoglm.tasks.matching import choose_threshold

if TYPE_CHECKING:
    from openautoglm.catalog.catalog import Catalog
    from openautoglm.catalog.schema import Field


class EvaluationError(UserError):
    """There is nothing that could be evaluated; the message says what is missing."""


def evaluate(
    model: Encoder,
    catalog: Catalog,
    *,
    split: str | None = "test",
    where: str | None = None,
    fields: Sequence[str] | None = None,
    folder: Path | None = None,
    curves: Path | None = None,
    batch_size: int = 64,
    seed: int = 0,
    tell: Tell | None = None,
) -> Report:
    """Measure `model` on the rows of `split` that satisfy `where`.

    Args:
        model: encodes pictures and texts.
        catalog: whose rows are measured.
        split: "train", "validation" or "test"; None takes the rows of all splits.
        where: an SQL condition on the catalogue's columns.
        fields: the text fields whose captions take part; None takes all of them.
        folder: where the report is written; None only returns it.
        curves: a picture of the training's curves to lay beside the report.
        batch_size: pictures or texts a forward pass.
        seed: of the wrong pairs and of the bootstrap.
        tell: told how far the encoding is.

    Raises:
        EvaluationError: if no caption and picture of these rows belong together, or a field is unknown.
        CatalogError: if `where` is no valid condition.
    """
    chosen = _fields(catalog, fields)
    encoded = _encode(model, catalog, chosen, _condition(split, where), batch_size, tell)
    gallery = encoded.gallery
    if not len(gallery.relevant.items):
        raise EvaluationError(_emptiness(gallery, split, where, encoded.broken))
    threshold, source = _threshold(model, catalog, chosen, where, batch_size, seed)
    pairs = score_pairs(gallery, encoded.pictures, encoded.captions, seed=seed)
    ranked = list(measure_retrieval(gallery, encoded.pictures, encoded.captions, seed=seed))
    report = Report(
        model=model.fingerprint(),
        split=split,
        where=where,
        rows=gallery.rows,
        pictures=len(gallery.pictures),
        captions=len(gallery.captions),
        sections=[one.section for one in ranked],
        pairs=measure_pairs(pairs, threshold, seed=seed),
        space=measure_space(encoded.pictures, encoded.captions, seed=seed),
        threshold=threshold,
        threshold_from=source,
        skipped=encoded.broken,
        notes=_notes(gallery, split),
    )
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        report.files.append(draw_similarity(pairs, threshold, folder / "similarity.png"))
        report.files.extend(_draw(ranked, gallery, catalog, folder))
        if curves is not None and curves.is_file():
            report.files.append(shutil.copyfile(curves, folder / f"curves{curves.suffix}").name)
        report.write(folder)
    return report


class _Encoded:
    """A gallery with the vectors of its pictures and captions."""

    def __init__(self, gallery: Gallery, pictures: Vectors, captions: Vectors, broken: list[Broken]) -> None:
        self.gallery, self.pictures, self.captions, self.broken = gallery, pictures, captions, broken


def _encode(
    model: Encoder,
    catalog: Catalog,
    fields: Sequence[Field],
    condition: str | None,
    batch_size: int,
    tell: Tell | None,
) -> _Encoded:
    columns = ["id", "_image_hash", "_cluster", *(field.name for field in fields)]
    gallery = collect(catalog.read(columns, where=condition), fields)
    found = encode_pictures(model, catalog, gallery.pictures, batch_size=batch_size, tell=tell)
    captions = encode_captions(model, gallery.captions, batch_size=batch_size, tell=tell)
    return _Encoded(gallery.keep_pictures(found.kept), found.vectors, captions, found.broken)


def _threshold(
    model: Encoder, catalog: Catalog, fields: Sequence[Field], where: str | None, batch_size: int, seed: int
) -> tuple[float | None, str]:
    """Choose on the validation rows of `where`; on all validation rows where it leaves no pairs."""
    for condition, words in (
        (where, "the validation rows of the same condition"),
        (None, "all validation rows"),
    ):
        if condition is None and where is None:
            words = "the validation split"
        encoded = _encode(model, catalog, fields, _condition("validation", condition), batch_size, None)
        if len(encoded.gallery.relevant.items):
            pairs = score_pairs(encoded.gallery, encoded.pictures, encoded.captions, seed=seed)
            if len(pairs.wrong):
                return choose_threshold(pairs.right, pairs.wrong), words
        if where is None:
            break
    return None, "the validation split has no pairs to choose a threshold on"


def _fields(catalog: Catalog, names: Sequence[str] | None) -> list[Field]:
    known = {field.name: field for field in catalog.text_fields}
    for name in names or ():
        if name not in known:
            raise EvaluationError(
                f"no text field is called {name!r}; there are: {', '.join(known) or 'none'}"
            )
    return [known[name] for name in (names or known)]


def _condition(split: str | None, where: str | None) -> str | None:
    parts = [f"_split = '{split}'"] if split else []
    parts += [f"({where})"] if where else []
    return " AND ".join(parts) or None


def _draw(ranked: list[Ranked], gallery: Gallery, catalog: Catalog, folder: Path) -> list[str]:
    return [
        name
        for one in ranked
        if one.section.kind == EVERY
        for name in draw_queries(one, gallery, catalog, folder)
    ]


def _notes(gallery: Gallery, split: str | None) -> list[str]:
    notes = []
    if split != "test":
        notes.append(
            "These are not, or not only, test rows: the model or its threshold may have been chosen on them."
        )
    if len(gallery.pictures) < 100:
        notes.append(
            f"A gallery of {len(gallery.pictures)} pictures is small: read the figures beside their chance."
        )
    return notes


def _emptiness(gallery: Gallery, split: str | None, where: str | None, broken: list[Broken]) -> str:
    rows = f"{split} rows" if split else "rows"
    rows += f" where {where}" if where else ""
    found = f"{gallery.rows:,} {rows}: {len(gallery.pictures):,} pictures, {len(gallery.captions):,} captions"
    found += f", {len(broken):,} broken pictures" if broken else ""
    remedy = "evaluate another split, or add rows that have both a picture and a caption"
    return f"nothing to evaluate in {found}, none of which belong together; {remedy}"
