"""Conditions in words: values of columns, adjectives for low and high values, and what is not wanted.

only Acme, 只要红色的, in category tools, not red     →  a condition on the column that has this value
only cheap ones, 便宜的                               →  at most what a third of what was found stays under
cheaper, 更便宜的                                     →  below the median of what was found, or below a row's
without children, 没有孩子的                          →  rows that have these words are left out
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from openautoglm.conversation.columns import Column, Columns, Named
from openautoglm.conversation.errors import ChatError
from openautoglm.conversation.lexicon import HAN, MEANINGS, Meaning, any_of
from openautoglm.conversation.patterns import matches
from openautoglm.conversation.reading import BEST, IT, LIMIT, ROW, Reading
from openautoglm.conversation.state import Filter, Op

Spread = Callable[[str], Sequence[Any]]
"""A column's name → its values among the rows that are found now, without empty ones."""

NOT = (
    r"(?:(?:i |we )?(?:do not|don't|dont|would not|wouldn't) (?:want|like|need)(?: to see)?"
    r"|(?:any(?:thing)?|every(?:thing)?|all|none|nothing)"
    r" (?:but|except|other than|apart from|that is|that's)|except(?: for)?|but not|other than"
    r"|apart from|excluding|exclude|excl\.?"
    r"|leave out|leaving out|take out|take away|filter out|rule out|get rid of|hide|skip|minus"
    r"|(?:fed up|bored) with|(?:tired|sick) of"
    r"|without|rather not(?: have)?|no more|never|none of|(?:nothing|none|no ones?) (?:with|that has|that have)"
    r"|not|no|non|(?:anything|something) other than|(?<!never )remove|drop"
    r"|(?:不想要|不需要|不喜欢|不想看|不看|不要|别要|别给我看?|(?<![类分特区级性])别|除了|除去|除|排除|剔除|过滤掉|不包括|不包含|不含|不带|(?<!有)没有|去掉|去除|不是|并非|(?<!并)非(?!常)|(?<!所)无(?!线|绳|人)))"
)
NOT_AFTER = (
    r"(?:的)?(?:都|就|也|我)?(?:不要|除外|排除|别要|去掉|不行|不考虑|不看|免谈)|\s+(?:excluded"
    r"|not wanted|left out)"
)
_NOISE = (
    r"(?:\s*(?:any|the|those|that|which|are|is|ones|one|in|with|a|an|of|from|by|it|them|have"
    r"|has|having|to|be)(?![a-z])|\s*(?:有|带|包含|含|看|见|在|的|那些|是|任何))*"
)
_LINK = (
    r"(?:\s*(?:is|are|=|:|should|must|has|have|to|be|only|of|the|in|called|named)(?![a-z])"
    r"|\s*(?:=|:|要|必须|得|是|为|只要|只|应该|选))*"
)
_BY = r"(?<![a-z])(?:by|from|made by|made of|made in|made from|of the brand|in the category|in)(?![a-z])"


_OTHER: dict[Op, Op] = {"<=": ">", ">=": "<"}


def read_values(turn: Reading, columns: Columns, *, all_values: bool) -> list[Filter]:
    """Cut the values of columns out of a turn, wanted and unwanted; `LIMIT` stands in their place.

    Args:
        turn: what is read.
        columns: the catalogue's.
        all_values: whether each value counts; else those only that the turn says to be one: a new search
            keeps its words.
    """
    found: list[Filter] = []
    values, names = columns.value_pattern, columns.name_pattern
    named = rf"(?:(?:with|where|whose|of|in|by|from|for)?\s*(?:the\s+)?(?P<col>{names}){_LINK}\s*)"
    for pattern in (
        rf"(?<![a-z]){NOT}{_NOISE}\s*{named}?(?P<v>{values})(?:\s+(?:ones|one|{names}))?",
        rf"{named}?(?P<v>{values})(?:类|的)?(?:{NOT_AFTER})",
    ):
        while (match := turn.has(pattern)) is not None and (
            value := _valued(columns, match, turn)
        ) is not None:
            negative = _filter(value, "!=")
            turn.replace(match, LIMIT)
            turn.cut(rf"(?<={LIMIT})\s*(?:的|类)?(?:以外|之外|外)(?:的)?")
            found.append(negative)
            found += _further(turn, columns, negative)
    wanted: list[Filter] = []
    told = [rf"{named}(?P<v>{values})", rf"(?P<v>{values})\s*(?:的)?\s*(?P<col>{names})(?!\s*(?:is|are|of))"]
    told += [rf"(?<![a-z])with\s+(?P<v>{values})\s+as\s+(?:the\s+|its\s+)?(?P<col>{names})"]
    told += [rf"{_BY}\s+(?:the\s+)?(?P<v>{values})(?![a-z])"]
    for pattern in [*told, *([rf"(?P<v>{values})(?:类|牌)?"] if all_values else [])]:
        for match in list(matches(pattern, turn.rest)):
            match_now = turn.has(re.escape(match.group()))
            value = _valued(columns, match, turn)
            if value is None or match_now is None:
                continue
            turn.replace(match_now, LIMIT)
            wanted.append(_filter(value, "="))
    wanted += _named_exactly(turn, columns)
    return found + _joined(wanted, columns)


def read_adjectives(
    turn: Reading, columns: Columns, spread: Spread, says: Callable[[str], bool], *, refining: bool
) -> list[Filter]:
    """Cut "cheap", "new", "better rated" and the like out of a turn, where a column holds what they mean.

    Args:
        turn: what is read.
        columns: the catalogue's.
        spread: values of what is found now.
        says: whether some row's texts have a word: "no light ones" then leaves out these rows.
        refining: whether adjectives that may be part of a search ("small") are meant, too.
    """
    found: list[Filter] = []
    for meaning in MEANINGS:
        column = columns.meaning(meaning.name, ordered=True)
        if column is None:
            continue
        for words, op, comparative in _adjectives(meaning, refining):
            pattern = (
                rf"(?:(?:a (?:bit|little)|much|even|somewhat|slightly|rather|really|very|quite|fairly|more"
                rf"|as|再|更|稍微|比较|很|要|都)\s*)*{any_of(words)}(?:一点|一些|点儿|些)?"
            )
            refused = (
                turn.has(
                    rf"(?<![a-z]){NOT}{_NOISE}\s*(?:(?:too|so|very|that|太|那么|很)\s*)?(?P<a>{any_of(words)})(?:的)?(?:\s+ones?)?"
                )
                if words
                else None
            )
            if refused is not None and not comparative:
                if says(refused["a"]):
                    continue
                turn.replace(refused, LIMIT)
                found.append(_relative(column, _OTHER[op], spread(column.name), comparative=False))
            elif words and turn.cut(pattern, LIMIT):
                found.append(_relative(column, op, spread(column.name), comparative=comparative))
    return found


def read_unexpensive(turn: Reading, columns: Columns) -> bool:
    """Cut "not expensive", 太贵的不要: what is said of low values by refusing high ones."""
    price = columns.meaning("price", ordered=True)
    if price is None or price.meaning is None:
        return False
    high = any_of(price.meaning.high)
    much = r"(?:(?:too|so|that|very|overly|太|那么|很)\s*)?"
    neither = (
        rf"(?<![a-z]){NOT}(?:\s*(?:any|the|those|to|be|that|are"
        rf"|thing))*\s*{much}{high}(?:的)?(?:\s+ones?)?|{much}{high}(?:的)?{NOT_AFTER}"
    )
    return turn.cut(neither, " cheap ") is not None


def read_comparatives(turn: Reading, columns: Columns, row: dict[str, Any]) -> list[Filter]:
    """Cut "cheaper (than ◆)" out of a turn that speaks of a row: beyond that row's own value.

    Raises:
        ChatError: if the row has no such value.
    """
    found: list[Filter] = []
    rows = f"[{ROW}{IT}]"
    for meaning in MEANINGS:
        column = columns.meaning(meaning.name, ordered=True)
        if column is None:
            continue
        for words, op in ((meaning.lower, "<"), (meaning.higher, ">")):
            plain = [
                re.sub(r"^(?:更|再|较|比较)|(?:一点|一些|点儿|点|些)$", "", one)
                for one in words
                if re.match(f"[{HAN}]", one)
            ]
            pattern = (
                (
                    rf"(?:(?:a (?:bit|little)|much|even|somewhat"
                    rf"|slightly)\s+)?{any_of(words)}(?:\s+than\s*{rows})?"
                )
                if words
                else ""
            )
            # 比: than this row; 但, 不过: a row like it, which "cheap" then compares with it.
            than = rf"(?:比\s*{rows}|但是?|不过|只是|而且?)\s*(?:要|是)?"
            chinese = rf"{than}(?:更|要|还)?{any_of(plain)}(?:一点|一些|点|些)?" if plain else ""
            match = (turn.cut(chinese, f"{ROW} {LIMIT}") if chinese else None) or (
                turn.cut(pattern, f"{ROW} {LIMIT}") if pattern else None
            )
            if match is None:
                continue
            value = row.get(column.name)
            if value is None:
                raise ChatError(f"that row has no {column.name}  |  这一项没有 {column.name}")
            found.append(Filter(column.name, op, _storable(value)))  # type: ignore[arg-type]
    return found


def read_without(turn: Reading) -> list[str]:
    """Cut what is not wanted, and no column has as a value, out of a turn: words that rows must not have."""
    found: list[str] = []
    stop = rf"[,.;:!?{ROW}{IT}{LIMIT}{BEST}]"
    english = (
        rf"(?<![a-z]){NOT}{_NOISE}\s*(?P<w>(?:(?!and\b|or\b|but\b|please\b|only\b|with\b"
        rf"|under\b)[^\s,.;:!?{ROW}{IT}{LIMIT}{BEST}{HAN}]+\s*){{1,4}})"
    )
    chinese = rf"{NOT}{_NOISE}\s*(?P<w>[{HAN}]+?)(?:的|之外|以外|{stop}|\s|$)"
    after = rf"(?<![{HAN}])(?P<w>[{HAN}]+?)(?:的)?(?:不要|除外|别要)"
    for pattern in (chinese, after, english):
        while (match := turn.has(pattern)) is not None:
            said = turn.rest[match.start("w") : match.end("w")]
            words = " ".join(
                one
                for one in said.split()
                if one.casefold() not in ("ones", "one", "please", "in", "it", "on", "them", "at", "all")
            )
            turn.replace(match, LIMIT)
            if not words:
                continue
            found.append(words)
            while (
                more := turn.has(rf"{LIMIT}\s*(?:,?\s*(?:and|or|nor)|和|或|与)\s+(?P<w>[^\s,.;:!?{LIMIT}]+)")
            ) is not None:
                turn.replace(more, LIMIT)
                found.append(more["w"])
    return found


def superlative(turn: Reading, columns: Columns) -> str | None:
    """Cut "the cheapest", 最新的 out of a turn; `BEST` stands in its place.

    Returns:
        The order in which it comes first, as `State.sort`; None if the turn has none.
    """
    for meaning in MEANINGS:
        column = columns.meaning(meaning.name, ordered=True)
        for words, sign in ((meaning.lowest, ""), (meaning.highest, "-")):
            if column is not None and words and turn.cut(rf"(?:the\s+)?{any_of(words)}(?:的)?", BEST):
                return sign + column.name
    found = turn.has(
        rf"(?:the\s+)?(?P<way>lowest|highest|smallest|largest|greatest|most|least|top)\s+(?P<c>{columns.name_pattern})|(?P<zc>{columns.name_pattern})最(?P<zway>低|高|大|小|多|少)的?"
    )
    if found and (column := columns.called(found["c"] or found["zc"])) is not None and column.ordered:
        turn.replace(found, BEST)
        falling = (found["way"] or found["zway"]).casefold() in (
            "highest",
            "largest",
            "greatest",
            "most",
            "top",
            "高",
            "大",
            "多",
        )
        return ("-" if falling else "") + column.name
    return None


def _adjectives(meaning: Meaning, refining: bool) -> list[tuple[list[str], Op, bool]]:
    kept = () if refining else meaning.only_bare
    return [
        ([*meaning.lower], "<", True),
        ([*meaning.higher], ">", True),
        ([one for one in meaning.low if one not in kept], "<=", False),
        ([one for one in meaning.high if one not in kept], ">=", False),
    ]


def _relative(column: Column, op: Op, values: Sequence[Any], *, comparative: bool) -> Filter:
    """The condition at a quantile: the median for a comparative, else the third of the values that is meant.

    Raises:
        ChatError: if no row that is found has a value.
    """
    ordered = sorted(value for value in values if value is not None)
    if not ordered:
        raise ChatError(f"none of what was found has a {column.name}  |  找到的结果没有 {column.name}")
    count = len(ordered)
    if comparative:
        place = count // 2 if op == "<" else (count - 1) // 2
    else:
        third = -(-count // 3)
        place = third - 1 if op in ("<=", ">") else count - third
    why = f"{'half' if comparative else 'a third'} of {count}"
    return Filter(column.name, op, _storable(ordered[place]), why)


def _storable(value: Any) -> Any:
    return str(value) if hasattr(value, "isoformat") else value


def _valued(columns: Columns, match: re.Match[str], turn: Reading) -> Named | None:
    named = match.groupdict().get("col")
    column = columns.called(named, match["v"]) if named else None
    found = columns.valued(match["v"], column) or columns.valued(match["v"])
    if found is None:
        return None
    if column is None:
        twin = columns.called(found.column.name, match["v"])
        found = columns.valued(match["v"], twin) or found
    return found


def _filter(value: Named, op: Op) -> Filter:
    if isinstance(value.value, bool):
        return Filter(value.column.name, "=", op == "=")
    return Filter(value.column.name, op, value.value)


def _further(turn: Reading, columns: Columns, before: Filter) -> list[Filter]:
    """Values behind an unwanted one: "not red or blue"."""
    found: list[Filter] = []
    column = columns.each[before.column]
    while (
        match := turn.has(rf"{LIMIT}\s*(?:,?\s*(?:and|or|nor)|和|或|与|,)\s*(?P<v>{columns.value_pattern})")
    ) is not None:
        value = columns.valued(match["v"], column)
        if value is None:
            break
        turn.replace(match, LIMIT)
        found.append(_filter(value, "!="))
    return found


def _named_exactly(turn: Reading, columns: Columns) -> list[Filter]:
    """Values too short to be heard by themselves, behind their column's name: "size M", "rating A"."""
    match = turn.has(rf"(?P<col>{columns.name_pattern}){_LINK}\s*(?P<v>[^\s,;!?]+)")
    column = columns.called(match["col"]) if match else None
    value = columns.exact(column, match["v"]) if match and column else None
    if match is None or column is None or value is None:
        return []
    turn.replace(match, LIMIT)
    return [Filter(column.name, "=", value)]


def _joined(wanted: Sequence[Filter], columns: Columns) -> list[Filter]:
    """Several wanted values of a column that has one a row are an "in"; of tags, all are wanted."""
    joined: dict[str, Filter] = {}
    tags: list[Filter] = []
    for one in wanted:
        if columns.each[one.column].kind == "tags":
            tags.append(one)
        elif one.column not in joined or joined[one.column].value == one.value:
            joined[one.column] = one
        else:
            before = joined[one.column].value
            values = (*(before if isinstance(before, tuple) else (str(before),)), str(one.value))
            joined[one.column] = Filter(one.column, "in", values)
    return [*joined.values(), *tags]
