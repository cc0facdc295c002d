"""DWA against its formula."""

from __future__ import annotations

import math

import pytest

from openautoglm.train.weights.dwa import DWA


def test_two_windows_make_the_weights() -> None:
    weighting = DWA(window=2)
    for a, b in [(4.0, 2.0), (2.0, 2.0), (1.0, 1.5), (2.0, 1.5)]:
        assert weighting.weight("a") == weighting.weight("b") == 1.0
        weighting.after_step({"a": a, "b": b}, {})
    speeds = [(1.5 / 3) / 2, (1.5 / 2) / 2]
    whole = sum(math.exp(speed) for speed in speeds)
    assert weighting.weight("a") == pytest.approx(2 * math.exp(speeds[0]) / whole)
    assert weighting.weight("b") == pytest.approx(2 * math.exp(speeds[1]) / whole)
    weighting.after_step({"a": 9.0, "b": 0.1}, {})  # half a window changes nothing
    assert weighting.weight("a") == pytest.approx(2 * math.exp(speeds[0]) / whole)


def test_an_absent_loss_keeps_its_speed_and_the_sum_stays() -> None:
    weighting = DWA(window=1)
    for loss in (1.0, 0.5):
        weighting.after_step({"a": loss, "b": 1.0}, {})
    before = weighting.weight("a")
    weighting.after_step({"b": 1.0}, {})
    assert weighting.weight("a") == before < 1
    weighting.after_step({"b": 1.0, "late": 3.0}, {})
    assert sum(weighting.weight(name) for name in ("a", "b", "late")) == pytest.approx(3)


def test_a_loss_of_zero_is_no_speed() -> None:
    weighting = DWA(window=1)
    for loss in (0.0, 5.0):
        weighting.after_step({"a": loss, "b": 1.0}, {})
    assert weighting.weight("a") == 1.0
