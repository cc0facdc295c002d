"""On weights that were really trained: explanations find what an answer rests on, and beat random orders."""

from __future__ import annotations

import numpy as np
import torch
from tests.evaluate.explain.trained import QUARTERS, TELLING, picture, title

from openautoglm.evaluate.explain.attribution import effects
from openautoglm.evaluate.explain.faithful import measure
from openautoglm.evaluate.explain.parts import Row, grid_of
from openautoglm.evaluate.explain.score import Prediction, value_of
from openautoglm.workspace import Workspace

ROWS = 8
MARGIN = 0.3
"""By which deletion and insertion areas together must beat random orders': in probability, on average."""
COLUMNS = {"weight": 0.0, "height": 0.3, "shop": "north", "age": -0.2}


def explained(kinds: Workspace, number: int, modality: str) -> tuple[Row, torch.Tensor, float]:
    """A row that has one modality only: its parts, their effects, and how far they beat random orders."""
    model, dice = kinds.model(), np.random.default_rng(100 + number)
    kind = ("warm", "cold")[number % 2]
    columns = {**COLUMNS, "weight": 8.1 if kind == "warm" else 1.9} if modality == "columns" else None
    row = Row.of(
        model.processor,
        picture(kind, QUARTERS[number // 2 % 4], dice) if modality == "image" else None,
        title(kind, number // 4 % 2, dice) if modality == "text" else None,
        columns,
    )
    target = model.heads.targets["kind"]
    value = value_of(model, row, Prediction(model.heads, target, target.classes.index(kind)))
    assert float(value(torch.ones(1, len(row.parts), dtype=torch.bool))) > 0.8
    found = effects(value, len(row.parts))
    return row, found, measure(value, found).gain


def test_patches_beat_random_orders_and_lie_on_the_square(kinds: Workspace) -> None:
    gains = []
    for number in range(ROWS):
        _, found, gain = explained(kinds, number, "image")
        side = grid_of(32)
        positive = found.clamp(min=0).reshape(side, side)
        down, right = (slice(part * side // 2, (part + 1) * side // 2) for part in QUARTERS[number // 2 % 4])
        assert float(positive[down, right].sum() / positive.sum()) > 0.6
        gains.append(gain)
    assert np.mean(gains) > MARGIN and np.mean(np.array(gains) > 0) == 1


def test_words_beat_random_orders_and_the_telling_one_leads(kinds: Workspace) -> None:
    gains = []
    for number in range(ROWS):
        row, found, gain = explained(kinds, number, "text")
        told = TELLING[("warm", "cold")[number % 2]]
        assert any(word in row.parts[int(found.argmax())].name for word in told)
        gains.append(gain)
    assert np.mean(gains) > MARGIN


def test_columns_beat_random_orders_and_the_telling_one_leads(kinds: Workspace) -> None:
    gains = []
    for number in range(ROWS):
        row, found, gain = explained(kinds, number, "columns")
        assert row.parts[int(found.argmax())].name == "weight"
        gains.append(gain)
    assert np.mean(gains) > MARGIN
