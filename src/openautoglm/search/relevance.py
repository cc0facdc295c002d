"""Where a ranking's relevant rows end, and whether there are any: read off its scores.

    x_i    cosine of the query with the i-th nearest picture, i < n ≤ DEPTH
    z_i    (x_i − mean) / spread of the query's cosines over the catalogue (`background.py`)
    a_i    (F,) what the list looks like at place i: x_i, z_i, its fall from the first and to the next ones
    h      (H,) what its head looks like: the first score, and how far the next ones lie below it

    cut    argmax_k Σ_{i ≤ k} (a_i · w + b)          the softmax of these sums is the chance that k is best
    found  h · g + c > 0                             else nothing matches

A flat cutoff fails because a sentence of rare words scores .6 with its pictures and a common one .3, and a
flat number of rows because a concept may have one picture or fifty. The shape of the list tells both. What
the shapes mean, w, b, g and c, is learned from the catalogue's own validation split (`calibration.py`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.floating[Any]]

DEPTH = 100
"""Places among which the end is looked for."""
_FILE = "relevance.json"


@dataclass(frozen=True)
class End:
    """What was learned for one model in one catalogue."""

    cut: tuple[float, ...]
    """(F + 1,) w and b"""
    found: tuple[float, ...]
    """(H + 1,) g and c"""
    checked: Mapping[str, float]
    """How good it is on texts that it was not learned from: see `calibration.Check`."""

    def of(self, scores: Scores, mean: float, spread: float) -> int:
        """How many of a list's rows are relevant; 0 where nothing matches.

        Args:
            scores: (n,) cosines, best first.
            mean: of the query's cosines over the catalogue.
            spread: their standard deviation.
        """
        if not len(scores):
            return 0
        scores = np.asarray(scores[:DEPTH], np.float64)
        head = heads(scores[None], np.array([mean]), np.array([spread]))[0]
        if head @ self.found[:-1] + self.found[-1] <= 0:
            return 0
        here = places(scores[None], np.array([mean]), np.array([spread]))[0]
        return int(np.argmax(np.cumsum(here @ self.cut[:-1] + self.cut[-1]))) + 1

    @classmethod
    def read(cls, folder: Path, fingerprint: str) -> End | None:
        """Read what was learned for a model in the workspace `folder`; None where nothing was."""
        try:
            kept: dict[str, Any] = json.loads((folder / "cache" / _FILE).read_text(encoding="utf-8"))
            if kept.pop("fingerprint") != fingerprint:
                return None
            end = cls(tuple(kept["cut"]), tuple(kept["found"]), kept["checked"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        whole = len(end.cut) == FEATURES + 1 and len(end.found) == HEADS + 1
        return end if whole else None

    def save(self, folder: Path, fingerprint: str) -> None:
        """Keep it in the workspace `folder`."""
        path = folder / "cache" / _FILE
        path.parent.mkdir(exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}.tmp")
        draft.write_text(json.dumps({"fingerprint": fingerprint} | asdict(self)), encoding="utf-8")
        draft.replace(path)


def forget(folder: Path) -> None:
    """Have searches not tell where the relevant rows end."""
    (folder / "cache" / _FILE).unlink(missing_ok=True)


def places(scores: Scores, mean: Scores, spread: Scores) -> NDArray[np.float64]:
    """Describe each place of Q lists: scores (Q, n), best first, mean and spread (Q,) → (Q, n, F)."""
    place = np.arange(scores.shape[1])
    z = ((scores - mean[:, None]) / spread[:, None]).astype(np.float64)

    def fall(to: NDArray[np.int64]) -> NDArray[np.float64]:
        """How far the place `to` lies below; the last stands for those behind the list."""
        fallen: NDArray[np.float64] = z - z[:, np.clip(to, 0, place[-1])]
        return fallen

    whole = np.ones_like(z)
    step = fall(place + 1)
    steepest = np.maximum.accumulate(np.concatenate([whole[:, :1] * 0, step[:, :-1]], axis=1), axis=1)
    rows = [scores, z, fall(place * 0), whole * np.log1p(place), fall(place - 1), step, step - steepest]
    rows += [fall(place + further) for further in (2, 4, 20)] + [
        fall(2 * place + 1),
        fall(place * 0 + place[-1]),
    ]
    lists: list[Scores] = [z[:, 0], mean, spread, *_falls(z, (4, 10, 50))]
    return np.stack(rows + [whole * value[:, None] for value in lists], axis=2)


def heads(scores: Scores, mean: Scores, spread: Scores) -> NDArray[np.float64]:
    """Describe the heads of Q lists: scores (Q, n), best first, mean and spread (Q,) → (Q, H)."""
    z = (scores - mean[:, None]) / spread[:, None]
    columns = [z[:, 0], scores[:, 0], mean, spread, *_falls(z, (1, 3, 5, 10, 50))]
    return np.stack(columns, axis=1).astype(np.float64)


def _falls(z: Scores, to: tuple[int, ...]) -> list[Scores]:
    return [z[:, 0] - z[:, min(place, z.shape[1] - 1)] for place in to]


FEATURES = places(np.zeros((1, 1)), np.zeros(1), np.ones(1)).shape[2]
HEADS = heads(np.zeros((1, 1)), np.zeros(1), np.ones(1)).shape[1]
