"""Concatenation, against its formula, and its measured shares."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fuse.fusing import DIM, built, presences, rows
from torch import Tensor, nn

from openautoglm.fuse.concat import Concat


@pytest.mark.parametrize("hidden", [None, 5])
@given(present=presences(), seed=st.integers(0, 99))
@settings(deadline=None, max_examples=25)
def test_it_equals_the_formula_for_any_presence(hidden: int | None, present: Tensor, seed: int) -> None:
    given = rows(present, seed)
    fuse = built("concat", present.shape[1], seed, **({} if hidden is None else {"hidden": hidden}))
    layers = [fuse.join] if hidden is None else [fuse.join[0], fuse.join[2]]
    found = fuse(*given)
    for row in range(len(present)):
        slots = [given.pooled[row, m] if there else fuse.absent[m] for m, there in enumerate(present[row])]
        value = layers[0].weight @ torch.cat(slots) + layers[0].bias
        if hidden is not None:
            value = layers[1].weight @ nn.functional.gelu(value) + layers[1].bias
        torch.testing.assert_close(found.embeds[row], value)


@given(present=presences(), seed=st.integers(0, 99))
@settings(deadline=None, max_examples=25)
def test_shares_of_a_linear_layer_are_the_lengths_of_what_each_slot_adds(present: Tensor, seed: int) -> None:
    given = rows(present, seed)
    fuse = built("concat", present.shape[1], seed)
    maps = fuse.join.weight.split(DIM, dim=1)
    found = fuse(*given).gates
    for row in range(len(present)):
        added = [
            (maps[m] @ (given.pooled[row, m] - fuse.absent[m])).norm() if there else torch.tensor(0.0)
            for m, there in enumerate(present[row])
        ]
        torch.testing.assert_close(found[row], torch.stack([one.double() for one in added]) / sum(added))


def test_rows_that_nothing_moves_have_equal_shares() -> None:
    fuse = Concat(4, 3)
    found = fuse(torch.zeros(1, 3, 4), torch.tensor([[True, False, True]]))
    assert found.gates.tolist() == [[0.5, 0.0, 0.5]]
