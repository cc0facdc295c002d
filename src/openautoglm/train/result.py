"""How a training went, as `fit` tells it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class FitResult:
    """How a training went."""

    steps: int
    seconds: float
    """Spent training, over all resumptions."""
    history: list[dict[str, Any]]
    """The lines of `log.jsonl`."""
    best: dict[str, float] | None
    """The step with the best validation figure, and its figures; the model has that step's weights."""
    interrupted: bool
    """Stopped by Ctrl-C before the end; the same call goes on from there."""
    folder: Path
    repeated: bool = False
    """Had finished before this call, which therefore trained nothing."""

    def __str__(self) -> str:
        spent = f"{self.seconds:.0f} s" if self.seconds < 90 else f"{self.seconds / 60:.1f} min"
        if self.interrupted:
            return (
                f"stopped after {self.steps} steps ({spent}) and saved; the same command goes on from there"
            )
        losses = [row["loss"] for row in self.history if "loss" in row]
        parts = [f"{self.steps} steps in {spent}"] + [f"loss {losses[-1]:.3f}" for _ in losses[-1:]]
        if self.best:
            parts.append("best " + ", ".join(f"{name} {value:g}" for name, value in self.best.items()))
        told = "; ".join(parts)
        if self.repeated:
            return f"had finished before ({told}) and was not trained again; `fit` with --anew starts over"
        return told
