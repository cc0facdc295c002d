"""A turn while it is read: what has been understood is cut out of it, and a mark stands in its place.

    "like the second, but cheaper than 20 euros"  →  "like ◆ , but ▪"

What is left says what kind of turn it is, and which words are looked for.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field

from openautoglm.conversation.lexicon import HAN
from openautoglm.conversation.patterns import removed, search

ROW, IT, LIMIT, BEST = "◆", "◇", "▪", "▲"
"""Marks of a row, of "it", of a condition, and of a superlative."""
MARKS = ROW + IT + LIMIT + BEST
LONGEST = 2000
"""Letters of a turn that are read."""

_FRAME = frozenset(
    (
        "i i'm im i'd id i've we we're you your can could would will shall may please pls plz "
        "kindly show shows showing shown display me us my find finds get give list look looks "
        "looking search searching searched seek hunt hunting for want wants wanted need needs "
        "needing see to have has had having got do does did any some a an the of these those them "
        "they this that there here is are be been am was were it its hello hi hey okay ok so well "
        "now then lets let's let what about how anything something everything stuff things thing "
        "items item products product pictures picture images image photos photo results result "
        "rows row one ones only just but and or with in on at by from also too again still rather "
        "instead really maybe perhaps actually i'll interested try help like fine good enough do "
        "happen stock sell carry available ask asking go goes make makes made keep keeps limit "
        "limited restrict restricted narrow narrowed filter filtered down should must which where "
        "whose who that's what's cost costs costing priced price colour color time up more "
        "please, thanks thank be prefer prefers like'd love pay spend afford select selected choose pick all every each than as it's they're "
        "were where there's ones' exactly simply possible"
    ).split()
)
"""Words that frame what is meant; a turn of these alone says no more than its marks do."""
_EDGE = frozenset(
    (
        "i i'm im i'd id i've we you can could would will please pls plz kindly show display me "
        "us find get give list look looking search searching searched seek hunt hunting for want "
        "need needing see to have got do any some a an the of there is are hello hi hey okay ok "
        "so well now then lets let's what about how anything something if are were interested in "
        "i'll try let happen also and but maybe perhaps actually really help my with buy buying "
        "after pictures images photos your at sell stock carry offer offering bring fetch grab pull up out check "
        "browse view recommend suggest present provide who which where dear good morning day hey there thanks"
    ).split()
)
"""Of these, those that go from the beginning of the words that are looked for."""
_TAIL = frozenset(
    (
        "please pls plz thanks thank you now again available for me us in stock anything do have "
        "got here there and but or with that which is are cost costs at to priced price sell show "
        "find see you i on of the by from ones a an as"
    ).split()
)
_WISH = (
    r"^(?:(?:i|we)\s*(?:'d|would|really|just|also|am|'m|are|'re)?\s*(?:really |just |also )?"
    r"(?:like|love|prefer|wish|hope|want|need|after|looking|trying|searching|hunting)(?![a-z])"
    r"(?:\s+(?:to|for)(?![a-z]))?(?:\s+(?:see|have|get|look at|look for|buy|find|browse|view|check out)(?![a-z]))?"
    r"|where(?:'s| is| are| can (?:i|we) (?:find|see|get|buy))(?![a-z])"
    r"|(?:check|look|search)(?:ing)? (?:out|up|at|for)(?![a-z])|browse(?![a-z]))\s+(?=\S)"
)
"""How a request begins in more than a word: "I would like to look at", "where are"."""
_PHOTOS = r"^(?:a\s+)?(?:pictures?|images?|photos?|photographs?)\s+of\s+(?:an?\s+|the\s+)?"
_ZH_START = re.compile(
    r"^(?:(?:请问|请|麻烦|劳驾)(?:你|您)?)?(?:(?:你们?|您)?(?:这里|这儿|店里)?有(?:没有)?(?=.+(?:吗|么|呢|没有)[?]?$))?(?:你们?|您)?(?:这里|这儿|店里)?(?:能不能|可不可以|可以|能)?(?:再|就|那|那么|先)?"
    r"(?:帮我|给我|替我|帮忙)?我?(?:们)?(?:只|就|还|正在|在)?"
    r"(?:想要|想找找?|想看一?看|想看|想买|需要|要找|要看|要买|寻找|查找|搜索|搜寻|检索|显示|展示|推荐|有没有|有(?:什么|哪些|啥)(?=.)|找一?找|看一?看|搜一?搜|查一?查|找|搜|查|(?<=我)要|(?<=[请我])看(?:看|一下|下)?"
    r"|(?<=我)想|来(?=[点些几个一]))?"
    r"(?:一下|一些|一点|点|些|几个|个)?(?:关于)?\s*"
)
_ZH_LOOK = re.compile(r"^(?:看一看|看一下|看下|看看|要(?:一些|几个|点))\s*")
_ZH_END = re.compile(
    r"(?:的?(?:图片|照片|图))?(?:可以)?(?:有吗|吗|么|嘛|呢|吧|啊|呀|谢谢|都?给我看看?|有哪些|有什么|的)+$"
)
_ZH_FILL = re.compile(
    r"请问|请|麻烦|帮我|给我|替我|我们|我|你们|你|您|只想要|只想看|只想|只要|只看|只有|只|仅显示|仅看|仅|就要|就行|就好|就|想要|想看|想找|想|"
    r"需要|得是|必须|应该|要求|要|看一下|看看|看下|看|来点|来些|来|再|显示|展示|列出|找出|找|那些|这些|其中|当中|里面|里边|里|之中|中|限定|限制|筛选|过滤|"
    r"保留|留下|只留下?|留|换成|改成|改为|换|一下|一些|一点|一个|有哪些|有什么|有没有|有|在|是|为|吗|么|呢|吧|啊|呀|的|了|那|也|还|都|但是|但|不过|而且|并且|和|与|"
    r"跟|及|或者|或|给|让|把|可以|可|能|好|东西|产品|商品|结果|图片|照片|个|件|款|种|些|点|最好|价格|价钱|就可以|行|以及|全|条件|之内|类"
)


@dataclass
class Reading:
    """A turn, and what is left of it."""

    said: str
    """As it came, in one line."""
    rest: str = field(default="")

    @classmethod
    def of(cls, text: str) -> Reading:
        """Take a turn in: one line, plain signs, without marks and what cannot be seen.

        >>> Reading.of(" 红色的，\\n  “new” ones？ ").said
        '红色的, "new" ones?'
        """
        folded = unicodedata.normalize("NFKC", text[:LONGEST])
        folded = folded.translate(str.maketrans("’‘“”。、；", "''\"\".,;"))
        folded = "".join(
            " " if one in MARKS or unicodedata.category(one)[0] in "CZ" else one for one in folded
        )
        line = " ".join(folded.split())
        return cls(line, line)

    @property
    def chinese(self) -> bool:
        """Whether the turn has a Chinese character, and is answered so."""
        return bool(re.search(f"[{HAN}]", self.said))

    def has(self, pattern: str) -> re.Match[str] | None:
        """Find a pattern in what is left."""
        return search(pattern, self.rest)

    def cut(self, pattern: str, mark: str = "") -> re.Match[str] | None:
        """Find a pattern and put a mark in its place."""
        found = self.has(pattern)
        if found is not None:
            self.replace(found, mark)
        return found

    def replace(self, found: re.Match[str], mark: str = "") -> None:
        """Put a mark where something was found in what is left."""
        inside = f" {mark} " if mark else " "
        self.rest = " ".join((self.rest[: found.start()] + inside + self.rest[found.end() :]).split())

    @property
    def left(self) -> str:
        """What is left beside marks and the words of a frame; empty if that is all there is.

        >>> Reading.of("could you show me only those, please?").left, Reading.of("我只想看红色的").left
        ('', '红色')
        """
        return frameless(self.rest)

    @property
    def bare(self) -> str:
        """What is left beside marks, signs and blanks, as it stands."""
        return " ".join(re.sub(rf"[{MARKS}?!.,;:\"…()~]+", " ", self.rest).split())

    def content(self) -> str:
        """The words that are looked for: what is left, without the frame around it.

        >>> Reading.of("could you find me some red bicycles please?").content()
        'red bicycles'
        >>> Reading.of("有没有红色自行车？").content()
        '红色自行车'
        """
        return content(self.rest)


def frameless(text: str) -> str:
    """Give the words of a text that no frame has."""
    plain = re.sub(rf"[{MARKS}?!.,;:\"…()~<>=/+*&_#@-]+", " ", text)
    kept = [word for word in plain.split() if word.casefold() not in _FRAME]
    if not any(re.search(f"[{HAN}]", word) for word in kept):
        return " ".join(kept)
    return " ".join(part for word in kept if (part := _ZH_FILL.sub("", word)))


def content(text: str) -> str:
    """Give a text without the frame at its beginning and end."""
    words = " ".join(re.sub(rf"[{MARKS}?!.,;:\"…()]+(?=\s|$)|(?<!\S)[\"(…]+|[{MARKS}]", " ", text).split())
    before = None
    while before != words:
        before = words
        words = _ZH_LOOK.sub("", _without_start(words)).strip().removeprefix("的")
        words = removed(_PHOTOS, removed(_WISH, _ZH_END.sub("", words))).strip()
        pieces = words.split()
        while len(pieces) > 1 and pieces[0].casefold() in _EDGE:
            del pieces[0]
        while len(pieces) > 1 and pieces[-1].casefold() in _TAIL:
            del pieces[-1]
        words = " ".join(pieces)
    return "" if words.casefold() in _FRAME else words


_ZH_FUNCTION = frozenset(
    "请给我你您们在再就那么先帮替想要看找搜查寻买来有没是什么哪些几个点一下里这的了吗呢吧啊呀吗可以能不会想需"
)
"""Characters that requests are made of; each of them begins other words, too."""


def trimmed(words: str, says: Callable[[str], bool]) -> str:
    """Give Chinese words without the characters of a request around what the catalogue has words for.

    Args:
        words: what is looked for, as far as patterns could tell.
        says: whether some row's texts have all of some words.

    >>> trimmed("我在找红旗", lambda words: words == "红旗")
    '红旗'
    >>> trimmed("能量饮料", lambda words: False)
    '能量饮料'
    """
    if not re.fullmatch(f"[{HAN}]+", words) or says(words):
        return words
    starts = [n for n in range(len(words)) if all(one in _ZH_FUNCTION for one in words[:n])]
    ends = [n for n in range(len(words), 0, -1) if all(one in _ZH_FUNCTION for one in words[n:])]
    for start in starts:
        for end in ends:
            if start < end and words[start:end] != words and says(words[start:end]):
                return words[start:end]
    return words


def _without_start(words: str) -> str:
    """Cut how a Chinese request begins, where a word is left; 有 only of a question: it begins words."""
    if re.match(r"有.+(?:吗|么|没有)$", words):
        return re.sub(r"^有|(?:没有)$", "", words)
    rest = _ZH_START.sub("", words, count=1)
    return rest if rest else words
