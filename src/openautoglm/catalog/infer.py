"""Which column of a table is what: read once, looked at by name and by content, and said aloud.

Names count first (English and Chinese ones), values decide: a picture column holds paths of pictures
or `data:` URIs, an id column no value twice, a text column sentences rather than categories. What the
user gave is kept.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from openautoglm.catalog.data_uri import is_data_uri
from openautoglm.catalog.dates import Order, SlashedDates
from openautoglm.catalog.errors import CatalogError, NoRolesError
from openautoglm.catalog.formats import SUFFIXES
from openautoglm.catalog.language import field_language, main_language
from openautoglm.catalog.readers import BadRow, Reader
from openautoglm.catalog.schema import Field, Kind, Roles
from openautoglm.catalog.splits import parse_split
from openautoglm.catalog.values import kind_of, settle

_TEXT = re.compile(
    r"(title|name|caption|description|desc|text|label|alt|summary|headline|prompt|标题|名称|品名|商品名|描述|说明|文本|简介)"
    r"|.*[_\- ](title|name|caption|description|text|label)",
    re.IGNORECASE,
)
_TAGS = re.compile(r"(tags?|keywords?|标签|关键词|关键字)", re.IGNORECASE)
_IDS = ("id", "sku", "uid", "uuid", "key", "asin", "item_id", "product_id", "编号", "货号", "商品编号")
# A product that is on several rows is no id, but it is what they have in common.
_GROUPS = ("group_id", "groupid", "parent_id", "parent_sku", "product_id", "item_id")
_SPLITS = ("split", "subset", "partition", "fold")
_IMAGES = re.compile(r".*(image|img|picture|photo|file|path|图片|图像|照片|文件).*", re.IGNORECASE)
_CODES = re.compile(
    r".*(^|[_\- ])(id|sku|code|barcode|ean|upc|isbn|zip|postcode|phone|tel|编号|货号|条码|电话)$",
    re.IGNORECASE,
)
_LANGUAGE_SUFFIX = re.compile(r"[_\-. ][a-z]{2}([_\-][a-z]{2,4})?$", re.IGNORECASE)
_SAMPLE = 1000
_TELL_EVERY = 1000
_DATA_SHOWN = 64
"""So much of a `data:` URI tells what it is; a thousand whole ones could fill the memory."""
_WORDS_IN_TEXT = 2.5


@dataclass
class _Column:
    kinds: Counter[Kind] = field(default_factory=Counter)
    dates: SlashedDates = field(default_factory=SlashedDates)
    texts: list[str] = field(default_factory=list)
    distinct: set[object] = field(default_factory=set)
    repeated: bool = False
    empty: int = 0
    splits: bool = True

    def kind(self) -> Kind | None:
        """Settle its kind; dates with slashes are dates if the column tells how to read them."""
        return settle(self._with_dates() if self.dates.order else self.kinds)

    def is_unclear(self) -> bool:
        """Whether it would be of dates, did it tell how to read those with slashes."""
        would = settle(self._with_dates())
        return self.dates.order is None and would in ("date", "time") and would != settle(self.kinds)

    def _with_dates(self) -> Counter[Kind]:
        slashed = self.dates.count
        return Counter(
            {**self.kinds, "text": self.kinds["text"] - slashed, "date": self.kinds["date"] + slashed}
        )


@dataclass(frozen=True)
class TableFacts:
    """What one reading of a table found: its size, and each column's kind and role."""

    rows: int
    roles: Roles
    fields: dict[str, Field]
    """By the table's own column names; the picture's column is not among them."""
    links: str | None = None
    """The column that would be the picture's, held it files and not links."""
    orders: dict[str, Order] = field(default_factory=dict)
    """How dates with slashes are read, by column."""
    unclear: dict[str, str] = field(default_factory=dict)
    """Columns that would be of dates, did they tell how to read them, and why they do not."""


def look_at(
    reader: Reader,
    given: Roles,
    orders: Mapping[str, Order] | None = None,
    tell: Callable[[int], None] | None = None,
) -> TableFacts:
    """Read the table once and settle its roles.

    Args:
        reader: the table.
        given: the roles that the user named.
        orders: how dates with slashes were read the last time, for columns that do not tell it now.
        tell: hears now and then how many rows were read.

    Raises:
        CatalogError: if a given column does not exist, or nothing in the table is a picture or a text.
    """
    for name, role in given.named().items():
        if name not in reader.columns:
            raise CatalogError(
                f"{reader.label} has no column {name!r} (--{role}); it has {', '.join(reader.columns)}"
            )
    before = orders or {}
    columns = {name: _Column(dates=SlashedDates(before.get(name))) for name in reader.columns}
    rows = 0
    for row in reader.rows(with_bytes=False):
        rows += 1
        if tell and rows % _TELL_EVERY == 0:
            tell(rows)
        if isinstance(row, BadRow):
            continue
        for name, column in columns.items():
            _note(column, row[1].get(name), name, reader.numbers_as_text)
    # A database's answer tells which these are only while it is read.
    columns = {name: column for name, column in columns.items() if name not in reader.byte_columns}
    roles = _settle_roles(reader, columns, given)
    if rows and not (roles.image or roles.text or roles.tags or given.columns):
        raise NoRolesError(
            f"{reader.label}: no column looks like a picture's path or a text; name them with --image and "
            f"--text or, for a table of columns alone, those with --column (columns: "
            f"{', '.join(reader.columns)})"
        )
    links = None if roles.image else next((name for name in columns if _is_links(name, columns[name])), None)
    fields = _fields(columns, roles)
    found = {name: one.dates.order for name, one in columns.items() if one.dates.count}
    unclear = {
        name: columns[name].dates.why_not()
        for name, one in fields.items()
        if one.role in ("column", "group") and columns[name].is_unclear()
    }
    told = {name: order for name, order in found.items() if order}
    return TableFacts(rows, roles, fields, links, told, unclear)


def _note(column: _Column, value: object, name: str, numbers_as_text: bool) -> None:
    kind = kind_of(value, numbers_as_text=numbers_as_text)
    if kind is None:
        column.empty += 1
        return
    column.kinds[kind] += 1
    if isinstance(value, str):
        column.splits = column.splits and _is_split(value)
        if len(column.texts) < _SAMPLE:
            text = value.strip()
            column.texts.append(text[:_DATA_SHOWN] if is_data_uri(text) else text)
        if kind == "text":
            column.dates.note(value.strip())
    if name.lower() in _IDS and isinstance(value, str | int):
        column.repeated = column.repeated or value in column.distinct
        column.distinct.add(value)


def _settle_roles(reader: Reader, columns: Mapping[str, _Column], given: Roles) -> Roles:
    named = set(given.named())
    free = {name: column for name, column in columns.items() if name not in named}
    roles = given
    if not roles.image:
        paths = [name for name, column in free.items() if _is_image_column(name, column)]
        roles = replace(roles, image=next(iter([*sorted(reader.byte_columns), *paths]), None))
    if not roles.id:
        roles = replace(roles, id=next((name for name in _by_name(free, _IDS) if _is_id(free[name])), None))
    if not roles.group:
        roles = replace(roles, group=next(iter(_by_name(free, _GROUPS)), None))
    if not roles.split:
        found = (name for name in _by_name(free, _SPLITS) if free[name].splits and free[name].kinds)
        roles = replace(roles, split=next(found, None))
    taken = set(roles.named())
    left = {name: column for name, column in free.items() if name not in taken and column.kinds}
    if not given.tags:
        roles = replace(roles, tags=tuple(name for name, column in left.items() if _is_tags(name, column)))
        left = {name: column for name, column in left.items() if name not in roles.tags}
    if not given.text:
        roles = replace(roles, text=tuple(name for name, column in left.items() if _is_text(name, column)))
        left = {name: column for name, column in left.items() if name not in roles.text}
    return roles if given.columns else replace(roles, columns=tuple(left))


def _fields(columns: Mapping[str, _Column], roles: Roles) -> dict[str, Field]:
    fields: dict[str, Field] = {}
    named = roles.named()
    for name, column in columns.items():
        role, kind = named.get(name), column.kind()
        if role is None or role == "image" or kind is None:
            continue  # pictures are no field, and an empty column does not say its kind yet
        is_code = kind in ("integer", "number") and _CODES.match(name)
        if is_code or role in ("text", "id", "split") or (role == "tags" and kind != "tags"):
            kind = "text"
        is_words = role in ("text", "tags")
        language = (field_language(name) or main_language(column.texts)) if is_words else None
        fields[name] = Field(name, role, kind, language)
    return fields


def _by_name(columns: Mapping[str, _Column], names: tuple[str, ...]) -> list[str]:
    return sorted(
        (name for name in columns if name.lower() in names), key=lambda name: names.index(name.lower())
    )


def _is_split(value: str) -> bool:
    try:
        parse_split(value)
    except ValueError:
        return False
    return True


def _is_id(column: _Column) -> bool:
    return not column.repeated and not column.empty and set(column.kinds) <= {"text", "integer"}


def _is_image_column(name: str, column: _Column) -> bool:
    if not column.texts:
        return False
    pictures = sum(
        text[:11].lower() == "data:image/"
        or (PurePosixPath(text).suffix.lower() in SUFFIXES and "://" not in text)
        for text in column.texts
    )
    needed = 0.5 if _IMAGES.match(name) else 0.9
    return pictures >= needed * len(column.texts)


def _is_links(name: str, column: _Column) -> bool:
    links = sum(text.lower().startswith(("http://", "https://")) for text in column.texts)
    return bool(links and _IMAGES.match(name)) and 2 * links >= len(column.texts)


def _is_tags(name: str, column: _Column) -> bool:
    plain = _LANGUAGE_SUFFIX.sub("", name)
    kind = column.kind()
    return kind == "tags" or (kind == "text" and _TAGS.fullmatch(plain) is not None)


def _is_text(name: str, column: _Column) -> bool:
    if column.kind() != "text" or column.is_unclear() or _CODES.match(name):
        return False
    if _TEXT.fullmatch(_LANGUAGE_SUFFIX.sub("", name)):
        return True
    links = sum("://" in text or PurePosixPath(text).suffix.lower() in SUFFIXES for text in column.texts)
    if 2 * links > len(column.texts):
        return False
    # Sentences differ and are long; categories repeat and are short. A Han character is half a word.
    words = sum(
        len(text.split()) + len(re.findall(r"[\u3040-\u9fff\uac00-\ud7af]", text)) / 2
        for text in column.texts
    )
    varied = len(set(column.texts)) > 0.5 * len(column.texts)
    return varied and words >= _WORDS_IN_TEXT * len(column.texts)
