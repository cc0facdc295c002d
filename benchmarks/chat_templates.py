"""How people say the turns of a conversation: by kind of turn, language and use.

No pattern of the grammar was made from templates of the use "test", and which of them fail was not looked at; but
they share their author with the grammar, and the learned reader learns from them. Frames by others are files in
`tools/turn_frames/`, of which "fifth" and "final" are held out. `{…}` are filled by `chat_script.py`.
"""

from __future__ import annotations

from typing import Literal

Use = Literal[
    "develop", "test", "second", "third", "fourth", "fifth", "author_a", "author_b", "author_c", "author_d",
    "author_e", "author_g", "author_h", "final",
]  # fmt: skip
Language = Literal["en", "zh", "mixed"]

TEMPLATES: dict[str, dict[Language, dict[Use, tuple[str, ...]]]] = {
    "search": {
        "en": {
            "develop": ("{q}", "show me {q}", "find {q}", "I'm looking for {q}", "do you have any {q}?"),
            "test": (
                "I need {q}",
                "could you find me some {q} please",
                "search for {q}",
                "got any {q}?",
                "let's look at {q}",
                "what {q} do you have?",
            ),
        },
        "zh": {
            "develop": ("{q}", "我想找{q}", "有没有{q}？", "给我看看{q}"),
            "test": ("帮我搜一下{q}", "我要{q}", "请找{q}", "有{q}吗？", "看一下{q}"),
        },
        "mixed": {"develop": ("找 {q}", "给我看看 {q}"), "test": ("我想要 {q}", "帮我找 {q} please")},
    },
    "search under": {
        "en": {
            "develop": ("{q} under {n}", "show me {q} for less than {n} euros"),
            "test": ("{q} below {n} euros", "I want {q} that cost at most {n}", "any {q} up to {n}?"),
        },
        "zh": {
            "develop": ("{n}元以下的{q}", "找{q}，不超过{n}元"),
            "test": ("{n}块以内的{q}", "有没有{n}元以内的{q}？", "我要{q}，最多{n}元"),
        },
    },
    "cheap": {
        "en": {
            "develop": (
                "only cheap ones",
                "just the cheap ones",
                "cheap ones please",
                "inexpensive ones only",
            ),
            "test": (
                "only the affordable ones",
                "I want something cheap",
                "nothing expensive",
                "limit it to the cheap ones",
                "show only those that are inexpensive",
            ),
        },
        "zh": {
            "develop": ("只要便宜的", "便宜的就行", "只看便宜的"),
            "test": ("我只想看便宜的", "要便宜一些的就好", "实惠的", "太贵的不要"),
        },
    },
    "value": {
        "en": {
            "develop": ("only {v}", "only the {v} ones", "just {v} please", "only {c} {v}", "with {c} {v}"),
            "test": (
                "{v} only",
                "keep just the {v} ones",
                "I only want {v}",
                "the {c} should be {v}",
                "show only those where the {c} is {v}",
                "narrow it down to {v}",
            ),
        },
        "zh": {
            "develop": ("只要{v}的", "只看{v}", "{c}是{v}的", "要{v}的"),
            "test": ("我只要{v}的", "{c}要{v}", "限定{v}", "其中{v}的有哪些", "仅显示{v}的"),
        },
        "mixed": {
            "develop": ("只要 {v} 的", "only {v} 的"),
            "test": ("只看 {v} please", "{c}: {v} only 就好"),
        },
    },
    "maximum": {
        "en": {
            "develop": ("under {n}", "only those below {n} euros", "price at most {n}", "no more than {n}"),
            "test": (
                "less than {n} euros please",
                "my budget is {n}",
                "they should cost {n} or less",
                "not over {n}",
                "it has to be under €{n}",
            ),
        },
        "zh": {
            "develop": ("{n}元以下", "不超过{n}元的", "价格低于{n}"),
            "test": ("{n}块钱以内", "预算{n}元", "最多{n}元", "价格不要超过{n}"),
        },
    },
    "between": {
        "en": {
            "develop": ("between {a} and {b} euros", "from {a} to {b}", "price between {a} and {b}"),
            "test": (
                "somewhere between {a} and {b}",
                "in the range {a} to {b} euros",
                "they should cost {a} to {b}",
                "{a} - {b} euros",
            ),
        },
        "zh": {
            "develop": ("{a}到{b}元", "价格在{a}和{b}之间"),
            "test": ("{a}至{b}元的", "{a}-{b}元之间", "价格{a}到{b}"),
        },
    },
    "not value": {
        "en": {
            "develop": ("not {v}", "no {v} ones", "anything but {v}", "without {v} ones"),
            "test": (
                "except {v}",
                "but not {v}",
                "I don't want {v}",
                "leave out the {v} ones",
                "everything other than {v}",
            ),
        },
        "zh": {
            "develop": ("不要{v}的", "除了{v}"),
            "test": ("{v}的不要", "别给我{v}的", "排除{v}", "不是{v}的"),
        },
    },
    "without": {
        "en": {
            "develop": ("without {w}", "no {w}", "not with {w}"),
            "test": ("no {w} please", "leave out those with {w}", "I don't want any {w}", "minus the {w}"),
        },
        "zh": {
            "develop": ("不要{w}", "没有{w}的"),
            "test": ("不带{w}的", "不想要{w}", "去掉有{w}的"),
        },
    },
    "since": {
        "en": {
            "develop": ("from {y} on", "since {y}", "released after {before}", "newer than {before}"),
            "test": (
                "nothing older than {y}",
                "only those from {y} or later",
                "made in {y} or newer",
                "not before {y}",
                "{y} and later",
            ),
        },
        "zh": {
            "develop": ("{y}年以后的", "{y}年起", "比{before}年新的"),
            "test": ("{y}年之后的", "要{y}年及以后的", "不早于{y}年"),
        },
    },
    "sort": {
        "en": {
            "develop": ("{s} first", "sort by {c} {d}", "order them by {c}, {s} first"),
            "test": (
                "put the {s} on top",
                "can you start with the {s}?",
                "rank them by {c}, {d}",
                "{s} ones at the top",
                "list the {s} first",
            ),
        },
        "zh": {
            "develop": ("{s}的在前", "按{c}{d}排序", "{s}的排前面"),
            "test": ("把{s}的放最前", "按照{c}{d}排列", "先显示{s}的", "{c}{d}"),
        },
    },
    "like": {
        "en": {
            "develop": ("like {r}", "more like {r}", "show me similar ones to {r}"),
            "test": (
                "I like {r}, show me more of those",
                "something similar to {r}",
                "others that look like {r}",
                "find things like {r}",
            ),
        },
        "zh": {
            "develop": ("像{r}一样的", "和{r}类似的"),
            "test": ("跟{r}差不多的", "我喜欢{r}，再来点类似的", "找与{r}相似的"),
        },
    },
    "like but value": {
        "en": {
            "develop": ("like {r}, but {v}", "like {r} but in {v}", "similar to {r} only {v}"),
            "test": (
                "the same as {r} but {v}",
                "something like {r}, just {v}",
                "{r}, but {v}",
                "can I have {r} in {v}?",
                "do you have {r} in {v}?",
            ),
        },
        "zh": {
            "develop": ("像{r}，但是要{v}的", "{r}那样的，但{v}"),
            "test": ("跟{r}一样，不过要{v}的", "{r}有{v}的吗？", "类似{r}，但换成{v}"),
        },
        "mixed": {"develop": ("like {r}, 但是要 {v} 的",), "test": ("跟 {r} 一样, but {v}",)},
    },
    "like but cheaper": {
        "en": {
            "develop": ("like {r}, but cheaper", "something like {r} that is cheaper"),
            "test": (
                "the same as {r} but less expensive",
                "cheaper than {r} but similar",
                "{r}, only cheaper",
            ),
        },
        "zh": {
            "develop": ("像{r}，但是更便宜的", "和{r}类似但便宜点的"),
            "test": ("跟{r}差不多，但是再便宜一些", "比{r}便宜的类似的"),
        },
    },
    "what": {
        "en": {
            "develop": ("what is in {r}?", "what is {r}?", "tell me about {r}", "describe {r}"),
            "test": (
                "what does {r} show?",
                "can you tell me more about {r}?",
                "what's {r} exactly",
                "give me the details of {r}",
                "what can you see in {r}?",
            ),
        },
        "zh": {
            "develop": ("{r}是什么？", "介绍一下{r}", "{r}里有什么？"),
            "test": ("说说{r}", "{r}是啥？", "{r}上面有什么", "描述下{r}"),
        },
    },
    "column": {
        "en": {
            "develop": ("what {c} is {r}?", "what is the {c} of {r}?", "tell me the {c} of {r}"),
            "test": (
                "which {c} does {r} have?",
                "and the {c} of {r}?",
                "do you know {r}'s {c}?",
                "{r}: {c}?",
            ),
        },
        "zh": {
            "develop": ("{r}的{c}是什么？", "{r}是什么{c}？"),
            "test": ("请问{r}的{c}？", "告诉我{r}的{c}", "{r}什么{c}"),
        },
        "mixed": {"develop": ("{r}的 {c} 是什么?",), "test": ("{r}的 {c}?",)},
    },
    "price": {
        "en": {
            "develop": ("how much is {r}?", "what does {r} cost?"),
            "test": ("how much do you want for {r}?", "what's the price of {r}?", "how expensive is {r}?"),
        },
        "zh": {
            "develop": ("{r}多少钱？", "{r}的价格是多少？"),
            "test": ("{r}要多少钱", "{r}卖多少钱？", "{r}什么价？"),
        },
    },
    "count": {
        "en": {
            "develop": ("how many are there?", "how many did you find?"),
            "test": (
                "how many results is that?",
                "what's the number of results?",
                "how many of them do you have?",
            ),
        },
        "zh": {
            "develop": ("一共有多少个？", "有几个？"),
            "test": ("总共多少？", "找到了多少个？", "这里有多少件"),
        },
    },
    "count value": {
        "en": {
            "develop": ("how many of those are {v}?", "how many {v} ones are there?"),
            "test": ("how many are {v}?", "and how many of them are {v}?", "what number of these is {v}?"),
        },
        "zh": {
            "develop": ("其中有多少是{v}的？", "{v}的有几个？"),
            "test": ("{v}的有多少？", "这些里面几个是{v}的", "有多少个{v}的？"),
        },
    },
    "extreme": {
        "en": {
            "develop": ("which is the {s}?", "which one is the {s}?"),
            "test": ("what's the {s} one?", "can you tell me which is {s}?", "which of these is the {s}?"),
        },
        "zh": {
            "develop": ("哪个{s}？", "{s}的是哪个？"),
            "test": ("哪一个是{s}的", "里面{s}的是哪一款？", "{s}的是什么？"),
        },
    },
    "next": {
        "en": {
            "develop": ("more", "next page", "show more"),
            "test": ("show me some more", "next", "go to the next page", "any more?", "continue"),
        },
        "zh": {"develop": ("更多", "下一页"), "test": ("再来一些", "往后翻", "还有吗？", "下页")},
    },
    "previous": {
        "en": {
            "develop": ("previous page", "the page before"),
            "test": ("one page back", "go to the previous page", "back to the last page"),
        },
        "zh": {"develop": ("上一页",), "test": ("前一页", "回到上一页")},
    },
    "undo": {
        "en": {
            "develop": ("back", "undo", "go back"),
            "test": ("undo that", "take that back", "one step back", "no, go back please"),
        },
        "zh": {"develop": ("返回", "撤销"), "test": ("回退一步", "撤回", "退回去")},
    },
    "all": {
        "en": {
            "develop": ("back to all", "show all of them again", "back to all {q}"),
            "test": (
                "show me all {q} again",
                "all of them again please",
                "remove all filters and show everything again",
            ),
        },
        "zh": {"develop": ("回到全部", "显示全部"), "test": ("全部都给我看", "恢复到全部", "所有的{q}")},
    },
    "drop": {
        "en": {
            "develop": ("forget the {c}", "drop the {c}", "any {c}", "remove the {c} filter"),
            "test": (
                "the {c} doesn't matter",
                "never mind the {c}",
                "any {c} is fine",
                "ignore the {c}",
                "I don't care about the {c}",
                "whatever {c}",
            ),
        },
        "zh": {
            "develop": ("{c}不限", "不限{c}", "去掉{c}条件"),
            "test": ("{c}无所谓", "什么{c}都可以", "不用管{c}", "取消{c}限制"),
        },
        "mixed": {"develop": ("{c} 不限",), "test": ("{c} 无所谓",)},
    },
    "reset": {
        "en": {
            "develop": ("start over", "reset"),
            "test": ("let's start again", "clear everything", "forget everything", "start from scratch"),
        },
        "zh": {"develop": ("重新开始", "清空"), "test": ("从头来", "全部清除", "重来")},
    },
    "none": {
        "en": {
            "develop": ("hello", "thanks!", "qwrtp zxcvb"),
            "test": ("good morning", "thank you very much", "xkcdq vvbnm", "...", "ok great", "who are you?"),
        },
        "zh": {"develop": ("你好", "谢谢"), "test": ("早上好", "多谢", "你是谁？", "好的")},
    },
}
