"""The columns of vectors that an index keeps beside each row, and which model made them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from openautoglm.catalog.catalog import Catalog

IMAGE, TEXT, FUSED = VECTORS = ("_image_embeds", "_text_embeds", "_fused_embeds")
KEY = "_embeds_key"
"""FINGERPRINT:CONTENT, what the vectors were made from and by which model; `:COLUMNS` if it fuses rows."""
BROKEN = ":broken"
"""What the key of a row ends in whose picture could not be read."""
ALONE = "_embeds_alone"
"""Whether a row has a text's vector and no picture's: to tell that from the vectors reads them all."""


def fuses_rows(key: str | None) -> bool:
    """Tell from a row's key whether its model fuses rows (`evaluate/fusing.py`)."""
    return (key or "").removesuffix(BROKEN).count(":") == 2


def made_by(fingerprint: str) -> str:
    """Write the SQL condition for rows with vectors of the model of this fingerprint."""
    quoted = fingerprint.replace("'", "''")
    return f"starts_with({KEY}, '{quoted}:')"


def without_picture(names: Collection[str]) -> str:
    """Write the SQL condition for rows that only their texts' vectors find, in a table of columns `names`."""
    return f"{ALONE} = true" if ALONE in names else f"{IMAGE} IS NULL"


def indexed_rows(catalog: Catalog) -> dict[str, int]:
    """Count the rows that have vectors, by the fingerprint of the model that made them."""
    keys = catalog.read([KEY])[KEY].drop_null().to_pylist()
    return dict(Counter(key.partition(":")[0] for key in keys).most_common())
