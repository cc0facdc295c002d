"""Retrieval of whole rows: texts find fused vectors, and these find texts.

    row     fused vector of a picture, of the columns of its row that the model reads, and of that row's
            texts in other fields than the one that asks or is asked for, all as far as they are there
    text→row    as text→image, with rows in place of the pictures
    row→text    as image→text, a query of everything but the text

The field that asks stays out, because a text would find itself in the row. Measured only where the model
fuses rows (`fusing.py`) and a row is more than its picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from openautoglm.evaluate.encoding import Encoder, Vectors, unit_mean
from openautoglm.evaluate.fusing import Fusing
from openautoglm.evaluate.gallery import Gallery, same_text
from openautoglm.evaluate.measure import Section, measure_retrieval
from openautoglm.evaluate.questions import FORWARD, ROW_TO_TEXT, TEXT_TO_ROW

if TYPE_CHECKING:
    from openautoglm.catalog.catalog import Catalog


def measure_rows(
    model: Encoder,
    catalog: Catalog,
    gallery: Gallery,
    pictures: Vectors,
    captions: Vectors,
    *,
    seed: int = 0,
    batch_size: int = 64,
) -> list[Section]:
    """Measure both directions for the texts of each field.

    Args:
        model: that made the vectors.
        catalog: whose rows hold the gallery's pictures.
        gallery: of n pictures and m captions.
        pictures: (n, D).
        captions: (m, D).
        seed: of the bootstrap.
        batch_size: rows a forward pass.
    """
    fusing = Fusing.of(model)
    if fusing is None:
        return []
    fields = [name for kind, name in gallery.members if kind == "field"]
    columns = [name for name in fusing.columns if name in catalog.fields]
    rows = catalog.read(["id", *dict.fromkeys([*fields, *columns])], ids=gallery.pictures).to_pylist()
    places = {same_text(text): place for place, text in enumerate(gallery.captions)}
    found: list[Section] = []
    for asking in fields:
        said = [_other_texts(row, fields, asking) for row in rows]
        if not any(said) and not any(fusing.there(rows)):
            continue
        texts = [
            unit_mean([captions[places[same_text(one)]] for one in some]) if some else None for some in said
        ]
        shown = [{**row, "texts": some} for row, some in zip(rows, said, strict=True)]
        fused = np.array(fusing.fuse(catalog, shown, list(pictures), texts, batch_size=batch_size))
        for ranked in measure_retrieval(gallery, fused, captions, seed=seed, only=("field", asking)):
            forward = ranked.section.direction == FORWARD
            found.append(replace(ranked.section, direction=TEXT_TO_ROW if forward else ROW_TO_TEXT))
    return found


def _other_texts(row: dict[str, str | None], fields: Sequence[str], asking: str) -> list[str]:
    """The row's different texts in other fields, but for those that say the same as the one that asks."""
    own = same_text(row[asking] or "")
    texts = {same_text(text): text for name in fields if name != asking and (text := row[name])}
    return [text for key, text in texts.items() if key not in ("", own)]
