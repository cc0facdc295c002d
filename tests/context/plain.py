"""What a decoder computes without a cache, plainly: the reference of cache and window."""

from __future__ import annotations

import torch
from torch import Tensor

from openautoglm.context.window import Window
from openautoglm.encoders.attention import rotate
from openautoglm.encoders.decoder import Decoder, Look


def plain_attention(query: Tensor, key: Tensor, value: Tensor, allowed: Tensor) -> Tensor:
    """One softmax with −∞ where nothing is allowed; 0 for a query that sees nothing."""
    groups = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
    scores = (query @ key.mT / query.shape[-1] ** 0.5).masked_fill(~allowed, -torch.inf)
    return scores.softmax(-1).nan_to_num(0.0) @ value


class PlainWindow:
    """Each token of one text by itself: what it sees is numbered from 0."""

    def __init__(self, rotations: Tensor, window: Window) -> None:
        self.rotations, self.window = rotations, window

    def __call__(self, number: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        found = []
        for token in range(query.shape[2]):
            seen = list(range(token + 1))
            if len(seen) > self.window.seen:
                seen = seen[: self.window.sinks] + seen[-self.window.size :]
            turns = self.rotations[: len(seen)]
            mine = rotate(query[:, :, token : token + 1], turns[-1:])
            everything = torch.ones(1, len(seen), dtype=torch.bool)
            found.append(plain_attention(mine, rotate(key[:, :, seen], turns), value[:, :, seen], everything))
        return torch.cat(found, dim=2)


def plain_scores(decoder: Decoder, ids: Tensor, look: Look | None, window: Window | None = None) -> Tensor:
    """Scores (T, V) after each token of one text (T,), all computed anew."""
    if window is None:
        hidden = decoder.decode(ids[None], torch.ones(1, len(ids), dtype=torch.bool), look)
    else:
        attend = PlainWindow(decoder.rotations(window.seen), window)
        hidden = decoder.normed(decoder.run(ids[None], attend, look))
    return decoder.logits(hidden)[0]
