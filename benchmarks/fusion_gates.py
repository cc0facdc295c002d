"""Do gates follow reliability? Spearman's ρ between a modality's gate and 1 − its strength, test rows.

    apart     over the rows: one modality corrupted by strengths that are uniform between 0 and 1, the others
              clean (`NAME mixed`); mean of the three modalities
    joint     over the rows: all three so at once (`all mixed`), each gate against its own modality's 1 − s;
              mean of the three
    within    over the strengths 0, ¼, ½, ¾, 1 of one modality in one row, the others clean; mean over rows
              and modalities

`apart` and `joint` ask for gates that can be compared between rows, where they differ by much else that is
said in a row. `within` asks only that a row's gate falls when its own modality gets worse. A strategy
whose gates are all alike has no ρ.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from benchmarks.fusion_conditions import CLEAN_NAME, LEVELS, MIXED, at_level, mixed
from openautoglm.encoders.batch import MODALITIES

SMALLEST = 1e-6
"""Gates that differ by less are alike."""


def spearman(left: Tensor, right: Tensor) -> Tensor:
    """Spearman's ρ of (N, …) and (N, …) over the first dimension; NaN where one of the two is constant.

    >>> spearman(torch.tensor([1.0, 5.0, 9.0]), torch.tensor([0.0, 0.1, 0.1]))
    tensor(0.8660)
    """
    ranks = [_ranks(side) for side in (left, right)]
    one, other = (side - side.mean(dim=0) for side in ranks)
    return (one * other).sum(0) / (one.square().sum(0) * other.square().sum(0)).sqrt()


def _ranks(values: Tensor) -> Tensor:
    """Ranks over the first dimension, ties their middle."""
    by_row = values.movedim(0, -1).contiguous()
    ordered = by_row.sort(dim=-1).values.contiguous()
    below, up_to = (torch.searchsorted(ordered, by_row, side=side) for side in ("left", "right"))
    return ((below + up_to).float() / 2).movedim(-1, 0)


def follow(gates: Mapping[str, Tensor], strengths: Tensor) -> dict[str, Any]:
    """How gates follow reliability.

    Args:
        gates: (N, 3) by condition.
        strengths: (V, N, 3) of the views.

    Returns:
        `apart`, `joint` and `within` (None for gates that are all alike), each by modality and as `mean`;
        `curve`: by modality the mean gate when it is clean, then at `LEVELS`.
    """
    reliability = 1 - strengths[MIXED]
    found: dict[str, Any] = {"apart": {}, "joint": {}, "within": {}, "curve": {}}
    for place, name in enumerate(MODALITIES):
        steps = torch.stack(
            [gates[key][:, place] for key in (CLEAN_NAME, *(at_level(name, level) for level in LEVELS))]
        )
        found["curve"][name] = steps.mean(dim=1).tolist()
        if steps.std() < SMALLEST:
            return {"apart": None, "joint": None, "within": None, "curve": {}}
        found["apart"][name] = float(spearman(gates[mixed(name)][:, place], reliability[:, place]))
        found["joint"][name] = float(spearman(gates[mixed("all")][:, place], reliability[:, place]))
        levels = 1 - torch.tensor([0.0, *LEVELS]).unsqueeze(1).expand_as(steps)
        found["within"][name] = float(spearman(steps, levels).nanmean())
    for key in ("apart", "joint", "within"):
        found[key]["mean"] = sum(found[key].values()) / len(MODALITIES)
    return found
