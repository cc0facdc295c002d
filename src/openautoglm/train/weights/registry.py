"""The methods that weigh losses, by the names that a configuration uses.

    total(step) = Σ_i weight_i(step) · L_i        over the losses that the step has

A weight is a plain number that stands still during a step, however many batches, chunks or backward passes
the step is made of, and changes in `after_step` alone. So the set of losses may differ from step to step, a
checkpoint holds a few numbers, and processes that are given the same means keep the same weights.

>>> config = TrainConfig(steps=9, loss_weights={"proxy": 0.5})
>>> build_weighting(config, ["contrastive", "proxy"]).weight("proxy")
0.5
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from openautoglm.config import ConfigError, TrainConfig, nearest
from openautoglm.train.weights.dwa import DWA
from openautoglm.train.weights.fixed import Fixed
from openautoglm.train.weights.gradnorm import ALPHA, GradNorm
from openautoglm.train.weights.uncertainty import Uncertainty

LONGEST_WINDOW = 200
"""Steps, where an epoch is longer: otherwise `dwa` would do nothing in a training of two epochs."""


class Weighting(Protocol):
    """What a method does."""

    def weight(self, name: str) -> float:
        """Weight of the loss of that name in the coming step; 1 for a name not met before."""

    def after_step(self, losses: Mapping[str, float], norms: Mapping[str, float]) -> None:
        """Learn from a step: its losses without their weights, and the norms of their gradients.

        Args:
            losses: means over the step, of the losses that it had.
            norms: `gradnorm.gradient_norms` of them; empty for a method that does not ask for them.
        """

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` takes."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a saved state."""


WEIGHTINGS: dict[str, Callable[[TrainConfig, int], Weighting]] = {
    "fixed": lambda config, epoch: Fixed(config.loss_weights),
    "gradnorm": lambda config, epoch: GradNorm(
        ALPHA if config.gradnorm_alpha is None else config.gradnorm_alpha
    ),
    "dwa": lambda config, epoch: DWA(min(epoch, LONGEST_WINDOW)),
    "uncertainty": lambda config, epoch: Uncertainty(),
}


def build_weighting(
    config: TrainConfig, names: Sequence[str], rows_only: Sequence[str] = (), epoch: int = 1
) -> Weighting:
    """Make the method that `config` names.

    Args:
        names: the losses taken of the batch's embeddings, where gradients can be compared.
        rows_only: the losses taken of rows, which do not pass through the embeddings.
        epoch: steps of the optimizer in one.

    Raises:
        ConfigError: if a weight is for a loss that there is not, or the method cannot work with these losses.
    """
    known = [*names, *rows_only]
    problems = [
        f"loss_weights {name!r}: there is no such loss{nearest(name, known)}; this training has: "
        + ", ".join(known)
        for name in config.loss_weights
        if name not in known
    ]
    if not problems and all(config.loss_weights.get(name, 1.0) == 0 for name in known):
        problems = ["loss_weights: every loss has the weight 0, so nothing would be learned; give one more"]
    if config.weighting != "fixed" and len(known) < 2:
        problems.append(
            f"weighting {config.weighting!r} would do nothing: there is one loss, {', '.join(known)}; add "
            "another (proxy or image_contrast, say) or leave it 'fixed'"
        )
    if config.weighting == "gradnorm" and rows_only:
        problems.append(
            f"weighting 'gradnorm' compares gradients at the embeddings, and {', '.join(rows_only)} does not "
            "pass through them; take 'dwa', 'uncertainty' or 'fixed'"
        )
    if problems:
        raise ConfigError(*problems)
    return WEIGHTINGS[config.weighting](config, epoch)
