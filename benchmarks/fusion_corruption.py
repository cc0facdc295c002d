"""Corruption of known strength, row by row: 0 leaves a row as it is, 1 leaves nothing of it but its size.

    image     x' = (1 − s) x + s u, u uniform noise of its own for each pixel and channel
    text      round(s · n) of its n characters, anywhere, give way to characters of the split's texts, drawn
              by their frequency
    columns   round(s · F) of its F cells, any, give way to the same column's cell of another row, another
              row for each column (a permutation of the split)

At strength 1 a text is a sequence of letters of the old length, and a row of columns has cells that are each
usual and do not belong together. The *reliability* of a modality in a row is 1 − s.
"""

from __future__ import annotations

import random

import torch
from torch import Generator, Tensor

from openautoglm.encoders.column_values import ColumnValues


def noisy_pixels(pixels: Tensor, strengths: Tensor, generator: Generator) -> Tensor:
    """Pictures (N, 3, S, S) in 0..1 under `strengths` (N,).

    >>> noisy_pixels(torch.ones(1, 3, 2, 2), torch.zeros(1), torch.Generator()).unique()
    tensor([1.])
    """
    noise = torch.rand(pixels.shape, generator=generator)
    return torch.lerp(pixels, noise, strengths.view(-1, 1, 1, 1))


def shuffled_text(text: str, strength: float, letters: str, dice: random.Random) -> str:
    """The text with a share of its characters exchanged for some of `letters`.

    >>> shuffled_text("bat", 0.0, "x", random.Random(0)), shuffled_text("bat", 1.0, "x", random.Random(0))
    ('bat', 'xxx')
    """
    found = list(text)
    for place in dice.sample(range(len(found)), round(strength * len(found))):
        found[place] = dice.choice(letters)
    return "".join(found)


def permuted_columns(values: ColumnValues, strengths: Tensor, generator: Generator) -> ColumnValues:
    """Rows with a share of their cells exchanged for other rows'.

    >>> values = ColumnValues.empty(rows=3, numbers=2)
    >>> permuted_columns(values, torch.ones(3), torch.Generator()).numbers.shape
    torch.Size([3, 2])
    """
    rows = len(values)
    widths = [
        values.numbers.shape[1],
        values.categories.shape[1],
        values.dates.shape[1],
        values.tags.shape[1],
    ]
    cells = sum(widths)
    ranks = torch.rand(rows, cells, generator=generator).argsort(1).argsort(1)
    wrong = ranks < (strengths * cells).round().unsqueeze(1)
    donors = torch.stack([torch.randperm(rows, generator=generator) for _ in range(cells)], dim=1)
    places = torch.arange(rows).unsqueeze(1)
    source = torch.where(wrong, donors, places)
    numbers, categories, dates, tags = source.split(widths, dim=1)

    def taken(part: Tensor, rows_of: Tensor) -> Tensor:
        return part[rows_of, torch.arange(part.shape[1])]

    return ColumnValues(
        taken(values.numbers, numbers),
        taken(values.number_missing, numbers),
        taken(values.categories, categories),
        taken(values.dates, dates),
        taken(values.date_missing, dates),
        taken(values.tags, tags),
    )
