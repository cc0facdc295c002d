"""Captioning: write the text that belongs to a picture, token by token.

Choose it where words are wanted that nobody wrote, instead of the best of those that are there.

    loss = mean over real tokens of −log P(token i + 1 | the tokens up to i, image)

The true tokens are given (teacher forcing).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional


def captioning_loss(
    hidden: Tensor, input_ids: Tensor, attention_mask: Tensor, logits: Callable[[Tensor], Tensor]
) -> Tensor:
    """Cross-entropy of each next token.

    Args:
        hidden: (B, L, d) states of a causal decoder that has seen the images.
        input_ids: (B, L).
        attention_mask: (B, L), 0 at padding.
        logits: states (n, d) → scores (n, V) of the next token.

    >>> ids, mask = torch.tensor([[1, 2, 0]]), torch.tensor([[1, 1, 0]])
    >>> captioning_loss(torch.zeros(1, 3, 4), ids, mask, lambda states: states).exp()  # one token of four
    tensor(4.)
    """
    after_real = torch.zeros_like(attention_mask, dtype=torch.bool)
    after_real[:, 1:] = (attention_mask[:, 1:] & attention_mask[:, :-1]).bool()
    return next_token_loss(hidden, input_ids, after_real, logits)


def next_token_loss(
    hidden: Tensor, input_ids: Tensor, learned: Tensor, logits: Callable[[Tensor], Tensor]
) -> Tensor:
    """Mean cross-entropy of the tokens that are `learned` (B, L, bool), each from the state before it."""
    # Only these: the scores of a whole vocabulary are the largest tensor here.
    wanted = learned[:, 1:]
    return functional.cross_entropy(logits(hidden[:, :-1][wanted]), input_ids[:, 1:][wanted])
