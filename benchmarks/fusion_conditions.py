"""Under which conditions fusion is measured, and what it learns from: choices of views and of presence.

    clean               every modality there, none corrupted
    missing R           each modality of each row is absent with probability R %, on its own; a row that would
                        lose all keeps one
    missing NAME R      the same of one modality, the others are there
    corrupted           each modality of each row is corrupted with probability 1/2, on its own, by a strength
                        that is uniform between 0 and 1
    NAME at S           one modality of every row is corrupted by the strength S, the others are clean
    all mixed           every modality of every row is corrupted by a strength uniform between 0 and 1
    NAME mixed          the same of one modality, the others clean

In the missing conditions nothing is corrupted, in the corrupted ones nothing is missing. A condition is drawn
once a seed, so that every strategy meets the same rows.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Generator, Tensor

from openautoglm.encoders.batch import MODALITIES
from openautoglm.train.labelled import kept

RATES = (0.25, 0.5, 0.75)
LEVELS = (0.25, 0.5, 0.75, 1.0)
"""Strengths of `NAME at S`."""
DROPOUT = 0.3
"""Probability with which a modality is left out while learning."""
CLEAN_NAME = "clean"
CLEAN, MIXED = 0, 1
"""Views of a measured split: nothing corrupted; strengths of each row's own; from 2 on `LEVELS`."""


class Condition(NamedTuple):
    """What N rows look like."""

    views: Tensor
    """(N, 3) number of the view that a row's modality is taken from."""
    present: Tensor
    """(N, 3) bool."""


def noisy_strengths(rows: int, views: int, generator: Generator) -> Tensor:
    """(1 + views, N, 3): a clean view, then some of the rows' own strengths."""
    return torch.cat([torch.zeros(1, rows, 3), torch.rand(views, rows, 3, generator=generator)])


def measured_strengths(rows: int, generator: Generator) -> Tensor:
    """(V, N, 3): a clean view, one of the rows' own strengths, and one for each of `LEVELS`."""
    levels = [torch.full((1, rows, 3), level) for level in LEVELS]
    return torch.cat([noisy_strengths(rows, 1, generator), *levels])


def lesson(rows: int, views: int, generator: Generator) -> Condition:
    """What `rows` look like in a batch to learn from: as `corrupted`, and `DROPOUT` of the modalities absent.

    `views` are those that there are: 0 clean, the others with the rows' own strengths.
    """
    chosen = torch.randint(1, views, (rows, 3), generator=generator)
    chosen = torch.where(torch.rand(rows, 3, generator=generator) < 0.5, chosen, CLEAN)
    seed = int(torch.randint(2**31, (), generator=generator))
    return Condition(chosen, kept(torch.ones(rows, 3, dtype=torch.bool), DROPOUT, seed))


def conditions(rows: int, seed: int) -> dict[str, Condition]:
    """Every condition, for views as `measured_strengths` gives them."""
    generator = torch.Generator().manual_seed(seed)
    clean = torch.full((rows, 3), CLEAN)
    whole = torch.ones(rows, 3, dtype=torch.bool)
    found = {CLEAN_NAME: Condition(clean, whole)}
    for rate in RATES:
        found[f"missing {rate:.0%}"] = Condition(clean, kept(whole, rate, seed))
        for place, name in enumerate(MODALITIES):
            present = whole.clone()
            present[:, place] = torch.rand(rows, generator=generator) >= rate
            found[f"missing {name} {rate:.0%}"] = Condition(clean, present)
    half = torch.rand(rows, 3, generator=generator) < 0.5
    found["corrupted"] = Condition(torch.where(half, MIXED, CLEAN), whole)
    found[mixed("all")] = Condition(torch.full((rows, 3), MIXED), whole)
    for place, name in enumerate(MODALITIES):
        numbers = {mixed(name): MIXED}
        numbers |= {at_level(name, level): number for number, level in enumerate(LEVELS, MIXED + 1)}
        for key, number in numbers.items():
            views = clean.clone()
            views[:, place] = number
            found[key] = Condition(views, whole)
    return found


def mixed(name: str) -> str:
    """Name the condition of strengths of each row's own, in one modality or in `all`."""
    return f"{name} mixed"


def at_level(name: str, level: float) -> str:
    """Name the condition of one strength in one modality."""
    return f"{name} at {level:g}"
