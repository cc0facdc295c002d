"""Pictures that the catalogue has already, opened again.

A file may have changed since it was added. Then it is not the picture that its row speaks of, and is
passed over until its source is added again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from PIL import Image

from openautoglm.catalog.hashing import content_hash
from openautoglm.catalog.images import BadImage, ImageFacts, read_image_bytes
from openautoglm.catalog.parts import load_picture, part_at
from openautoglm.catalog.schema import ID
from openautoglm.catalog.store import Store
from openautoglm.catalog.threads import in_order

T = TypeVar("T")
Row = Mapping[str, Any]

NEEDED = (ID, "_image", "_image_hash", "_embedded")
"""What must have been read of a row for its picture to be opened."""


def open_stored(
    store: Store, rows: Iterable[Row], use: Callable[[bytes | Image.Image], T]
) -> Iterator[tuple[Row, T | None]]:
    """Yield each row with what `use` makes of its picture, in the order of the rows.

    Args:
        store: the table.
        rows: with the columns `NEEDED`, and a picture each.
        use: given a picture's bytes, or the picture itself where it is a page of a PDF, say, which is no
            picture's file; called in threads; may raise `BadImage`.

    Returns:
        Pairs; the second is None where the picture has gone, changed or broken.
    """

    def look(row: Row) -> tuple[Row, T | None]:
        try:
            picture = _picture(store, row)
            return row, use(picture) if picture is not None else None
        except BadImage:
            return row, None

    return in_order(look, rows)


def _picture(store: Store, row: Row) -> bytes | Image.Image | None:
    """Read the row's picture; None where it is another one now."""
    digest = row["_image_hash"]
    place = store.folder / row["_image"] if row["_image"] is not None else None
    part = part_at(place) if place else None
    if row["_embedded"]:
        kept: bytes = store.rows([row[ID]], [ID, "_image_bytes"])["_image_bytes"][0].as_py()
        if place is not None and part is not None:  # drawn by ourselves, and hashed by what it was drawn from
            return load_picture(place, kept)
        return kept if content_hash(kept) == digest else None
    if place is None:
        raise BadImage(None, "the row has no file")
    if part is not None:
        # A part that is proven is not decoded to learn its hash.
        same = part.facts({digest: ImageFacts(digest, 0, 0)}).hash == digest
        return part.picture() if same else None
    data = read_image_bytes(place)
    return data if content_hash(data) == digest else None
