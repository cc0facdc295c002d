"""A model and data so small that a step takes milliseconds, yet with all the parts of the real ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from openautoglm.config import TrainConfig
from openautoglm.model import OpenAutoGLM
from openautoglm.train.data import Caption, TrainingData
from openautoglm.train.pixels import PixelStore

WORDS = ("red", "green", "blue", "white", "black", "amber", "olive", "ivory")


TINY = {
    "vision_encoder": "small_vision",
    "text_encoder": "small_text",
    "embed_dim": 8,
    "image_size": 16,
    "max_text_length": 8,
    "vocab_size": 300,
    "vision_shape": {"widths": [4, 8], "depths": [1, 1]},
    "text_shape": {"dim": 8, "pairs": 32},
}


def tiny_model(seed: int = 0, **changes: object) -> OpenAutoGLM:
    torch.manual_seed(seed)
    return OpenAutoGLM.from_config({**TINY, **changes})


def tiny_data(folder: Path, rows: int = 24) -> TrainingData:
    """Squares in random colours; two captions each, three rows a group."""
    draw = np.random.default_rng(0)
    colours = draw.integers(0, 256, (rows, 3))
    store = PixelStore(folder, size=20, recipe="test")
    store.fill(
        {f"{row:04x}": row for row in range(rows)},
        fetch=list,
        decode=lambda row: Image.new("RGBA", (20, 20), (*colours[row].tolist(), 255)),
    )
    return TrainingData(
        ids=[str(row) for row in range(rows)],
        slots=np.arange(rows),
        captions=[
            [Caption(f"{WORDS[row % 8]} {row}", "en", "en"), Caption(f"第 {row} 号", "zh", "zh")]
            for row in range(rows)
        ],
        tags=[[] for _ in range(rows)],
        groups=[str(row // 3) for row in range(rows)],
        store=store,
    )


def tiny_config(**changes: object) -> TrainConfig:
    return TrainConfig.parse(
        {"steps": 8, "batch_size": 8, "learning_rate": 0.01, "checkpoint_every": 3, **changes}
    )
