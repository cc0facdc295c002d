"""Pictures that the catalogue has already, opened again.

A file may have changed since it was added. Then it is not the picture that its row speaks of, and is
passed over until its source is added again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from openautoglm.catalog.hashing import content_hash
from openautoglm.catalog.images import BadImage, read_image_bytes
from openautoglm.catalog.schema import ID
from openautoglm.catalog.store import Store
from openautoglm.catalog.threads import in_order

T = TypeVar("T")
Row = Mapping[str, Any]

NEEDED = (ID, "_image", "_image_hash", "_embedded")
"""What must have been read of a row for its picture to be opened."""


def open_stored(
    store: Store, rows: Iterable[Row], use: Callable[[bytes], T]
) -> Iterator[tuple[Row, T | None]]:
    """Yield each row with what `use` makes of its picture's bytes, in the order of the rows.

    Args:
        store: the table.
        rows: with the columns `NEEDED`, and a picture each.
        use: called in threads; may raise `BadImage`.

    Returns:
        Pairs; the second is None where the picture has gone, changed or broken.
    """

    def look(row: Row) -> tuple[Row, T | None]:
        try:
            data = _bytes(store, row)
            return row, use(data) if content_hash(data) == row["_image_hash"] else None
        except BadImage:
            return row, None

    return in_order(look, rows)


def _bytes(store: Store, row: Row) -> bytes:
    if row["_embedded"]:
        kept: bytes = store.rows([row[ID]], [ID, "_image_bytes"])["_image_bytes"][0].as_py()
        return kept
    if row["_image"] is None:
        raise BadImage(None, "the row has no file")
    return read_image_bytes(store.folder / row["_image"])
