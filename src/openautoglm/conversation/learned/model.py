"""The learned model of turns: a softmax over kinds, and one over the spans that may be what is meant.

    P(kind | turn)  ∝ exp Σ_f W[f, kind]                    f: features of the turn
    P(i..j | turn)  ∝ exp (Σ_{i≤t≤j} w·in(t) + w·first(i) + w·last(j))

Both are linear, in features that are hashed (`features.py`); the weights are whole numbers of a byte with one scale.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from openautoglm.conversation.learned.features import of_kind, of_spans, place
from openautoglm.conversation.learned.tokens import Token

WEIGHTS = Path(__file__).with_name("turns.npz")
"""What `python -m tools.learn_turns` writes."""
LONGEST = 40
"""Tokens of a span."""


@dataclass(frozen=True)
class Model:
    """What was learned.

    Args:
        kinds: K names.
        kind: (SIZE, K) weights.
        bias: (K,).
        span: (SIZE,) weights.
        words: hashes of the words that frames have.
    """

    kinds: tuple[str, ...]
    kind: NDArray[np.float32]
    bias: NDArray[np.float32]
    span: NDArray[np.float32]
    words: frozenset[int]

    @classmethod
    def load(cls, path: Path) -> Model:
        """Read the weights."""
        with np.load(path) as stored:
            return cls(
                tuple(map(str, stored["kinds"])),
                stored["kind"].astype(np.float32) * stored["kind_scale"],
                stored["bias"],
                stored["span"].astype(np.float32) * stored["span_scale"],
                frozenset(stored["words"].tolist()),
            )

    def known(self, word: str) -> bool:
        """Whether frames have a word."""
        return place(word) in self.words

    def chances(self, tokens: Sequence[Token], hints: Sequence[str]) -> Mapping[str, float]:
        """Give the probability of each kind, by the tokens and the grammar's hints (`hints.py`)."""
        features = of_kind(tokens, self.known, hints)
        scores = self.kind[[place(one) for one in features]].sum(0) / np.sqrt(len(features)) + self.bias
        raised = np.exp(scores - scores.max())
        return dict(zip(self.kinds, (raised / raised.sum()).tolist(), strict=True))

    def spans_of(self, tokens: Sequence[Token], group: str, most: int) -> list[tuple[int, int, float]]:
        """Give the most probable spans: the first token of each, the one behind its last, and its probability."""
        scores = np.array(
            [
                [self.span[[place(one) for one in some]].sum() for some in token]
                for token in of_spans(tokens, self.known, group)
            ]
        )
        inside = np.concatenate([[0.0], np.cumsum(scores[:, 0])])
        spans = (inside[None, 1:] + scores[None, :, 2]) + (scores[:, None, 1] - inside[:-1, None])
        count = np.arange(len(tokens))
        spans[(count[None] < count[:, None]) | (count[None] >= count[:, None] + LONGEST)] = -np.inf
        raised = np.exp(spans - spans.max())
        chances = raised / raised.sum()
        best = np.argsort(-chances, axis=None, kind="stable")[:most]
        firsts, lasts = np.unravel_index(best, chances.shape)
        return [
            (int(first), int(last) + 1, float(chances[first, last]))
            for first, last in zip(firsts, lasts, strict=True)
            if chances[first, last] > 0
        ]


@cache
def shipped() -> Model:
    """Read the model that comes with the package, once."""
    return Model.load(WEIGHTS)
