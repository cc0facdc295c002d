"""A model that was really trained on a small catalogue whose every answer is known.

A row's `kind` (warm or cold) is told by a square of colour in a quarter of a grey picture, by one word among
others, or by one column among others. Each row lacks some of these three, and some of what it has says
nothing (a grey picture, five idle words), so that the model learns what nothing is worth, too.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from PIL import Image
from tests import test_targets as targets

from openautoglm.catalog.schema import Roles
from openautoglm.workspace import Workspace

CONFIG = {
    **targets.CONFIG,
    "image_size": 32,
    "max_text_length": 12,
    "vocab_size": 300,
    "vision_shape": {"widths": [8, 16], "depths": [1, 1]},
}
TRAIN = {**targets.TRAIN, "steps": 240}
ROLES = Roles(
    id="id",
    image="photo",
    text=("title", "title_zh"),
    columns=("kind", "weight", "height", "shop", "age"),
    split="split",
)
TELLING = {"warm": ("fire", "火"), "cold": ("ice", "冰")}
FILLERS = (("a", "big", "one", "of", "old", "new"), ("大", "的", "一", "个", "旧", "新"))
QUARTERS = ((0, 0), (0, 1), (1, 0), (1, 1))


COLOURS = {"warm": (220, 40, 30), "cold": (30, 60, 220)}


def picture(kind: str | None, quarter: tuple[int, int], dice: np.random.Generator) -> Image.Image:
    """Grey with noise; 12 × 12 pixels of the kind's colour within one quarter of 32 × 32."""
    pixels = dice.integers(110, 146, (32, 32, 3))
    top, left = (2 + 16 * part for part in quarter)
    if kind is not None:
        pixels[top : top + 12, left : left + 12] = COLOURS[kind]
    return Image.fromarray(pixels.astype(np.uint8))


def title(kind: str | None, language: int, dice: np.random.Generator) -> str:
    """Five words in one language, of which one tells."""
    words = list(dice.choice(FILLERS[language], 5))
    if kind is not None:
        words[dice.integers(5)] = TELLING[kind][language]
    return ("" if language else " ").join(words)


def trained(folder: Path, count: int = 320) -> Workspace:
    """Make the catalogue, and train on it."""
    dice = np.random.default_rng(0)
    with (folder / "rows.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        names = ("id", "photo", "title", "title_zh", "kind", "weight", "height", "shop", "age", "split")
        writer.writerow(names)
        for number in range(count):
            kind = ("warm", "cold")[number % 2]
            there, tells = dice.random((2, 3)) < [[0.7], [0.6]]
            sure = dice.integers(3)
            there[sure] = tells[sure] = True
            of_picture, of_text = (kind if told else None for told in tells[:2])
            picture(of_picture, QUARTERS[number // 2 % 4], dice).save(folder / f"{number}.png")
            language = int(dice.integers(2))
            text = title(of_text, language, dice) if there[1] else ""
            weight = dice.normal(8 if kind == "warm" else 2, 0.5)
            writer.writerow(
                (
                    f"r{number:03}",
                    f"{number}.png" if there[0] else "",
                    "" if language else text,
                    text if language else "",
                    kind,
                    f"{weight:.2f}" if there[2] and tells[2] else "",
                    *((f"{dice.normal():.2f}", dice.choice(("north", "south"))) if there[2] else ("", "")),
                    f"{dice.normal():.2f}" if there[2] else "",
                    ("train", "train", "train", "test")[number % 7 % 4],
                )
            )
    shop = Workspace.open(folder / "shop", create=True)
    shop.add(folder / "rows.csv", roles=ROLES)
    shop.fit(CONFIG, name="kinds", train=TRAIN, targets="kind")
    return shop
