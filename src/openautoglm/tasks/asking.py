"""How far a model's answers can be trusted, learned from the validation split's questions.

    log p      = Σ log P(token) over the answer and its end mark
    confidence = p^(1/T) / (p^(1/T) + (1 − p)^(1/T))         T makes the log likelihood of "right" greatest
    "I don't know" below the lowest confidence from which on a share `RIGHT` of the answers are right; where
    none keeps that promise, or nothing could be calibrated, below `LIKELY`: more likely wrong than right

The scaling is that of Guo et al. (2017, arXiv:1706.04599) for the two outcomes right and wrong. It says
nothing of questions in words that no question of the training had: those are named, and with more than
`STRANGE` of its words unknown a question is not answered.

>>> trust = Asking(temperature=1.0, abstain=0.6, words=("what", "is", "red"))
>>> trust.unknown("what is 红?"), round(trust.confidence(-0.5), 3), trust.sure(0.7)
(['红'], 0.607, True)
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import numpy as np

from openautoglm.config import ConfigError
from openautoglm.tasks.confidence import abstain_below, fit_temperature
from openautoglm.tasks.predicted import FEW, RIGHT
from openautoglm.tasks.written import tokens

FILE = "answering.json"
LIKELY = 0.5
"""Confidence below which no answer is given where no other threshold was learned."""
STRANGE = 1 / 3
"""Share of a question's words that may be unknown."""
_LEAST = 1e-9


@dataclass(frozen=True)
class Asking:
    """What is known of a model's answers."""

    temperature: float = 1.0
    abstain: float | None = None
    """Learned confidence below which it does not know; None where none keeps the promise, or was tried."""
    right: float = RIGHT
    """Share of right answers that `abstain` was chosen for."""
    questions: int = 0
    """Validation questions that this was learned from; 0 where there were too few."""
    words: tuple[str, ...] = ()
    """Of the questions that were learned."""

    @classmethod
    def fit(cls, logprobs: Sequence[float], right: Sequence[bool], questions: Iterable[str]) -> Self:
        """Learn it.

        Args:
            logprobs: of the answers to the validation split's questions.
            right: whether each was right.
            questions: those of the training split.
        """
        words = tuple(sorted({word for one in questions for word in tokens(one)}))
        if len(right) < FEW:
            return cls(words=words)
        odds = _odds(np.array(logprobs, np.float64))
        temperature = fit_temperature(
            np.stack([np.zeros_like(odds), odds], axis=1), np.array(right, dtype=np.int64)
        )
        chances = 1 / (1 + np.exp(-odds / temperature))
        abstain = abstain_below(chances, np.array(right, dtype=bool), RIGHT)
        return cls(temperature, abstain, RIGHT, len(right), words)

    def confidence(self, logprob: float) -> float:
        """Probability that an answer of this log-probability is right."""
        return float(1 / (1 + np.exp(-_odds(np.array([logprob], np.float64))[0] / self.temperature)))

    def sure(self, confidence: float) -> bool:
        """Whether the answer is to be given."""
        return confidence >= (LIKELY if self.abstain is None else self.abstain)

    def unknown(self, question: str) -> list[str]:
        """The question's words that no learned question had, each once."""
        known = set(self.words)
        return [word for word in dict.fromkeys(tokens(question)) if word not in known]

    def strange(self, question: str) -> bool:
        """Whether too many of the question's words are unknown."""
        return len(self.unknown(question)) > STRANGE * max(1, len(dict.fromkeys(tokens(question))))

    def __str__(self) -> str:
        below = f'"I don\'t know" below {LIKELY}'
        if not self.questions:
            return f"not calibrated: the validation split has fewer than {FEW} questions; {below}"
        told = f"calibrated on {self.questions:,} validation questions"
        if self.abstain is None:
            return f"{told}; no confidence keeps {self.right:.0%} of the answers right; {below}"
        return f'{told}; "I don\'t know" below {self.abstain:.3f}, from where on {self.right:.0%} were right'


def save(trust: Asking | None, folder: Path) -> None:
    """Write `answering.json`; of a model that learned no questions it says so, in place of an older one."""
    text = json.dumps(trust and asdict(trust), indent=1, ensure_ascii=False)
    (folder / FILE).write_text(text + "\n", encoding="utf-8")


def load(folder: Path) -> Asking | None:
    """Read what `save` wrote; None where there is no such file.

    Raises:
        ConfigError: if it is not understood.
    """
    file = folder / FILE
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        return kept and Asking(**{**kept, "words": tuple(kept["words"])})
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{file}: cannot be read ({error}); save the model again") from None


def _odds(logprobs: np.ndarray) -> np.ndarray:
    """Logarithm of (p / (1 − p)), finite."""
    p = np.clip(np.exp(logprobs), _LEAST, 1 - _LEAST)
    return np.asarray(np.log(p) - np.log1p(-p))
