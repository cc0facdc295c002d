"""The index: each row's vectors, kept beside the row, made again only when row or model changed.

    _image_embeds   the picture's vector, of a video the unit mean of its frames'; null where the row has
                    no picture, or a broken one
    _text_embeds    the unit mean of the vectors of the row's different texts; null without text
    _fused_embeds   the unit mean of those of the two that are there: the row as a whole. By a model that
                    fuses rows (`evaluate/fusing.py`), its own fusion of the two and of the row's columns
    _embeds_alone   whether there are a text's vector and no picture's
    _embeds_key     FINGERPRINT:CONTENT, what the vectors were made from and by which model; then
                    :COLUMNS, if it fuses rows

CONTENT is a hash of the picture's bytes and the texts, not of the whole row: a new price costs no
encoding. COLUMNS is one of those columns that the model reads: where a price is among them, a new one has
the row fused anew, from the vectors of picture and texts that are there. Vectors are committed every few
hundred rows, so that a run that was killed goes on where it stopped. The key of a row whose picture could
not be read ends in `:broken`: it is searched by its texts, and tried again by the next run. The index of
neighbours (`nearest.py`) and those of the columns (`scalar_indices.py`), which large catalogues have, that
of words (`words.py`) and what tells the end of relevance (`calibration.py`) are brought up to date last.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from openautoglm.catalog.content import content_of, texts_of
from openautoglm.catalog.hashing import row_hash
from openautoglm.evaluate.encoding import Broken, Encoder, Tell, Vectors, encode_pictures, unit_mean
from openautoglm.evaluate.fusing import Fusing
from openautoglm.search.background import Background
from openautoglm.search.calibration import Check, build_relevance
from openautoglm.search.nearest import EXACT_BELOW, begin
from openautoglm.search.nearest_build import NearestReport, build_nearest
from openautoglm.search.scalar_indices import build_scalar_indices
from openautoglm.search.vectors import ALONE, BROKEN, IMAGE, KEY, TEXT, VECTORS
from openautoglm.search.words import WordsReport, build_words

if TYPE_CHECKING:
    from openautoglm.catalog.catalog import Catalog

RENEW = 10
"""Where relevance ends is learned anew when one in so many rows has other vectors."""


@dataclass
class IndexReport:
    """What a run did."""

    encoded: int = 0
    """Rows whose vectors were made."""
    fused: int = 0
    """Rows of which only columns had changed that the model reads: nothing of them was encoded but these."""
    reused: int = 0
    """Rows whose vectors were right already."""
    removed: int = 0
    """Rows whose vectors were taken away, because they have nothing any more that the model reads."""
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
        text += f", {self.fused:,} fused anew" if self.fused else ""
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
    """Give every row that the model can read its vectors, and index its words; what is right stays.

    Args:
        model: encodes pictures and texts; one that fuses rows, columns as well.
        catalog: whose rows are indexed.
        batch_size: pictures or texts a forward pass.
        commit_rows: rows between two commits; a killed run loses at most these.
        tell: told ("rows", rows done, rows to do).

    Raises:
        CatalogError: if another process is writing the workspace, or it cannot be written.
    """
    began = time.perf_counter()
    with catalog.writing():
        pass  # whoever writes now is told at once, and not after the first thousand rows were encoded
    names = [one.name for one in catalog.text_fields]
    fusing = Fusing.of(model)
    read = [name for name in (fusing.columns if fusing else ()) if name in catalog.fields]
    rows = catalog.read(["id", "_image_hash", KEY, *dict.fromkeys([*names, *read])]).to_pylist()
    fingerprint = model.fingerprint()
    report = IndexReport()
    todo: list[dict[str, Any]] = []
    for row in rows:
        row["texts"] = texts_of(row, names)
        row["key"] = _key(fingerprint, row, read if fusing else None)
        if row["key"] == row[KEY]:
            report.reused += row["key"] is not None
        else:
            todo.append(row)
    for start in range(0, len(todo), commit_rows):
        chunk = todo[start : start + commit_rows]
        table, broken, again = _encode(model, catalog, chunk, batch_size, fusing)
        if start == 0:
            begin(catalog.folder, fingerprint)
            _make_room(catalog, table.schema)
        catalog.merge_columns(table)
        empty = sum(row["key"] is None for row in chunk)
        report.removed += empty
        report.fused += again
        report.encoded += len(chunk) - empty - again
        report.broken += broken
        if tell:
            tell("rows", min(start + commit_rows, len(todo)), len(todo))
    if todo:
        Background.draw(catalog, fingerprint).save(catalog.folder, fingerprint)
    build_scalar_indices(catalog, from_rows=EXACT_BELOW)
    report.nearest = build_nearest(catalog, fingerprint)
    report.words = build_words(catalog)
    report.relevance = build_relevance(model, catalog, renew=(len(todo) - report.fused) * RENEW > len(rows))
    report.seconds = time.perf_counter() - began
    return report


def _key(fingerprint: str, row: dict[str, Any], read: Sequence[str] | None) -> str | None:
    """Name what the row's vectors must be made from; None where there is nothing to encode.

    Args:
        fingerprint: of the model.
        row: with `texts`.
        read: the columns that take part in the fused vector; None for a model that fuses no rows.
    """
    columns = {name: row[name] for name in read or () if row[name] not in (None, [])}
    if row["_image_hash"] is None and not row["texts"] and not columns:
        return None
    key = f"{fingerprint}:{content_of(row['texts'], row['_image_hash'])}"
    return key if read is None else f"{key}:{row_hash(columns, None)}"


def _encode(
    model: Encoder, catalog: Catalog, rows: Sequence[dict[str, Any]], batch_size: int, fusing: Fusing | None
) -> tuple[pa.Table, list[Broken], int]:
    """Make the columns that are written of some rows; tell of how many of these only columns had changed."""
    kept = _kept(catalog, rows) if fusing else {}
    pictures: list[Vectors | None] = [kept.get(row["id"], (None, None))[0] for row in rows]
    words: list[Vectors | None] = [kept.get(row["id"], (None, None))[1] for row in rows]
    new = [place for place, row in enumerate(rows) if row["id"] not in kept]
    with_picture = [place for place in new if rows[place]["_image_hash"] is not None]
    found = encode_pictures(
        model, catalog, [rows[place]["id"] for place in with_picture], batch_size=batch_size
    )
    for place, vector in zip(found.kept, found.vectors, strict=True):
        pictures[with_picture[place]] = vector

    texts = list(dict.fromkeys(text for place in new for text in rows[place]["texts"]))
    vectors = model.encode(texts=texts, batch_size=batch_size) if texts else ()
    known = dict(zip(texts, vectors, strict=True))
    for place in new:
        if own := rows[place]["texts"]:
            words[place] = unit_mean([known[text] for text in own])
    if fusing:
        fused = fusing.fuse(catalog, rows, pictures, words, batch_size=batch_size)
    else:
        pairs = [[one for one in pair if one is not None] for pair in zip(pictures, words, strict=True)]
        fused = [unit_mean(pair) if pair else None for pair in pairs]
    lost = {one.id for one in found.broken}
    keys = [row["key"] + BROKEN if row["id"] in lost else row["key"] for row in rows]
    columns = {"id": pa.array([row["id"] for row in rows], pa.string())}
    size = next(len(vector) for vector in [*fused, np.zeros(1)] if vector is not None)
    for name, values in zip(VECTORS, (pictures, words, fused), strict=True):
        columns[name] = pa.array(values, pa.list_(pa.float32(), size))
    alone = [picture is None and text is not None for picture, text in zip(pictures, words, strict=True)]
    table = pa.table({**columns, ALONE: alone, KEY: pa.array(keys, pa.string())})
    return table, found.broken, len(kept)


def _kept(
    catalog: Catalog, rows: Sequence[dict[str, Any]]
) -> dict[str, tuple[Vectors | None, Vectors | None]]:
    """Read the vectors of picture and texts, by id, of the rows of which only columns have changed."""
    same = [
        row["id"]
        for row in rows
        if row["key"] and row[KEY] and row["key"].rpartition(":")[0] == row[KEY].rpartition(":")[0]
    ]
    stored = catalog.read(["id", IMAGE, TEXT], ids=same).to_pylist() if same else []
    return {
        row["id"]: (
            None if row[IMAGE] is None else np.asarray(row[IMAGE], np.float32),
            None if row[TEXT] is None else np.asarray(row[TEXT], np.float32),
        )
        for row in stored
    }


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
