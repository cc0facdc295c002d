"""The paraphrases that the figure of `make bench-chat` is of, by kind of turn and language.

They were written last, by somebody else than the author of the package's grammar, after that was finished: the
uses "develop" and "test" of `chat_templates.py` share their author with it, who has seen which of them failed.
"""

from __future__ import annotations

UNSEEN: dict[str, dict[str, tuple[str, ...]]] = {
    "search": {
        "en": (
            "can I see {q}?",
            "{q} please",
            "I would like to look at {q}",
            "where are the {q}",
            "any {q}?",
        ),
        "zh": ("我想看看{q}", "来一些{q}", "你们有{q}吗", "找一找{q}", "{q}有哪些"),
    },
    "search under": {
        "en": ("{q} for under {n}", "{q}, max {n} euros", "find {q} cheaper than {n}"),
        "zh": ("{n}元内的{q}", "{q}，预算{n}元", "低于{n}元的{q}"),
    },
    "cheap": {
        "en": ("just show the cheap ones", "I can't spend much", "the low-priced ones", "budget ones only"),
        "zh": ("便宜点的", "挑便宜的给我看", "价格低的就行", "只留下便宜的"),
    },
    "value": {
        "en": (
            "only show {v}",
            "I'd prefer {v}",
            "filter by {v}",
            "make it {v}",
            "restrict the {c} to {v}",
            "which of these are {v}?",
        ),
        "zh": ("{c}选{v}", "只显示{v}的", "我想要{v}的", "换成{v}的", "筛选{v}"),
    },
    "maximum": {
        "en": ("up to {n} euros", "I can pay at most {n}", "nothing above {n}", "cheaper than {n}"),
        "zh": ("最多{n}元", "{n}块以下", "价格不要超过{n}", "预算{n}元以内"),
    },
    "between": {
        "en": ("anything from {a} to {b} euros", "priced between {a} and {b}", "{a} to {b} euros please"),
        "zh": ("价格{a}到{b}", "{a}至{b}元之间", "在{a}和{b}元之间的"),
    },
    "not value": {
        "en": ("exclude {v}", "no {v} please", "I don't like {v}", "skip the {v} ones"),
        "zh": ("排除{v}", "去掉{v}的", "别要{v}的", "不想要{v}"),
    },
    "without": {
        "en": ("exclude {w}", "leave out {w}", "nothing with {w}", "I don't want {w}"),
        "zh": ("去掉{w}", "排除{w}的", "别有{w}"),
    },
    "since": {
        "en": ("after {before}", "from {y} onwards", "only {y} or newer", "released since {y}"),
        "zh": ("{y}年之后的", "从{y}年开始", "只要{y}年及以后的"),
    },
    "sort": {
        "en": ("sort them, {s} first", "show the {s} ones first", "order by {c} {d}", "sorted by {c}, {d}"),
        "zh": ("按{c}{d}排列", "把{s}的放在前面", "{s}的排在最前", "按照{c}{d}排"),
    },
    "like": {
        "en": (
            "more of {r}",
            "show me more like {r}",
            "anything that resembles {r}?",
            "similar to {r} please",
        ),
        "zh": ("找和{r}相似的", "有没有跟{r}差不多的", "再来点像{r}的"),
    },
    "like but value": {
        "en": ("similar to {r}, but {v}", "one like {r} but {v}", "is there something like {r} in {v}?"),
        "zh": ("和{r}差不多，但要{v}的", "像{r}，换成{v}的", "跟{r}一样但是{v}的"),
    },
    "like but cheaper": {
        "en": (
            "similar to {r} but cheaper",
            "is there a cheaper version of {r}?",
            "like {r} but for less money",
        ),
        "zh": ("跟{r}差不多但更便宜的", "有没有比{r}便宜的类似款"),
    },
    "what": {
        "en": ("what do we see in {r}?", "explain {r}", "more about {r}", "what kind of thing is {r}?"),
        "zh": ("说说{r}", "{r}上面是什么", "{r}是个什么东西", "详细介绍{r}"),
    },
    "column": {
        "en": (
            "{c} of {r}?",
            "what about the {c} of {r}?",
            "I want to know the {c} of {r}",
            "what's its {c}, {r}?",
        ),
        "zh": ("{r}的{c}呢？", "查一下{r}的{c}", "{r}的{c}是多少", "告诉我{r}的{c}"),
    },
    "price": {
        "en": ("price of {r}?", "how expensive is {r}?", "what would {r} cost me?"),
        "zh": ("{r}卖多少钱", "{r}要多少钱", "{r}什么价格"),
    },
    "count": {
        "en": ("how many do you have?", "count them", "how many match?", "and how many is that in total?"),
        "zh": ("总共几个", "有多少", "找到多少个？", "数量是多少"),
    },
    "count value": {
        "en": ("how many of them are {v}?", "and how many are {v}?", "number of {v} ones?"),
        "zh": ("里面{v}的有多少", "有多少个是{v}的", "{v}的有多少个"),
    },
    "extreme": {
        "en": ("what's the {s} one?", "and the {s}?", "show me which is {s}", "which of them is the {s}?"),
        "zh": ("请问哪个{s}", "这里面哪个{s}", "{s}的是哪一个"),
    },
    "next": {
        "en": ("the next ones", "continue", "show me some more", "go to the next page"),
        "zh": ("继续", "再看一些", "翻到下一页", "后面的"),
    },
    "previous": {
        "en": ("one page back", "go to the previous page", "the previous ones"),
        "zh": ("回到上一页", "前面一页", "往前翻"),
    },
    "undo": {
        "en": ("take that back", "undo the last step", "step back", "revert that"),
        "zh": ("撤回", "退回上一步", "取消上一步"),
    },
    "all": {
        "en": ("show everything again", "clear the filters", "back to all the results"),
        "zh": ("回到全部", "清除所有条件", "全部显示出来"),
    },
    "drop": {
        "en": ("I don't care about the {c}", "without the {c} limit", "clear the {c}", "remove the {c}"),
        "zh": ("取消{c}限制", "{c}不限", "不管{c}了", "去掉{c}条件"),
    },
    "reset": {
        "en": ("start from scratch", "clear everything", "begin again", "forget everything"),
        "zh": ("全部清空", "从头再来", "重来"),
    },
    "none": {
        "en": ("good morning", "great, thank you!", "asdf qwer", "are you a robot?"),
        "zh": ("早上好", "非常感谢", "哈哈哈", "你是机器人吗"),
    },
}
