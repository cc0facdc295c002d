"""A labelled script of conversations: turns in words, each with the state and answer that it should lead to.

The state is written here by its own rules, not by the package's: what each kind of turn changes is the meaning
of that kind. Only what a state *finds* (which row is the second, which prices there are) is asked of the
search.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from tools.turn_frames import FOLDER, by_kind, chosen, read_frames

from benchmarks.chat_data import BRANDS, COLOURS, STYLES, THINGS
from benchmarks.chat_templates import TEMPLATES, Language, Use
from openautoglm.conversation.finding import Finder
from openautoglm.conversation.state import Filter, State

ROWS: dict[Language, dict[str, tuple[tuple[str, int], ...]]] = {
    "en": {
        "develop": (
            ("the first", 0),
            ("the second", 1),
            ("the second one", 1),
            ("number 3", 2),
            ("the last one", -1),
        ),
        "test": (
            ("the 1st one", 0),
            ("the third", 2),
            ("#2", 1),
            ("result 4", 3),
            ("the second picture", 1),
            ("the last result", -1),
        ),
    },
    "zh": {
        "develop": (("第一个", 0), ("第二个", 1), ("第三个", 2), ("最后一个", -1)),
        "test": (("第1个", 0), ("第二款", 1), ("第四个", 3), ("第3张", 2), ("最后那个", -1)),
    },
}
SUPERLATIVES: dict[Language, dict[str, tuple[tuple[str, str], ...]]] = {
    "en": {
        "develop": (
            ("cheapest", "price"),
            ("newest", "-released"),
            ("most expensive", "-price"),
            ("lightest", "weight_kg"),
        ),
        "test": (
            ("least expensive", "price"),
            ("latest", "-released"),
            ("oldest", "released"),
            ("best rated", "-rating"),
            ("heaviest", "-weight_kg"),
        ),
    },
    "zh": {
        "develop": (("最便宜", "price"), ("最新", "-released"), ("最轻", "weight_kg")),
        "test": (("最贵", "-price"), ("最旧", "released"), ("评分最高", "-rating"), ("最重", "-weight_kg")),
    },
}
DIRECTIONS: dict[Language, dict[str, tuple[tuple[str, str], ...]]] = {
    "en": {
        "develop": (("ascending", ""), ("descending", "-")),
        "test": (("from low to high", ""), ("from high to low", "-"), ("highest first", "-")),
    },
    "zh": {
        "develop": (("从低到高", ""), ("从高到低", "-")),
        "test": (("升序", ""), ("降序", "-"), ("由高到低", "-")),
    },
}
NAMES: dict[Language, dict[str, str]] = {
    "en": {"price": "price", "rating": "rating", "weight_kg": "weight", "brand": "brand", "colour": "colour",
           "category": "category", "released": "date",
           "group": "group", "subgroup": "subgroup", "house": "house"},
    "zh": {"price": "价格", "rating": "评分", "weight_kg": "重量", "brand": "品牌", "colour": "颜色",
           "category": "类别", "category_zh": "类别", "released": "日期",
           "group": "group", "subgroup": "subgroup", "house": "house"},
}  # fmt: skip
STRICT = (
    "under ",
    "below",
    "less than",
    "cheaper than",
    "lower than",
    "price<",
    "低于",
    "不到",
    "小于",
    "少于",
    "不足",
)
"""Words after which the limit itself does not pass."""
LATER = {
    name: by_kind(
        one._replace(text=" ".join(chosen(one.text, random.Random(f"{name} {line}")).split()))
        for line, one in enumerate(read_frames(FOLDER / f"{name}.txt"))
    )
    for name in get_args(Use)
    if name not in ("develop", "test")
}
"""Frames by other authors, one of the words of each choice."""
_SIDES = {"<": "most", "<=": "most", ">": "least", ">=": "least"}


@dataclass(frozen=True)
class Labelled:
    """A turn and what it should lead to."""

    kind: str
    language: Language
    text: str
    state: State
    answer: Any = None
    """The value that the answer should have; None where the turn is no question."""


class Writer:
    """Writes one conversation.

    Args:
        finder: of the catalogue.
        queries: what is searched for, in each language.
        values: columns that a value may be asked of, and what the values are called, in each language.
        language: of the conversation; a tenth of its turns may be mixed.
        use: which templates.
        rng: chooses.
    """

    def __init__(
        self,
        finder: Finder,
        queries: dict[Language, Sequence[str]],
        values: dict[Language, dict[str, dict[str, str]]],
        language: Language,
        use: Use,
        rng: random.Random,
    ) -> None:
        self.finder, self.queries, self.values = finder, queries[language], values[language]
        self.language, self.use, self.rng = language, use, rng
        self.parts: Literal["develop", "test"] = "develop" if use == "develop" else "test"
        """Of names of rows, superlatives and directions."""
        self.state, self.before = State(), list[State]()
        self.turns: list[Labelled] = []
        self.numbers = "price" in finder.columns.each

    def write(self, length: int) -> list[Labelled]:
        """Write so many turns."""
        self._search("search")
        kinds = [*self._KINDS, *(self._WITH_NUMBERS if self.numbers else ())]
        while len(self.turns) < length:
            kind = self.rng.choice(kinds)
            self._write(kind)
        return self.turns

    _KINDS = ("search", "value", "value", "not value", "without", "like", "like but value", "what", "what",
              "column", "column", "count", "count value", "next", "previous", "undo", "all", "drop", "reset",
              "none")  # fmt: skip
    _WITH_NUMBERS = (
        "search under",
        "cheap",
        "maximum",
        "between",
        "since",
        "sort",
        "sort",
        "like but cheaper",
        "price",
        "extreme",
    )

    def _write(self, kind: str) -> None:
        steps: dict[str, Callable[[str], None]] = {
            "search": self._search, "search under": self._search, "value": self._value,
            "not value": self._value, "without": self._without, "like": self._like,
            "like but value": self._like, "like but cheaper": self._like, "what": self._about,
            "column": self._about, "price": self._about, "count": self._count, "count value": self._count,
            "next": self._page, "previous": self._page, "undo": self._undo, "all": self._all,
            "drop": self._drop, "reset": self._reset, "none": self._none, "cheap": self._limit,
            "maximum": self._limit, "between": self._limit, "since": self._limit, "sort": self._sort,
            "extreme": self._extreme,
        }  # fmt: skip
        steps[kind](kind)

    def _say(self, kind: str, state: State, answer: Any = None, *, edit: bool = True, **parts: str) -> None:
        """Write the turn down, if a template has just these parts and its state finds anything."""
        language, templates = self._templates(kind)
        template = self.rng.choice(templates)
        if any(
            "{" + name + "}" in template and name not in parts for name in ("c", "v", "q", "r", "s", "d", "n")
        ):
            return
        state = replace(state, shown=())
        if not state.empty or state.sort:
            found = self.finder.find(state)
            if not found:
                return
            state = replace(state, shown=tuple(hit.id for hit in found))
        text = template
        for name, value in parts.items():
            text = text.replace("{" + name + "}", value)
        if edit:
            self.before.append(self.state)
        self.state = state
        self.turns.append(Labelled(kind, language, text, state, answer))

    def _templates(self, kind: str) -> tuple[Language, Sequence[str]]:
        """How a kind of turn may be said, and in which language."""
        if self.use in LATER:
            return self.language, LATER[self.use][kind][self.language]
        mixed = TEMPLATES[kind].get("mixed")
        language: Language = "mixed" if mixed and self.rng.random() < 0.15 else self.language
        given = TEMPLATES[kind].get(language) or TEMPLATES[kind][self.language]
        return language, given[self.use]

    def _search(self, kind: str) -> None:
        query = self.rng.choice(self.queries)
        state = State(words=(query,), began=(query,))
        if kind == "search under":
            price = self.rng.choice((30, 50, 80, 150, 200, 400))
            state = replace(state, filters=(Filter("price", "<=", price),))
            self._say(kind, state, q=query, n=str(price))
            self._strictly(price)
        else:
            self._say(kind, state, q=query)

    def _strictly(self, limit: float) -> None:
        """Whether the limit itself passes is in the template's words."""
        if self.turns and any(one in self.turns[-1].text for one in STRICT):
            filters = tuple(
                replace(one, op="<") if one == Filter("price", "<=", limit) else one
                for one in self.turns[-1].state.filters
            )
            if filters != self.turns[-1].state.filters:
                self._relabel(replace(self.turns[-1].state, filters=filters))

    def _relabel(self, state: State) -> None:
        found = self.finder.find(replace(state, shown=()))
        self.state = replace(state, shown=tuple(hit.id for hit in found))
        self.turns[-1] = replace(self.turns[-1], state=self.state)

    def _with(self, *filters: Filter) -> State:
        """The state with further conditions: a bound replaces one of its side, a value one of its column."""
        old = [one for one in self.state.filters if not any(_replaced(one, new) for new in filters)]
        return replace(self.state, filters=(*old, *filters), page=1)

    def _some_value(self) -> tuple[str, str, str] | None:
        """A column, a value that a row on the page has, and what it is called."""
        if not self.state.shown:
            return None
        row = self.finder.row(self.rng.choice(self.state.shown))
        column = self.rng.choice(list(self.values))
        value = row.get(column)
        if value is None or value not in self.values[column]:
            return None
        return column, value, self.values[column][value]

    def _value(self, kind: str) -> None:
        if (some := self._some_value()) is None:
            return
        column, value, said = some
        if any(one.column == column for one in self.state.filters):
            return
        op = "=" if kind == "value" else "!="
        self._say(kind, self._with(Filter(column, op, value)), v=said, c=NAMES[self.language][column])  # type: ignore[arg-type]

    def _without(self, kind: str) -> None:
        if not self.state.shown:
            return
        row = self.finder.row(self.rng.choice(self.state.shown))
        if self.numbers:
            words = [pair[self.language == "zh"] for pair in STYLES if pair[0] in str(row["title"])]
        else:
            label = str(row["label_zh" if self.language == "zh" else "label_en"])
            words = (
                [one for one in label.split() if one.isalpha() and len(one) > 4]
                if self.language == "en"
                else []
            )
            words = [one for one in words if self.finder.columns.valued(one) is None]
        if (
            not words
            or any(word in " ".join(self.state.words) for word in words)
            or words[0] in self.state.without
        ):
            return
        self._say(kind, replace(self.state, without=(*self.state.without, words[0]), page=1), w=words[0])

    def _row(self) -> tuple[str, str] | None:
        said, place = self.rng.choice(ROWS[self.language][self.parts])
        if not self.state.shown or place >= len(self.state.shown):
            return None
        return said, self.state.shown[place]

    def _like(self, kind: str) -> None:
        if (some := self._row()) is None:
            return
        said, row = some
        state = replace(self.state, words=(), like=(row,), focus=row, page=1)
        if kind == "like":
            self._say(kind, state, r=said)
        elif kind == "like but cheaper":
            if (price := self.finder.row(row).get("price")) is not None:
                self.state, kept = state, self.state
                state = self._with(Filter("price", "<", price))
                self.state = kept
                self._say(kind, state, r=said)
        elif (other := self._some_value()) is not None:
            column, value, called = other
            self.state, kept = state, self.state
            state = self._with(Filter(column, "=", value))
            self.state = kept
            self._say(kind, state, r=said, v=called, c=NAMES[self.language][column])

    def _about(self, kind: str) -> None:
        if (some := self._row()) is None:
            return
        said, row = some
        values = self.finder.row(row)
        state = replace(self.state, focus=row)
        if kind == "what":
            self._say(kind, state, values[self.finder.catalog.text_fields[0].name], edit=False, r=said)
            return
        column = (
            "price"
            if kind == "price"
            else self.rng.choice([*self.values, *(["rating", "released"] if self.numbers else [])])
        )
        if values.get(column) is not None:
            self._say(kind, state, values[column], edit=False, r=said, c=NAMES[self.language][column])

    def _count(self, kind: str) -> None:
        if not self.state.words and not self.state.filters:
            return
        if kind == "count":
            self._say(kind, self.state, self.finder.count(self.state), edit=False)
        elif (some := self._some_value()) is not None and not any(
            one.column == some[0] for one in self.state.filters
        ):
            among = self._with(Filter(some[0], "=", some[1]))
            self._say(kind, self.state, self.finder.count(among), edit=False, v=some[2])

    def _extreme(self, kind: str) -> None:
        said, sort = self.rng.choice(SUPERLATIVES[self.language][self.parts])
        if self.state.empty or (hit := self.finder.first(self.state, sort)) is None:
            return
        self._say(
            kind, replace(self.state, focus=hit.id), hit.row[sort.removeprefix("-")], edit=False, s=said
        )

    def _sort(self, kind: str) -> None:
        if self.state.empty:
            return
        said, sort = self.rng.choice(SUPERLATIVES[self.language][self.parts])
        way, sign = self.rng.choice(DIRECTIONS[self.language][self.parts])
        column = self.rng.choice(("price", "rating", "weight_kg"))
        self._say(kind, self.state, edit=True, s="\1", c="\2", d="\3")
        text = self.turns[-1].text if self.turns and self.turns[-1].kind == "sort" else ""
        if "\1" in text:
            order, column = sort, sort.removeprefix("-")
        elif "\2" in text:
            order = sign + column
        else:
            return
        text = text.replace("\1", said).replace("\2", NAMES[self.language][column]).replace("\3", way)
        self.turns[-1] = replace(self.turns[-1], text=text)
        self._relabel(replace(self.state, sort=order, page=1))

    def _limit(self, kind: str) -> None:
        if self.state.empty or not self.state.shown:
            return
        if kind == "since":
            year = self.rng.randint(2019, 2022)
            self._say(
                kind, self._with(Filter("released", ">=", f"{year}-01-01")), y=str(year), before=str(year - 1)
            )
            return
        prices = sorted(self.finder.spread(self.state, "price"))
        if len(prices) < 3:
            return
        if kind == "cheap":
            self._say(kind, self._with(Filter("price", "<=", prices[-(-len(prices) // 3) - 1])))
        elif kind == "between":
            low, high = int(prices[len(prices) // 4]), int(prices[-1])
            if low < high:
                self._say(
                    kind,
                    self._with(Filter("price", ">=", low), Filter("price", "<=", high)),
                    a=str(low),
                    b=str(high),
                )
        else:
            price = int(prices[2 * len(prices) // 3]) + 1
            self._say(kind, self._with(Filter("price", "<=", price)), n=str(price))
            self._strictly(price)

    def _page(self, kind: str) -> None:
        page = self.state.page + (1 if kind == "next" else -1)
        if page >= 1 and (self.state.words or self.state.filters):
            self._say(kind, replace(self.state, page=page))

    def _undo(self, kind: str) -> None:
        if self.before and not self.before[-1].empty:
            before = self.before.pop()
            self._say(kind, before, edit=False)

    def _all(self, kind: str) -> None:
        if self.state.began and (self.state.filters or self.state.without or self.state.like):
            self._say(kind, State(words=self.state.began, began=self.state.began), q=self.state.began[0])

    def _drop(self, kind: str) -> None:
        if not self.state.filters:
            return
        column = self.rng.choice(self.state.filters).column
        kept = tuple(one for one in self.state.filters if one.column != column)
        sort = None if self.state.sort in (column, f"-{column}") else self.state.sort
        self._say(kind, replace(self.state, filters=kept, sort=sort, page=1), c=NAMES[self.language][column])

    def _reset(self, kind: str) -> None:
        self._say(kind, State())
        if not self.state.words:
            self._search("search")

    def _none(self, kind: str) -> None:
        self._say(kind, self.state, edit=False)


def _replaced(old: Filter, new: Filter) -> bool:
    if old.column != new.column:
        return False
    return _SIDES.get(old.op) == _SIDES.get(new.op) or "=" in (old.op, new.op)


def conversations(
    finder: Finder, catalogue: str, use: Use, count: int, length: int, seed: int
) -> list[list[Labelled]]:
    """Write conversations over one catalogue, half of them English and half Chinese."""
    queries, values = (_of_shop if catalogue == "shop" else _of_drawings)(finder)
    found = []
    for place in range(count):
        language: Language = "en" if place % 2 == 0 else "zh"
        rng = random.Random(f"{catalogue} {use} {seed} {place}")
        found.append(Writer(finder, queries, values, language, use, rng).write(length))
    return found


def _of_shop(
    finder: Finder,
) -> tuple[dict[Language, Sequence[str]], dict[Language, dict[str, dict[str, str]]]]:
    english = [f"{thing}s" for thing, *_ in THINGS] + [
        f"{colour} {thing}s" for colour, _ in COLOURS for thing, *_ in THINGS
    ]
    chinese = [name for _, name, *_ in THINGS] + [
        f"{colour}{name}" for _, colour in COLOURS for _, name, *_ in THINGS
    ]
    brands = {brand: brand for brand in BRANDS}
    values: dict[Language, dict[str, dict[str, str]]] = {
        "en": {
            "brand": brands,
            "colour": {one: one for one, _ in COLOURS},
            "category": {one[2]: one[2] for one in THINGS},
        },
        "zh": {"brand": brands, "colour": dict(COLOURS), "category_zh": {one[3]: one[3] for one in THINGS}},
    }
    return {"en": english, "zh": chinese}, values


def _of_drawings(
    finder: Finder,
) -> tuple[dict[Language, Sequence[str]], dict[Language, dict[str, dict[str, str]]]]:
    english = (
        "cats",
        "smiling face",
        "red heart",
        "trains",
        "flags",
        "hands",
        "clock",
        "fruit",
        "birds",
        "moon",
        "houses",
        "woman",
    )
    chinese = ("猫", "脸", "红心", "火车", "旗", "手", "钟", "水果", "鸟", "月亮", "房子", "女人")
    columns = finder.columns.each
    called = {
        name: {value: value.replace("-", " ") for value in columns[name].values}
        for name in ("group", "subgroup", "house")
    }
    return {"en": english, "zh": chinese}, {"en": called, "zh": called}
