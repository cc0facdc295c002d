"""Each kind of turn in the words that the grammar surely understands, and the slots that they have."""

from __future__ import annotations

from typing import NamedTuple


class Slot(NamedTuple):
    """The slot of a kind that holds its content: words that no mark tells."""

    name: str
    group: str
    """Kinds whose contents stand in frames alike share what is learned."""


SLOTS = {
    "search": Slot("q", "q"),
    "search under": Slot("q", "q"),
    "value": Slot("v", "v"),
    "like but value": Slot("v", "v"),
    "count value": Slot("v", "v"),
    "not value": Slot("v", "w"),
    "without": Slot("w", "w"),
}

WORDINGS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "search": (("{q}",), ("{q}",)),
    "search under": (("{q}, {limit} {n}",), ("{q},{limit}{n}",)),
    "cheap": (("only cheap ones",), ("只要便宜的",)),
    "value": (("only {c} {v}", "only {v}"), ("只要{c} {v}的", "只要{v}的")),
    "maximum": (("{c} {limit} {n}", "{limit} {n}"), ("{c} {limit}{n}", "{limit}{n}")),
    "between": (("{c} between {a} and {b}", "between {a} and {b}"), ("{c}在{a}到{b}之间", "{a}到{b}之间")),
    "not value": (("not {v}",), ("不要{v}的",)),
    "without": (("without {w}",), ("不要{w}的",)),
    "since": (("since {y}",), ("{y}年以来",)),
    "after": (("after {y}",), ("晚于{y}年",)),
    "sort": (("{s} first", "sort by {c} {d}"), ("{s}的排在前面", "按{c} {d}排序")),
    "like": (("like {r}",), ("像{r}一样的",)),
    "like but value": (("like {r}, but {v}",), ("像{r},但是要{v}的",)),
    "like but cheaper": (("like {r}, but cheaper",), ("像{r},但是更便宜的",)),
    "what": (("what is {r}?",), ("{r}是什么？",)),
    "column": (("what is the {c} of {r}?",), ("{r}的{c}是什么？",)),
    "price": (("what is the price of {r}?",), ("{r}的价格是多少？",)),
    "count": (("how many are there?",), ("一共有多少个？",)),
    "count value": (("how many of those are {v}?",), ("其中有多少是{v}的？",)),
    "extreme": (("which is the {s}?",), ("哪个{s}？",)),
    "next": (("next page",), ("下一页",)),
    "previous": (("previous page",), ("上一页",)),
    "undo": (("undo",), ("撤销",)),
    "all": (("back to all",), ("回到全部",)),
    "drop": (("forget the {c}",), ("去掉{c}条件",)),
    "reset": (("start over",), ("重新开始",)),
    "none": (("hello",), ("你好",)),
}
"""Kind → wordings in English and in Chinese; of several, the first one whose slots the turn fills."""

LIMITS = {"<": ("under", "低于"), "<=": ("at most", "不超过")}
"""How a limit is worded that does not pass itself, and one that does."""
