"""How texts become ids; without torch, so that whoever only reads a query need not wait for it.

>>> from openautoglm.encoders.tokenizer import train_bpe
>>> settings = TextSettings(max_length=8, vocab_size=300)
>>> ids, mask = settings.ids(train_bpe(["a red bicycle", "red"], 300), ["red", "a red bicycle"])
>>> ids.shape == mask.shape, (mask[0].sum() < mask[1].sum()).item()
(True, True)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from openautoglm.encoders.tokenizer import PAD_ID


class Ids(NamedTuple):
    """Texts as a tower reads them."""

    ids: NDArray[np.int64]
    """(B, L)"""
    mask: NDArray[np.bool_]
    """(B, L) True for what the tower reads, False for padding that it does not"""


@dataclass(frozen=True)
class TextSettings:
    """How texts become ids."""

    max_length: int
    """Longest text in tokens, end marks included; longer ones lose their end."""
    vocab_size: int
    """Rows of the tower's embedding table, and so the limit of a vocabulary that is still to be trained."""
    lowercase: bool = True
    pad_id: int = PAD_ID
    pad_left: bool = False
    fixed_length: bool = False
    """Pad every text to `max_length`, as SigLIP was trained; otherwise to the longest of the batch."""
    padding_is_text: bool = False
    """The tower was trained to read padding as if it were text, again SigLIP."""

    def ids(self, tokenizer: Tokenizer, texts: Sequence[str]) -> Ids:
        """Cut texts into tokens, side by side."""
        tokenizer.no_padding()
        tokenizer.enable_truncation(self.max_length)
        rows = [row.ids for row in tokenizer.encode_batch(list(texts))]
        tokenizer.no_truncation()  # a use leaves it as it was: its content is part of the fingerprint
        length = self.max_length if self.fixed_length else max((len(row) for row in rows), default=0)
        ids = np.full((len(rows), length), self.pad_id, np.int64)
        mask = np.zeros((len(rows), length), bool)
        for number, row in enumerate(rows):
            place = slice(length - len(row), length) if self.pad_left else slice(0, len(row))
            ids[number, place] = row
            mask[number, place] = True
        return Ids(ids, np.ones_like(mask) if self.padding_is_text else mask)
