"""Turns that ask: what is in the first, how much is it, how many are red, which is the cheapest.

A turn that asks to be shown something ("do you have red ones?") is no question here.
"""

from __future__ import annotations

import re

from openautoglm.conversation.lexicon import MEANINGS, any_of
from openautoglm.conversation.limits import read_limits
from openautoglm.conversation.patterns import removed
from openautoglm.conversation.reading import BEST, IT, ROW, Reading, frameless
from openautoglm.conversation.reference import Spoken, meant
from openautoglm.conversation.state import State
from openautoglm.conversation.turn import Question, Turn, View, kept
from openautoglm.conversation.wishes import read_adjectives, read_values, read_without

ASKING = (
    r"^(?:(?:and|so|but|ok|okay|then|well|now|please|also)[\s,]+)*(?:what|what's|which|who|whose|where|when|why|how|is|are|was|were|does|do|did|has|have|can|could|tell"
    r"|describe|explain|give|count|compare|details?|info|information)(?![a-z])|\?$|什么|啥|多少|几|哪|吗|么$|是不是|介绍|描述|说说|讲讲|说一下|讲一下|如何|怎么|谁|请问|告诉|说明|详情"
)
_REQUEST = (
    r"^(?:(?:and|so|but|ok|okay|then|well|now|please|also)[\s,]+)*(?:(?:do|did|would) you "
    r"(?:have|sell|stock|carry|offer|got)|have you(?: got)?|got any|can (?:i|we|you)|could "
    r"(?:i|we|you)|is there|are there|any(?:thing)?"
    r"|what about|how about|would you|will you)(?![a-z])"
)
_DETAILS = (
    r"(?:tell|describe|explain|details?|info|information|more about|say|know|what)(?![a-z])"
    r"|什么|啥|介绍|描述|说|讲|告诉|详情"
)
COUNT = (
    r"how many|how large is (?:this|that|the list)|(?:what(?:'s| is) )?(?:the )?total(?: number| count)?(?= ?[?]?$)|(?:the |what )?(?:number|count|amount)(?= of| are|$|\s)"
    r"|(?<![a-z])count(?![a-z])|(?<!是)多少(?!钱|分|度)(?:个|件|款|张|种|条|样|项|辆|只|台)?|(?:数量|总数|数目)(?=是多少|[?吗呢]?$)|(?:一共|总共|总计|合计)是多少|几(?:个"
    r"|件|款|张|种|条|样|项|辆|只|台)(?!人)"
)
_ELLIPTIC = r"^(?:那)?(?:是|有|属于)(?:什么|啥|哪(?!些|几)|多少)"
"""A question that Chinese puts without "it": 是什么颜色."""
_AVERAGE = r"average|mean|median|range|typical(?:ly)?|total|平均|范围|区间|总价"
_SET = r"(?<![a-z])(?:they|them|these|those|all)(?![a-z])|这些|那些|它们|都"
_LISTED = r"^(?:(?:and|so|but|ok|then)[\s,]+)*(?:what|which|list|show)(?![a-z])|什么|哪些|哪几"


def read_question(turn: Reading, spoken: Spoken, best: str | None, state: State, view: View) -> Turn | None:
    """Understand a question; None if the turn is none.

    Args:
        turn: what is left when rows and superlatives are cut out.
        spoken: the rows that it speaks of.
        best: the order of a superlative in it.
        state: of the conversation.
        view: the catalogue.

    Raises:
        ChatError: if it speaks of a row that is not there.
    """
    asking = bool(turn.has(ASKING))
    if spoken.rows:
        return _of_rows(turn, spoken.rows, state, view)
    if best is not None and asking and not turn.has(r"(?<![a-z])(?:first|top)(?![a-z])|前|" + _REQUEST):
        return _extreme(turn, best, state, view)
    if not asking:
        return None
    if turn.has(COUNT) and not turn.has(
        any_of(word for one in MEANINGS for word in one.asks if one.name == "rating")
    ):
        return _count(turn, spoken, state, view)
    column = _asked(turn, view)
    requested = turn.has(_REQUEST.replace("can (?:i|we|you)|could (?:i|we|you)|is there|", ""))
    asked = column is not None or turn.has(_DETAILS) or not turn.left or _is_question(turn)
    if spoken.it and asked and not requested:
        return _of_rows(turn, meant(spoken, state), state, view)
    if column is not None and state.focus is not None and turn.has(_ELLIPTIC):
        return _of_rows(Reading(turn.said, IT + turn.rest), (state.focus,), state, view)
    return _of_found(turn, column, state, view)


def _is_question(turn: Reading) -> bool:
    return bool(
        turn.has(
            rf"^(?:is|was|does|has|can|could|did)\s+{IT}|^(?:is|are) there\s.*(?:in|on)\s+{IT}"
            rf"|{IT}.*吗$|^(?:what|who|where|why|how)"
        )
    )


def _of_rows(turn: Reading, rows: tuple[str, ...], state: State, view: View) -> Turn:
    """A question about rows: one of their columns, or what they are."""
    column = _asked(turn, view)
    if len(rows) > 1 and (order := _order(turn, view)) is not None:
        question = Question("compare", turn.said, rows, order.removeprefix("-"), order, among=state)
        return Turn("question", state.about(rows[0]), question)
    kind = "column" if column is not None else "row"
    question = Question(kind, of_one(turn), rows, column, among=state)  # type: ignore[arg-type]
    return Turn("question", state.about(rows[-1]), question)


def of_one(turn: Reading) -> str:
    """A question as a model is asked it, about one picture: to it "what color is ◆?" is "what color is it?"."""
    it = "它" if turn.chinese else " it "
    return re.sub(rf"\s*[{ROW}{IT}]\s*", it, turn.rest).strip().replace(" ?", "?")


def _extreme(turn: Reading, best: str, state: State, view: View) -> Turn:
    turn.cut(BEST)
    column = _asked(turn, view)
    question = Question("extreme", turn.said, column=column, sort=best, among=state)
    return Turn("question", state, question)


def _count(turn: Reading, spoken: Spoken, state: State, view: View) -> Turn:
    """How many: of what was found, of those with a value, or of a column's different values."""
    said = turn.said
    turn.cut(COUNT)
    while turn.cut(IT):
        pass
    named = turn.has(view.columns.name_pattern)
    filters = read_limits(turn, view.columns)
    filters += read_values(turn, view.columns, all_values=True)
    filters += read_adjectives(
        turn, view.columns, lambda name: view.spread(state, name), view.says, refining=True
    )
    without = read_without(turn)
    if named and not filters and not without and (column := view.columns.called(named.group())) is not None:
        return Turn("question", state, Question("different", said, column=column.name, among=state))
    words = frameless(
        re.sub(
            r"找到|结果|results?|hits?|match(?:es|ing)?|fit(?:s|ting)?|found|find|left|did|got|number|altogether"
            r"|in total|total|in all|数量|总数|数目|现在|目前|还剩?|剩下?|一共|总共|共|总|这里面?|这当中|里面|这些|其中|当中|到|里|是",
            " ",
            turn.rest,
        )
    )
    among = kept(state, filters, without, view)
    if words and words.casefold() not in state.text.casefold():
        among = among.with_words(words)
    return Turn("question", state, Question("count", said, among=among))


def _of_found(turn: Reading, column: str | None, state: State, view: View) -> Turn | None:
    """A question about a column of all that was found: its values, its range."""
    if column is None or turn.has(r"^(?:what about|how about)"):
        return None
    rest = Reading(turn.said, removed(view.columns.name_pattern, turn.rest))
    rest.cut(_AVERAGE)
    rest.cut(any_of(word for one in MEANINGS for word in one.asks))
    rest.rest = re.sub(
        r"different|available|offer|exist|哪些|哪几种?|什么|哪|种|多少|不同|这里", " ", rest.rest
    )
    if rest.left:
        return None
    kind = "spread" if view.columns.each[column].ordered else "values"
    return Turn("question", state, Question(kind, turn.said, column=column, among=state))  # type: ignore[arg-type]


def _asked(turn: Reading, view: View) -> str | None:
    """The column that is asked for, by its name or by a question that means it."""
    for meaning in MEANINGS:
        if (
            meaning.asks
            and turn.has(any_of(meaning.asks))
            and (column := view.columns.meaning(meaning.name)) is not None
        ):
            return column.name
    found = turn.has(view.columns.name_pattern)
    column = view.columns.called(found.group(), turn.said) if found else None
    if column is None and turn.has(r"(?<![a-z])(?:weigh|weighs)(?![a-z])"):
        column = view.columns.meaning("weight")
    if column is None and turn.has(r"(?<![a-z])costs?(?![a-z])|价"):
        column = view.columns.meaning("price")
    return column.name if column is not None else None


def _order(turn: Reading, view: View) -> str | None:
    """The order that a comparison of rows is about."""
    for meaning in MEANINGS:
        column = view.columns.meaning(meaning.name, ordered=True)
        if column is None:
            continue
        for words, sign in ((meaning.lower + meaning.lowest, ""), (meaning.higher + meaning.highest, "-")):
            plain = [re.sub(r"^更|^最", "", one) for one in words]
            if words and turn.has(any_of([*words, *(one for one in plain if not one.isascii())])):
                return sign + column.name
    return None
