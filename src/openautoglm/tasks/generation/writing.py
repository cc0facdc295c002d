"""The loop that writes: scores, a token for each row, the next scores; until every row has ended.

A row's text depends on nothing in the rows beside it. Rows that have ended leave the batch once they are half
of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from openautoglm.context.writing import Writing
from openautoglm.tasks.generation.choosing import chosen, penalised
from openautoglm.tasks.generation.generated import Finished, Generated, Piece, Settings
from openautoglm.tasks.generation.pieces import Pieces


@dataclass
class _Row:
    """A text on its way."""

    prompt: Sequence[int]
    pieces: Pieces
    chance: torch.Generator
    ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    finished: Finished | None = None

    def add(self, token: int, logprob: float, ends: frozenset[int], most: int) -> str:
        """Take a token; return the text that can be shown now."""
        self.ids.append(token)
        self.logprobs.append(logprob)
        if token in ends:
            self.finished = "end"
            return self.pieces.rest()
        piece = self.pieces.add(token)
        if self.pieces.stopped:
            self.finished = "stop"
        elif len(self.ids) == most:
            self.finished = "length"
            piece += self.pieces.rest()
        return piece

    @property
    def done(self) -> Generated | None:
        """The text, once it has ended."""
        if self.finished is None:
            return None
        return Generated(self.pieces.text, tuple(self.ids), tuple(self.logprobs), self.finished)


def write(
    writing: Writing,
    scores: Tensor,
    prompts: Sequence[Sequence[int]],
    pieces: Sequence[Pieces],
    chances: Sequence[torch.Generator],
    settings: Settings,
    ends: frozenset[int],
) -> Iterator[Piece]:
    """Write a text behind each prompt, greedily or by chance; yield what it grows by.

    Args:
        writing: has read the prompts.
        scores: (B, V) of the first token.
        prompts: B times token ids.
        pieces: B, fresh.
        chances: B generators.
        settings: with beams = 1.
        ends: tokens that end a text.
    """
    rows = [_Row(*each) for each in zip(prompts, pieces, chances, strict=True)]
    active = list(range(len(rows)))
    penalties = settings.repetition_penalty != 1 or settings.no_repeat_ngram > 0
    while True:
        wanted = scores
        if penalties:
            texts = [[*rows[row].prompt, *rows[row].ids] for row in active]
            wanted = penalised(scores, texts, settings)
        tokens = chosen(wanted, settings, [rows[row].chance for row in active])
        own = scores.gather(1, tokens[:, None])[:, 0] - scores.logsumexp(dim=1)
        for row, token, logprob in zip(active, tokens.tolist(), own.tolist(), strict=True):
            one = rows[row]
            if one.finished is not None:
                continue
            piece = one.add(token, logprob, ends, settings.max_new_tokens)
            if piece or one.finished is not None:
                yield Piece(row, piece, one.done)
        going = [place for place, row in enumerate(active) if rows[row].finished is None]
        if not going:
            return
        if 2 * len(going) <= len(active):
            index = torch.tensor(going, device=tokens.device)
            writing.rows(index)
            active, tokens = [active[place] for place in going], tokens[index]
        scores = writing.step(tokens)
