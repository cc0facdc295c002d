"""The methods by name: what a configuration may ask for, and that their state survives."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from tests.train.tiny import tiny_config

from openautoglm.config import ConfigError, TrainConfig
from openautoglm.train.weights.registry import LONGEST_WINDOW, WEIGHTINGS, build_weighting

NAMES = ["contrastive", "proxy"]


def test_the_configuration_knows_the_same_names() -> None:
    assert set(get_args(TrainConfig.model_fields["weighting"].annotation)) == set(WEIGHTINGS)


def test_fixed_weights_are_those_given() -> None:
    weighting = build_weighting(tiny_config(loss_weights={"captioning": 0.25}), NAMES, ["captioning"])
    weighting.after_step({"contrastive": 1.0}, {})
    assert [weighting.weight(name) for name in ("contrastive", "captioning")] == [1.0, 0.25]


@pytest.mark.parametrize("method", WEIGHTINGS)
def test_a_saved_state_goes_on_to_the_bit(method: str) -> None:
    def step(number: int) -> tuple[dict[str, float], dict[str, float]]:
        losses = {"contrastive": 3.0 / (1 + number), "proxy": 2.0 - 0.05 * number}
        if number % 3 == 2:
            del losses["proxy"]
        return losses, dict.fromkeys(losses, 1.0 + number % 2)

    config = tiny_config(weighting=method)
    whole, killed, resumed = (build_weighting(config, NAMES, epoch=3) for _ in range(3))
    for number in range(20):
        whole.after_step(*step(number))
    for number in range(7):
        killed.after_step(*step(number))
    saved = json.loads(json.dumps(killed.state_dict()))
    killed.after_step({"contrastive": 99.0}, {"contrastive": 99.0})  # what came after the checkpoint
    resumed.load_state_dict(saved)
    for number in range(7, 20):
        resumed.after_step(*step(number))
    assert [resumed.weight(name) for name in NAMES] == [whole.weight(name) for name in NAMES]
    assert method == "fixed" or whole.weight("proxy") != 1.0
    assert whole.weight("never met") == 1.0


@pytest.mark.parametrize(
    ("changes", "names", "rows_only", "message"),
    [
        ({"loss_weights": {"prxy": 2.0}}, NAMES, [], "'proxy'?; this training has: contrastive, proxy"),
        ({"loss_weights": {"proxy": 2.0}}, ["contrastive"], ["captioning"], "has: contrastive, captioning"),
        ({"loss_weights": {"contrastive": 0.0}}, ["contrastive"], [], "nothing would be learned"),
        ({"weighting": "dwa"}, ["contrastive"], [], "'dwa' would do nothing: there is one loss, contrastive"),
        ({"weighting": "gradnorm"}, NAMES, ["captioning"], "captioning does not pass through them; take"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused(
    changes: dict[str, Any], names: list[str], rows_only: list[str], message: str
) -> None:
    with pytest.raises(ConfigError) as refusal:
        build_weighting(tiny_config(**changes), names, rows_only)
    assert message in str(refusal.value)


def test_a_long_epoch_does_not_put_dwa_to_sleep() -> None:
    weighting = build_weighting(tiny_config(weighting="dwa"), NAMES, epoch=10**6)
    for number in range(2 * LONGEST_WINDOW):
        weighting.after_step({"contrastive": 1.0 if number < LONGEST_WINDOW else 0.5, "proxy": 1.0}, {})
    assert weighting.weight("contrastive") < 1 < weighting.weight("proxy")
