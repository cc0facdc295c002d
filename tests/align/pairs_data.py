"""Random pairs for the tests of this folder."""

from __future__ import annotations

from typing import NamedTuple

import torch
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from openautoglm.align.queue import Negatives


class Case(NamedTuple):
    image: Tensor
    text: Tensor
    scale: Tensor
    keys: Tensor | None
    queue: Negatives | None
    positives: str


def unit(rows: int, dim: int, generator: torch.Generator) -> Tensor:
    return F.normalize(torch.randn(rows, dim, generator=generator, dtype=torch.float64), dim=-1)


def make_case(
    rows: int, dim: int, scale: float, key_range: int, queued: int, positives: str, seed: int
) -> Case:
    """`key_range` 0: no keys; small: many related rows; −1 (`NO_KEY`) occurs among them."""
    g = torch.Generator().manual_seed(seed)
    keys = torch.randint(-1, key_range, (rows, 2), generator=g) if key_range else None
    queue_keys = torch.randint(-1, 2 * key_range, (queued, 2), generator=g) if key_range else None
    queue = Negatives(unit(queued, dim, g), unit(queued, dim, g), queue_keys) if queued else None
    image, text = unit(rows, dim, g).requires_grad_(), unit(rows, dim, g).requires_grad_()
    return Case(
        image, text, torch.tensor(scale, dtype=torch.float64, requires_grad=True), keys, queue, positives
    )


cases = st.builds(
    make_case,
    rows=st.integers(1, 11),
    dim=st.integers(2, 5),
    scale=st.sampled_from([1.0, 14.3, 100.0]),
    key_range=st.sampled_from([0, 1, 3, 30]),
    queued=st.sampled_from([0, 1, 7]),
    positives=st.sampled_from(["match", "mask"]),
    seed=st.integers(0, 1000),
)
