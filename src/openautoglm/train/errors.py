"""What can go wrong in training, as types that a caller can tell apart."""

from __future__ import annotations

from openautoglm.errors import UserError


class TrainingError(UserError):
    """Training cannot start or go on; the message says why and what to do."""


class NotFiniteError(TrainingError):
    """The loss or the gradients became NaN or infinite; the state just before has been saved."""


class StuckLossWarning(UserWarning):
    """The loss is still where guessing would leave it, long after warm-up."""
