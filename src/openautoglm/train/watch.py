"""Training watches itself: a loss that does not learn, and one that is no number.

A contrastive loss over B candidates starts at ln B when every score is alike, and a model that learns
nothing stays there. When the mean of the last `WINDOW` losses after warm-up is within 5 % of ln B, a
`StuckLossWarning` says so once, with what usually causes it. A NaN or infinite loss or gradient norm is
not a matter of patience: it raises `NotFiniteError`, and the loop saves the weights from before that step.
"""

from __future__ import annotations

import math
import warnings
from collections import deque
from typing import Any

from openautoglm.train.errors import NotFiniteError, StuckLossWarning

WINDOW = 20
TOLERANCE = 0.05


class Watch:
    """Looks at each step's figures.

    >>> watch = Watch(candidates=8)
    >>> watch.see(step=0, loss=2.0, norm=1.0, warming_up=False)
    """

    def __init__(self, candidates: int) -> None:
        self.chance = math.log(candidates)
        self._recent: deque[float] = deque(maxlen=WINDOW)
        self._warned = False

    def see(self, step: int, loss: float, norm: float, warming_up: bool, learning_rate: float | None = None) -> None:
        """Check the contrastive `loss` (not the sum of all losses) and the gradient `norm` of `step`.

        Raises:
            NotFiniteError: if either is NaN or infinite.
        """
        if not (math.isfinite(loss) and math.isfinite(norm)):
            what = f"the loss is {loss}" if not math.isfinite(loss) else f"the gradient's norm is {norm}"
            rate = f" (now {learning_rate:.2g})" if learning_rate else ""
            raise NotFiniteError(
                f"step {step}: {what}. Try a learning_rate a third as high{rate}, precision '32', a longer "
                "warmup, or a smaller clip_norm; check the catalogue for broken values with `autoglm show`"
            )
        if warming_up:
            return
        self._recent.append(loss)
        if not self._warned and len(self._recent) == WINDOW and self._stuck():
            self._warned = True
            mean = sum(self._recent) / WINDOW
            warnings.warn(
                f"step {step}: the contrastive loss is {mean:.3f}, within 5 % of ln({math.exp(self.chance):.0f}) = "
                f"{self.chance:.3f}, which is what guessing gives. Likely causes: captions that do not belong to "
                "their pictures (check a few with `autoglm show`), many rows with the same caption, a learning "
                "rate far too high or too low, frozen towers, or batches too small for the task",
                StuckLossWarning,
                stacklevel=2,
            )

    def _stuck(self) -> bool:
        return abs(sum(self._recent) / len(self._recent) - self.chance) <= TOLERANCE * self.chance

    def state_dict(self) -> dict[str, Any]:
        return {"recent": list(self._recent), "warned": self._warned}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._recent.extend(state["recent"])
        self._warned = state["warned"]
