"""Batches are a pure function of (seed, step), and an epoch is every row once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openautoglm.train.sampler import Sampler, derive


@given(rows=st.integers(1, 60), batch=st.integers(1, 60), seed=st.integers(0, 9), together=st.integers(1, 4))
def test_an_epoch_shows_no_row_twice(rows: int, batch: int, seed: int, together: int) -> None:
    batch = min(batch, rows)
    groups = np.arange(rows) // 3
    sampler = Sampler(rows, batch, seed, groups, together)
    for epoch in range(2):
        steps = range(epoch * sampler.steps_per_epoch, (epoch + 1) * sampler.steps_per_epoch)
        shown = np.concatenate([sampler.batch(step) for step in steps])
        assert len(shown) == len(set(shown)) == batch * (rows // batch)
        assert set(shown) <= set(range(rows))


@given(step=st.integers(0, 1000), seed=st.integers(0, 2**40))
def test_a_batch_does_not_depend_on_the_batches_before(step: int, seed: int) -> None:
    fresh, used = (Sampler(50, 8, seed) for _ in range(2))
    for earlier in range(0, 40, 7):
        used.batch(earlier)
    assert fresh.batch(step).tolist() == used.batch(step).tolist()


def test_epochs_and_seeds_differ() -> None:
    sampler = Sampler(1000, 1000, seed=0)
    assert sampler.batch(0).tolist() != sampler.batch(1).tolist()
    assert sampler.batch(0).tolist() != Sampler(1000, 1000, seed=1).batch(0).tolist()
    assert derive(0, 1, "order") != derive(1, 0, "order") != derive(0, 1, "augment")


def test_rows_of_a_group_come_side_by_side() -> None:
    groups = np.repeat(np.arange(20), 3)
    sampler = Sampler(60, 60, seed=0, groups=groups, together=2)
    drawn = groups[sampler.batch(0)]
    runs = np.split(drawn, np.flatnonzero(drawn[1:] != drawn[:-1]) + 1)
    # 20 groups of 3 are 20 pairs and 20 single rows; runs of one group may touch by chance.
    assert sum(len(run) >= 2 for run in runs) >= 20
    assert not np.array_equal(drawn, np.sort(drawn))


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(ValueError, match="batch_size 5 does not fit 4 rows"):
        Sampler(4, 5, seed=0)
    with pytest.raises(ValueError, match="groups"):
        Sampler(4, 2, seed=0, together=2)
