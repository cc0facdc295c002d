"""How probable each answer of a set is, and which one is given.

p_i = exp(l_i) / Σ_j exp(l_j)       l_i = log P(answer i | prompt, picture, columns)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from openautoglm.tasks.generation.generated import Generated

AnswerSets = Sequence[str] | Sequence[Sequence[str]]
"""One set of answers for all rows, or a set a row."""


@dataclass(frozen=True)
class Scored:
    """The answers of one row.

    >>> scored = Scored(("yes", "no"), ((4, 2), (5, 2)), ((-1.0, -0.5), (-2.0, -0.5)))
    >>> [round(share, 2) for share in scored.probabilities], scored.pick().text
    ([0.73, 0.27], 'yes')
    """

    choices: tuple[str, ...]
    token_ids: tuple[tuple[int, ...], ...]
    """Of each answer, the end mark included."""
    logprobs: tuple[tuple[float, ...], ...]
    """Of each of its tokens."""

    @property
    def totals(self) -> tuple[float, ...]:
        """Each answer's log-probability as a whole."""
        return tuple(map(sum, self.logprobs))

    @property
    def probabilities(self) -> tuple[float, ...]:
        """Shares of the answers among themselves; they sum to 1."""
        return tuple(torch.tensor(self.totals, dtype=torch.float64).softmax(dim=0).tolist())

    def pick(self, temperature: float = 0.0, chance: torch.Generator | None = None) -> Generated:
        """The most probable answer, the first of equals; above temperature 0 one drawn by `chance`."""
        totals = torch.tensor(self.totals, dtype=torch.float64)
        if temperature:
            shares = (totals / temperature).softmax(dim=0)
            number = int(torch.multinomial(shares, 1, generator=chance))
        else:
            number = int(totals.argmax())
        return Generated(self.choices[number], self.token_ids[number], self.logprobs[number], "end")


def answer_sets(choices: AnswerSets, rows: int) -> list[tuple[str, ...]]:
    """The set of each row.

    Raises:
        ValueError: for sets that are not as many as rows, and an empty one.

    >>> answer_sets(["yes", "no"], 2), answer_sets([["yes"], ["no"]], 2)
    ([('yes', 'no'), ('yes', 'no')], [('yes',), ('no',)])
    """
    if isinstance(choices, str):
        raise ValueError(f"choices is a list of answers; for a single one, write choices=[{choices!r}]")
    if not choices:
        raise ValueError("choices is empty; give at least one answer")
    sets = [tuple(one) for one in choices if not isinstance(one, str)]
    if not sets:
        return [tuple(str(one) for one in choices)] * rows
    if len(sets) != len(choices):
        raise ValueError(
            "choices mixes answers and lists of answers; give one list for all rows or one a row"
        )
    if len(sets) != rows:
        raise ValueError(f"{len(sets)} lists of choices for {rows} rows; give one a row, or one list for all")
    if () in sets:
        raise ValueError(f"the choices of row {sets.index(())} are empty; give at least one answer")
    return sets
