"""Turns that move between states: greetings, pages, back, back to all, forget the price, start over.

Each is a few words that leave nothing else to be said: what a frame cannot explain makes it another turn.
"""

from __future__ import annotations

import re
from dataclasses import replace

from openautoglm.conversation.columns import Columns, colour_in
from openautoglm.conversation.errors import ChatError
from openautoglm.conversation.patterns import lower, matches, removed, search
from openautoglm.conversation.quantities import to_number
from openautoglm.conversation.reading import Reading, frameless
from openautoglm.conversation.state import State
from openautoglm.conversation.turn import Turn, View

GREETING = (
    r"(?<![a-z])(?:hi|hello|hey|hiya|greetings|good (?:morning|evening|afternoon|day|night)"
    r"|thanks?(?: you)?(?: (?:very|so) much| a lot)?"
    r"|thx|cheers|bye|goodbye|see you|ok|okay|great|cool|nice|perfect|awesome|wonderful|lovely"
    r"|yes|yeah|yep|no|nope|sure|right|fine|ah|oh|hm+"
    r"|test|lol)(?![a-z])|你好|您好|大家好|嗨|哈喽|谢谢你?|多谢|感谢|再见|拜拜|好的|好吧|嗯+|哦+|呵呵+|哈+|嘿+|早上好|晚上好|下午好|早安|晚安|不错|太好了|很好|是的|对"
)
ABOUT = (
    r"(?<![a-z])(?:help|who are you|what are you|what can you do|what do you do|how (?:does"
    r"|do) (?:this|it|you|i) (?:work|use|do).*"
    r"|what can i (?:say|ask|do).*|how are you(?: doing)?|what's up|tell me a joke|what is "
    r"your name|what's your name|are you (?:a )?(?:bot|human|robot|there))(?![a-z])"
    r"|帮助|你是谁|你会什么|你会做什么|你能做什么|你可以做什么|怎么用|如何使用|你叫什么(?:名字)?|你是机器人"
)
NEXT = (
    r"(?<![a-z])(?:the\s+)?(?:next|following)(?:\s+(?:page|ones|few|results))?(?![a-z])"
    r"|(?<![a-z])more(?![a-z])|continue|go on|keep going|(?<![a-z])further(?![a-z])"
    r"|page (?:down|forward)|更多|(?:翻到?|去|到|转到|跳到)?下一?页|后一页|往后翻?|继续|(?:接着|继续|往下|再往下)(?:看|翻|来)?|再(?:来|看|给)(?:一些|一点|些|点|几个|看)?"
    r"|还有(?:吗|没有|别的吗|其他的?吗|更多吗)?|后面的|翻页|再多|下一批|换一批"
)
PREVIOUS = (
    r"(?:previous|prior|last|earlier|preceding)\s+page|page\s+(?:before|back|up|earlier)|one "
    r"page back|page back|(?:翻到?|去|到|转到|回到|返回|退回)?(?:上一?页|前一页|前面一页)|往前翻"
)
_PAGE = (
    r"(?:go to\s+|show\s+)?(?<![a-z])page\s+(?:number\s+)?(?P<n>\d+|[a-z]+)|第(?P<zh>\d+"
    r"|[一二三四五六七八九十]+)页"
)
RESET = (
    r"start (?:all )?(?:over|again|afresh|anew|from scratch|new)|restart"
    r"|(?<![a-z])reset(?![a-z])|from scratch|begin again|(?:start |begin |do )?(?:a )?new (?:search|start|conversation)"
    r"|clear (?:it )?all|(?:clear|forget|delete|erase|wipe)(?: about)? (?:everything|it all"
    r"|all)|^clear$|(?:全部|都)?重新(?:开始|来过?|搜索?|找|查|查找)(?:吧|一下|一次)?|(?:全部|统统|都)?清空(?:全部|所有|一切|重来)?|全部清除|清除(?:全部|所有)|清除|重来|"
    r"从头(?:来|开始|再来)?|重置|新的?搜索|全部重来"
)
UNDO = (
    r"(?<![a-z])undo(?![a-z])|(?:go|step|take (?:that|it|this)) back|(?<![a-z])back(?![a-z])"
    r"|revert|rewind|(?:previous|earlier|last) (?:search|state|step)"
    r"|forget that|scratch that|返回|撤销|撤回|回退|退回去?|后退|退一步|(?:撤销|取消|撤回|退回|返回|回到)?上一步(?:操作)?|倒回|回去"
    r"|回到上一步|回到之前|恢复上一步"
)
ALL = r"(?<![a-z])(?:all|everything|whole|full|entire)(?![a-z])|全部|所有|整个|完整|一切"
_CONDITIONS = r"(?:filters?|conditions?|limits?|restrictions?|constraints?|criteria|限制|条件|筛选|过滤|要求)"
NO_CONDITIONS = (
    rf"(?:remove|drop|clear|forget|delete|lift|cancel|without|no|undo|reset|去掉|取消|清除|删除|移除|不要|解除)\s*(?:(?:all|any|the|of|every|my|those|所有|全部|的)\s*)*{_CONDITIONS}"
    rf"(?:\s+and)?|{_CONDITIONS}(?:都|全部?)?(?:去掉|取消|清除|删除|移除|不要|解除)"
)
DROP = (
    r"(?<![a-z])(?:forget(?: about)?|drop|remove|ignore|disregard|clear|cancel|lift|delete"
    r"|unset|never ?mind|(?:do not|don't|dont) (?:care|mind|worry)(?: about)?"
    r"|(?:does not|doesn't|do not|don't|no longer|not) matters?|(?:is|are|isn't|aren't) "
    r"(?:not )?important|unimportant|irrelevant|whatever|whichever|any|regardless of"
    r"|no matter|take (?:off|away)|get rid of|undo|(?:is|are) fine|(?:is|are) ok(?:ay)?|no"
    r"|without|no preference(?: for| on)?|no restriction on|open|skip|leave out)(?![a-z])"
    r"|不限制?|无所谓|去掉|去除|取消|忽略|不管|不用管|不考虑|随便|都可以|都行|都好|任意|不论|无论|删除|移除|解除|不看|不在乎|没关系|不重要|不要求|别管|放开|不要"
)
_SURELY = r"forget|drop|remove|delete|cancel|ignore|mind|care|matter|取消|去掉|忽略|删除|不限|无所谓"
"""What takes a condition away and nothing else; "any" and "no" may begin a search."""
_REQUEST = r"(?<![a-z])(?:do you|have you|are there|is there|show|find|got)(?![a-z])|有没有|有.*吗"
_NEEDS_ALL = r"什么|哪种|哪个|啥|任何"
_SORTING = r"(?<![a-z])(?:sort(?:ing)?|order(?:ing)?)(?![a-z])|排序|顺序"
_ASIDE = (
    r"(?<![a-z])(?:back|to|go|back to|no|step|page|again|once|please|its|their|then|instead|last|latest|change|edit|action|thing|move|command|did"
    r"|matter|at all|as well)(?![a-z])|一步|一次|一下|到|回|恢复|显示|看|都|请|什么|呢|出来|结果|吧|了"
)


def read_move(turn: Reading, state: State, view: View) -> Turn | None:
    """Understand a turn that moves; None if it is another."""
    if not turn.bare:
        return Turn("nothing", state)
    if _only(turn, _PAGE) and (page := _page(turn)):
        return Turn("page", state.page_of(page))
    if _only(turn, PREVIOUS):
        return Turn("page", state.page_of(state.page - 1))
    if _only(turn, NEXT):
        return Turn("page", state.page_of(state.page + 1))
    if _only(turn, RESET):
        return Turn("reset", State())
    if (wide := _all(turn, state)) is not None:
        return wide
    if _only(turn, UNDO):
        return Turn("undo", state)
    if _only(turn, f"(?:{GREETING}|{ABOUT})"):
        return Turn("nothing", state)
    return _drop(turn, state, view)


def _only(turn: Reading, pattern: str) -> bool:
    """Whether a turn says this and no more."""
    if search(pattern, turn.rest) is None:
        return False
    return not _beside(turn.rest, pattern)


def _beside(text: str, pattern: str) -> str:
    """What a text says beside a pattern."""
    return frameless(removed(_ASIDE, removed(pattern, text)))


def _page(turn: Reading) -> int:
    found = search(_PAGE, turn.rest)
    return int(to_number(found["n"] or found["zh"]) or 0) if found else 0


def _all(turn: Reading, state: State) -> Turn | None:
    """Back to the search as it began, where nothing but that search is named."""
    dropping = search(NO_CONDITIONS, turn.rest)
    rest = removed(NO_CONDITIONS, turn.rest)
    if search(ALL, rest):
        began = " ".join(state.began)
        beside = removed(ALL, rest)
        if began:
            beside = removed(re.escape(lower(began)), beside, 1)
        if not _beside(beside, r"(?!)"):
            return Turn("all", state.only_search())
    if dropping and not _beside(rest, r"(?!)"):
        return Turn("drop", state.unfiltered(), said="" if state.filters or state.without else "no filter")
    return None


def _drop(turn: Reading, state: State, view: View) -> Turn | None:
    """Forget what is said of a column, an order, or a value."""
    dropping = rf"{DROP}|{_NEEDS_ALL}(?=.*(?:都|随便))" if turn.chinese else DROP
    if not search(dropping, turn.rest) or search(_REQUEST, turn.rest):
        return None
    rest = removed(dropping, turn.rest)
    rest = removed(_CONDITIONS, rest)
    names = list(matches(view.columns.name_pattern, rest))
    rest = removed(view.columns.name_pattern, rest)
    dropped = state
    for match in names:
        dropped = _forget(dropped, match.group(), view.columns)
    if sorting := search(_SORTING, rest):
        dropped, rest = dropped.sorted(None), removed(_SORTING, rest)
    rest = _beside(rest, r"(?!)")
    if rest:
        without = _without(dropped, rest, view.columns)
        if without is None or not search(_SURELY, turn.rest):
            return None
        return Turn("drop", without)
    if not (names or sorting) or (dropped == state and not search(_SURELY, turn.rest)):
        return None
    return Turn("drop", dropped, said="" if dropped != state else "no such filter")


def _forget(state: State, name: str, columns: Columns) -> State:
    """Forget the conditions on the column of a name, in each language that the catalogue has it in."""
    column = columns.called(name)
    if column is None:
        return state
    dropped = state
    for one in columns:
        if one is column or (column.meaning is not None and one.meaning is column.meaning):
            dropped = dropped.dropped(one.name)
    of_colour = column.meaning is not None and column.meaning.name == "colour"
    if dropped == state and of_colour and (colour := colour_in(state.text)) is not None:
        words = (re.sub(rf"\s*{re.escape(colour[0])}\s*(?:的)?", " ", one).strip() for one in state.words)
        return replace(state, words=tuple(one for one in words if one), page=1)
    return dropped


def _without(state: State, said: str, columns: Columns) -> State | None:
    """Forget a condition by its value, or words by themselves."""
    wanted = said.casefold()
    value = columns.valued(said)
    meant = None if value is None else (value.column.name, value.value)
    kept = tuple(
        one
        for one in state.filters
        if str(one.value).casefold() != wanted and (one.column, one.value) != meant
    )
    words = tuple(one for one in state.words if one.casefold() != wanted)
    without = tuple(one for one in state.without if one.casefold() != wanted)
    if (kept, words, without) == (state.filters, state.words, state.without):
        return None
    return replace(state, filters=kept, words=words, without=without, page=1)


def forget(state: State, what: str, columns: Columns) -> State:
    """Forget a part of the state by its name, or the conditions on a column.

    Raises:
        ChatError: if there is no such part.
    """
    parts: dict[str, State] = {
        "words": replace(state, words=(), page=1),
        "without": replace(state, without=(), page=1),
        "like": replace(state, like=(), page=1),
        "filters": replace(state, filters=(), page=1),
        "where": replace(state, filters=tuple(one for one in state.filters if one.op != "sql"), page=1),
        "sort": state.sorted(None),
    }
    name = what.strip().casefold()
    if name in parts:
        return parts[name]
    if columns.called(name) is not None:
        if (forgotten := _forget(state, name, columns)) != state:
            return forgotten
        written = [str(one.value) for one in state.filters if one.op == "sql"]
        where = f"; /drop where forgets {' and '.join(written)}" if written else ""
        raise ChatError(f"there is no condition on {name!r} to drop{where}")
    if (without := _without(state, what.strip(), columns)) is not None:
        return without
    raise ChatError(
        f"there is no {what.strip()!r} to drop; choose one of {', '.join(parts)}, or a column: "
        f"{', '.join(columns.each)}"
    )
