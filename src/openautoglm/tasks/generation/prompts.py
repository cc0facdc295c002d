"""Prompts to token ids, and which tokens end a text.

A model learned texts between marks, `<s> a red bicycle </s>` with a tokenizer of ours. A prompt is such a
text without what stands behind it, so that the model goes on; no prompt is the marks in front alone. Shorter
prompts of a batch are padded on the left, so that all are continued at the same place.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import torch
from tokenizers import Tokenizer
from torch import Tensor

Prompt = str | Sequence[int] | None
"""A text, token ids that are taken as they are, or nothing."""


class Marks(NamedTuple):
    """What a tokenizer puts around a text."""

    before: tuple[int, ...]
    after: tuple[int, ...]


def marks_of(tokenizer: Tokenizer) -> Marks:
    """Look at what the tokenizer makes of a letter.

    >>> from openautoglm.encoders.tokenizer import train_bpe
    >>> marks_of(train_bpe(["golden ginkgo"], 300))
    Marks(before=(1,), after=(2,))
    """
    bare, whole = plain_ids(tokenizer, "a"), tokenizer.encode("a").ids
    start = next(at for at in range(len(whole)) if whole[at : at + len(bare)] == bare)
    return Marks(tuple(whole[:start]), tuple(whole[start + len(bare) :]))


def plain_ids(tokenizer: Tokenizer, text: str) -> list[int]:
    """The tokens of a text, whole and without marks."""
    tokenizer.no_padding()
    tokenizer.no_truncation()
    ids: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
    return ids


def prompt_ids(tokenizer: Tokenizer, prompts: Sequence[Prompt], start: int | None) -> list[list[int]]:
    """Token ids of each prompt, at least one.

    Args:
        tokenizer: of the model.
        prompts: see `Prompt`.
        start: what a text begins with when the tokenizer puts nothing in front and nothing is given.

    Raises:
        ValueError: for a prompt of no token.
    """
    before = marks_of(tokenizer).before
    found: list[list[int]] = []
    for row, prompt in enumerate(prompts):
        if prompt is None or isinstance(prompt, str):
            ids = [*before, *plain_ids(tokenizer, prompt or "")]
        else:
            ids = [int(token) for token in prompt]
        if not ids and start is not None:
            ids = [start]
        if not ids:
            raise ValueError(
                f"prompt {row} has no token, and the model's tokenizer puts none in front; give it some words"
            )
        found.append(ids)
    return found


def ends_of(tokenizer: Tokenizer, known: int | Sequence[int] | None) -> frozenset[int]:
    """Tokens that end a text: the decoder's own, and what the tokenizer puts behind a text."""
    own: Collection[int] = () if known is None else (known,) if isinstance(known, int) else known
    return frozenset(own) | frozenset(marks_of(tokenizer).after[:1])


def side_by_side(prompts: Sequence[Sequence[int]], fill: int) -> tuple[Tensor, list[int]]:
    """`input_ids` (B, L), padded on the left by `fill`, and how much of each row is padding.

    >>> side_by_side([[5], [6, 7]], fill=0)
    (tensor([[0, 5],
            [6, 7]]), [1, 0])
    """
    length = max(map(len, prompts))
    ids = torch.tensor([[fill] * (length - len(prompt)) + list(prompt) for prompt in prompts])
    return ids, [length - len(prompt) for prompt in prompts]
