"""What writing a text returns, and how it is to be written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, NamedTuple, Self

from openautoglm.config import nearest

Finished = Literal["end", "stop", "length"]


@dataclass(frozen=True)
class Generated:
    """One text that was written."""

    text: str
    """What follows the prompt, without marks and without spaces in front."""
    token_ids: tuple[int, ...]
    """Every token that was chosen, the end mark included."""
    logprobs: tuple[float, ...]
    """The model's own log-probability of each, before temperature and penalties; their sum is the text's."""
    finished: Finished
    """Why it ended: the end mark (`end`), a stop string (`stop`), or `max_new_tokens` (`length`)."""

    @property
    def logprob(self) -> float:
        """Log-probability of the whole text, given prompt, picture and columns."""
        return sum(self.logprobs)


class Piece(NamedTuple):
    """What a row's text has grown by."""

    row: int
    text: str
    """To be shown behind what came before; empty where a row ends with nothing to add."""
    done: Generated | None = None
    """The whole text, with the last piece of its row."""


@dataclass(frozen=True)
class Settings:
    """How tokens are chosen.

    Raises:
        ValueError: for a value out of its range, and for one that would do nothing beside another.

    >>> Settings(top_p=0.9)
    Traceback (most recent call last):
    ValueError: top_p 0.9 does nothing at temperature 0, which takes the best token; set temperature above 0
    """

    max_new_tokens: int = 32
    beams: int = 1
    """Texts that are kept side by side, to find one that is better as a whole; 1 takes the best token."""
    temperature: float = 0.0
    """Divides the scores before a token is drawn; 0 draws none and takes the best."""
    top_p: float = 1.0
    """Draw from the fewest tokens whose probabilities reach this sum."""
    top_k: int = 0
    """Draw from this many best tokens; 0 from all."""
    repetition_penalty: float = 1.0
    """Above 1: scores of tokens that are in the text are divided by it (negative ones multiplied)."""
    no_repeat_ngram: int = 0
    """No sequence of so many tokens is written twice; 0 allows it."""
    stop: Sequence[str] = ()
    """Strings at which a text ends; they are left out of it."""

    @classmethod
    def of(cls, values: Mapping[str, Any], *, choosing: bool = False) -> Self:
        """From what a user gives; `choosing` when one of a set of answers is wanted.

        Raises:
            TypeError: for a name that is no setting.
            ValueError: see the class; and for what does nothing when an answer is chosen.
        """
        known = [field.name for field in fields(cls)]
        for name, value in values.items():
            if name not in known:
                raise TypeError(f"generate has no setting {name!r}{nearest(name, known)}")
            if choosing and name != "temperature":
                raise ValueError(
                    f"{name} {value!r} does nothing beside choices, compared as wholes; leave it out"
                )
        return cls(**values)

    def __post_init__(self) -> None:
        for name, least in (("max_new_tokens", 1), ("beams", 1), ("top_k", 0), ("no_repeat_ngram", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} {getattr(self, name)} is below {least}")
        if isinstance(self.stop, str):
            raise ValueError(f"stop is a list of strings; for a single one, write stop=[{self.stop!r}]")
        if "" in self.stop:
            raise ValueError("stop holds an empty string, at which every text would end; leave it out")
        if not self.temperature >= 0:
            raise ValueError(f"temperature {self.temperature} is below 0")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p {self.top_p} is a share of the probability, above 0 and at most 1")
        if not self.repetition_penalty > 0:
            raise ValueError(f"repetition_penalty {self.repetition_penalty} divides scores; set it above 0")
        if self.temperature and self.beams > 1:
            raise ValueError(
                f"beams {self.beams} search for the best text, temperature {self.temperature} draws one by "
                "chance; set only one of them"
            )
        for name, nothing in (("top_p", 1.0), ("top_k", 0)):
            if not self.temperature and getattr(self, name) != nothing:
                raise ValueError(
                    f"{name} {getattr(self, name)} does nothing at temperature 0, which takes the "
                    "best token; set temperature above 0"
                )
