"""Which rows a turn speaks of: "the second", "number 3", "the last two", "it", 第二个, 最后一个, 它.

Ordinals count what is on the page, from the top; the numbers that the page shows are understood, too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from openautoglm.conversation.errors import ChatError
from openautoglm.conversation.patterns import compiled, lower
from openautoglm.conversation.quantities import to_number
from openautoglm.conversation.reading import IT, ROW, Reading
from openautoglm.conversation.state import State

_ORDINALS = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth "
    "thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth"
).split()
_NTH = rf"(?:{'|'.join(_ORDINALS)}|\d{{1,4}}(?:st|nd|rd|th))"
_CARDINAL = r"(?:\d{1,3}|two|three|four|five|six|seven|eight|nine|ten|couple(?: of)?)"
_THING = (
    r"(?:\s+(?:most\s+)?(?:one|ones|result|results|picture|pictures|image|images|photo|photos|item|items|hit|hits|row|rows"
    r"|product|products|entry|entries|option|options|match|thing|things)(?![a-z]))?"
)
_PLACE = r"(?:\s+(?:on|in|of|from)\s+(?:the|this|that)\s+(?:list|page|screen|results?|row))?"
_ZH_NUMBER = r"(?:\d{1,4}|[一二两三四五六七八九十百]+)"
_ZH_THING = r"(?:个|张|款|件|条|幅|项|辆|只|台|把|本|号|种|行|样|副)"
_ZH_NOUN = r"(?:结果|图片|照片|商品|产品|东西|图)?"

_SEVERAL = compiled(
    rf"(?:the\s+)?(?P<end>first|top|last)\s+(?P<n>{_CARDINAL})(?![a-z]){_THING}{_PLACE}"
    rf"|(?P<zend>前|头|最后|后)(?P<zn>{_ZH_NUMBER}){_ZH_THING}{_ZH_NOUN}"
)
_LAST_BUT = compiled(
    r"(?:the\s+)?(?:(?:second|next)[\s-]to[\s-]last|last\s+but\s+one|penultimate)"
    + _THING
    + r"|倒数第二"
    + _ZH_THING
)
_NUMBERED = compiled(
    rf"(?:the\s+)?(?:number|no\.?|nr\.?|result|item|picture|image|photo|row|hit|option|#)\s*#?(?P<n>\d{{1,4}})(?![\d.])"
    rf"(?:\s+one)?|(?:the\s+)?(?:number|result|item|picture|image|photo|row|option)\s+(?P<word>{_CARDINAL}|one)(?![a-z])"
    rf"|(?P<zh>\d{{1,4}})号(?![\d月])|(?<![\w.])#(?P<hash>\d{{1,4}})"
)
_NTH_ONE = compiled(
    rf"(?:(?:the|my|that|this)\s+|(?<![a-z ])|(?<=like )|(?<=about )|(?<=is )|(?<=in )"
    rf"|(?=\w+\s+one))(?P<nth>{_NTH})(?![a-z]){_THING}{_PLACE}(?!\s+(?:page|time"
    rf"|of\s+(?:january|may|june)))"
    rf"|第(?P<zh>{_ZH_NUMBER})(?:{_ZH_THING}{_ZH_NOUN}|(?![页年月天次步\d一二两三四五六七八九十百]))"
)
_LAST_ONE = compiled(
    rf"the\s+(?:very\s+)?(?:last|bottom|final)(?!\s+(?:page|search|year|month|week|time|step|change|condition|filter|action|bit|move|edit|command)){_THING}{_PLACE}"
    rf"|(?<![a-z])last\s+one|(?:最后|末)(?:一{_ZH_THING}|的?那{_ZH_THING}){_ZH_NOUN}|最后那?{_ZH_THING}"
)
_TOP_ONE = compiled(
    rf"the\s+(?:top|best\s+matching|topmost|leading)(?:\s+(?:one|result|hit|match|item))(?![a-z]){_PLACE}"
)
_BESIDE = compiled(
    r"the\s+(?P<next>next)\s+one|the\s+one\s+(?P<after>after|below|following)(?:\s+(?:it|that|this))?"
    r"|the\s+(?:previous\s+one|one\s+(?:before|above)(?:\s+(?:it|that|this))?)"
    rf"|(?P<zafter>下一{_ZH_THING}|下面那?{_ZH_THING}|后面那?{_ZH_THING})|(?:上一|上面那?|前面那?|前一){_ZH_THING}"
)
_IT = compiled(
    r"(?<![a-z'])(?:that|this|the\s+same)\s+(?:one|picture|image|photo|item|result|product|row)(?![a-z])"
    r"|(?<![a-z'])(?:its)(?![a-z'])"
    r"|(?<![a-z'])it(?![a-z])"
    r"|它|(?:这|那)(?:一)?(?:个|张|款|件|幅|辆|台|只|把)(?!些)(?:图片|照片|商品|产品|东西)?|该商品|该产品|[这那](?=(?:到底|究竟)?是(?:什么|谁|啥|哪))"
)
_THAT = compiled(
    r"(?<![a-z'])(?:that|this)(?![a-z'])(?=\s*(?:$|[,.?!;]|but|only|just|is|cost|have|show|made|in))"
)

ROWS = tuple(one.pattern for one in (_SEVERAL, _LAST_BUT, _NUMBERED, _NTH_ONE, _LAST_ONE, _TOP_ONE, _BESIDE))
"""Patterns of what may name rows, in the order in which they are tried."""
IT_WORDS = (_IT.pattern, _THAT.pattern)
"""Patterns of what may mean the row that was spoken of last."""


@dataclass(frozen=True)
class Spoken:
    """The rows that a turn speaks of."""

    rows: tuple[str, ...] = ()
    it: bool = False
    """Whether it says "it" or "that", which may mean a row, or nothing."""


def read_rows(turn: Reading, state: State, page_size: int) -> Spoken:
    """Cut what speaks of rows out of a turn; `ROW` or `IT` stands in its place.

    Raises:
        ChatError: if there is no such row on the page.
    """
    rows: list[str] = []
    while True:
        found = _next(turn, state, page_size)
        if not found:
            break
        rows += found
    said = False
    for pattern in (_IT, _THAT):
        while (match := pattern.search(lower(turn.rest))) is not None:
            turn.replace(match, IT)
            said = True
    return Spoken(tuple(dict.fromkeys(rows)), said)


def meant(spoken: Spoken, state: State) -> tuple[str, ...]:
    """The rows that are meant: those named, or the one that was spoken of last.

    Raises:
        ChatError: if "it" means nothing yet.
    """
    if spoken.rows:
        return spoken.rows
    if state.focus is not None:
        return (state.focus,)
    if len(state.shown) == 1:
        return state.shown
    raise ChatError('which one? Say "the first" or "number 2"  |  是哪一个？请说“第一个”')


def _next(turn: Reading, state: State, page_size: int) -> list[str]:
    """Cut the next reference to rows; an empty list if there is none."""
    shown, start = state.shown, (state.page - 1) * page_size
    if (match := _SEVERAL.search(lower(turn.rest))) is not None:
        count = int(to_number(re.sub(r"couple.*", "two", match["n"] or match["zn"])) or 0)
        rows = (
            shown[:count]
            if (match["end"] or match["zend"]).casefold() in ("first", "top", "前", "头")
            else shown[-count:]
        )
        _need(rows, count, shown)
    elif (match := _LAST_BUT.search(lower(turn.rest))) is not None:
        rows = (_at(len(shown) - 1, shown, 0),)
    elif (match := _NUMBERED.search(lower(turn.rest))) is not None:
        said = match["n"] or match["zh"] or match["hash"] or match["word"]
        rows = (_at(int(to_number(said) or 0), shown, start),)
    elif (match := _NTH_ONE.search(lower(turn.rest))) is not None:
        rows = (_at(_ordinal(match["nth"] or match["zh"]), shown, start),)
    elif (match := _LAST_ONE.search(lower(turn.rest))) is not None:
        rows = (_at(len(shown), shown, 0),)
    elif (match := _TOP_ONE.search(lower(turn.rest))) is not None:
        rows = (_at(1, shown, 0),)
    elif (match := _BESIDE.search(lower(turn.rest))) is not None and state.focus in shown:
        step = 1 if match["next"] or match["after"] or match["zafter"] else -1
        rows = (_at(shown.index(str(state.focus)) + 1 + step, shown, 0),)
    else:
        return []
    turn.replace(match, ROW)
    return list(rows)


def _ordinal(said: str) -> int:
    word = said.casefold()
    if word in _ORDINALS:
        return _ORDINALS.index(word) + 1
    return int(to_number(re.sub(r"(?:st|nd|rd|th)$", "", word)) or 0)


def _at(number: int, shown: tuple[str, ...], start: int) -> str:
    """The row with a number: as the page counts it, or as the list does."""
    _need(shown, 1, shown)
    if start < number <= start + len(shown):
        return shown[number - start - 1]
    if 1 <= number <= len(shown):
        return shown[number - 1]
    last = start + len(shown)
    raise ChatError(
        f"there is no number {number} on this page, which shows {start + 1} to {last}  |  "
        f"这一页只有第 {start + 1} 到第 {last} 个"
    )


def _need(rows: tuple[str, ...], count: int, shown: tuple[str, ...]) -> None:
    if not shown:
        raise ChatError(
            "nothing is shown that could be meant; search for something first  |  还没有结果，请先搜索"
        )
    if len(rows) < count:
        raise ChatError(f"only {len(shown)} are on this page  |  这一页只有 {len(shown)} 个")
