"""Statistics of one column, beside plain formulas."""

from __future__ import annotations

from datetime import datetime
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from openautoglm.encoders import column_features
from openautoglm.encoders.column_features import (
    BUCKETS,
    FIRST,
    KNOTS,
    MISSING,
    MOST,
    UNKNOWN,
    CategoryFeature,
    DateFeature,
    NumberFeature,
    seconds,
)

FINITE = st.floats(allow_nan=False, allow_infinity=False)


@settings(deadline=None, max_examples=60)
@given(st.lists(FINITE, min_size=1, max_size=40), st.lists(FINITE, min_size=1, max_size=10))
def test_any_number_is_normalised_to_something_finite_and_in_order(
    seen: list[float], new: list[float]
) -> None:
    feature = NumberFeature.fit("x", seen)
    found = feature(sorted(new))
    assert found.dtype == np.float32 and np.isfinite(found).all()
    assert (np.diff(found) >= 0).all()
    assert found.min() >= np.float32(feature.scores[0]) and found.max() <= np.float32(feature.scores[-1])


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(0, 100), min_size=3, max_size=9))
@example([0.6164249999723584, 2.0, 7.0])
def test_a_value_next_to_one_that_is_known_is_not_carried_past_it(seen: list[float]) -> None:
    feature = NumberFeature.fit("x", seen)
    near = [edge for value in feature.values for edge in np.nextafter(value, (-1e9, value, 1e9)).tolist()]
    assert (np.diff(feature(sorted(near))) >= 0).all()


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(-5, 5), min_size=1, max_size=40))
def test_a_training_value_has_the_normal_score_of_its_middle_rank(seen: list[int]) -> None:
    found = NumberFeature.fit("x", seen)(seen)
    for value, score in zip(seen, found.tolist(), strict=True):
        below, equal = sum(one < value for one in seen), seen.count(value)
        assert score == pytest.approx(NormalDist().inv_cdf((below + equal / 2) / len(seen)), abs=1e-6)


def test_many_values_are_thinned_with_both_ends_kept() -> None:
    values = np.random.default_rng(0).lognormal(size=5000)
    feature = NumberFeature.fit("x", values.tolist())
    assert len(feature.values) <= KNOTS
    assert (feature.values[0], feature.values[-1]) == (values.min(), values.max())
    found = feature(values.tolist())
    assert abs(found.mean()) < 0.01 and found.std() == pytest.approx(1, abs=0.02)


def test_extremes_and_signs_of_zero() -> None:
    feature = NumberFeature.fit("x", [0.0, -0.0, 1.0, 1e30, -1.7e308, 1.7e308, 5e-324])
    assert feature([1e30])[0] < feature([1e308])[0] == feature([1.7e308])[0]
    assert feature([-0.0])[0] == feature([0.0])[0]
    assert feature([None, 0.0])[0] == 0


def test_rare_and_new_categories_are_unknown() -> None:
    feature = CategoryFeature.fit("colour", ["red"] * 3 + ["blue"] * 2 + ["teal"])
    assert feature.known == ("red", "blue")
    assert feature.ids(["red", "blue", "teal", "mauve", None]) == [
        FIRST,
        FIRST + 1,
        UNKNOWN,
        UNKNOWN,
        MISSING,
    ]


def test_one_spelling_however_it_was_typed() -> None:
    feature = CategoryFeature.fit("place", ["café", "café"])
    assert feature.known == ("café",)
    assert feature.ids(["café"]) == feature.ids(["café"]) == [FIRST]


def test_above_the_bound_the_rest_is_hashed() -> None:
    texts = [f"sentence {number}" for number in range(MOST + 500)] + ["often"] * 5
    feature = CategoryFeature.fit("notes", texts)
    assert feature.buckets == BUCKETS and feature.known == ("often",)
    ids = feature.ids([*texts, "a sentence that nobody wrote"])
    assert min(ids) == FIRST and max(ids) < feature.size
    assert len(set(ids)) > 0.9 * BUCKETS
    assert ids == feature.ids([*texts, "a sentence that nobody wrote"])


def test_the_most_frequent_keep_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(column_features, "MOST", 2)
    feature = CategoryFeature.fit("c", ["a"] * 5 + ["b"] * 4 + ["c"] * 3)
    assert feature.known == ("a", "b") and feature.ids(["c"])[0] >= FIRST + 2


def test_dates_turn_and_advance() -> None:
    days = [datetime(2023, 1, 1), datetime(2024, 1, 1), datetime(2024, 7, 1, 6)]
    feature = DateFeature(NumberFeature.fit("d", [seconds(day) for day in days]), timed=True)
    found = feature([*days, None])
    assert (np.diff(found[:3, 0]) > 0).all()
    assert found[3].tolist() == [0] * 9
    # January is at angle 0, July at half a turn; the 1st at 0; six o'clock at a quarter.
    np.testing.assert_allclose(found[1, 1:3], [1, 0], atol=1e-6)
    np.testing.assert_allclose(found[2, 1:], [-1, 0, 1, 0, 1, 0, 0, 1], atol=1e-6)
    day = DateFeature(feature.trend, timed=False)(days)
    assert (day[:, 7:] == 0).all() and (day[:, :7] == feature(days)[:, :7]).all()
