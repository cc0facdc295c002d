"""What training looks at between its steps: retrieval on the validation split, without intervals.

The gallery is read once; each call encodes its pictures and captions with the model as it is then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from openautoglm.evaluate.encoding import Encoder, encode_captions, encode_pictures
from openautoglm.evaluate.questions import FORWARD, questions
from openautoglm.evaluate.run import read_gallery
from openautoglm.tasks import retrieval

if TYPE_CHECKING:
    from openautoglm.catalog.catalog import Catalog


def validation(
    catalog: Catalog, *, where: str | None = None, fields: Sequence[str] | None = None, batch_size: int = 64
) -> Callable[[Encoder], dict[str, float]] | None:
    """Prepare a function of a model that returns `mAP` and `recall@1`, text → image, then both per language.

    `mAP` comes first: it decides which weights are kept, and being finer than recall@1 it is the
    steadier guide on a small split.

    Returns:
        None where the validation split has no caption and picture that belong together.
    """
    gallery = read_gallery(catalog, "validation", where, fields)
    if not len(gallery.relevant.items):
        return None

    def validate(model: Encoder) -> dict[str, float]:
        found = encode_pictures(model, catalog, gallery.pictures, batch_size=batch_size)
        readable = gallery.keep_pictures(found.kept)
        captions = encode_captions(model, gallery.captions, batch_size=batch_size)
        figures: dict[str, float] = {}
        for asked in questions(readable):
            if asked.direction == FORWARD and asked.kind != "field":
                ranking = retrieval.rank(captions[asked.queries], found.vectors[asked.items], asked.relevant)
                figures[f"mAP {asked.name}".strip()] = float(ranking.average_precision.mean())
                figures[f"recall@1 {asked.name}".strip()] = float(np.mean(ranking.best == 1))
        return figures

    return validate
