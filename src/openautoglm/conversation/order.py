"""Orders: cheapest first, sort by price descending, put the newest on top, 按价格从低到高排序, 最新的在前."""

from __future__ import annotations

from typing import NamedTuple

from openautoglm.conversation.columns import Column, Columns
from openautoglm.conversation.reading import BEST, Reading
from openautoglm.conversation.state import State
from openautoglm.conversation.wishes import superlative

_SORT = (
    r"(?<![a-z])(?:re-?)?(?:sort(?:ed)?|order(?:ed)?|rank(?:ed)?|arranged?)(?:\s+(?:it|them"
    r"|these|those|the results|results|by|on|all))*(?![a-z])"
)
_BY = r"(?:按照|以|根据|按|依照|依|根据)"
_ZH_SORT = r"(?:进行)?(?:排序|排列|排一下|排)"
_RISING = (
    r"(?<![a-z])(?:in )?(?:ascending|asc|increasing|rising)(?: order)?(?![a-z])|(?:from "
    r")?(?:the )?(?:low(?:est)?|cheap(?:est)?|small(?:est)?|old(?:est)?|light(?:est)?"
    r"|short(?:est)?) to (?:the )?"
    r"(?:high(?:est)?|(?:most )?expensive|large(?:st)?|big(?:gest)?|new(?:est)?|heavy|heaviest"
    r"|long(?:est)?)|(?:low(?:est)?|small(?:est)?)(?: \w+)? first"
    r"|升序|递增|(?:从|由)?(?:低到高|小到大|便宜到贵|旧到新|早到晚|轻到重|短到长|少到多)"
)
_FALLING = (
    r"(?<![a-z])(?:in )?(?:descending|desc|decreasing|falling|reverse)(?: order)?(?![a-z])"
    r"|(?:from )?(?:the )?(?:high(?:est)?|(?:most )?expensive|large(?:st)?|big(?:gest)?"
    r"|new(?:est)?|heavy|heaviest|long(?:est)?|best) to (?:the )?"
    r"(?:low(?:est)?|cheap(?:est)?|small(?:est)?|old(?:est)?|light(?:est)?|short(?:est)?"
    r"|worst)|(?:high(?:est)?|large(?:st)?|big(?:gest)?)(?: \w+)? first"
    r"|降序|递减|倒序|(?:从|由)?(?:高到低|大到小|贵到便宜|新到旧|晚到早|重到轻|长到短|多到少)"
)
_FIRST = (
    r"(?<![a-z])(?:first|(?:on|at|to|onto|in) (?:the )?(?:top|front|beginning|start)|on top"
    r"|up front|top)(?![a-z])|(?:排|放|摆|列)?(?:在)?(?:最)?前(?:面|头|边)?|优先|第一|靠前|在先"
    r"|在上面?|置顶"
)
_PUT = (
    r"(?<![a-z])(?:start(?:ing)? with|begin(?:ning)? with|put|place|list|lead with|move"
    r"|bring)(?![a-z])|先(?:显示|看|列出?|展示|给我看)?|把|将"
)
_BEST_FIRST = ("rating", "date", "stock")
"""Meanings whose high values people want first."""


class Order(NamedTuple):
    """An order that a turn names."""

    column: str
    """As `State.sort`."""
    best: bool
    """Whether it is only a superlative: "the cheapest" may be asked for, or ordered by."""


def read_order(turn: Reading, columns: Columns, state: State) -> Order | None:
    """Cut an order out of a turn; of a superlative, `BEST` stands in its place."""
    rising, falling = bool(turn.has(_RISING)), bool(turn.has(_FALLING))
    sorting = bool(
        turn.has(_SORT) or turn.has(_ZH_SORT) or (turn.has(_BY) and turn.has(columns.name_pattern))
    )
    if sorting or rising or falling:
        column = _column(turn, columns, state)
        best = superlative(turn, columns)
        if column is not None or best is not None:
            for pattern in (_RISING, _FALLING, _SORT, _ZH_SORT, _BY, _FIRST, _PUT, BEST):
                turn.cut(pattern)
            turn.cut(r"(?<![a-z])(?:by|on|with)(?![a-z])")
            if best is not None:
                return Order(best, best=False)
            assert column is not None
            down = falling or (
                not rising and column.meaning is not None and column.meaning.name in _BEST_FIRST
            )
            turn.cut(columns.name_pattern)
            return Order(("-" if down else "") + column.name, best=False)
    best = superlative(turn, columns)
    if best is None:
        return None
    first = turn.cut(_FIRST) is not None
    first = (turn.cut(_PUT) is not None) or first
    return Order(best, best=not first)


def _column(turn: Reading, columns: Columns, state: State) -> Column | None:
    found = turn.has(columns.name_pattern)
    column = columns.called(found.group()) if found else None
    if column is not None and column.kind != "tags":
        return column
    if state.sort is not None:
        return columns.each.get(state.sort.removeprefix("-"))
    return columns.meaning("price", ordered=True)
