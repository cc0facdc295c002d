"""What the catalogue's columns mean to a turn: their names, meanings and values, as patterns.

A column is known by its own name (`price_eur`: "price eur", "price"), by the words for its meaning in both
languages (`lexicon.py`), and by its values: of texts, tags and truth values, up to `MOST` different ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from openautoglm.catalog.schema import Kind, Role
from openautoglm.conversation.lexicon import (
    BY_NAME,
    COLOURS,
    HAN,
    MEANINGS,
    MEASURES,
    UNITS,
    Meaning,
    any_of,
    bounded,
)
from openautoglm.conversation.patterns import search

if TYPE_CHECKING:
    from openautoglm.catalog.catalog import Catalog

MOST = 2000
"""Different values of a column up to which they are known by name; beyond, they are only words."""
_LONGEST = 40
"""Letters of a value that somebody may say."""
_NO_VALUES = frozenset(
    (
        "all any other others more most none no yes not and or the one ones new old with on off "
        "n/a true false first last back next"
    ).split()
)
"""Values that would be heard where they are not meant."""
_ORDERED = ("integer", "number", "date", "time")


@dataclass(frozen=True)
class Column:
    """A column that turns can speak of."""

    name: str
    kind: Kind
    role: Role = "column"
    values: tuple[str, ...] = ()
    """Its different values, where they are texts."""

    @cached_property
    def parts(self) -> list[str]:
        """The words of its name, without a unit at the end."""
        words = [one for one in re.split(r"[\W_]+|(?<=[a-z])(?=[A-Z])", self.name) if one]
        return words[:-1] if len(words) > 1 and self._unit(words[-1]) else words

    @cached_property
    def unit(self) -> float | None:
        """What a 1 in it is of its measure (`lexicon.UNITS`), where its name says so."""
        found = self._unit(re.split(r"[\W_]+", self.name)[-1])
        return found[1] if found else None

    @cached_property
    def meaning(self) -> Meaning | None:
        """What it is about, where its name says so."""
        name = " ".join(self.parts).casefold()
        whole = next((one for one in MEANINGS if name in one.names), None)
        ending = next(
            (one for one in MEANINGS if self.parts and self.parts[-1].casefold() in one.names), None
        )
        inside = next((one for one in MEANINGS if re.search(any_of(one.names), name)), None)
        if whole or ending or inside:
            return whole or ending or inside
        return BY_NAME["date"] if self.kind in ("date", "time") else None

    @cached_property
    def aliases(self) -> tuple[str, ...]:
        """Names that it is called by, its own first."""
        own = " ".join(self.parts)
        told = " ".join(re.split(r"[\W_]+", self.name))
        plural = [f"{own}s"] if own.isascii() and not own.endswith("s") else []
        return tuple(
            dict.fromkeys([self.name.casefold(), told.casefold(), own.casefold(), *map(str.casefold, plural)])
        )

    @property
    def ordered(self) -> bool:
        """Whether its values have an order that turns speak of."""
        return self.kind in _ORDERED

    @property
    def dated(self) -> bool:
        """Whether years are compared with it: a date, or an integer called year."""
        return self.kind in ("date", "time") or (
            self.kind == "integer" and self.meaning is not None and self.meaning.name == "date"
        )

    @staticmethod
    def _unit(word: str) -> tuple[str, float] | None:
        return UNITS.get(word.casefold())


@dataclass(frozen=True)
class Named:
    """A value that a turn may name."""

    column: Column
    value: str | bool


@dataclass(frozen=True)
class Columns:
    """The columns of a catalogue, by name."""

    each: Mapping[str, Column] = field(default_factory=dict)

    @classmethod
    def of(cls, catalog: Catalog) -> Columns:
        """Read which columns there are, and their different values."""
        fields = {
            name: one for name, one in catalog.fields.items() if one.role not in ("id", "split", "words")
        }
        valued = [one.name for one in fields.values() if one.role in ("column", "tags", "group")]
        valued = [name for name in valued if fields[name].type in ("text", "tags")]
        values = {name: _values(catalog, name) for name in valued}
        return cls(
            {name: Column(name, one.type, one.role, values.get(name, ())) for name, one in fields.items()}
        )

    @property
    def kinds(self) -> dict[str, Kind]:
        """The kind of each."""
        return {name: one.kind for name, one in self.each.items()}

    def __iter__(self) -> Iterator[Column]:
        return iter(self.each.values())

    def meaning(self, name: str, *, ordered: bool = False) -> Column | None:
        """Find the column of a meaning; the first one, where several have it."""
        own = [one for one in self if one.meaning is not None and one.meaning.name == name]
        own = [one for one in own if one.ordered] if ordered else own
        return min(
            own, key=lambda one: (one.role not in ("column", "tags"), name not in one.parts), default=None
        )

    def measured(self, measure: str) -> Column | None:
        """Find the column that holds what a unit measures."""
        found = (self.meaning(name, ordered=True) for name in MEASURES[measure])
        return next((one for one in found if one is not None), None)

    @property
    def dated(self) -> Column | None:
        """The column that years are compared with."""
        return next((one for one in self if one.dated), None)

    @cached_property
    def _names(self) -> dict[str, Column]:
        """What columns are called; a column's own name goes before the words for its meaning."""
        called: dict[str, Column] = {}
        for column in self:
            for alias in column.aliases:
                called.setdefault(alias, column)
        for meaning in MEANINGS:
            if (found := self.meaning(meaning.name)) is not None:
                for alias in meaning.names:
                    called.setdefault(alias.casefold(), found)
        return called

    @cached_property
    def name_pattern(self) -> str:
        """Pattern of any name of a column."""
        return any_of(self._names) if self._names else r"(?!)"

    def called(self, name: str, like: str | None = None) -> Column | None:
        """The column of a name that `name_pattern` found.

        Args:
            name: as it was said.
            like: a text in the turn's language; of `category` and `category_zh` it chooses.
        """
        found = self._names.get(_plain(name)) or self._names.get(name.casefold())
        if found is None or like is None:
            return found
        return self._in_language(found, bool(re.search(f"[{HAN}]", like)))

    def _in_language(self, column: Column, chinese: bool) -> Column:
        """Of columns that say the same in two languages, the one of the turn's."""
        base = re.sub(r"_(zh|cn|en)$", "", column.name)
        wanted = (f"{base}_zh", f"{base}_cn") if chinese else (base, f"{base}_en")
        return next((self.each[name] for name in wanted if name in self.each), column)

    @cached_property
    def _values(self) -> dict[str, tuple[Named, ...]]:
        """What values are called. A colour is known in both languages."""
        called: dict[str, dict[Named, None]] = {}
        for column in sorted(self, key=lambda one: one.role != "column"):
            for value in column.values:
                for said in (value, *_other_names(column, value)):
                    name = _plain(said)
                    if _can_be_said(name):
                        called.setdefault(name, {})[Named(column, value)] = None
            if column.kind == "boolean":
                told = " ".join(column.parts).casefold()
                if _can_be_said(told):
                    called.setdefault(told, {})[Named(column, True)] = None
        return {name: tuple(found) for name, found in called.items()}

    @cached_property
    def value_pattern(self) -> str:
        """Pattern of any value."""
        return (
            "(?:" + "|".join(_value_pattern(one) for one in _longest_first(self._values)) + ")"
            if self._values
            else r"(?!)"
        )

    def valued(self, said: str, among: Column | None = None) -> Named | None:
        """The value of a name that `value_pattern` found, in one column if the turn named it."""
        name = _plain(said)
        for form in (
            name,
            name.removesuffix("es"),
            name.removesuffix("s"),
            f"{name}s",
            re.sub(" and ", " ", name),
        ):
            found = self._values.get(form, ())
            if among is not None:
                found = tuple(one for one in found if one.column == among)
            if found:
                return found[0]
        return None

    def exact(self, column: Column, said: str) -> str | None:
        """The value of one column that is called so, however short it is."""
        wanted = _plain(said)
        return next((one for one in column.values if _plain(one) == wanted), None)


def colour_in(text: str) -> tuple[str, str] | None:
    """Find the first colour in a text: as it stands there, and its English name.

    >>> colour_in("ein 红色自行车"), colour_in("a Grey cat"), colour_in("bored")
    (('红色', 'red'), ('Grey', 'grey'), None)
    """
    pattern = any_of(word for names in COLOURS.values() for word in names)
    found = search(pattern, text)
    if found is None:
        return None
    said = found.group()
    return text[found.start() : found.end()], next(name for name, words in COLOURS.items() if said in words)


def _values(catalog: Catalog, name: str) -> tuple[str, ...]:
    column = catalog.read([name])[name]
    flat = pc.list_flatten(column) if str(column.type).startswith("list") else column
    different = pc.unique(flat.combine_chunks() if hasattr(flat, "combine_chunks") else flat)
    if len(different) > MOST:
        return ()
    return tuple(sorted(one for one in different.to_pylist() if one and len(one) <= _LONGEST))


def _other_names(column: Column, value: str) -> Sequence[str]:
    """Names of the same colour."""
    said = value.casefold()
    return next((words for words in COLOURS.values() if said in words), ())


def _plain(text: str) -> str:
    return " ".join(re.split(r"[\s_&/-]+", text.casefold())).strip()


def _can_be_said(name: str) -> bool:
    """Whether a value's name can be told from other words: no number, and no single letter."""
    han = bool(re.search(f"[{HAN}]", name))
    return (
        bool(name)
        and name not in _NO_VALUES
        and not re.fullmatch(r"[\W\d]*", name)
        and (han or len(name) > 1)
    )


def _longest_first(names: Iterable[str]) -> list[str]:
    return sorted(names, key=lambda name: (-len(name), name))


def _value_pattern(name: str) -> str:
    """Pattern of a value; "animals nature" is "animals-nature" and "animals and nature", too."""
    if not name.isascii():
        return bounded(name)
    inside = r"(?:[\s_/-]+|\s*&\s*|\s+and\s+)".join(re.escape(part) for part in name.split())
    return rf"(?<![a-z0-9]){inside}(?:e?s)?(?![a-z0-9])"
