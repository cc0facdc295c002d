"""What frames are filled with to learn from: made-up catalogues of several trades, and words of none.

The reader has to work on any catalogue, so what fills a slot must not tell what kind of turn it is: things, values and
columns come from several trades, a part of them from no language at all.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from openautoglm.catalog.schema import Kind
from openautoglm.conversation.columns import Column, Columns
from openautoglm.conversation.lexicon import COLOURS, MEANINGS

SLOT_NAMES = ("q", "n", "a", "b", "v", "c", "w", "y", "before", "s", "d", "r")


@dataclass(frozen=True)
class Trade:
    """A made-up catalogue: its columns, and how things in it are called, in each language."""

    columns: Columns
    things: dict[str, list[str]]
    traits: dict[str, list[str]]
    names: dict[str, list[str]]
    """Of columns."""
    values: dict[str, list[str]] = field(default_factory=dict)


def _trade(
    numbers: dict[str, Kind], texts: dict[str, str], en: str, zh: str, traits: str, traits_zh: str, names: str
) -> Trade:
    columns = {
        name: Column(name, "text", "text") for name in ("title", "description", "label_zh")[: len(texts)]
    }
    columns |= {name: Column(name, kind) for name, kind in numbers.items()}
    columns |= {
        name: Column(name, "text", "column", tuple(values.split(", "))) for name, values in texts.items()
    }
    every = [value for one in columns.values() for value in one.values]
    values = {
        "en": [value for value in every if value.isascii()],
        "zh": [value for value in every if not value.isascii()],
    }
    if "colour" in columns:
        values["zh"] += [COLOURS[value][1] for value in columns["colour"].values]
    values["zh"] += [value for value in values["en"] if value[0].isupper()]
    called = {"en": [*texts, *numbers], "zh": names.split()}
    called["en"] = [" ".join(Column(name, "text").parts) for name in called["en"] if not name.endswith("_zh")]
    return Trade(
        Columns(columns), {"en": en.split(", "), "zh": zh.split()}, {"en": traits.split(", "), "zh": traits_zh.split()},
        called, values,
    )  # fmt: skip


TRADES = (
    _trade(
        {"price": "number", "released": "date", "rating": "number", "weight_kg": "number"},
        {
            "brand": "Nordlys, Kestrel, Vanta, Old Mill, Hartmann",
            "colour": "red, blue, green, black, white, grey, brown, pink",
            "category": "garden, office, camping, bathroom, sports",
            "category_zh": "花园, 办公, 露营, 卫浴, 运动",
        },
        "shoes, rucksacks, kettle, desk lamps, sofas, umbrella, headphones, mugs, rain jackets, tables, scissors, hats",
        "鞋子 背包 水壶 台灯 沙发 雨伞 耳机 杯子 雨衣 桌子 剪刀 帽子 电饭锅 行李箱 手表 键盘",
        "small, wooden, waterproof, folding, vintage, light, soft, striped, cordless",
        "小 木头 防水 折叠 复古 轻便 柔软 条纹 无线 大号",
        "价格 评分 重量 品牌 颜色 类别 日期",
    ),
    _trade(
        {"pages": "integer", "year": "integer", "price_eur": "number", "stock": "integer"},
        {
            "genre": "crime, poetry, travel, history, science fiction, cookery",
            "publisher": "Harbour Press, Lark, Penrose",
            "language": "English, French, Chinese, German",
            "genre_zh": "侦探, 诗歌, 旅行, 历史, 科幻, 烹饪",
        },
        "novels, cook books, atlas, diaries, comics, children's books, thrillers, biography, dictionaries, short stories",
        "小说 菜谱 地图册 日记 漫画 绘本 传记 词典 短篇集 教材 杂志",
        "illustrated, famous, signed, used, rare, hardcover, short",
        "插图 有名 签名 二手 稀有 精装 简短",
        "价格 类型 出版社 语言 年份 库存",
    ),
    _trade(
        {"price": "number", "height_cm": "number", "date": "date"},
        {
            "material": "wood, steel, cotton, leather, glass, clay",
            "material_zh": "木头, 钢, 棉, 皮革, 玻璃, 陶土",
            "style": "modern, rustic, baroque, industrial",
            "artist": "Mira Sol, Janko, Ito",
        },
        "vases, portraits, statue, masks, carpets, drawings, landscapes, bowls, tapestry, prints",
        "花瓶 肖像 雕像 面具 地毯 素描 风景画 碗 挂毯 版画",
        "tiny, painted, round, antique, glazed, floral",
        "小巧 彩绘 圆形 古董 上釉 花卉",
        "价格 材质 风格 高度 日期 作者",
    ),
    _trade(
        {},
        {
            "group": "animals-nature, food-drink, people-body, objects, symbols, travel-places",
            "subgroup": "cat-face, food-fruit, sky-weather, office, music, tool, arrow, family",
            "house": "noto, fluent, tweemo",
        },
        "cats, smiling faces, sun, trains, hearts, flags, fish, clock, apple, woman running, houses, birds",
        "猫 笑脸 太阳 火车 红心 旗子 鱼 时钟 苹果 跑步的女人 房子 鸟 月亮",
        "happy, sad, sleeping, big, green, flying",
        "开心 难过 睡觉 大 绿色 会飞",
        "组 类别 group subgroup house",
    ),
    _trade(
        {"price": "number", "mileage": "integer", "year": "integer", "rating": "number"},
        {
            "make": "Velar, Tomos, Saab, Dacia",
            "fuel": "diesel, petrol, electric, hybrid",
            "fuel_zh": "柴油, 汽油, 电动, 混动",
            "colour": "silver, blue, yellow, orange, black",
            "city": "Leeds, Boston, Shanghai, 北京, 广州",
        },
        "vans, sports cars, estate, pickup trucks, motorbikes, caravans, convertibles, scooters",
        "面包车 跑车 旅行车 皮卡 摩托车 房车 敞篷车 踏板车 轿车",
        "used, four wheel drive, automatic, fast, family, two-seater",
        "二手 四驱 自动挡 快 家用 双座",
        "价格 年份 颜色 城市 评分 燃料",
    ),
    _trade(
        {"minutes": "integer", "calories": "integer", "rating": "number", "date": "date", "price": "number"},
        {
            "cuisine": "Italian, Thai, Mexican, Nordic, Sichuan",
            "course": "starter, main, dessert, snack",
            "cuisine_zh": "意大利菜, 泰国菜, 川菜, 粤菜",
            "diet": "vegan, vegetarian, gluten-free, kosher",
        },
        "soups, noodle dishes, cake, salads, stews, pancakes, curry, dumplings, sandwiches, sauces",
        "汤 面条 蛋糕 沙拉 炖菜 煎饼 咖喱 饺子 三明治 酱",
        "spicy, quick, creamy, cold, home-made, sweet",
        "辣 快手 奶油 凉 家常 甜",
        "价格 菜系 评分 日期 热量",
    ),
)  # fmt: skip

ROWS = {
    "en": ("the first", "the second", "the third", "the second one", "the first one", "number 3", "number two", "the last one",
           "#2", "the 1st one", "result 4", "the fourth", "the 3rd", "the second picture", "the last result", "item 5", "no. 2",
           "the third item", "the fifth one"),
    "zh": ("第一个", "第二个", "第三个", "最后一个", "第1个", "第二款", "第四个", "第3张", "最后那个", "第2件", "第五个", "第一款", "第三张"),
}  # fmt: skip
IT = {"en": ("it", "this one", "that one", "that", "this"), "zh": ("它", "这个", "那个", "这件")}
IT_SHARE = 0.12
"""How often a row is the one that was spoken of last."""
DIRECTIONS = {
    "en": ("ascending", "descending", "from low to high", "from high to low", "highest first", "lowest first",
           "in ascending order", "low to high", "high to low"),
    "zh": ("从低到高", "从高到低", "升序", "降序", "由高到低", "由低到高", "从小到大", "从大到小"),
}  # fmt: skip
_SYLLABLES = "ka to mi ren vo lu sha pel dri mon tas gu fi bro nel qui zor ha wen ol".split()
_SIGNS = "山川灯桥瓶笔石花草竹云雪船伞琴棋布纸铁铜盒箱门窗轮弦珠玉枝叶根泥砖锅勺盘鼓笛帆网"
_FOR = {
    "en": (
        "for kids",
        "with a handle",
        "for the kitchen",
        "of Paris",
        "with flowers",
        "made of wool",
        "in winter",
    ),
    "zh": ("儿童", "厨房用的", "带花的", "巴黎的", "羊毛", "冬天的"),
}
_PLAIN = {
    "en": "food animals flowers birds cars people books clothes fruit toys furniture houses trees fish cats dogs bags "
    "paintings drinks tools plants music".split(),
    "zh": "食物 动物 花 鸟 车 人 书 衣服 水果 玩具 家具 房子 树 鱼 猫 狗 包 画 饮料 工具 植物 汽车 花园 天空 大海 食品 礼物 电话".split(),
}
"""Things whose words, or signs, frames have as well."""


def made_up(language: str, rng: random.Random) -> str:
    """A word of no language."""
    if language == "zh":
        return "".join(rng.choices(_SIGNS, k=rng.randint(1, 3)))
    return "".join(rng.choices(_SYLLABLES, k=rng.randint(2, 3)))


def fill(trade: Trade, language: str, rng: random.Random) -> dict[str, str]:
    """Fill every slot."""
    year = rng.randint(1995, 2024)
    low = rng.randint(2, 600)
    number = str(
        rng.choice(
            (rng.randint(3, 99), rng.randint(100, 999), 10 * rng.randint(1, 90), rng.randint(1000, 1900))
        )
    )
    best = [
        word
        for meaning in MEANINGS
        if trade.columns.meaning(meaning.name, ordered=True) is not None
        for word in (*meaning.lowest, *meaning.highest)
        if word.isascii() == (language == "en")
    ] or (["cheapest", "newest"] if language == "en" else ["最便宜", "最新"])
    unknown = made_up(language, rng) if rng.random() < 0.5 else rng.choice(trade.traits[language])
    known = rng.choice(trade.values[language] or trade.values["en"])
    return {
        "q": _searched(trade, language, rng), "n": number, "a": str(low), "b": str(low + rng.randint(1, 500)),
        "v": known if rng.random() < 0.9 else unknown,
        "w": unknown if rng.random() < 0.6 else _thing(trade, language, rng),
        "c": rng.choice(trade.names[language]), "y": str(year), "before": str(year - 1),
        "s": rng.choice(best), "d": rng.choice(DIRECTIONS[language]), "r": rng.choice(IT[language] if rng.random() < IT_SHARE else ROWS[language]),
    }  # fmt: skip


def _thing(trade: Trade, language: str, rng: random.Random) -> str:
    if rng.random() < 0.25:
        return rng.choice(_PLAIN[language])
    return made_up(language, rng) if rng.random() < 0.2 else rng.choice(trade.things[language])


def _searched(trade: Trade, language: str, rng: random.Random) -> str:
    values = trade.values[language] or trade.values["en"]
    of = "的" if language == "zh" and rng.random() < 0.4 else ""
    if rng.random() < 0.08:
        return rng.choice(values)
    if rng.random() < 0.08:  # a thing may be a value, too: "brown animals"
        return (" " if language == "en" else of).join(rng.sample(values, 2))
    parts = [_thing(trade, language, rng)]
    if rng.random() < 0.3:
        parts.insert(0, rng.choice(trade.traits[language]))
    if rng.random() < 0.35:
        parts.insert(0, rng.choice(values) + of)
    elif language == "en" and rng.random() < 0.05:
        parts += ["that are", rng.choice(values)]
    if rng.random() < 0.08:
        further = rng.choice(_FOR[language])
        parts = [*parts, further] if language == "en" else [further, *parts]
    return (" " if language == "en" else "").join(parts)
