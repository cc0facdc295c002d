"""A loss that does not learn is named; one that is no number stops the run."""

from __future__ import annotations

import math
import warnings

import pytest

from openautoglm.train.errors import NotFiniteError, StuckLossWarning
from openautoglm.train.watch import WINDOW, Watch


def compare(watch: Watch, loss: float, times: int = WINDOW) -> None:
    for step in range(times):
        watch.compare(step, loss, candidates=256)


@pytest.mark.parametrize("share", [0.96, 1.0, 1.04])
def test_a_loss_at_chance_is_named_once(share: float) -> None:
    watch = Watch()
    with pytest.warns(StuckLossWarning, match=r"ln\(256\)") as caught:
        compare(watch, share * math.log(256), 3 * WINDOW)
    assert len(caught) == 1


def test_a_loss_that_falls_is_not() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compare(Watch(), 0.9 * math.log(256))
        compare(Watch(), math.log(256), WINDOW - 1)


def test_the_candidates_may_grow_with_a_queue() -> None:
    watch = Watch()
    with pytest.warns(StuckLossWarning):
        for step in range(WINDOW):
            watch.compare(step, math.log(256 + 64 * step), candidates=256 + 64 * step)


def test_its_memory_outlives_a_resumption() -> None:
    before, after = Watch(), Watch()
    compare(before, math.log(256), WINDOW - 1)
    after.load_state_dict(before.state_dict())
    with pytest.warns(StuckLossWarning):
        compare(after, math.log(256), 1)


@pytest.mark.parametrize(
    ("loss", "norm"), [(math.nan, 1.0), (math.inf, 1.0), (1.0, math.nan), (1.0, math.inf)]
)
def test_no_number_stops_and_says_where_and_what_to_try(loss: float, norm: float) -> None:
    with pytest.raises(NotFiniteError, match="step 17: .*(nan|inf).*learning_rate"):
        Watch().see(17, loss, norm)
