"""The fusion benchmark's tables in memory."""

from __future__ import annotations

import csv
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from benchmarks.fusion_data import TARGET, FusionData
from openautoglm.catalog.images import decode_image
from openautoglm.tasks.target import Target

SIDE = 32
"""Pixels of a picture's side."""


class Part(NamedTuple):
    """N rows as the table has them."""

    rgba: Tensor
    """(N, 4, SIDE, SIDE) uint8."""
    texts: list[str]
    cells: list[dict[str, Any]]
    labels: Tensor
    """(N,)."""

    def pixels(self) -> Tensor:
        """(N, 3, SIDE, SIDE) in 0..1, on white."""
        colour, alpha = self.rgba[:, :3] / 255, self.rgba[:, 3:] / 255
        return colour * alpha + 1 - alpha


class Table(NamedTuple):
    """A data set in memory."""

    target: Target
    train: Part
    validation: Part
    test: Part


def read(data: FusionData, limit: int | None = None) -> Table:
    """Read the table and its pictures; of each split the first `limit` rows of a fixed random order."""
    with data.table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    random.Random(0).shuffle(rows)
    splits = {name: [row for row in rows if row["split"] == name] for name in ("train", "validation", "test")}
    splits = {name: found[:limit] for name, found in splits.items()}
    target = Target.fit(TARGET, [row[TARGET] for row in splits["train"]], "text")

    def part(found: Sequence[dict[str, str]]) -> Part:
        return Part(
            torch.stack([picture(data.table.parent / row["image"]) for row in found]),
            [" ".join(row[name] for name in data.fields.texts) for row in found],
            [{name: row[name] or None for name in data.fields.columns} for row in found],
            target.encode([row[TARGET] for row in found]),
        )

    return Table(target, *(part(splits[name]) for name in splits))


def picture(path: Path) -> Tensor:
    """(4, SIDE, SIDE) uint8: the whole picture in the middle of a transparent square."""
    image = decode_image(path).convert("RGBA")
    image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    square = Image.new("RGBA", (SIDE, SIDE))
    square.paste(image, ((SIDE - image.width) // 2, (SIDE - image.height) // 2))
    return torch.from_numpy(np.array(square)).permute(2, 0, 1).contiguous()
