"""A turn in words → the state that it asks for.

    1  moves            back, more, forget the price, start over       `moves.py`
    2  rows             the second, it, 第二个                          `reference.py`
    3  like a row       like ◆, but blue
    4  questions        what is ◆? how many are red?                    `questions.py`
    5  conditions       numbers, dates, values, adjectives, order       `limits.py`, `wishes.py`
    6  what is left     words: of a new search, or, where the turn says that it refines, further ones

What is understood is cut out of the turn (`reading.py`), so that each step sees what those before left. A new
search keeps its words as they are, "red bicycles", though a column may have "red"; a refinement makes a
condition of them where a column has them as a value, and looks for them beside the rest where none has.
"""

from __future__ import annotations

import re
from dataclasses import replace

from openautoglm.conversation.columns import colour_in
from openautoglm.conversation.errors import ChatError
from openautoglm.conversation.learned.model import shipped
from openautoglm.conversation.learned.reader import guessed
from openautoglm.conversation.lexicon import COLOURS, HAN
from openautoglm.conversation.limits import read_limits
from openautoglm.conversation.moves import read_move
from openautoglm.conversation.order import read_order
from openautoglm.conversation.patterns import entire, removed, search
from openautoglm.conversation.questions import of_one, read_question
from openautoglm.conversation.reading import IT, ROW, Reading, content, frameless, trimmed
from openautoglm.conversation.reference import Spoken, meant, read_rows
from openautoglm.conversation.state import Filter, State
from openautoglm.conversation.turn import Turn, View, kept
from openautoglm.conversation.wishes import (
    read_adjectives,
    read_comparatives,
    read_unexpensive,
    read_values,
    read_without,
)

_POLITE = (
    r"(?:is|would) it be? ?possible (?:to|for)|would you mind|if (?:you can|possible)|would "
    r"it be ok(?:ay)? to"
)
_LIKE = (
    r"(?<![a-z])(?:(?<!would )like|similar(?: ones)?(?: to)?|resembl\w+|(?:the )?same (?:as"
    r"|kind as|style as|type as)|alike|comparable(?: to)?|more of"
    r"|(?:version|variant|alternative)s? (?:of|to)|akin to|in the style of|look(?:s|ing)? like|close to)(?![a-z])|像|类似于?|相似|一样"
    r"|差不多|同款|那样|那种|近似|接近|同样"
)
_ASIDE = (
    r"(?<![a-z])(?:others?|another|different|look|looks|kind|style|version|variant|same|that|those|more|of|as|in|similar|but|instead|comes?|colou?red|like)(?![a-z])"
    r"|的?(?:东西|款式|商品)|不过|但是|但|然而|只是|换成|改成|换|要|想|喜欢|和|跟|与|比|于|一些|一点|点|些|再|来|更"
)
_BUT = r"(?<![a-z])(?:but|in|only|just|except)(?![a-z])|但|不过|换成|改成|只是|有.*的吗|有没有"
_WANTING = (
    r"^(?:(?:and|so|but|ok|okay|then|well|now|please|also)[\s,]+)*(?:can (?:i|we)|could (?:i"
    r"|we)|do you have|have you|is there|got|i want|i'd like|i would like|give me|show me"
    r"|find me|"
    rf"{ROW}\s*,?\s*(?:but|in|only|just)(?![a-z]))|{ROW}\s*(?:有没有|有).*(?:吗|的)?$|{ROW}\s*,?\s*(?:但|不过|换|只)"
)
_REFINING = (
    r"(?<![a-z])(?:only|just|ones?|those|these|them|narrow|limit|restrict|keep|filter|of "
    r"(?:these|those|them)|among|make (?:it|them)|prefer(?:ably)?"
    r"|should be|must be|has to be|have to be|needs? to be|it has to|they should)(?![a-z])"
    r"|^(?:with|without|in|by|from|made of|not|no|except|but not|and with|nothing)(?![a-z])"
    r"|只|仅|就要|其中|里面|这些|那些|当中|限定|筛选|过滤|保留|留下|只留|(?:就行|就好|就可以|就够|即可)(?:了)?[.!]?$|换成|改成|不要|除了|排除|^(?:要|得是|必须)|再加"
)
_REFINING_END = r"^(?!.*(?:找|搜|有没有|我想|想要|来)).{1,12}的[.!]?$"

NEEDED = {"nothing": 0.2, "search": 0.2, "refine": 0.3, "like": 0.3, "question": 0.4}
"""How sure the learned reader has to be, by what the grammar takes the turn for: of these it is not sure itself."""
NEEDED_ELSE = 0.6
"""… for anything else, for a search by words that the catalogue has, and for conditions without further words."""
NEEDED_OF_ROW = 0.8
"""… for a question about a row: frames say little of "it", which the grammar knows."""


def understand(text: str, state: State, view: View) -> Turn:
    """Understand a turn.

    Args:
        text: as it was said, in English, Chinese or both.
        state: what the conversation has come to.
        view: the catalogue.

    Raises:
        ChatError: if it speaks of something that is not there, or may mean several columns.
    """
    turn = Reading.of(text)
    known = _tried(replace(turn), state, view)
    guess = guessed(turn, view, shipped())
    if guess is not None and guess.kind == "none" and _searched(known, view):
        guess = None  # a word that the catalogue has is no greeting
    if guess is not None and guess.chance >= _needed(known, state, view):
        told = _tried(guess.reading, state, view)
        known = _in_own_words(told, turn, state, view) if isinstance(told, Turn) else known
    if isinstance(known, ChatError):
        raise known
    return known


def _in_own_words(told: Turn, turn: Reading, state: State, view: View) -> Turn:
    """Put a question about a row as it was said: a model may know words of it that no kind of turn has."""
    if told.question is None or told.question.kind not in ("row", "column"):
        return told
    read_rows(turn, state, view.page_size)
    return replace(told, question=replace(told.question, text=of_one(turn)))


def _tried(turn: Reading, state: State, view: View) -> Turn | ChatError:
    try:
        return _known(turn, state, view)
    except ChatError as error:
        return error


def _searched(known: Turn | ChatError, view: View) -> bool:
    """Whether the grammar takes it for a search by words that the catalogue has."""
    return isinstance(known, Turn) and known.act == "search" and view.says(known.state.text)


def _needed(known: Turn | ChatError, before: State, view: View) -> float:
    """How sure the learned reader has to be to be believed instead of the grammar."""
    if isinstance(known, ChatError):
        return NEEDED["nothing"]
    if known.question is not None and known.question.rows:
        return NEEDED_OF_ROW
    if _searched(known, view):
        return NEEDED_ELSE
    if known.act == "refine" and (known.state.words, known.state.without) == (before.words, before.without):
        return NEEDED_ELSE
    if known.act == "like" and not known.state.words:
        return NEEDED_ELSE
    return NEEDED.get(known.act, NEEDED_ELSE)


def _known(turn: Reading, state: State, view: View) -> Turn:
    """Understand a turn by the grammar."""
    if (move := read_move(turn, state, view)) is not None:
        return move
    turn.cut(_POLITE)
    refusing = read_unexpensive(turn, view.columns)
    spoken = read_rows(turn, state, view.page_size)
    if (like := _like(turn, spoken, state, view)) is not None:
        return like
    whole = turn.rest
    sort = read_order(turn, view.columns, state)
    best = sort.column if sort is not None and sort.best else None
    question = (
        None
        if refusing
        else read_question(Reading(turn.said, turn.rest if best else whole), spoken, best, state, view)
    )
    if question is not None:
        return question
    while turn.cut(IT):
        pass
    return _found(turn, sort.column if sort else None, state, view)


def _like(turn: Reading, spoken: Spoken, state: State, view: View) -> Turn | None:
    """More rows like one, changed as the turn says; None if it asks for no such thing."""
    if not (spoken.rows or spoken.it):
        return None
    probe = Reading(turn.said, turn.rest)
    saying = bool(probe.cut(_LIKE))
    while probe.cut(_LIKE):
        pass
    cheaper = bool(search(rf"than\s*[{ROW}{IT}]|比\s*[{ROW}{IT}]", probe.rest))
    if spoken.it and not spoken.rows and not (saying or cheaper):
        return None
    if search(r"^(?:is|are|was|does|which|what|how|哪|谁)(?![a-z])", turn.rest) and not search(
        rf"^(?:(?:what|how) about|(?:is|are) there(?!.*(?:in|on)\s*[{ROW}{IT}]))(?![a-z])", turn.rest
    ):
        return None
    if not (saying or cheaper) and not (search(_WANTING, probe.rest) and search(_BUT, probe.rest)):
        return None
    rows = meant(spoken, state)
    filters = read_comparatives(probe, view.columns, view.row(rows[-1]))
    filters += read_limits(probe, view.columns)
    filters += read_values(probe, view.columns, all_values=True)
    filters += read_adjectives(
        probe, view.columns, lambda name: view.spread(state, name), view.says, refining=True
    )
    without = read_without(probe)
    words = frameless(removed(_ASIDE, probe.rest)) if probe.left else ""
    if not (saying or filters or without or words):
        return None
    if cheaper and not saying and not words and not search(r"^[^,]*,?\s*(?:but|only|just)", probe.rest):
        return Turn("refine", kept(state.about(rows[-1]), filters, without, view))
    anchored = state.anchored(rows, *([words] if words else []))
    return Turn("like", kept(anchored, filters, without, view))


def _found(turn: Reading, sort: str | None, state: State, view: View) -> Turn:
    """A new search, or a refinement of the one before."""
    columns = view.columns
    limits = read_limits(turn, columns)
    told = Reading(turn.said, turn.rest)
    values = read_values(told, columns, all_values=False)
    left = told.left
    refining = bool(turn.has(_REFINING) or turn.has(_REFINING_END)) or not left or _bare(left, state, view)
    if turn.has(r"^(?:no|not)(?![a-z])") and state.empty and not limits and view.says(turn.bare):
        refining, values = False, []  # "no entry" is what a sign says
        told = Reading(turn.said, turn.rest)
    if refining:
        told = Reading(turn.said, turn.rest)
        values = read_values(told, columns, all_values=True)
    base = state if refining else State()
    adjectives = read_adjectives(
        told,
        columns,
        lambda name: view.spread(_before(told, base, limits + values, view, refining), name),
        view.says,
        refining=refining,
    )
    without = read_without(told) if refining or not told.has(r"^(?:no|not)(?![a-z])") else []
    words = frameless(told.rest) if refining else trimmed(content(told.rest), view.says)
    filters = [*limits, *values, *adjectives]
    if not refining and not words:
        refining, base = True, state
    if refining:
        found = _refined(base, words, filters, without, view)
        if sort is not None:
            found = found.sorted(sort)
        if found == state and sort is None and not (filters or without or words):
            return Turn("nothing", state)
        act = "sort" if sort is not None and not (filters or without or words) else "refine"
        return Turn(act, found)  # type: ignore[arg-type]
    found = kept(State().searching(words), filters, without, view)
    return Turn("search", found if sort is None else found.sorted(sort))


def _refined(state: State, words: str, filters: list[Filter], without: list[str], view: View) -> State:
    """Add conditions and words; a colour takes the place of another one."""
    if words and state.empty and not filters and not without:
        return State().searching(words)
    refined = kept(state, filters, without, view)
    if not words:
        return refined
    swapped = _swapped(refined, words)
    return swapped if swapped is not None else refined.with_words(words)


def _swapped(state: State, words: str) -> State | None:
    """Put a new colour in the place of the one that is looked for, in the language of that one."""
    new = colour_in(words)
    old = colour_in(state.text)
    if new is None or old is None or new[0].casefold() != words.casefold():
        return None
    said = COLOURS[new[1]][1] if re.search(f"[{HAN}]", old[0]) else new[0] if new[0].isascii() else new[1]
    changed = tuple(one.replace(old[0], said) for one in state.words)
    return State(
        changed,
        state.without,
        state.like,
        state.filters,
        state.sort,
        1,
        state.began,
        state.shown,
        state.focus,
    )


def _bare(left: str, state: State, view: View) -> bool:
    """Whether what is left only names a value or a colour: it goes with what was looked for before."""
    if state.empty:
        return False
    if (colour := colour_in(left)) is not None and colour[0].casefold() == left.casefold():
        return True
    found = entire(view.columns.value_pattern, left)
    return found is not None and view.columns.valued(left) is not None and not view.says(left)


def _before(turn: Reading, base: State, filters: list[Filter], view: View, refining: bool) -> State:
    """What a relative adjective is relative to: what is found now, or by the words of a new search."""
    if refining:
        return base
    probe = Reading(turn.said, turn.rest)
    read_adjectives(probe, view.columns, lambda _: [0], view.says, refining=False)
    return kept(State().searching(content(probe.rest)), filters, [], view)
