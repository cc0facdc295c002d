"""A small shop of coloured squares in quarters, with questions whose every answer is known."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from PIL import Image

from openautoglm.catalog.schema import Roles
from openautoglm.config.train import AugmentConfig
from openautoglm.workspace import Workspace

COLOURS = {"red": (220, 40, 30), "blue": (30, 60, 220), "green": (30, 170, 60)}
ZH = {"red": "红色", "blue": "蓝色", "green": "绿色"}
QUARTERS = {"top left": (0, 0), "top right": (0, 1), "bottom left": (1, 0), "bottom right": (1, 1)}
CONFIG = {
    "vision_encoder": "small_vision",
    "text_decoder": "glm-mini",
    "cross_attention_layers": 1,
    "embed_dim": 16,
    "image_size": 32,
    "max_text_length": 24,
    "vocab_size": 400,
    "vision_shape": {"widths": [8, 16], "depths": [1, 1], "style_mix": 0.0},
    "decoder_shape": {
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "intermediate_size": 64,
    },
}
TRAIN = {
    "minutes": None,
    "epochs": None,
    "steps": 260,
    "batch_size": 32,
    "micro_batch_size": None,
    "learning_rate": 0.004,
    "precision": "32",
    "weight_decay": 0.01,
    "schedule": "cosine",
    "augment": dict.fromkeys(AugmentConfig.model_fields, 0) | {"background_level": 1},
}


def shop(folder: Path, count: int = 320, texts: bool = True) -> Workspace:
    """The catalogue (pictures only without `texts`), `qa.csv` beside it, and nothing trained yet."""
    dice = np.random.default_rng(0)
    rows, questions = [], []
    for number in range(count):
        colour, place = (list(one)[dice.integers(len(one))] for one in (COLOURS, QUARTERS))
        pixels = dice.integers(225, 246, (32, 32, 3))
        top, left = (2 + 16 * part for part in QUARTERS[place])
        pixels[top : top + 12, left : left + 12] = COLOURS[colour]
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number}.png")
        split = "test" if number % 8 == 7 else "validation" if number % 8 == 6 else "train"
        rows.append((f"r{number:03}", f"{number}.png", f"a {colour} square, {place}", ZH[colour], split))
        other = list(COLOURS)[dice.integers(len(COLOURS))]
        questions += [
            (f"{number}.png", "what color is the square?", colour, "color"),
            (f"{number}.png", f"is the square {other}?", "yes" if other == colour else "no", "is it"),
            (f"{number}.png", "where is the square?", place, "place"),
            (f"{number}.png", "是什么颜色？", ZH[colour], "color"),
        ]
    head = ("id", "photo", *(("title", "title_zh") if texts else ()), "split")
    for name, names, lines in (
        ("rows.csv", head, rows if texts else [(*row[:2], row[-1]) for row in rows]),
        ("qa.csv", ("image", "question", "answer", "type"), questions),
    ):
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([names, *lines])
    made = Workspace.open(folder / "shop", create=True)
    made.add(
        folder / "rows.csv",
        roles=Roles(id="id", image="photo", text=("title", "title_zh") if texts else (), split="split"),
    )
    return made
