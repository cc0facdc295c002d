"""What a model with a decoder is used for: writing about a picture, columns, both, or nothing but a prompt.

    images, columns ─ towers ─▶ Seen ─ keys and values, once ─┐
    prompts ─ tokens ─ cache ─▶ scores of the next token ◀────┘ ─ choose ─▶ token ─▶ scores … ─▶ Generated

How tokens are chosen lies in `tasks/generation/`, what is kept between them in `context/`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence, Sized
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from openautoglm.config import ConfigError
from openautoglm.context.seen import Seen
from openautoglm.context.window import Window
from openautoglm.context.writing import Writing
from openautoglm.encoders.batch import Batch
from openautoglm.encoders.columns_processor import Rows
from openautoglm.encoders.decoder import Decoder
from openautoglm.encoders.encoded import Encoded
from openautoglm.encoders.given import Given, Picture, same_length
from openautoglm.inference import Inference
from openautoglm.tasks.generation.beams import beam_search
from openautoglm.tasks.generation.choices import Trie, answer_ids, answer_logprobs, tries
from openautoglm.tasks.generation.generated import Generated, Piece, Settings
from openautoglm.tasks.generation.pieces import Pieces
from openautoglm.tasks.generation.prompts import Prompt, ends_of, prompt_ids, side_by_side
from openautoglm.tasks.generation.scored import AnswerSets, Scored, answer_sets
from openautoglm.tasks.generation.writing import write

NO_DECODER = "this model has no text_decoder, so it writes nothing; name one in its configuration"
Stream = Callable[[int, str], None]
"""(row, piece of its text)"""


class _Asked(NamedTuple):
    """N rows of what is to be written about."""

    ids: list[list[int]]
    """The prompts' tokens."""
    given: Given
    """Pictures and columns."""


class Generating(Inference):
    """The uses of a model that has a decoder and what it looks at."""

    decoder: Decoder | None
    looks: nn.ModuleList

    @abstractmethod
    def _seen(self, batch: Batch, image: Encoded | None) -> Seen | None:
        """What the decoder looks at; `image` is what the vision tower saw."""

    def generate(
        self,
        images: Sequence[Picture | None] | None = None,
        prompts: Sequence[Prompt] | None = None,
        *,
        columns: Rows | None = None,
        choices: AnswerSets | None = None,
        window: Window | None = None,
        seed: int | None = None,
        stream: Stream | None = None,
        batch_size: int = 16,
        **settings: Any,
    ) -> list[Generated]:
        """Write a text for each of N rows, of which any may lack its picture, its columns or its prompt.

        Args:
            images: pictures, or their files; one that stands in several rows is looked at once a batch.
            prompts: what each text begins with: words, or token ids; without them, nothing.
            columns: structured columns, which a model with a columns tower looks at.
            choices: answers of which each text is one, the most probable as a whole (above temperature 0 one
                drawn by their probabilities); a list for all rows, or a list a row.
            window: what of a text that grows beyond it is seen; None for all of it.
            seed: of what is drawn; each row has chances of its own.
            stream: called with (row, piece of text) as the texts grow; `stream` is the same as an iterator.
            batch_size: rows that are written side by side; the texts do not depend on it.
            settings: fields of `Settings`: max_new_tokens, beams, temperature, top_p, top_k,
                repetition_penalty, no_repeat_ngram, stop.

        Raises:
            ConfigError: if the model has no decoder, or no tokenizer yet.
            ValueError: for lists of different lengths, and settings that cannot be.
        """
        how = Settings.of(settings, choosing=choices is not None)
        if stream is not None:
            _refuse_beams(how)
        found: dict[int, Generated] = {}
        with self._evaluating():
            for piece in self._pieces(
                self._asked(images, prompts, columns), how, choices, window, seed, batch_size
            ):
                if stream is not None and piece.text:
                    stream(piece.row, piece.text)
                if piece.done is not None:
                    found[piece.row] = piece.done
        return [found[row] for row in range(len(found))]

    def stream(
        self,
        images: Sequence[Picture | None] | None = None,
        prompts: Sequence[Prompt] | None = None,
        *,
        columns: Rows | None = None,
        choices: AnswerSets | None = None,
        window: Window | None = None,
        seed: int | None = None,
        batch_size: int = 16,
        **settings: Any,
    ) -> Iterator[Piece]:
        """Write as `generate` does, and yield each piece of text as it is written.

        A row's last piece has its `Generated` as `done`. What is not asked for is not written: who stops
        iterating ends the writing there, and everything kept for it is freed with the iterator. Between two
        pieces the model is free for other uses, and in the mode that it was in.

        Arguments and errors are those of `generate`, errors at the call.
        """
        how = Settings.of(settings, choosing=choices is not None)
        _refuse_beams(how)
        asked = self._asked(images, prompts, columns)
        return self._one_by_one(self._pieces(asked, how, choices, window, seed, batch_size))

    def _one_by_one(self, pieces: Iterator[Piece]) -> Iterator[Piece]:
        """Yield pieces outside of what they are made in."""
        while True:
            with self._evaluating():
                piece = next(pieces, None)
            if piece is None:
                return
            yield piece

    @torch.inference_mode()
    def _pieces(
        self,
        asked: _Asked,
        how: Settings,
        choices: AnswerSets | None,
        window: Window | None,
        seed: int | None,
        batch_size: int,
    ) -> Iterator[Piece]:
        """The loop behind `generate` and `stream`."""
        if choices is not None:
            for row, scored in enumerate(self._scored(asked, choices, window, batch_size)):
                answer = scored.pick(how.temperature, chance_of(seed, row))
                yield Piece(row, answer.text, answer)
            return
        for rows, ids, seen in self._batches(asked, batch_size):
            writing, scores = self._begin(ids, seen, how.max_new_tokens, window)
            if how.beams > 1:
                texts = beam_search(writing, scores, ids, self._tokenizer, how, self._ends)
                yield from (Piece(row, one.text, one) for row, one in zip(rows, texts, strict=True))
                continue
            pieces = [Pieces(self._tokenizer, how.stop) for _ in rows]
            chances = [chance_of(seed, row) for row in rows]
            for piece in write(writing, scores, ids, pieces, chances, how, self._ends):
                yield piece._replace(row=rows[piece.row])

    @torch.inference_mode()
    def score_choices(
        self,
        images: Sequence[Picture | None] | None = None,
        prompts: Sequence[Prompt] | None = None,
        *,
        choices: AnswerSets,
        columns: Rows | None = None,
        window: Window | None = None,
        batch_size: int = 16,
    ) -> list[Scored]:
        """How probable each answer is, for each of N rows; arguments and errors as of `generate`."""
        with self._evaluating():
            return list(self._scored(self._asked(images, prompts, columns), choices, window, batch_size))

    def _scored(
        self, asked: _Asked, choices: AnswerSets, window: Window | None, batch_size: int
    ) -> Iterator[Scored]:
        """Compare answers, some rows at a time."""
        tried: dict[tuple[str, ...], list[Trie]] = {}
        all_sets = answer_sets(choices, len(asked.ids))
        for rows, ids, seen in self._batches(asked, batch_size):
            sets = all_sets[rows.start : rows.stop]
            for one in sets:
                if one not in tried:
                    tried[one] = tries(answer_ids(self._tokenizer, one), sorted(self._ends)[:1])
            tries_of = [tried[one] for one in sets]
            room = max(len(trie.ids) for some in tries_of for trie in some)
            writing, scores = self._begin(ids, seen, room, window, together=room)
            for one, known in zip(sets, answer_logprobs(writing, scores, tries_of), strict=True):
                each = [known[number] for number in range(len(one))]
                yield Scored(one, *zip(*each, strict=True))

    @property
    def _tokenizer(self) -> Tokenizer:
        """The model's tokenizer."""
        if self.processor.tokenizer is None:
            raise ConfigError("the model has no tokenizer yet, so it knows no words; train it first")
        return self.processor.tokenizer

    @property
    def _ends(self) -> frozenset[int]:
        """Tokens that end a text."""
        return ends_of(self._tokenizer, self._writer.lm.config.eos_token_id)

    @property
    def _writer(self) -> Decoder:
        if self.decoder is None:
            raise ConfigError(NO_DECODER)
        return self.decoder

    def _begin(
        self, ids: list[list[int]], seen: Seen | None, more: int, window: Window | None, together: int = 1
    ) -> tuple[Writing, Tensor]:
        """Read prompts, with room for `more` tokens behind them → scores (B, V) of the next token.

        As many as `together` of these may come at once.
        """
        input_ids, pads = side_by_side(ids, self.processor.text.pad_id)
        room = input_ids.shape[1] + more
        looks: Any = self.looks
        writing = Writing(self._writer, looks, seen, len(ids), room, window, together)
        return writing, writing.start(input_ids.to(self.device), pads)

    def _asked(
        self,
        images: Sequence[Picture | None] | None,
        prompts: Sequence[Prompt] | None,
        columns: Rows | None,
    ) -> _Asked:
        """Check what is given, and make token ids of the prompts."""
        start = self._writer.lm.config.bos_token_id
        given = Given.listed(self.processor, images, None, columns)
        parts: dict[str, Sized] = {"prompts": prompts} if prompts is not None else {}
        parts |= {name: part for name, part in given._asdict().items() if part is not None}
        if isinstance(prompts, str):
            raise TypeError(f"prompts is a list; for a single one, write prompts=[{prompts!r}]")
        if not parts:
            raise ValueError("generate needs images, prompts, columns, or several of them")
        same_length(parts)
        count = len(next(iter(parts.values())))
        return _Asked(prompt_ids(self._tokenizer, prompts or [None] * count, start), given)

    def _batches(
        self, asked: _Asked, batch_size: int
    ) -> Iterator[tuple[range, list[list[int]], Seen | None]]:
        """Row numbers, prompts and what is looked at, some rows at a time."""
        count = len(asked.ids)
        for first in range(0, count, batch_size):
            rows = range(first, min(first + batch_size, count))
            part = slice(first, rows.stop)
            yield rows, asked.ids[part], self._look_at(asked.given.some(part))

    @contextmanager
    def _evaluating(self) -> Iterator[None]:
        """Without dropout, and back to the mode before."""
        was_training = self.training
        if was_training:
            self.eval()
        try:
            yield
        finally:
            if was_training:
                self.train()

    def _look_at(self, given: Given) -> Seen | None:
        """What the decoder sees of rows that may all be empty; of rows that are alike, once."""
        if given.empty:
            return None
        different, places = given.alike()
        ((batch, image),) = self._each(different, different.rows())
        seen = self._seen(batch, image)
        if seen is None or different is given:
            return seen
        return seen.rows(torch.tensor(places, device=self.device))


def _refuse_beams(how: Settings) -> None:
    if how.beams > 1:
        raise ValueError(f"beams {how.beams} know their text only at its end; stream with beams=1")


def chance_of(seed: int | None, row: int) -> torch.Generator:
    """The chances of one row, which the rows beside it do not change."""
    chance = torch.Generator()
    if seed is None:
        chance.seed()
    else:
        chance.manual_seed(seed + row)
    return chance
