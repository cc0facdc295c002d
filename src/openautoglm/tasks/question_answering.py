"""Question answering: read a question, look at the picture, write the answer.

Choose it where what people want to know of a picture is not the same for all pictures; for one fixed question
a target (`tasks/classification.py`) is the better tool.

    tokens  <s> question ⏎ answer </s>        the line end says that the answer begins
    loss = mean over the answer's tokens, its end mark included, of −log P(token | image, question, so far)

The question is given and not learned, as Flamingo (Alayrac et al., 2022, arXiv:2204.14198, sec. 3.2) and BLIP
(Li et al., 2022, arXiv:2201.12086, sec. 5.3) do; the image comes in through the decoder's gated
cross-attention. Questions are asked in one form, whatever their case and spacing are, and with or without
a question mark: a small model would take another form for another question.

>>> asked("  What COLOUR is it"), asked("图里有什么？")
('what colour is it?\\n', '图里有什么?\\n')
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from tokenizers import Tokenizer
from torch import Tensor

from openautoglm.tasks.captioning import next_token_loss

END_OF_QUESTION = "\n"


class Lines(NamedTuple):
    """N questions, each followed by its answer."""

    input_ids: Tensor
    """(N, L) int64."""
    attention_mask: Tensor
    """(N, L) bool, False at padding."""
    learned: Tensor
    """(N, L) bool, True at the tokens that are to be written: the answer's, and its end mark."""


def asked(question: str) -> str:
    """The question as the model reads it: what its answer follows."""
    plain = " ".join(unicodedata.normalize("NFKC", question).casefold().split()).rstrip("? ")
    return f"{plain}?{END_OF_QUESTION}"


def lines(
    tokenizer: Tokenizer, questions: Sequence[str], answers: Sequence[str], *, end: int, pad: int, most: int
) -> Lines:
    """Lay out questions and answers side by side, padded at the end.

    Args:
        tokenizer: the decoder's.
        questions: as they were asked.
        answers: as many.
        end: id of the mark that ends a text.
        pad: id at padding.
        most: tokens that a line may have; of a longer one the question loses its end, then the answer.
    """
    tokenizer.no_padding()
    tokenizer.no_truncation()
    given = tokenizer.encode_batch([asked(one) for one in questions])
    written = tokenizer.encode_batch(list(answers), add_special_tokens=False)
    rows = []
    for question, answer in zip(given, written, strict=True):
        prompt = question.ids[:-1] if question.ids[-1] == end else question.ids
        after = answer.ids[: most // 2] + [end]
        if (over := len(prompt) + len(after) - most) > 0:
            prompt = prompt[: -1 - over] + prompt[-1:]
        rows.append((prompt, after))
    shape = (len(rows), max((len(one) + len(after) for one, after in rows), default=0))
    ids = torch.full(shape, pad)
    mask, learned = torch.zeros(shape, dtype=torch.bool), torch.zeros(shape, dtype=torch.bool)
    for number, (prompt, after) in enumerate(rows):
        length = len(prompt) + len(after)
        ids[number, :length] = torch.tensor(prompt + after)
        mask[number, :length] = True
        learned[number, len(prompt) : length] = True
    return Lines(ids, mask, learned)


def answering_loss(hidden: Tensor, given: Lines, logits: Callable[[Tensor], Tensor]) -> Tensor:
    """Cross-entropy of the answers' tokens.

    Args:
        hidden: (N, L, d) states of a causal decoder that has seen the images.
        given: the questions and answers that it read.
        logits: states (n, d) → scores (n, V) of the next token.
    """
    return next_token_loss(hidden, given.input_ids, given.learned, logits)
