"""On weights that were really trained: explanations find what an answer rests on, and beat random orders."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.evaluate.explain.trained import QUARTERS, TELLING, picture, title

from openautoglm.evaluate.explain.attribution import effects
from openautoglm.evaluate.explain.faithful import Value, measure
from openautoglm.evaluate.explain.parts import Row, grid_of
from openautoglm.evaluate.explain.score import Prediction, value_of
from openautoglm.workspace import Workspace

ROWS = 8
MARGIN = 0.15
"""Of probability, by which both areas together are ahead of random orders on average over the rows."""
LEAST = 0.05
"""… and in every row."""
COLUMNS = {"weight": 0.0, "height": 0.3, "shop": "north", "age": -0.2}


def scored(kinds: Workspace, number: int, modality: str) -> tuple[Row, Value]:
    """A row that has one modality only, and how probable its kind is with parts of it hidden."""
    model, dice = kinds.model(), np.random.default_rng(100 + number)
    kind = ("warm", "cold")[number % 2]
    columns = {**COLUMNS, "weight": 8.1 if kind == "warm" else 1.9}
    row = Row.of(
        model.processor,
        picture(kind, QUARTERS[number // 2 % 4], dice) if modality == "image" else None,
        title(kind, number // 4 % 2, dice) if modality == "text" else None,
        columns if modality == "columns" else None,
    )
    target = model.heads.targets["kind"]
    value = value_of(model, row, Prediction(model.heads, target, target.classes.index(kind)))
    assert float(value(torch.ones(1, len(row.parts), dtype=torch.bool))) > 0.7
    return row, value


def explained(kinds: Workspace, number: int, modality: str) -> tuple[Row, torch.Tensor, float]:
    """Such a row, the effects of its parts, and how far they are ahead of random orders."""
    row, value = scored(kinds, number, modality)
    found = effects(value, len(row.parts))
    return row, found, measure(value, found).gain


def beats_random_orders(gains: list[float]) -> bool:
    return float(np.mean(gains)) > MARGIN and min(gains) > LEAST


def test_patches_beat_random_orders_and_lie_on_the_square(kinds: Workspace) -> None:
    gains = []
    for number in range(ROWS):
        _, found, gain = explained(kinds, number, "image")
        side = grid_of(32)
        raising = found.clamp(min=0).reshape(side, side)
        down, right = (slice(part * side // 2, (part + 1) * side // 2) for part in QUARTERS[number // 2 % 4])
        assert float(raising[down, right].sum() / raising.sum()) > 0.9
        gains.append(gain)
    assert beats_random_orders(gains)


def test_words_beat_random_orders_and_the_telling_one_leads(kinds: Workspace) -> None:
    gains = []
    for number in range(ROWS):
        row, found, gain = explained(kinds, number, "text")
        telling = TELLING[("warm", "cold")[number % 2]]
        assert any(word in row.parts[int(found.argmax())].name for word in telling)
        gains.append(gain)
    assert beats_random_orders(gains)


def test_columns_beat_random_orders_and_the_telling_one_leads(kinds: Workspace) -> None:
    gains = []
    for number in range(ROWS):
        row, found, gain = explained(kinds, number, "columns")
        assert row.parts[int(found.argmax())].name == "weight"
        gains.append(gain)
    assert beats_random_orders(gains)


@pytest.mark.parametrize("modality", ["image", "text", "columns"])
def test_arbitrary_effects_do_not(kinds: Workspace, modality: str) -> None:
    gains = []
    for number in range(ROWS):
        row, value = scored(kinds, number, modality)
        arbitrary = torch.rand(len(row.parts), generator=torch.Generator().manual_seed(number))
        gains.append(measure(value, arbitrary, seed=number + 1).gain)
    assert not beats_random_orders(gains)
