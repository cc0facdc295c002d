"""A model with its fingerprint at hand: hashing all weights would cost more than a query does."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from openautoglm.model import OpenAutoGLM


class Named:
    """Encodes as the model does, and knows what it was called when it was last looked at."""

    def __init__(self, model: OpenAutoGLM) -> None:
        self.model, self._fingerprint = model, model.fingerprint()
        self._versions = _versions(model)
        self.encode = model.encode

    def stands_for(self, model: OpenAutoGLM) -> bool:
        """Whether it is this model, with the weights that it had."""
        return self.model is model and self._versions == _versions(model)

    def fingerprint(self) -> str:
        """Name the weights, as `OpenAutoGLM.fingerprint`."""
        return self._fingerprint


def _versions(model: OpenAutoGLM) -> list[tuple[int, int]]:
    """Where each tensor lies and how often it was written to, which torch counts."""
    return [(value.data_ptr(), value._version) for value in model.state_dict().values()]
