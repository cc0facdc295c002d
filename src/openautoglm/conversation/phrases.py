"""What the conversation says, in English and Chinese; a turn is answered in its own language."""

from __future__ import annotations

from openautoglm.conversation.errors import ChatError

_PHRASES: dict[str, tuple[str, str]] = {
    "help": (
        "Say what you look for (“red bicycles”), then refine it: “only cheap ones”, “under 20”, "
        "“not red”, “cheapest first”, "
        "“like the second, but blue”; ask: “what is in the first?”, “how many are there?”; "
        "“more”, “back”, “back to all”. "
        "/help lists the commands.",
        "请说要找什么（“红色自行车”），然后缩小范围：“只要便宜的”、“20元以下”、“不要红色的”、“最便宜的在前”、“像第二个，但是要蓝色的”；"
        "也可以问：“第一个是什么？”、“有几个？”；“更多”、“返回”、“回到全部”。/help 列出命令。",
    ),
    "nothing found": (
        "Nothing has these words; the search before stands.",
        "没有结果含有这些词；保持之前的搜索。",
    ),
    "nothing left": (
        "Nothing is left of it. “back” takes the last condition away.",
        "没有剩下的结果。说“返回”可以撤销上一个条件。",
    ),
    "no filter": ("There is no condition to forget.", "没有可以取消的条件。"),
    "no such filter": ("There is no condition on that.", "没有关于它的条件。"),
    "no undo": ("There is nothing to go back to.", "没有可以返回的了。"),
    "last page": ("There are no more.", "没有更多了。"),
    "first page": ("This is the first page.", "这是第一页。"),
    "no value": ("{label}: {column} is not known.", "{label}：{column}不详。"),
    "value": ("{label}: {column} {value}.", "{label}：{column} {value}。"),
    "count": ("{count}.", "{count} 个。"),
    "count least": ("{count} or more.", "{count} 个以上。"),
    "count unknown": (
        "It is not known where the matches end; {count} rows pass the conditions.",
        "不清楚匹配到哪里为止；有 {count} 行符合条件。",
    ),
    "none": ("None.", "没有。"),
    "different": ("{count}: {values}.", "{count} 种：{values}。"),
    "extreme": ("{label}: {column} {value}. ({number})", "{label}：{column} {value}。（{number}）"),
    "spread": (
        "{column}: from {low} to {high}, half of them up to {middle} ({count} rows).",
        "{column}：{low} 到 {high}，一半不超过 {middle}（{count} 行）。",
    ),
    "catalogue": ("from the catalogue", "来自目录"),
    "model": ("the model, {confidence}", "模型回答，{confidence}"),
    "unsure": (" … the model is not sure; from the catalogue:", " ……模型不确定；目录中写着："),
    "model plain": ("the model", "模型回答"),
    "unread": (
        "No model here answers questions about pictures; the catalogue says: {said}",
        "这里没有能回答图片问题的模型；目录中写着：{said}",
    ),
    "number": ("number {number}", "第 {number} 个"),
    "number elsewhere": ("not on this page", "不在这一页"),
    "found": ("{count} found", "找到 {count} 个"),
}


def phrase(key: str, chinese: bool, **parts: object) -> str:
    """Say a phrase.

    >>> phrase("count", True, count=3), phrase("count", False, count=3)
    ('3 个。', '3.')
    """
    return _PHRASES[key][chinese].format(**parts)


def told(error: ChatError, chinese: bool) -> str:
    """The text of an error in the turn's language; what has two stands as `English  |  中文`.

    >>> told(ChatError("which one?  |  哪一个？"), True)
    '哪一个？'
    """
    english, bar, other = str(error).partition("  |  ")
    said = other if bar and chinese else english
    return said[:1].upper() + said[1:]
