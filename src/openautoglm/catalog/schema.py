"""What a row is made of: the catalogue's own columns and the user's fields with their roles and kinds.

Own columns begin with `_`; the user's fields keep their names, so that SQL filters see them. A field's
*kind* is what its values are (a small set, each with one Arrow type); its *role* is what it is for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import pyarrow as pa

Role = Literal["text", "tags", "column", "id", "group", "split", "words"]
Kind = Literal["text", "integer", "number", "boolean", "date", "time", "tags"]

ARROW: dict[Kind, pa.DataType] = {
    "text": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "time": pa.timestamp("us"),
    "tags": pa.list_(pa.string()),
}
# Which kinds a column may turn into when a later source brings the other one.
WIDER: dict[tuple[Kind, Kind], Kind] = {("integer", "number"): "number", ("date", "time"): "time"}

ID = "id"
EMBEDS_KEY = "_embeds_key"
NEAR = "_near"
WORDS = "_words"
WORDS_KEY = "_words_key"
SPLITS = ("train", "validation", "test")
OCR_TEXT, OCR_HASH = "ocr_text", "_ocr_hash"
"""The words read in the picture, and the hash of the picture that they were read in."""
OWN = pa.schema(
    [
        pa.field(ID, pa.string(), nullable=False),
        pa.field("_position", pa.int64()),  # order of arrival: what `read` sorts by
        pa.field("_source", pa.string()),
        pa.field("_image", pa.string()),
        pa.field("_image_bytes", pa.large_binary()),
        pa.field("_embedded", pa.bool_()),  # whether the bytes are there, without reading them
        pa.field("_image_hash", pa.string()),
        pa.field("_width", pa.int32()),
        pa.field("_height", pa.int32()),
        pa.field("_hash", pa.string()),
        pa.field("_split", pa.string()),
        pa.field("_cluster", pa.string()),
        pa.field("_phash", pa.uint64()),  # of the picture's look; 0 when it has no contrast
        pa.field(NEAR, pa.string()),  # the cluster of near copies
        pa.field("_updated_at", pa.timestamp("us", tz="UTC")),
        pa.field(EMBEDS_KEY, pa.string()),
        pa.field(WORDS, pa.string()),  # what full text search reads, see `words.py`
        pa.field(WORDS_KEY, pa.string()),
    ]
)


@dataclass(frozen=True)
class Field:
    """One of the user's fields.

    Args:
        name: the column's name in the catalogue and in SQL.
        role: "text" is matched with pictures; "tags" are words that describe, not a sentence;
            "column" is filtered on; "id", "group" and "split" are columns with that use; "words" were read
            in the picture: they are searched, but nobody wrote them to describe it.
        type: the kind of its values, a key of `ARROW`.
        language: of most of its texts, by its suffix or its script; None when mixed or no text.
    """

    name: str
    role: Role
    type: Kind
    language: str | None = None

    def __post_init__(self) -> None:
        if self.role not in get_args(Role) or self.type not in ARROW:
            raise ValueError(f"field {self.name!r} has unknown role {self.role!r} or type {self.type!r}")

    def as_dict(self) -> dict[str, Any]:
        """Give what `workspace.json` keeps of it."""
        return {"role": self.role, "type": self.type, "language": self.language}


@dataclass(frozen=True)
class Roles:
    """What a table's columns are for. What is left empty is inferred from the columns that remain.

    `text` and `columns`, when given, are exactly those: others are then not imported in that role.

    >>> print(Roles(image="photo", text=("title", "title_zh"), columns=("price",)))
    image=photo text=title,title_zh columns=price
    """

    image: str | None = None
    text: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    id: str | None = None
    group: str | None = None
    split: str | None = None
    tags: tuple[str, ...] = ()

    def named(self) -> dict[str, Role | Literal["image"]]:
        """Map each column that is named to its role; one named twice gets the more special one."""
        pairs: list[tuple[str | None, Role | Literal["image"]]] = [
            *((name, "column") for name in self.columns),
            *((name, "tags") for name in self.tags),
            *((name, "text") for name in self.text),
            (self.split, "split"),
            (self.group, "group"),
            (self.id, "id"),
            (self.image, "image"),
        ]
        return {name: role for name, role in pairs if name}

    def as_dict(self) -> dict[str, Any]:
        """Give what is not empty, ready for JSON."""
        given = {option: getattr(self, option) for option in self.__dataclass_fields__}
        return {
            option: list(value) if isinstance(value, tuple) else value
            for option, value in given.items()
            if value
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Roles:
        """Take what `as_dict` gave."""
        plain: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in stored.items()
        }
        return cls(**plain)

    def __str__(self) -> str:
        parts = self.as_dict().items()
        return " ".join(
            f"{key}={','.join(value) if isinstance(value, list) else value}" for key, value in parts
        )


def column_name(raw: str, taken: Iterable[str] = ()) -> str:
    """Find a name that Lance and SQL accept; one in `taken` that differs only in case is it.

    >>> column_name("price.eur"), column_name("_score"), column_name("id"), column_name("Price", ["price"])
    ('price_eur', 'score', 'source_id', 'price')
    """
    name = re.sub(r"[.`\"\\\x00-\x1f]", "_", raw.strip()).lstrip("_") or "unnamed"
    name = "source_id" if name.lower() == ID else name
    return next((other for other in taken if other.lower() == name.lower()), name)
