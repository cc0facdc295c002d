"""From scores to the next token: penalties for what was said already, then the best or a draw.

repetition   s ← s / r where s > 0, s · r else, for tokens in the text   (Keskar et al., 2019,
             arXiv:1909.05858, section 4.1)
n-grams      s ← −∞ for a token that would end an n-gram which is in the text
top-k        s ← −∞ below the k-th best
top-p        s ← −∞ outside the fewest best tokens whose probabilities sum to p   (Holtzman et al., 2020,
             arXiv:1904.09751)
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from openautoglm.tasks.generation.generated import Settings


def penalised(scores: Tensor, texts: Sequence[Sequence[int]], settings: Settings) -> Tensor:
    """Lower the scores (B, V) of what the `texts`, prompt and all, hold already.

    >>> scores = torch.tensor([[4.0, -4.0, 1.0]])
    >>> penalised(scores, [[0, 1]], Settings(repetition_penalty=2.0))
    tensor([[ 2., -8.,  1.]])
    >>> penalised(scores, [[1, 0, 1]], Settings(no_repeat_ngram=2))
    tensor([[-inf, -4.,  1.]])
    """
    if settings.repetition_penalty != 1:
        said = torch.zeros_like(scores, dtype=torch.bool)
        for row, text in enumerate(texts):
            said[row, list(text)] = True
        factor = settings.repetition_penalty
        scores = torch.where(said, torch.where(scores < 0, scores * factor, scores / factor), scores)
    if settings.no_repeat_ngram:
        scores = scores.clone()
        for row, text in enumerate(texts):
            scores[row, sorted(_repeating(text, settings.no_repeat_ngram))] = -torch.inf
    return scores


def chosen(scores: Tensor, settings: Settings, chances: Sequence[torch.Generator]) -> Tensor:
    """Take the best token of each row of scores (B, V), or draw one → (B,).

    Args:
        scores: as `penalised` gives them.
        settings: its temperature, top_k and top_p.
        chances: a generator a row, so that a row's draws do not depend on the rows beside it.
    """
    if not settings.temperature:
        return scores.argmax(dim=-1)
    probabilities = drawn_from(scores, settings).softmax(dim=-1).cpu()
    drawn = [
        torch.multinomial(row, 1, generator=chance)
        for row, chance in zip(probabilities, chances, strict=True)
    ]
    return torch.cat(drawn).to(scores.device)


def drawn_from(scores: Tensor, settings: Settings) -> Tensor:
    """Scores (B, V) at the temperature, −∞ for tokens that are not drawn."""
    scores = scores / settings.temperature
    if 0 < settings.top_k < scores.shape[-1]:
        worst = scores.topk(settings.top_k, dim=-1).values[:, -1:]
        scores = scores.masked_fill(scores < worst, -torch.inf)
    if settings.top_p < 1:
        ordered, order = scores.sort(dim=-1, descending=True)
        shares = ordered.softmax(dim=-1)
        # A token stays as long as those before it do not reach the sum: the best always does.
        over = shares.cumsum(dim=-1) - shares >= settings.top_p
        scores = scores.masked_fill(over.gather(-1, order.argsort(dim=-1)), -torch.inf)
    return scores


def _repeating(text: Sequence[int], size: int) -> set[int]:
    """Tokens after which the text would hold an n-gram of this size twice."""
    if len(text) < size:
        return set()
    last = tuple(text[len(text) - size + 1 :])
    starts = range(len(text) - size + 1)
    return {text[at + size - 1] for at in starts if tuple(text[at : at + size - 1]) == last}
