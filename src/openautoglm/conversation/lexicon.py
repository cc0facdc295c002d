"""What common words of turns mean, in English and Chinese: kinds of columns, colours, units.

A *meaning* is what a column may be about. It has the names that people give such columns, and the adjectives
that ask for its low or high values. Adjectives compared with a row are made here from the same words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Meaning:
    """What a column may be about.

    Words stand in both languages side by side; which one a turn uses does not matter.
    """

    name: str
    names: tuple[str, ...]
    """How such a column is called."""
    low: tuple[str, ...] = ()
    """Adjectives for low values."""
    high: tuple[str, ...] = ()
    lower: tuple[str, ...] = ()
    """Comparatives for lower values."""
    higher: tuple[str, ...] = ()
    lowest: tuple[str, ...] = ()
    highest: tuple[str, ...] = ()
    asks: tuple[str, ...] = ()
    """Questions for its value that do not name it."""
    only_bare: tuple[str, ...] = ()
    """Adjectives that mean the column only where nothing else is said: "small" may be part of a search."""


MEANINGS = (
    Meaning(
        "price",
        ("price", "prices", "cost", "costs", "pricing", "价格", "价钱", "售价", "单价", "价位", "价"),
        low=(
            "cheap",
            "inexpensive",
            "affordable",
            "low priced",
            "lower priced",
            "budget",
            "less money",
            "least expensive",
            "not expensive",
            "low-priced",
            "low cost",
            "low-cost",
            "economical",
        )
        + ("budget friendly", "budget-friendly", "not expensive", "not too expensive", "not so expensive")
        + (
            "nothing expensive",
            "nothing too expensive",
            "reasonably priced",
            "good value",
            "bargain",
            "bargains",
        )
        + ("便宜", "实惠", "平价", "低价", "不贵", "不太贵", "别太贵", "经济", "划算"),
        high=(
            "expensive",
            "pricey",
            "costly",
            "luxury",
            "high end",
            "high-end",
            "贵",
            "昂贵",
            "高价",
            "高档",
        ),
        lower=(
            "cheaper",
            "less expensive",
            "less pricey",
            "less costly",
            "lower priced",
            "lower in price",
            "costs less",
            "cost less",
            "costing less",
        )
        + (
            "not as expensive",
            "更便宜",
            "便宜一点",
            "便宜点",
            "便宜些",
            "便宜一些",
            "价格低一些",
            "价格低一点",
            "价格更低",
            "价格低点",
            "再便宜",
            "较便宜",
            "比较便宜",
            "没那么贵",
        ),
        higher=(
            "more expensive",
            "pricier",
            "costlier",
            "dearer",
            "更贵",
            "贵一点",
            "贵点",
            "贵些",
            "贵一些",
        ),
        lowest=(
            "cheapest",
            "least expensive",
            "lowest priced",
            "lowest price",
            "lowest prices",
            "最便宜",
            "最低价",
        )
        + ("价格最低", "最不贵", "最实惠"),
        highest=(
            "most expensive",
            "priciest",
            "costliest",
            "highest price",
            "highest priced",
            "最贵",
            "价格最高",
        ),
        asks=(
            "how much",
            "how expensive",
            "how cheap",
            "what does it cost",
            "多少钱",
            "多少元",
            "多少块",
            "几块钱",
            "几元",
            "贵不贵",
            "什么价",
            "几块钱",
            "啥价",
            "怎么卖",
        ),
    ),
    Meaning(
        "date",
        ("date", "dates", "year", "years", "time", "release date", "日期", "年份", "时间", "上市时间"),
        low=("old", "vintage", "旧", "老"),
        high=("new", "recent", "新", "近期", "新出"),
        lower=("older", "earlier", "更旧", "更早", "更老", "旧一点", "早一点"),
        higher=("newer", "more recent", "later", "更新的", "新一点", "新些", "新一些", "更晚"),
        lowest=("oldest", "earliest", "最旧", "最老", "最早"),
        highest=("newest", "latest", "most recent", "最新", "最近", "最晚"),
        asks=("how old", "how new", "when", "什么时候", "哪年", "哪一年", "何时", "多久"),
        only_bare=("old", "new", "vintage", "recent", "旧", "老", "新"),
    ),
    Meaning(
        "weight",
        ("weight", "weights", "重量", "体重", "分量"),
        low=("light", "lightweight", "轻", "轻便"),
        high=("heavy", "重"),
        lower=("lighter", "less heavy", "更轻", "轻一点", "轻点", "轻些"),
        higher=("heavier", "更重", "重一点", "重点儿", "重些"),
        lowest=("lightest", "least heavy", "最轻"),
        highest=("heaviest", "most heavy", "最重"),
        asks=("how heavy", "how light", "what does it weigh", "多重"),
        only_bare=("light", "lightweight", "heavy", "轻", "重", "轻便"),
    ),
    Meaning(
        "rating",
        (
            "rating",
            "ratings",
            "score",
            "scores",
            "stars",
            "review",
            "reviews",
            "评分",
            "评价",
            "星级",
            "分数",
            "口碑",
        ),
        low=("badly rated", "poorly rated", "low rated", "差评", "评分低"),
        high=(
            "well rated",
            "highly rated",
            "well-rated",
            "highly-rated",
            "top rated",
            "top-rated",
            "good",
            "好评",
        )
        + ("评分高", "口碑好", "高分", "popular", "受欢迎"),
        lower=("worse", "worse rated", "lower rated", "更差"),
        higher=("better", "better rated", "higher rated", "更好", "好一点", "评分更高"),
        lowest=("worst", "worst rated", "lowest rated", "最差", "评分最低"),
        highest=(
            "best",
            "best rated",
            "best-rated",
            "top rated",
            "highest rated",
            "highest-rated",
            "most popular",
        )
        + ("最好", "评分最高", "口碑最好", "最受欢迎"),
        asks=("how good", "how well rated", "how many stars", "多少分", "几颗星", "几星"),
        only_bare=("good", "popular", "top rated", "top-rated"),
    ),
    Meaning(
        "size",
        ("size", "sizes", "dimension", "dimensions", "大小", "尺寸", "尺码", "规格"),
        low=("small", "tiny", "little", "compact", "小"),
        high=("large", "big", "huge", "大"),
        lower=("smaller", "更小", "小一点", "小点", "小些"),
        higher=("larger", "bigger", "更大", "大一点", "大点", "大些"),
        lowest=("smallest", "最小"),
        highest=("largest", "biggest", "最大"),
        asks=("how big", "how large", "how small", "多大"),
        only_bare=("small", "tiny", "little", "compact", "large", "big", "huge", "小", "大"),
    ),
    Meaning(
        "length",
        ("length", "lengths", "长度"),
        low=("short", "短"),
        high=("long", "长"),
        lower=("shorter", "更短", "短一点"),
        higher=("longer", "更长", "长一点"),
        lowest=("shortest", "最短"),
        highest=("longest", "最长"),
        asks=("how long", "多长"),
        only_bare=("short", "long", "短", "长"),
    ),
    Meaning(
        "height",
        ("height", "heights", "高度"),
        low=("low",),
        high=("tall", "high"),
        lower=("lower",),
        higher=("taller", "更高"),
        highest=("tallest",),
        asks=("how tall", "how high", "多高"),
        only_bare=("tall", "high", "low"),
    ),
    Meaning("width", ("width", "widths", "宽度"), asks=("how wide", "多宽")),
    Meaning("stock", ("stock", "quantity", "in stock", "availability", "库存", "数量", "现货")),
    Meaning(
        "brand",
        (
            "brand",
            "brands",
            "maker",
            "makers",
            "manufacturer",
            "manufacturers",
            "make",
            "company",
            "producer",
            "vendor",
        )
        + ("品牌", "牌子", "厂家", "厂商", "制造商", "公司"),
        asks=("who makes", "who made", "谁生产", "谁做"),
    ),
    Meaning(
        "category",
        (
            "category",
            "categories",
            "kind",
            "kinds",
            "type",
            "types",
            "department",
            "section",
            "group",
            "groups",
            "class",
        )
        + ("类别", "分类", "种类", "类型", "品类", "类目", "组别"),
    ),
    Meaning("colour", ("colour", "colours", "color", "colors", "颜色", "色彩")),
    Meaning("material", ("material", "materials", "材料", "材质", "made of")),
    Meaning(
        "country",
        ("country", "countries", "origin", "国家", "产地", "原产地"),
        asks=("where is it from", "哪里产"),
    ),
    Meaning("tag", ("tag", "tags", "keyword", "keywords", "label", "labels", "标签", "关键词")),
    Meaning("name", ("name", "names", "title", "titles", "名字", "名称", "标题", "caption", "说明")),
)

BY_NAME = {one.name: one for one in MEANINGS}

COLOURS = {
    "red": ("red", "红色", "红"),
    "blue": ("blue", "蓝色", "蓝"),
    "green": ("green", "绿色", "绿"),
    "yellow": ("yellow", "黄色", "黄"),
    "black": ("black", "黑色", "黑"),
    "white": ("white", "白色", "白"),
    "grey": ("grey", "gray", "灰色", "灰"),
    "brown": ("brown", "棕色", "褐色", "棕", "褐"),
    "orange": ("orange", "橙色", "橘色", "橙"),
    "pink": ("pink", "粉色", "粉红色", "粉红", "粉"),
    "purple": ("purple", "violet", "紫色", "紫"),
    "gold": ("gold", "golden", "金色"),
    "silver": ("silver", "银色"),
    "beige": ("beige", "米色"),
    "turquoise": ("turquoise", "青色"),
}
"""Names of a colour, which stand for each other in a column's values."""

CURRENCY = (
    r"(?:€|\$|£|¥|eur(?:os?)?|usd|dollars?|bucks|pounds?|gbp|yuan|rmb|cny|quid|欧元|美元|英镑"
    r"|人民币|块钱|块|元钱|元)"
)

UNITS: dict[str, tuple[str, float]] = {
    "mg": ("mass", 1e-3), "g": ("mass", 1.0), "gram": ("mass", 1.0), "grams": ("mass", 1.0),
    "克": ("mass", 1.0),
    "kg": ("mass", 1e3), "kilo": ("mass", 1e3), "kilos": ("mass", 1e3), "kilogram": ("mass", 1e3),
    "kilograms": ("mass", 1e3), "公斤": ("mass", 1e3), "千克": ("mass", 1e3), "斤": ("mass", 500.0),
    "mm": ("length", 1e-3), "毫米": ("length", 1e-3), "cm": ("length", 1e-2), "厘米": ("length", 1e-2),
    "m": ("length", 1.0), "metre": ("length", 1.0), "metres": ("length", 1.0), "meters": ("length", 1.0),
    "米": ("length", 1.0), "inch": ("length", 0.0254), "inches": ("length", 0.0254), "km": ("length", 1e3),
    "star": ("rating", 1.0), "stars": ("rating", 1.0), "星": ("rating", 1.0), "分": ("rating", 1.0),
}  # fmt: skip
"""Unit → what it measures, and how much of that."""

MEASURES = {"mass": ("weight",), "length": ("length", "size", "height", "width"), "rating": ("rating",)}
"""What is measured → meanings of columns that hold it."""

HAN = "\u3400-\u4dbf\u4e00-\u9fff"


def any_of(words: Iterable[str]) -> str:
    r"""Write the pattern of any of some words, the longest first; words of letters stand alone.

    >>> re.findall(any_of(["red", "红"]), "red 红色 reddish")
    ['red', '红']
    """
    ordered = sorted({word.lower() for word in words}, key=lambda word: (-len(word), word))
    plain = [word for word in ordered if _in_letters(word)]
    parts = [rf"(?<![a-z0-9])(?:{'|'.join(map(_blanks, plain))})(?![a-z0-9])"] if plain else []
    parts += [bounded(word) for word in ordered if not _in_letters(word)]
    return f"(?:{'|'.join(parts)})" if parts else "(?!)"


def bounded(word: str) -> str:
    """Write the pattern of a word: blanks and hyphens alike, and whole where its script has blanks."""
    before = "(?<![a-z0-9])" if re.match(r"[a-z0-9]", word) else ""
    after = "(?![a-z0-9])" if re.search(r"[a-z0-9]$", word) else ""
    return before + _blanks(word) + after


def _in_letters(word: str) -> bool:
    return bool(re.match(r"[a-z0-9]", word) and re.search(r"[a-z0-9]$", word))


def _blanks(word: str) -> str:
    return "(?: |-|_)".join(re.escape(part) for part in re.split(r"[\s_-]+", word) if part)
