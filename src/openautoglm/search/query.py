"""Search: a sentence, a picture or both → the rows nearest to it, among those that pass a filter.

A score is the cosine of the query's vector with the row's. Which of the row's vectors is `by`:

    "auto"    its picture's, or its texts' where it has no picture   (what `evaluate` measures)
    "image"   its picture's; rows without a picture are not found
    "text"    its texts';    rows without a text are not found
    "fused"   the mean of the two: looks and words count alike

A sentence is usually nearer to a sentence than to a picture that shows the same. So with "auto" a
row without a picture can score higher than an equally good one with a picture.

A query's picture may be a video or a page of a PDF, named as the catalogue does (`catalog/parts.py`).
A query of a sentence and a picture is the sum of the two vectors, of unit length.

Every search is exact: it compares with all rows that pass the filter, so it returns `k` rows
whenever `k` rows with vectors pass, however few they are of the whole.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import pyarrow as pa
from PIL import Image

from openautoglm.catalog.condition import all_of
from openautoglm.catalog.images import BadImage, decode_image
from openautoglm.catalog.parts import load_frames
from openautoglm.evaluate.encoding import Encoder, Vectors, pooled, unit_mean
from openautoglm.search.errors import SearchError
from openautoglm.search.hit import Hit
from openautoglm.search.index import VECTORS, indexed_rows, made_by

if TYPE_CHECKING:
    from openautoglm.catalog.catalog import Catalog

By = Literal["auto", "image", "text", "fused"]

_SHOWN = ("_image", "_width", "_height", "_split")
"""Of the catalogue's own columns, those that a hit shows beside the user's."""


def search(
    model: Encoder,
    catalog: Catalog,
    *,
    text: str | None = None,
    image: Image.Image | Path | str | bytes | None = None,
    where: str | None = None,
    k: int = 10,
    by: By = "auto",
) -> list[Hit]:
    """Find the `k` rows nearest to the query, best first; equal scores are ordered by id.

    Args:
        model: the one that made the index.
        catalog: an indexed catalogue. Rows added since, or changed, are found after the next `index`.
        text: a sentence in any language the model knows.
        image: a picture, its file, or its bytes.
        where: SQL condition on the catalogue's columns, such as `price < 100 AND brand = 'Acme'`.
        k: how many rows.
        by: which of a row's vectors is compared, as above.

    Returns:
        Fewer than `k` hits only where fewer rows with such vectors pass `where`.

    Raises:
        SearchError: if there is nothing to search for, `k` or `by` makes no sense, the picture cannot
            be read, there is no index, or another model made it.
        CatalogError: if `where` is no valid condition; it lists the columns.
    """
    if k < 1:
        raise SearchError(f"k is the number of results and must be 1 or more, not {k}")
    if by not in get_args(By):
        raise SearchError(f"by={by!r} is unknown; choose one of {', '.join(get_args(By))}")
    own = made_by(model.fingerprint())
    query = encode_query(model, text=text, image=image)
    _check_index(own, catalog, len(query))
    hits: list[Hit] = []
    for column, condition in _columns(by):
        hits += _nearest(catalog, column, query, all_of(own, condition, where), k, where)
    return sorted(hits, key=lambda hit: (-hit.score, hit.id))[:k]


def encode_query(
    model: Encoder, *, text: str | None = None, image: Image.Image | Path | str | bytes | None = None
) -> Vectors:
    """Encode a sentence, a picture, or both together into a (D,) unit vector.

    Raises:
        SearchError: if both are missing, the text is blank, or the picture cannot be read.
    """
    if text is not None and not text.strip():
        raise SearchError("the query is empty; give a few words, or a picture")
    if text is None and image is None:
        raise SearchError("there is nothing to search for; give a text, an image, or both")
    parts = [] if text is None else [model.encode(texts=[text.strip()])[0]]
    if image is not None:
        frames = _pictures(image)
        parts.append(pooled(model.encode(images=frames), [len(frames)])[0])
    return unit_mean(parts)


def _pictures(image: Image.Image | Path | str | bytes) -> list[Image.Image]:
    """Decode the picture, or the frames of a video."""
    if isinstance(image, Image.Image):
        return [image]
    try:
        return [decode_image(image)] if isinstance(image, bytes) else load_frames(Path(image))
    except BadImage as error:
        raise SearchError(f"the query's picture cannot be read: {error}") from error


def _columns(by: By) -> list[tuple[str, str]]:
    """List the vector columns to compare with, and conditions that keep a row from being found twice."""
    image, text, fused = VECTORS
    if by == "auto":
        return [(image, f"{image} IS NOT NULL"), (text, f"{image} IS NULL AND {text} IS NOT NULL")]
    column = {"image": image, "text": text, "fused": fused}[by]
    return [(column, f"{column} IS NOT NULL")]


def _nearest(
    catalog: Catalog, column: str, query: Vectors, condition: str | None, k: int, where: str | None
) -> list[Hit]:
    names = [name for name in catalog.dataset.schema.names if name in _SHOWN or not name.startswith("_")]
    nearest = {
        "column": column,
        "q": pa.array(query, pa.float32()),
        "k": k,
        "metric": "cosine",
        "use_index": False,
    }
    try:
        table = catalog.dataset.to_table(
            columns=[*names, "_distance"], filter=condition, nearest=nearest, prefilter=True
        )
    except (ValueError, OSError):
        # The user's condition, read alone, gives an error that names it and lists the columns.
        catalog.count(where)
        raise
    texts = [field.name for field in catalog.text_fields]
    return [_hit(row, texts) for row in table.to_pylist()]


def _hit(row: dict[str, Any], texts: list[str]) -> Hit:
    label = next((row[name] for name in texts if row[name]), "")
    return Hit(row.pop("id"), 1.0 - row.pop("_distance"), row, label)


def _check_index(own: str, catalog: Catalog, size: int) -> None:
    """Say why nothing could be found, before nothing is found."""
    schema = catalog.dataset.schema
    if VECTORS[0] in schema.names and catalog.dataset.count_rows(own):
        if (stored := schema.field(VECTORS[0]).type.list_size) != size:
            raise SearchError(
                f"the index holds vectors of {stored} numbers, the model makes {size}; index again"
            )
        return
    rows = catalog.count()
    if not rows:
        raise SearchError(
            "the catalogue is empty; `autoglm add` fills it, `autoglm index` makes it searchable"
        )
    if made := sum(indexed_rows(catalog).values()):
        raise SearchError(
            f"another model made this index ({made:,} rows); search with that one, or run `autoglm index` "
            "with this one"
        )
    raise SearchError(f"none of the {rows:,} rows is indexed; run `autoglm index` first")
