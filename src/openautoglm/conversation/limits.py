"""Conditions on numbers and dates: "under 20", "between 5 and 10 euros", "from 2023 on", 不超过五十元.

Which column is meant: the one that the turn names, else the one that the unit measures, else the one that the
comparative is about ("lighter than"), else the price, else the only column of numbers.
"""

from __future__ import annotations

import re

from openautoglm.conversation.columns import Column, Columns
from openautoglm.conversation.errors import ChatError
from openautoglm.conversation.lexicon import CURRENCY, MEANINGS, UNITS, any_of
from openautoglm.conversation.patterns import matches, search
from openautoglm.conversation.quantities import DATE, NUMBER, period, to_number
from openautoglm.conversation.reading import LIMIT, Reading
from openautoglm.conversation.state import Filter, Op

_UNIT = any_of(UNITS)
_AMOUNT = r"(?:{c}\s?)?(?P<{n}>{number})\s?(?P<{u}>{c}|{unit})?"
_BELOW = (
    r"under|below|less than|cheaper than|lower than|fewer than|smaller than|shorter than"
    r"|lighter than|beneath|inferior to"
    r"|低于|小于|少于|不到|不足|便宜于|轻于|短于|<(?!=)"
)
_AT_MOST = (
    r"at (?:the )?most|up to|nothing (?:above|over|beyond|more than|higher than|exceeding)|no more than|not more than|no higher than|not over|not above|no "
    r"greater than|max(?:imum)?(?: of)?"
    r"|within|not exceed(?:ing)?|a (?:budget|maximum|limit) of|budget(?: is| of|:)?|not "
    r"cost(?:ing)? more than|<=|≤"
    r"|(?:不要?|别|不能|不得|不可)(?:超过|超出|高于|大于|多于)|最多|至多|最高|顶多|预算(?:是|为|在|只有)?|上限(?:是|为)?"
)
_ABOVE = (
    r"over|above|more than|greater than|higher than|bigger than|larger than|longer than"
    r"|heavier than|exceed(?:s|ing)?"
    r"|better than|高于|大于|超过|多于|重于|长于|>(?!=)"
)
_AT_LEAST = (
    r"at (?:the )?least|no less than|not less than|no lower than|not under|not below"
    r"|min(?:imum)?(?: of)?|starting (?:at|from)"
    r"|from|>=|≥|(?:不|别)(?:低于|少于|小于)|至少|最少|最低|起码|下限(?:是|为)?"
)
_OR_LESS = (
    r"(?:or|and) (?:less|below|under|cheaper|fewer|lower|lighter|smaller)|max(?:imum)?|tops"
    r"|at most|及?以下|以内|之内|之下|封顶|内(?![容部衣])"
)
_OR_MORE = r"(?:or|and) (?:more|above|over|higher|better|up|upwards?|heavier|larger)|\+|及?以上|起步|起|开外"
_ABOUT = r"around|about|roughly|approximately|circa|approx\.?|close to|大约|大概|约|差不多"
_IS = (
    r"(?:\s*(?:of|is|are|was|=|:|should|must|may|can|has|have|to|be|cost|costs|in|at|the|range"
    r"|a|that|between|from|for)(?![a-z])|\s*(?:=|:|在|要|是|为|得))*"
)
_COST = (
    r"(?:(?:that |which |to |they |it |should |must |may |can |do |does |don't |doesn't "
    r")*(?:costs?|costing|priced?(?: at)?|sells? for)\s+)?"
)
_COUNTED = rf"\d|{NUMBER}"
_SIGN: dict[str, Op] = {"below": "<", "most": "<=", "above": ">", "least": ">="}

_MADE = (
    r"(?:(?:that |which |were |was |are |is )*(?:released|made|added|published|created|built"
    r"|produced|dated|taken|launched|上市|发布|生产|推出)\s*(?:于|在)?\s*)?"
)
_SINCE = (
    r"since|starting (?:in|from)|as of|(?:nothing|no|not|none|never) (?:older than|before"
    r"|earlier than)|beginning (?:in|from)|不早于|自从?|从"
)
_AFTER = r"after|newer than|later than|more recent than|晚于|新于"
_BEFORE = r"before|older than|earlier than|prior to|早于|旧于"
_UNTIL = (
    r"until|till|up to|by|(?:nothing|no|not|none) (?:later than|newer than|after)|不晚于|直到|截至|截止到?"
)
_LATER = (
    r"(?:and|or|,)?\s*(?:on(?:wards?)?|later|newer|after|up|forward|more recent)|(?:及"
    r"|或者?)?(?:更新|更晚|以后|之后|以来|往后|开始|起|后|至今)"
)
_EARLIER = r"(?:and|or)\s+(?:earlier|older|before)|及以前|及之前|为止"


class _Names:
    """The names of columns in a turn, each replaced by a sign of its own while conditions are read."""

    pattern = "[\ue000-\ue0ff]"

    def __init__(self, columns: Columns) -> None:
        self.columns = columns
        self.said: list[str] = []

    def hide(self, text: str) -> str:
        parts, place = [], 0
        for match in matches(self.columns.name_pattern, text):
            if len(self.said) < 0xFF:
                parts += [text[place : match.start()], f" {chr(0xE000 + len(self.said))} "]
                self.said.append(text[match.start() : match.end()])
                place = match.end()
        return " ".join("".join([*parts, text[place:]]).split())

    def show(self, text: str) -> str:
        return " ".join(
            "".join(
                self.said[ord(one) - 0xE000] + " " if "\ue000" <= one <= "\ue0ff" else one for one in text
            ).split()
        )

    def column(self, sign: str | None) -> Column | None:
        return self.columns.called(self.said[ord(sign) - 0xE000]) if sign else None


def read_limits(turn: Reading, columns: Columns) -> list[Filter]:
    """Cut the conditions on numbers and dates out of a turn; `LIMIT` stands in their place.

    Raises:
        ChatError: if a number fits several columns and the turn names none.
    """
    if not search(_COUNTED, turn.rest):
        return []
    names = _Names(columns)
    before, turn.rest = turn.rest, names.hide(turn.rest)
    found: list[Filter] = []
    try:
        for read in (_dates, _between, _compared):
            while filters := read(turn, names):
                found += filters
    finally:
        turn.rest = names.show(turn.rest) if found else before
    return found


def _dates(turn: Reading, names: _Names) -> list[Filter]:
    columns = names.columns
    if columns.dated is None:
        return []
    date, end = f"(?P<d>{DATE})", r"(?![\d.]*\s?(?:" + CURRENCY + r"|" + _UNIT + r"))"
    named = rf"(?:(?:the\s+)?{names.pattern}{_IS}\s*)?"
    lead = named + _MADE
    # "between 2020 and 2022"
    both = (
        rf"{lead}(?:between|from|in|在|从)?\s*(?P<d>{DATE})\s*(?:and|to|until|till|through|-|到|至"
        rf"|和)\s*(?P<e>{DATE}){end}\s*(?:年)?(?:之间|间)?"
    )
    match = turn.has(both)
    if match and (column := _date_column(match, names)):
        (start, _), (_, stop) = period(match["d"]), period(match["e"])
        turn.replace(match, LIMIT)
        return [_dated(column, ">=", start), _dated(column, "<", stop)]
    # Chinese says 比2021年新的; the year stands between.
    for pattern, op, which in (
        (rf"{lead}(?:{_SINCE}|from|in)\s+(?:the year\s+)?{date}{end}\s*(?:{_LATER})(?![a-z])", ">=", 0),
        (rf"{lead}(?:{_SINCE})\s*(?:the year\s+)?{date}{end}(?:{_LATER})?", ">=", 0),
        (rf"{lead}(?:要|是)?{date}{end}\s*(?:{_LATER})(?![a-z])", ">=", 0),
        (rf"{lead}比\s*{date}{end}\s*(?:更|要|还)?(?:新|晚)", ">=", 1),
        (rf"{lead}(?:{_AFTER})\s*(?:the year\s+)?{date}{end}", ">=", 1),
        (rf"{lead}比\s*{date}{end}\s*(?:更|要|还)?(?:旧|早|老)", "<", 0),
        (rf"{lead}(?:{_UNTIL})\s*(?:the year\s+)?{date}{end}", "<", 1),
        (rf"{lead}{date}{end}\s*(?:{_EARLIER})", "<", 1),
        (rf"{lead}(?:{_BEFORE})\s*(?:the year\s+)?{date}{end}", "<", 0),
        (rf"{lead}{date}{end}\s*(?:以前|之前|前)", "<", 0),
        (rf"(?<![a-z]){lead}from\s+(?:the year\s+)?{date}{end}(?!\s*(?:to|and|-)\s*\d)", ">=", 0),
    ):
        match = turn.has(pattern)
        if match and (column := _date_column(match, names)):
            turn.replace(match, LIMIT)
            return [_dated(column, op, period(match["d"])[which])]  # type: ignore[arg-type]
    match = turn.has(rf"{lead}(?:in|of|from the year|during|made in|the year)\s+(?:the year\s+)?{date}{end}")
    match = match or turn.has(rf"{date}(?<=[年月日号])(?:的|款)")
    if match is None and re.fullmatch(rf"(?:[^\w]|the|year|年)*{DATE}[^\w]*", turn.rest.strip()):
        match = turn.has(date)
    if match and (column := _date_column(match, names)):
        said = next(one for one in match.groups()[::-1] if one and re.fullmatch(DATE, one))
        start, stop = period(said)
        turn.replace(match, LIMIT)
        return [_dated(column, ">=", start), _dated(column, "<", stop)]
    return []


def _date_column(match: re.Match[str], names: _Names) -> Column | None:
    """The dated column that was named, or the first one; None if the turn named one of numbers."""
    named = re.match(rf"(?:the\s+)?({names.pattern})", match.group().lstrip())
    column = names.column(named[1]) if named else None
    if column is None or column.dated:
        return column or names.columns.dated
    dated = names.columns.dated
    return dated if dated is not None and column.meaning is dated.meaning else None


def _dated(column: Column, op: Op, day: object) -> Filter:
    text = str(day)
    return Filter(column.name, op, int(text[:4]) if column.kind == "integer" else text)


def _amount(number: str, unit: str) -> str:
    return _AMOUNT.format(c=CURRENCY, n=number, u=unit, unit=_UNIT, number=NUMBER)


def _between(turn: Reading, names: _Names) -> list[Filter]:
    name = rf"(?:(?:the\s+)?(?P<col>{names.pattern})\s*)?"
    numbers = rf"{_amount('a', 'ua')}\s*(?P<link>and|to|-|–|~|till|到|至|和)\s*{_amount('b', 'ub')}"
    for pattern in (
        (
            rf"{name}{_IS}\s*(?:somewhere\s+|anywhere\s+|ranging\s+)?(?P<lead>between|from|in the "
            rf"range(?: of)?|在|从|介于)?\s*{numbers}\s*(?P<tail>之间|间|的)?"
        ),
    ):
        for match in matches(pattern, turn.rest):
            whole = not re.search(
                r"\w", turn.rest[: match.start()] + turn.rest[match.end() :].replace("的", "")
            )
            told = match["lead"] or match["tail"] or match["col"] or match["ua"] or match["ub"] or whole
            before = match.group()[: match.start("a") - match.start()]
            range_of = r"(?<![a-z])(?:between|from|range)\s*(?:of\s*)?(?:" + CURRENCY + r"\s?)?$"
            if not (told or search(range_of, before)):
                continue
            a, b = to_number(match["a"]), to_number(match["b"])
            if a is None or b is None:
                continue
            unit = match["ub"] or match["ua"]
            column = _column(names.columns, names.column(match["col"]), unit, None)
            low, high = sorted((_in_unit(a, match["ua"] or unit, column), _in_unit(b, unit, column)))
            turn.replace(match, LIMIT)
            return [Filter(column.name, ">=", low), Filter(column.name, "<=", high)]
    return []


def _compared(turn: Reading, names: _Names) -> list[Filter]:
    name = rf"(?:(?:the\s+)?(?P<col>{names.pattern})\s*)?"
    amount = _amount("n", "u")
    lower, higher = _comparatives()
    before = (
        rf"(?P<most>{_AT_MOST})|(?P<below>{_BELOW}|{lower} than)|(?P<least>{_AT_LEAST})"
        rf"|(?P<above>{_ABOVE}|{higher} than)"
    )
    after = rf"(?P<most>{_OR_LESS})|(?P<least>{_OR_MORE})"
    for pattern in (
        (
            rf"{name}{_IS}\s*{_COST}(?:not |no )?(?P<about>{_ABOUT})\s*{amount}"
            rf"|{name.replace('col', 'col2')}{_IS}\s*{_amount('n2', 'u2')}\s*(?P<about2>左右|上下)"
        ),
        rf"{name}{_IS}\s*{_COST}{amount}\s*(?:{after})(?![a-z])",
        rf"{name}{_IS}\s*{_COST}(?:{before})\s*(?:than\s+)?{amount}(?:\s*(?:的)?(?P<behind>{names.pattern}))?",
        rf"比\s*{amount}\s*(?:更|要|还)?(?:(?P<below>便宜|低|少|轻|小|短)|(?P<above>贵|高|多|重|大|长))",
        rf"(?P<col>{names.pattern})\s*(?P<is>is|=|:|of|是|为)?\s*{amount}(?=\s*(?:$|[{LIMIT},;.!的]|please))",
    ):
        for match in matches(pattern, turn.rest):
            parts = match.groupdict()
            said = parts.get("n") or parts.get("n2")
            number = to_number(said) if said else None
            if number is None:
                continue
            unit = parts.get("u") or parts.get("u2")
            column = _column(
                names.columns,
                names.column(parts.get("col") or parts.get("col2") or parts.get("behind")),
                unit,
                match.group(),
            )
            value = _in_unit(number, unit, column)
            turn.replace(match, LIMIT)
            if parts.get("about") or parts.get("about2"):
                return [
                    Filter(column.name, ">=", _short(value * 0.8), f"about {value:g}"),
                    Filter(column.name, "<=", _short(value * 1.2), f"about {value:g}"),
                ]
            op: Op = next((sign for key, sign in _SIGN.items() if parts.get(key)), "=")
            return [Filter(column.name, op, value)]
    return []


def _comparatives() -> tuple[str, str]:
    return (
        any_of(word for one in MEANINGS if one.name != "date" for word in one.lower),
        any_of(word for one in MEANINGS if one.name != "date" for word in one.higher),
    )


def _column(columns: Columns, named: Column | None, unit: str | None, said: str | None) -> Column:
    """The column that a number is about."""
    if named is not None and named.ordered and not named.dated:
        return named
    plain = (unit or "").casefold()
    if plain in UNITS and (column := columns.measured(UNITS[plain][0])) is not None:
        return column
    for one in MEANINGS if said else ():
        words = (*one.lower, *one.higher)
        compared = words and search(rf"{any_of(words)}\s+than", said or "")
        if compared and (column := columns.meaning(one.name, ordered=True)) is not None:
            return column
    if (column := columns.meaning("price", ordered=True)) is not None:
        return column
    numbers = [one for one in columns if one.kind in ("integer", "number")]
    if len(numbers) == 1:
        return numbers[0]
    listed = ", ".join(one.name for one in numbers)
    raise ChatError(
        f"which column is that about: {listed}? Say it with its name  |  是指哪一列：{listed}？请说出列名"
        if numbers
        else "no column of this catalogue holds numbers  |  这个目录没有数字列"
    )


def _in_unit(number: float, unit: str | None, column: Column) -> float | int:
    """A number in the unit that the column's name tells; as it is, where it tells none."""
    plain = (unit or "").casefold()
    if plain in UNITS and column.unit:
        number = number * UNITS[plain][1] / column.unit
    return _short(number)


def _short(number: float) -> float | int:
    rounded = round(number, 10)
    return int(rounded) if rounded == int(rounded) else rounded
