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
from typing import TYPE_CHECKING, NamedTuple

from openautoglm.catalog.condition import all_of
from openautoglm.errors import UserError
from openautoglm.evaluate import matched
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
from openautoglm.evaluate.targets import TargetSection, measured_targets
from openautoglm.evaluate.whole_rows import measure_rows
from openautoglm.evaluate.writing_figures import WritingSection, measured_writing
from openautoglm.tasks.matching import choose_threshold

if TYPE_CHECKING:
    from openautoglm.catalog.catalog import Catalog
    from openautoglm.catalog.questions import Questions


class EvaluationError(UserError):
    """There is nothing that could be evaluated; the message says what is missing."""


def evaluate(
    model: Encoder,
    catalog: Catalog,
    *,
    split: str | None = "test",
    where: str | None = None,
    fields: Sequence[str] | None = None,
    questions: Questions | None = None,
    captions: Sequence[str] | None = None,
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
        questions: asked about the rows' pictures; their answers are measured.
        captions: the text fields that captions written by the model are held against; None writes none.
        folder: where the report is written; None only returns it.
        curves: a picture of the training's curves to lay beside the report.
        batch_size: pictures or texts a forward pass.
        seed: of the wrong pairs and of the bootstrap.
        tell: told how far the encoding is.

    Raises:
        EvaluationError: if no caption and picture of these rows belong together, or a field is unknown.
        CatalogError: if `where` is no valid condition.
    """
    encoded = _encode(model, catalog, read_gallery(catalog, split, where, fields), batch_size, tell)
    gallery = encoded.gallery
    targets, unseen = measured_targets(model, catalog, split=split, where=where, seed=seed, tell=tell)
    writing, unread, said = measured_writing(
        model, catalog, questions, captions, split=split, where=where, seed=seed, tell=tell
    )
    unseen += unread
    if not len(gallery.relevant.items):
        if not targets and not writing:
            raise EvaluationError(_emptiness(gallery, split, where, encoded.broken))
        return _without_pairs(model, gallery, targets, writing, unseen, split, where, folder)
    held, source = _held_out(model, catalog, where, fields, batch_size)
    threshold = None
    if held is not None:
        others = score_pairs(held.gallery, held.pictures, held.captions, seed=seed)
        threshold = choose_threshold(others.right, others.wrong)
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
        targets=targets,
        whole_rows=measure_rows(
            model, catalog, gallery, encoded.pictures, encoded.captions, seed=seed, batch_size=batch_size
        ),
        matching=_matching(model, catalog, encoded, held, batch_size, seed, tell),
        skipped=list(dict.fromkeys([*encoded.broken, *unseen])),
        notes=[*_notes(gallery, split), *said],
        writing=writing,
    )
    if folder is not None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            report.files.append(draw_similarity(pairs, threshold, folder / "similarity.png"))
            report.files.extend(_draw(ranked, gallery, catalog, folder))
            if curves is not None and curves.is_file():
                report.files.append(shutil.copyfile(curves, folder / f"curves{curves.suffix}").name)
            report.write(folder)
        except OSError as error:
            raise EvaluationError(f"{folder}: the report cannot be written ({error.strerror})") from error
    return report


def read_gallery(
    catalog: Catalog, split: str | None, where: str | None, fields: Sequence[str] | None
) -> Gallery:
    """Read the pictures and captions of some rows.

    Raises:
        EvaluationError: if a field is unknown.
        CatalogError: if `where` is no valid condition.
    """
    known = {field.name: field for field in catalog.text_fields}
    for name in fields or ():
        if name not in known:
            listed = ", ".join(known) or "none"
            raise EvaluationError(f"no text field is called {name!r}; there are: {listed}")
    chosen = [known[name] for name in (fields or known)]
    condition = all_of(f"_split = '{split}'" if split else None, where or None)
    columns = ["id", "_image_hash", "_cluster", *(field.name for field in chosen)]
    return collect(catalog.read(columns, where=condition), chosen)


class _Encoded(NamedTuple):
    gallery: Gallery
    pictures: Vectors
    captions: Vectors
    broken: list[Broken]


def _encode(
    model: Encoder, catalog: Catalog, gallery: Gallery, batch_size: int, tell: Tell | None = None
) -> _Encoded:
    found = encode_pictures(model, catalog, gallery.pictures, batch_size=batch_size, tell=tell)
    captions = encode_captions(model, gallery.captions, batch_size=batch_size, tell=tell)
    return _Encoded(gallery.keep_pictures(found.kept), found.vectors, captions, found.broken)


def _held_out(
    model: Encoder, catalog: Catalog, where: str | None, fields: Sequence[str] | None, batch_size: int
) -> tuple[_Encoded | None, str]:
    """The validation rows of `where`, to choose thresholds on; all of them where it leaves no pairs."""
    choices = [(where, "the validation rows of the same condition")] if where else []
    for condition, words in [*choices, (None, "all validation rows")]:
        gallery = read_gallery(catalog, "validation", condition, fields)
        if not len(gallery.relevant.items):
            continue
        encoded = _encode(model, catalog, gallery, batch_size)
        relevant, size = encoded.gallery.relevant, len(encoded.gallery.pictures)
        if bool(((relevant.counts > 0) & (relevant.counts < size)).any()):
            return encoded, words
    return None, "the validation split has no pairs to choose a threshold on"


def _matching(
    model: Encoder,
    catalog: Catalog,
    encoded: _Encoded,
    held: _Encoded | None,
    batch_size: int,
    seed: int,
    tell: Tell | None,
) -> list[matched.MatchSection]:
    """What the matching head is worth, where the model has one."""
    if not isinstance(model, matched.Matches) or not model.matches:
        return []

    def score(one: _Encoded) -> matched.Scores:
        parts = (one.gallery, one.pictures, one.captions)
        return matched.score(model, catalog, *parts, batch_size=batch_size, seed=seed, tell=tell)

    return matched.measure(score(encoded), {} if held is None else score(held), seed=seed)


def _draw(ranked: list[Ranked], gallery: Gallery, catalog: Catalog, folder: Path) -> list[str]:
    return [
        name
        for one in ranked
        if one.section.kind == EVERY
        for name in draw_queries(one, gallery, catalog, folder)
    ]


def _without_pairs(
    model: Encoder,
    gallery: Gallery,
    targets: list[TargetSection],
    writing: list[WritingSection],
    skipped: list[Broken],
    split: str | None,
    where: str | None,
    folder: Path | None,
) -> Report:
    """The report of rows that have no pictures with captions, but labels or questions."""
    source = "no caption and picture of these rows belong together"
    sizes = (gallery.rows, len(gallery.pictures), len(gallery.captions))
    known = dict.fromkeys(skipped)
    report = Report(
        *(model.fingerprint(), split, where, *sizes, [], {}, {}, None, source, targets),
        skipped=list(known),
        writing=writing,
    )
    if folder is not None:
        try:
            report.write(folder)
        except OSError as error:
            raise EvaluationError(f"{folder}: the report cannot be written ({error.strerror})") from error
    return report


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
