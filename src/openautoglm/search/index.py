"""The index: each row's vectors, kept beside the row, made again only when row or model changed.

    _image_embeds   the picture's vector, of a video the unit mean of its frames'; null where the row has
                    no picture, or a broken one
    _text_embeds    the unit mean of the vectors of the row's different texts; null without text
    _fused_embeds   the unit mean of those of the two that are there: the row as a whole
    _embeds_alone   whether there are a text's vector and no picture's
    _embeds_key     FINGERPRINT:CONTENT, what the vectors were made from and by which model

CONTENT is a hash of the picture's bytes and the texts, not of the whole row: a new price costs no
encoding. Vectors are committed every few hundred rows, so that a run that was killed goes on where
it stopped. The key of a row whose picture could not be read ends in `:broken`: it is searched by
its texts, and tried again by the next run. The index of neighbours (`nearest.py`) and those of the columns
(`scalar_indices.py`), which large catalogues have, that of words (`words.py`) and what tells the end of
relevance (`calibration.py`) are brought up to date last.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from openautoglm.catalog.hashing import row_hash
from openautoglm.evaluate.encoding import Broken, Encoder, Tell, Vectors, encode_pictures, unit_mean
from openautoglm.search.background import Background
from openautoglm.search.calibration import Check, build_relevance
from openautoglm.search.nearest import EXACT_BELOW, begin
from openautoglm.search.nearest_build import NearestReport, build_nearest
from openautoglm.search.scalar_indices import build_scalar_indices
from openautoglm.search.vectors import ALONE, IMAGE, KEY, TEXT, VECTORS
from openautoglm.search.words import WordsReport, build_words

if TYPE_CHECKING:
    from openautoglm.catalog.catalog import Catalog

RENEW = 10
"""Where relevance ends is learned anew when one in so many rows has other vectors."""
_BROKEN = ":broken"


@dataclass
class IndexReport:
    """What a run did."""

    encoded: int = 0
    """Rows whose vectors were made."""
    reused: int = 0
    """Rows whose vectors were right already."""
    removed: int = 0
    """Rows whose vectors were taken away, because they have neither picture nor text any more."""
    seconds: float = 0.0
    broken: list[Broken] = field(default_factory=list)
    """Pictures that could not be read."""
    nearest: NearestReport = field(default_factory=NearestReport)
    """How the vectors are searched, with the recall that was measured; exactly where it is empty."""
    words: WordsReport = field(default_factory=WordsReport)
    """What was done for full-text search."""
    relevance: Check | None = None
    """How well searches tell where the relevant rows end; None where there is too little to learn it from."""
    notes: list[str] = field(default_factory=list)
    """What else is to be known."""

    def __str__(self) -> str:
        text = f"{self.encoded:,} rows encoded, {self.reused:,} reused"
        text += f", {self.removed:,} removed" if self.removed else ""
        text += f", {len(self.broken):,} broken pictures" if self.broken else ""
        words = f"; words of {self.words.indexed:,} rows indexed" if self.words.indexed else ""
        nearest = [str(self.nearest)] if self.nearest.columns else []
        end = [str(self.relevance)] if self.relevance else []
        return "\n".join([f"{text} in {self.seconds:.1f} s{words}", *nearest, *end, *self.notes])


def build_index(
    model: Encoder,
    catalog: Catalog,
    *,
    batch_size: int = 64,
    commit_rows: int = 1024,
    tell: Tell | None = None,
) -> IndexReport:
    """Give every row with a picture or a text its vectors, and index its words; what is right stays.

    Args:
        model: encodes pictures and texts.
        catalog: whose rows are indexed.
        batch_size: pictures or texts a forward pass.
        commit_rows: rows between two commits; a killed run loses at most these.
        tell: told ("rows", rows done, rows to do).
    """
    began = time.perf_counter()
    names = [one.name for one in catalog.text_fields]
    rows = catalog.read(["id", "_image_hash", KEY, *names]).to_pylist()
    fingerprint = model.fingerprint()
    report = IndexReport()
    todo: list[dict[str, Any]] = []
    for row in rows:
        row["texts"] = list(
            dict.fromkeys(text.strip() for name in names if (text := row[name]) and text.strip())
        )
        row["key"] = _key(fingerprint, row)
        if row["key"] == row[KEY]:
            report.reused += row["key"] is not None
        else:
            todo.append(row)
    for start in range(0, len(todo), commit_rows):
        chunk = todo[start : start + commit_rows]
        table, broken = _encode(model, catalog, chunk, batch_size)
        if start == 0:
            begin(catalog.folder, fingerprint)
            _make_room(catalog, table.schema)
        catalog.merge_columns(table)
        empty = sum(row["key"] is None for row in chunk)
        report.removed += empty
        report.encoded += len(chunk) - empty
        report.broken += broken
        if tell:
            tell("rows", min(start + commit_rows, len(todo)), len(todo))
    if todo:
        Background.draw(catalog, fingerprint).save(catalog.folder, fingerprint)
    build_scalar_indices(catalog, from_rows=EXACT_BELOW)
    report.nearest = build_nearest(catalog, fingerprint)
    report.words = build_words(catalog)
    report.relevance = build_relevance(model, catalog, renew=len(todo) * RENEW > len(rows))
    report.seconds = time.perf_counter() - began
    return report


def _key(fingerprint: str, row: dict[str, Any]) -> str | None:
    """Name what the row's vectors must be made from; None where there is nothing to encode."""
    if row["_image_hash"] is None and not row["texts"]:
        return None
    return f"{fingerprint}:{row_hash({'texts': row['texts']}, row['_image_hash'])}"


def _encode(
    model: Encoder, catalog: Catalog, rows: Sequence[dict[str, Any]], batch_size: int
) -> tuple[pa.Table, list[Broken]]:
    """Make the vectors of some rows, as the columns that are written."""
    with_picture = [place for place, row in enumerate(rows) if row["_image_hash"] is not None]
    found = encode_pictures(
        model, catalog, [rows[place]["id"] for place in with_picture], batch_size=batch_size
    )
    pictures: list[Vectors | None] = [None] * len(rows)
    for place, vector in zip(found.kept, found.vectors, strict=True):
        pictures[with_picture[place]] = vector

    texts = list(dict.fromkeys(text for row in rows for text in row["texts"]))
    vectors = model.encode(texts=texts, batch_size=batch_size) if texts else ()
    known = dict(zip(texts, vectors, strict=True))
    words = [unit_mean([known[text] for text in row["texts"]]) if row["texts"] else None for row in rows]
    pairs = [[one for one in pair if one is not None] for pair in zip(pictures, words, strict=True)]
    fused = [unit_mean(pair) if pair else None for pair in pairs]
    lost = {one.id for one in found.broken}
    keys = [row["key"] + _BROKEN if row["id"] in lost else row["key"] for row in rows]
    columns = {"id": pa.array([row["id"] for row in rows], pa.string())}
    size = next(len(vector) for vector in [*fused, np.zeros(1)] if vector is not None)
    for name, values in zip(VECTORS, (pictures, words, fused), strict=True):
        columns[name] = pa.array(values, pa.list_(pa.float32(), size))
    alone = [picture is None and text is not None for picture, text in zip(pictures, words, strict=True)]
    return pa.table({**columns, ALONE: alone, KEY: pa.array(keys, pa.string())}), found.broken


def _make_room(catalog: Catalog, schema: pa.Schema) -> None:
    """Drop vectors of another size: a model with other dimensions cannot share their columns.

    An index of an earlier version comes to know its rows without pictures.
    """
    present = catalog.dataset.schema
    if IMAGE in present.names and ALONE not in present.names:
        with catalog.writing():
            catalog.writable.add_columns({ALONE: f"{IMAGE} IS NULL AND {TEXT} IS NOT NULL"})
    stale = [
        name
        for name in VECTORS
        if name in present.names and present.field(name).type != schema.field(name).type
    ]
    if stale:
        catalog.drop_columns(stale)
