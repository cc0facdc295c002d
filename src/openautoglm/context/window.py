"""A window over a text that may grow without end: its first tokens, and the last ones.

    n ≤ sinks + size   a token sees all n before it and itself
    beyond             it sees the first `sinks` tokens and the last `size`, itself included

Trained models send attention that has nowhere to go to the first tokens; without them a window breaks
(StreamingLLM, Xiao et al., 2024, arXiv:2309.17453). Positions count within what is seen: the sinks stand
directly before the window, at distances that training has shown.

Choose it for texts longer than the memory should hold, or than the decoder was trained on. What left the
window is forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Window:
    """How much of the past is seen.

    >>> Window(size=1020).seen
    1024
    """

    size: int
    """Last tokens."""
    sinks: int = 4
    """First tokens; four suffice in the paper's measurements."""

    def __post_init__(self) -> None:
        if self.size < 1 or self.sinks < 0:
            raise ValueError(
                f"window of size {self.size} with {self.sinks} sinks: size is at least 1 and sinks at least 0"
            )

    @property
    def seen(self) -> int:
        """Most tokens that a token sees."""
        return self.sinks + self.size

    @property
    def piece(self) -> int:
        """Most tokens that are read together beyond the window: its half bounds the memory."""
        return max(1, self.size // 2)

    @property
    def slots(self) -> int:
        """Positions that a cache keeps: what is seen, and room in which it moves before it is moved back."""
        return self.seen + self.piece
