"""The state of a conversation: all that the next search is made from, and nothing else.

    words      what is looked for, in the order in which it was said
    without    words that no row found may have
    like       ids of rows: more of these
    filters    conditions on columns; they all hold
    sort       a column, from the least; `-column` from the greatest
    page       of the results, from 1
    began      the words of the search that this one was refined from: what "back to all" goes back to
    shown      ids of the rows on the page: what "the second" means
    focus      the row that was spoken of last: what "it" means

A state never changes; each edit gives a new one, so that going back is taking the earlier one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, get_args

from openautoglm.catalog.condition import all_of
from openautoglm.catalog.schema import WORDS, Kind
from openautoglm.catalog.store import sql_name
from openautoglm.catalog.words import query_terms

Op = Literal["<", "<=", ">", ">=", "=", "!=", "in", "sql"]
Value = str | int | float | bool | tuple[str, ...]

_UPPER, _LOWER = ("<", "<="), (">", ">=")


@dataclass(frozen=True)
class Filter:
    """A condition on a column; with `op` "sql", a condition that the user wrote.

    >>> Filter("price", "<", 20).sql("number"), Filter("tags", "!=", "it's").sql("tags")
    ('price < 20', "(tags IS NULL OR NOT array_has(tags, 'it''s'))")
    """

    column: str
    op: Op
    value: Value
    """A number, a text, a truth value; several texts for "in"; a date as YYYY-MM-DD."""
    why: str = field(default="", compare=False)
    """Of a relative value, what it was taken from."""

    def sql(self, kind: Kind) -> str:
        """Write the condition for a column of this kind."""
        if self.op == "sql":
            return str(self.value)
        name = sql_name(self.column)
        if self.op == "in":
            listed = self.value if isinstance(self.value, tuple) else (str(self.value),)
            parts = [Filter(self.column, "=", one).sql(kind) for one in listed]
            return f"({' OR '.join(parts)})"
        if kind == "tags":
            has = f"array_has({name}, {_literal(self.value, kind)})"
            return has if self.op == "=" else f"({name} IS NULL OR NOT {has})"
        compared = f"{name} {self.op} {_literal(self.value, kind)}"
        return f"({name} IS NULL OR {compared})" if self.op == "!=" else compared

    def replaces(self, other: Filter, kind: Kind) -> bool:
        """Whether this condition, said later, takes the place of another one."""
        if self.op == "sql" or other.column != self.column or other.op == "sql":
            return False
        if self.op == "!=" or other.op == "!=":
            return self.value == other.value
        if kind == "tags":  # a row has several
            return False
        return not ((self.op in _UPPER and other.op in _LOWER) or (self.op in _LOWER and other.op in _UPPER))

    def __str__(self) -> str:
        if self.op == "sql":
            return str(self.value)
        value = " or ".join(self.value) if isinstance(self.value, tuple) else _plain(self.value)
        said = f"{self.column} {'=' if self.op == 'in' else self.op} {value}"
        return f"{said} ({self.why})" if self.why else said


@dataclass(frozen=True)
class State:
    """What the conversation has come to.

    >>> state = State().searching("red bicycles").filtered([Filter("price", "<", 20)], {"price": "number"})
    >>> print(state)
    looking for: red bicycles | only: price < 20
    >>> print(state.page_of(2).only_search())
    looking for: red bicycles
    """

    words: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    like: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()
    sort: str | None = None
    page: int = 1
    began: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    focus: str | None = None

    @property
    def empty(self) -> bool:
        """Whether nothing is asked for: all rows are meant."""
        return not (self.words or self.without or self.like or self.filters)

    @property
    def text(self) -> str:
        """What is looked for, in one line."""
        return " ".join(self.words)

    def searching(self, *words: str) -> State:
        """Begin a search anew."""
        kept = tuple(word for word in words if word)
        return State(words=kept, began=kept)

    def filtered(self, filters: Iterable[Filter], kinds: Mapping[str, Kind]) -> State:
        """Add conditions; one takes the place of an earlier one that it contradicts or repeats."""
        new = tuple(dict.fromkeys(filters))
        kept = [
            old
            for old in self.filters
            if not any(one.replaces(old, kinds.get(one.column, "text")) for one in new) and old not in new
        ]
        return replace(self, filters=(*kept, *new), page=1)

    def with_words(self, *words: str) -> State:
        """Look for these words, too."""
        new = tuple(word for word in words if word and word not in self.words)
        return replace(self, words=self.words + new, page=1)

    def with_without(self, *words: str) -> State:
        """Leave out rows that have these words."""
        new = tuple(word for word in words if word and word not in self.without)
        return replace(self, without=self.without + new, page=1)

    def anchored(self, rows: Iterable[str], *words: str) -> State:
        """Look for rows like these, changed by some words; conditions stay."""
        rows = tuple(rows)
        return replace(self, words=words, like=rows, page=1, focus=rows[-1] if rows else None)

    def sorted(self, sort: str | None) -> State:
        """Order by a column, or by how well rows match."""
        return replace(self, sort=sort, page=1)

    def page_of(self, page: int) -> State:
        """Turn to a page, from 1."""
        return replace(self, page=max(1, page))

    def dropped(self, column: str) -> State:
        """Forget the conditions on a column, and an order by it."""
        kept = tuple(one for one in self.filters if one.column != column)
        sort = None if self.sort is not None and self.sort.removeprefix("-") == column else self.sort
        return replace(self, filters=kept, sort=sort, page=1)

    def unfiltered(self) -> State:
        """Forget all conditions."""
        return replace(self, filters=(), without=(), page=1)

    def only_search(self) -> State:
        """Go back to the search that this one was refined from."""
        return State().searching(*self.began)

    def seen(self, rows: Iterable[str]) -> State:
        """Remember the rows on the page."""
        return replace(self, shown=tuple(rows))

    def about(self, row: str | None) -> State:
        """Remember the row that is spoken of."""
        return replace(self, focus=row)

    def where(self, kinds: Mapping[str, Kind]) -> str | None:
        """Write the SQL condition of filters and unwanted words; None where there are none.

        Args:
            kinds: of the catalogue's columns, by name.
        """
        parts = [one.sql(kinds.get(one.column, "text")) for one in self.filters]
        parts += [lacking for word in self.without if (lacking := lacks(word))]
        return all_of(*parts)

    def as_dict(self) -> dict[str, Any]:
        """Give what JSON holds of it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> State:
        """Take what `as_dict` gave, before or after JSON.

        Raises:
            ValueError: if a part is unknown, or of the wrong kind.
        """
        if unknown := set(stored) - set(cls.__dataclass_fields__):
            raise ValueError(f"unknown part {sorted(unknown)[0]!r} of a state")
        parts: dict[str, Any] = dict(stored)
        for name in ("words", "without", "like", "began", "shown"):
            parts[name] = _texts(name, stored.get(name, ()))
        parts["filters"] = tuple(_filter(one) for one in stored.get("filters", ()))
        if not isinstance(parts.get("page", 1), int) or parts.get("page", 1) < 1:
            raise ValueError("page is a number from 1 on")
        if any(not isinstance(parts.get(name), str | None) for name in ("sort", "focus")):
            raise ValueError("sort and focus are texts or null")
        return cls(**parts)

    def same(self, other: State) -> bool:
        """Whether both ask for the same; what was shown may differ."""
        return replace(self, shown=()) == replace(other, shown=())

    def __str__(self) -> str:
        parts = [f"looking for: {self.text}"] if self.words else []
        parts += [f"like: {', '.join(self.like)}"] if self.like else []
        parts += [f"only: {', '.join(map(str, self.filters))}"] if self.filters else []
        parts += [f"without: {', '.join(self.without)}"] if self.without else []
        if self.sort is not None:
            column = self.sort.removeprefix("-")
            parts.append(f"sorted by: {column} {'↑' if column == self.sort else '↓'}")
        parts += [f"page {self.page}"] if self.page > 1 else []
        return " | ".join(parts) or "all rows"


def lacks(words: str) -> str | None:
    """Write the condition that a row's texts and tags have not all of these words; None if they are signs.

    >>> lacks("a child")
    "(_words IS NULL OR NOT (concat(' ', _words, ' ') LIKE '% child %'))"
    """
    terms = [term.replace("'", "''") for term in query_terms(words)]
    has = " AND ".join(f"concat(' ', {WORDS}, ' ') LIKE '% {term} %'" for term in terms)
    return f"({WORDS} IS NULL OR NOT ({has}))" if has else None


def _literal(value: Value, kind: Kind) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _plain(value)
    quoted = "'" + str(value).replace("'", "''") + "'"
    return f"{ {'date': 'date ', 'time': 'timestamp '}.get(kind, '') }{quoted}"


def _plain(value: Value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _texts(name: str, given: object) -> tuple[str, ...]:
    if not isinstance(given, list | tuple) or not all(isinstance(one, str) for one in given):
        raise ValueError(f"{name} is a list of texts")
    return tuple(given)


def _filter(stored: object) -> Filter:
    if not isinstance(stored, dict) or not {"column", "op", "value"} <= set(stored) <= {
        "column", "op", "value", "why"
    }:  # fmt: skip
        raise ValueError("a filter has a column, an op and a value")
    value = tuple(stored["value"]) if isinstance(stored["value"], list) else stored["value"]
    if stored["op"] not in get_args(Op) or not isinstance(value, str | int | float | tuple):
        raise ValueError(f"a filter's op is one of {', '.join(get_args(Op))}, its value a number or a text")
    return Filter(str(stored["column"]), stored["op"], value, str(stored.get("why", "")))
