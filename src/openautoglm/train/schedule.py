"""How far training is, and what share of the learning rate that gives.

    progress = max(step / steps, seconds / budget)           0 … 1, whichever end comes first
    factor   = warm-up rising linearly to 1, then
               linear   (1 − p)
               cosine   ½ (1 + cos πp)                       p = share of the way since warm-up
               plateau  ½ⁿ after n × `LOOKS` looks at the validation figure without improvement

A budget in minutes makes the factor follow the clock: the rate reaches 0 when the time is up, however
fast the machine is. A budget in steps or epochs makes it a function of the step alone (exact resume).
"""

from __future__ import annotations

import math
from typing import Any

from openautoglm.config import TrainConfig

LOOKS = 2
"""Looks without improvement after which `plateau` halves the rate."""


class Schedule:
    """Progress through the budget of `config`, with `steps_per_epoch` optimizer steps an epoch.

    >>> schedule = Schedule(TrainConfig(steps=10, warmup=2.0), steps_per_epoch=5)
    >>> [round(schedule.factor(step, seconds=0.0), 2) for step in (0, 1, 2, 6, 9)]
    [0.5, 1.0, 1.0, 0.5, 0.13]
    """

    def __init__(self, config: TrainConfig, steps_per_epoch: int) -> None:
        self.config = config
        limits = [config.steps, config.epochs and math.ceil(config.epochs * steps_per_epoch)]
        self.steps: int | None = min((limit for limit in limits if limit), default=None)
        self.seconds: float | None = config.minutes and 60 * config.minutes
        self.halvings = 0
        self._looks_without_gain = 0

    def progress(self, step: int, seconds: float) -> float:
        """Share of the budget that is used after `step` steps and `seconds`; 1 or more means the end."""
        by_step = step / self.steps if self.steps else 0.0
        by_clock = seconds / self.seconds if self.seconds else 0.0
        return max(by_step, by_clock)

    def warming_up(self, step: int, seconds: float) -> bool:
        """Whether the rate is still rising."""
        return self._warmth(step, seconds) < 1

    def factor(self, step: int, seconds: float) -> float:
        """What the learning rate of the step that comes next, `step` (from 0), is multiplied with."""
        warmth = self._warmth(step, seconds)
        if warmth < 1:
            return warmth
        if self.config.schedule == "plateau":
            return 0.5**self.halvings
        start = self._warmup_share(step, seconds)
        way = min(1.0, max(0.0, (self.progress(step, seconds) - start) / (1 - start))) if start < 1 else 1.0
        return 1 - way if self.config.schedule == "linear" else 0.5 * (1 + math.cos(math.pi * way))

    def looked(self, improved: bool) -> None:
        """Tell the outcome of a look at the validation figure (only `plateau` minds)."""
        self._looks_without_gain = 0 if improved else self._looks_without_gain + 1
        if self._looks_without_gain == LOOKS:
            self.halvings, self._looks_without_gain = self.halvings + 1, 0

    def _warmth(self, step: int, seconds: float) -> float:
        """Share of the warm-up that the coming step completes."""
        warmup = self.config.warmup
        if warmup >= 1:
            return (step + 1) / warmup
        return self.progress(step + 1, seconds) / warmup if warmup else 1.0

    def _warmup_share(self, step: int, seconds: float) -> float:
        """Progress at which the warm-up ended (for a number of steps under a clock: the pace so far)."""
        if self.config.warmup < 1:
            return self.config.warmup
        return self.config.warmup * self.progress(step, seconds) / max(step, 1)

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` takes."""
        return {"halvings": self.halvings, "looks_without_gain": self._looks_without_gain}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a saved state."""
        self.halvings, self._looks_without_gain = state["halvings"], state["looks_without_gain"]
