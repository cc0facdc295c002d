"""Where a ranking's relevant rows end, and whether there are any: read off its scores.

    x_i    cosine of the query with the i-th nearest picture, i < n ≤ DEPTH
    z_i    (x_i − mean) / spread of the query's cosines over the catalogue (`background.py`)
    a_i    (F,) what the list looks like at place i: x_i, z_i, its fall from the first and to the next ones,
           and how like picture i is to the first ones, to those before it and to the next
    h      (H,) what its head looks like: the first score, and how far the next ones lie below it

    cut    argmax_k Σ_{i ≤ k} (tanh(a_i W + b) · v + c)   the softmax of these sums: the chance that k is best
    found  h · g + d > 0                                  else nothing matches

A flat cutoff fails because a sentence of rare words scores .6 with its pictures and a common one .3, and a
flat number of rows because a concept may have one picture or fifty. The shape of the list tells both, and
so do the pictures: those of one thing are like each other. What the shapes mean, W, b, v, c, g and d, is
learned from the catalogue's own validation split (`calibration.py`).
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

    hidden: tuple[tuple[float, ...], ...]
    """(F + 1, U) W, and b as its last row"""
    cut: tuple[float, ...]
    """(U + 1,) v and c"""
    found: tuple[float, ...]
    """(H + 1,) g and d"""
    checked: Mapping[str, float]
    """How good it is on texts that it was not learned from: see `calibration.Check`."""

    def matches(self, scores: Scores, mean: float, spread: float) -> bool:
        """Whether a list's first rows are relevant at all.

        Args:
            scores: (n,) cosines, best first.
            mean: of the query's cosines over the catalogue.
            spread: their standard deviation.
        """
        if not len(scores):
            return False
        head = heads(np.asarray(scores[None, :DEPTH], np.float64), np.array([mean]), np.array([spread]))[0]
        return bool(head @ self.found[:-1] + self.found[-1] > 0)

    def of(self, scores: Scores, mean: float, spread: float, pictures: Scores) -> int:
        """How many of a list's rows are relevant, given that some are; `pictures` (n, D) are its vectors."""
        scores = np.asarray(scores[:DEPTH], np.float64)
        shape = places(scores[None], np.array([mean]), np.array([spread]))[0]
        here = np.concatenate([shape, likeness(pictures[:DEPTH])], axis=1)
        hidden, out = np.array(self.hidden), np.array(self.cut)
        return int(np.argmax(np.cumsum(np.tanh(here @ hidden[:-1] + hidden[-1]) @ out[:-1] + out[-1]))) + 1

    @classmethod
    def read(cls, folder: Path, fingerprint: str) -> End | None:
        """Read what was learned for a model in the workspace `folder`; None where nothing was."""
        try:
            kept: dict[str, Any] = json.loads((folder / "cache" / _FILE).read_text(encoding="utf-8"))
            if kept.pop("fingerprint") != fingerprint:
                return None
            hidden = tuple(tuple(row) for row in kept["hidden"])
            end = cls(hidden, tuple(kept["cut"]), tuple(kept["found"]), kept["checked"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        units = {len(row) for row in end.hidden}
        whole = len(end.hidden) == FEATURES + 1 and units == {len(end.cut) - 1}
        return end if whole and len(end.found) == HEADS + 1 else None

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


def likeness(pictures: Scores) -> NDArray[np.float64]:
    """Describe how like a list's pictures are to each other: (n, D) unit vectors, best first → (n, P)."""
    cosines = np.asarray(pictures @ pictures.T, np.float64)
    count = len(cosines)
    place = np.arange(count)
    before = np.ones(count)
    before[1:] = np.cumsum(cosines, axis=1)[place[1:], place[:-1]] / place[1:]
    after = np.append(before[1:], before[-1:])
    next_ = cosines[place, np.minimum(place + 1, count - 1)]
    nearest = np.sort(cosines, axis=1)[:, -5:].mean(axis=1)
    within = [np.full(count, cosines[:size, :size].mean()) for size in (4, 10)]
    first = [cosines[:, 0], cosines[:, :3].mean(axis=1), cosines[:, :4].max(axis=1)]
    return np.stack([*first, before, after - before, next_, nearest, *within], axis=1)


def heads(scores: Scores, mean: Scores, spread: Scores) -> NDArray[np.float64]:
    """Describe the heads of Q lists: scores (Q, n), best first, mean and spread (Q,) → (Q, H)."""
    z = (scores - mean[:, None]) / spread[:, None]
    columns = [z[:, 0], scores[:, 0], mean, spread, *_falls(z, (1, 3, 5, 10, 50))]
    return np.stack(columns, axis=1).astype(np.float64)


def _falls(z: Scores, to: tuple[int, ...]) -> list[Scores]:
    return [z[:, 0] - z[:, min(place, z.shape[1] - 1)] for place in to]


FEATURES = places(np.zeros((1, 1)), np.zeros(1), np.ones(1)).shape[2] + likeness(np.ones((1, 1))).shape[1]
HEADS = heads(np.zeros((1, 1)), np.zeros(1), np.ones(1)).shape[1]
