"""The learning rate's way: up in the warm-up, down to the end, by steps or by the clock."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openautoglm.config import TrainConfig
from openautoglm.train.schedule import LOOKS, Schedule


@given(
    steps=st.integers(10, 500),
    warmup=st.one_of(st.floats(0, 0.9), st.integers(1, 9).map(float)),
    kind=st.sampled_from(["linear", "cosine"]),
)
def test_it_rises_then_falls_within_0_and_1(steps: int, warmup: float, kind: str) -> None:
    schedule = Schedule(TrainConfig(steps=steps, warmup=warmup, schedule=kind), steps_per_epoch=7)
    factors = [schedule.factor(step, 0.0) for step in range(steps)]
    top = factors.index(max(factors))
    assert all(0 <= factor <= 1 for factor in factors)
    assert factors[: top + 1] == sorted(factors[: top + 1])
    assert factors[top:] == sorted(factors[top:], reverse=True)
    assert schedule.progress(steps, 0.0) == 1


def test_the_clock_leads_when_minutes_are_given() -> None:
    schedule = Schedule(TrainConfig(minutes=10, warmup=0.1, schedule="cosine"), steps_per_epoch=7)
    assert schedule.factor(3, seconds=30) == pytest.approx(0.5)
    assert schedule.factor(999, seconds=330) == pytest.approx(0.5)  # half the way between 1 and 10 minutes
    assert schedule.factor(5, seconds=600) == pytest.approx(0, abs=1e-12)
    assert schedule.progress(5, seconds=600) == 1


def test_a_warm_up_in_steps_under_a_clock() -> None:
    schedule = Schedule(TrainConfig(minutes=1, warmup=4.0, schedule="linear"), steps_per_epoch=7)
    assert [schedule.factor(step, seconds=float(step)) for step in range(4)] == [0.25, 0.5, 0.75, 1.0]
    # At one step a second the warm-up took 4 of the 60 seconds.
    assert schedule.factor(32, seconds=32.0) == pytest.approx(0.5)


def test_the_first_end_counts() -> None:
    schedule = Schedule(TrainConfig(steps=100, epochs=2, minutes=1), steps_per_epoch=30)
    assert schedule.steps == 60
    assert schedule.progress(30, seconds=6) == 0.5
    assert schedule.progress(30, seconds=54) == 0.9


def test_a_part_of_an_epoch_is_rounded_up() -> None:
    assert Schedule(TrainConfig(epochs=0.1), steps_per_epoch=5).steps == 1


def test_plateau_halves_after_looks_without_gain() -> None:
    config = TrainConfig(steps=100, warmup=0.0, schedule="plateau", evaluate_every=5)
    schedule = Schedule(config, steps_per_epoch=7)
    for gained in [False] * (LOOKS - 1) + [True] + [False] * LOOKS:
        assert schedule.factor(50, 0.0) == 1
        schedule.looked(gained)
    assert schedule.factor(50, 0.0) == 0.5
    later = Schedule(config, steps_per_epoch=7)
    later.load_state_dict(schedule.state_dict())
    assert later.factor(51, 0.0) == 0.5
    assert math.isfinite(later.factor(0, 0.0))
