"""Beam search: K texts side by side, extended together, so that a poor start is not the end of a good text.

    candidates   the c · K best of all K · V extensions by Σ log P(token), c = 1 + number of end marks
    finished     of the K best candidates those that end, scored by Σ log P / length; the K best are kept
    going on     the K best candidates that do not end
    a text is done when its best beam, divided by its length so far, is below its worst finished one

These are the rules of `transformers` 5 with length_penalty 1 and early_stopping False, token by token, ties
included. Penalties act on log-probabilities here, on scores in greedy search, as there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import torch
from tokenizers import Tokenizer
from torch import Tensor

from openautoglm.context.writing import Writing
from openautoglm.tasks.generation.choosing import penalised
from openautoglm.tasks.generation.generated import Finished, Generated, Settings
from openautoglm.tasks.generation.pieces import Pieces


@dataclass(frozen=True)
class _Beam:
    """A text on its way, or a finished one."""

    score: float = 0.0
    """Σ log P, of which a finished one's has been divided by its length."""
    ids: tuple[int, ...] = ()
    logprobs: tuple[float, ...] = ()
    """The model's own, before penalties."""
    finished: Finished = "length"


class _Step(NamedTuple):
    """How a text goes on: from which beam, by which token."""

    beam: _Beam
    place: int


@dataclass
class _Search:
    """The beams of one text."""

    going: list[_Beam]
    finished: list[_Beam] = field(default_factory=list)
    improvable: bool = True

    def advance(self, candidates: Sequence[_Step], beams: int) -> list[_Step]:
        """Sort candidates, best first, into those that go on, which are returned, and the finished ones."""
        steps = [one for one in candidates if one.beam.finished == "length"][:beams]
        if self.improvable:
            ended = [one.beam for one in candidates[:beams] if one.beam.finished != "length"]
            self.take(ended, beams)
        self.going = [one.beam for one in steps]
        return steps

    def take(self, ended: Sequence[_Beam], beams: int) -> None:
        """Keep the best of the finished."""
        scored = [replace(one, score=one.score / len(one.ids)) for one in ended]
        self.finished = sorted([*self.finished, *scored], key=lambda one: -one.score)[:beams]

    def check(self, beams: int) -> None:
        """Whether a beam may still become better than what is finished."""
        full = len(self.finished) == beams
        best = self.going[0].score / len(self.going[0].ids)
        self.improvable = self.improvable and not (full and best <= self.finished[-1].score)


def beam_search(
    writing: Writing,
    scores: Tensor,
    prompts: Sequence[Sequence[int]],
    tokenizer: Tokenizer,
    settings: Settings,
    ends: frozenset[int],
) -> list[Generated]:
    """Write the best text behind each prompt.

    Args:
        writing: has read the prompts.
        scores: (B, V) of the first token.
        prompts: B times token ids.
        tokenizer: of the model.
        settings: with beams = K above 1.
        ends: tokens that end a text.
    """
    beams, kept = settings.beams, max(2, 1 + len(ends)) * settings.beams
    searches = [_Search([_Beam()]) for _ in prompts]
    active = list(range(len(prompts)))
    for length in range(1, settings.max_new_tokens + 1):
        own = scores.float().log_softmax(dim=-1)
        starts = [0]
        for row in active:
            starts.append(starts[-1] + len(searches[row].going))
        texts = [[*prompts[row], *beam.ids] for row in active for beam in searches[row].going]
        wanted = penalised(own, texts, settings)
        wanted = wanted + torch.tensor([b.score for row in active for b in searches[row].going])[:, None].to(
            own
        )
        index, tokens, still = [], [], []
        for place, row in enumerate(active):
            part = slice(starts[place], starts[place + 1])
            candidates = _candidates(searches[row], wanted[part], own[part], min(kept, wanted[part].numel()))
            ended = [_ended(one, tokenizer, settings, ends) for one in candidates]
            if length == settings.max_new_tokens:
                searches[row].take(
                    [one.beam for one in ended[:beams]] if searches[row].improvable else [], beams
                )
                continue
            steps = searches[row].advance(ended, beams)
            searches[row].check(beams)
            if searches[row].improvable:
                still.append(row)
                index += [part.start + one.place for one in steps]
                tokens += [one.beam.ids[-1] for one in steps]
        if not still:
            break
        active = still
        writing.rows(torch.tensor(index, device=scores.device))
        scores = writing.step(torch.tensor(tokens, device=scores.device))
    return [_told(search.finished[0], tokenizer, settings) for search in searches]


def _candidates(search: _Search, wanted: Tensor, own: Tensor, count: int) -> list[_Step]:
    """The best extensions of a text's beams, by `wanted` (K, V)."""
    best, flat = wanted.flatten().topk(count)
    places, tokens = flat // wanted.shape[1], flat % wanted.shape[1]
    logprobs = own[places, tokens]
    return [
        _Step(
            _Beam(score, (*search.going[place].ids, token), (*search.going[place].logprobs, logprob)),
            place,
        )
        for score, place, token, logprob in zip(
            best.tolist(), places.tolist(), tokens.tolist(), logprobs.tolist(), strict=True
        )
    ]


def _ended(step: _Step, tokenizer: Tokenizer, settings: Settings, ends: frozenset[int]) -> _Step:
    """With `finished` set where the last token is an end mark or completes a stop string."""
    if step.beam.ids[-1] in ends:
        return step._replace(beam=replace(step.beam, finished="end"))
    if settings.stop and _read(step.beam, tokenizer, settings).stopped:
        return step._replace(beam=replace(step.beam, finished="stop"))
    return step


def _read(beam: _Beam, tokenizer: Tokenizer, settings: Settings) -> Pieces:
    pieces = Pieces(tokenizer, settings.stop)
    for token in beam.ids:
        pieces.add(token)
    return pieces


def _told(beam: _Beam, tokenizer: Tokenizer, settings: Settings) -> Generated:
    pieces = _read(replace(beam, ids=beam.ids[:-1]) if beam.finished == "end" else beam, tokenizer, settings)
    pieces.rest()
    return Generated(pieces.text, beam.ids, beam.logprobs, beam.finished)
