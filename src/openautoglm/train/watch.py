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

WINDOW = 50
TOLERANCE = 0.05


class Watch:
    """Looks at each step's figures.

    >>> watch = Watch()
    >>> watch.see(step=0, loss=2.0, norm=1.0)
    >>> watch.compare(step=0, loss=2.0, candidates=8)
    """

    def __init__(self) -> None:
        self._shares: deque[float] = deque(maxlen=WINDOW)
        self._warned = False

    def see(self, step: int, loss: float, norm: float) -> None:
        """Refuse a `loss` or a gradient's `norm` that is no number.

        Raises:
            NotFiniteError: names the step and what to try.
        """
        if math.isfinite(loss) and math.isfinite(norm):
            return
        what = f"the loss is {loss}" if not math.isfinite(loss) else f"the gradient's norm is {norm}"
        raise NotFiniteError(
            f"step {step}: {what}. Try a learning_rate a third as high, precision '32', a longer warmup, "
            "or a smaller clip_norm; look for broken values in the catalogue with `autoglm show`"
        )

    def compare(self, step: int, loss: float, candidates: int) -> None:
        """After warm-up, hold a softmax loss over so many candidates against guessing."""
        chance = math.log(candidates)
        self._shares.append(loss / chance)
        mean = sum(self._shares) / len(self._shares)
        if self._warned or len(self._shares) < WINDOW or abs(mean - 1) > TOLERANCE:
            return
        self._warned = True
        warnings.warn(
            f"step {step}: the contrastive loss is {mean * chance:.3f}, within 5 % of ln({candidates}) = "
            f"{chance:.3f}, which guessing gives. Likely causes: captions that do not belong to their "
            "pictures (look at some with `autoglm show`), many rows with the same caption, a learning rate "
            "far too high or too low, frozen towers, or batches too small for the task",
            StuckLossWarning,
            stacklevel=2,
        )

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` takes."""
        return {"shares": list(self._shares), "warned": self._warned}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a saved state."""
        self._shares.extend(state["shares"])
        self._warned = state["warned"]
