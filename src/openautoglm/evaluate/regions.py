"""Which parts of a picture the decoder looked at while it wrote a text.

    share of a patch = mean over looking layers, heads and the text's tokens of its attention

The text is read once more as it was written. Attention says where the decoder looked, which is a hint and no
proof of what the text rests on; `explain` weighs parts by hiding them, for predictions and matches.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from openautoglm.context.seen import Seen
from openautoglm.encoders.processor import Framed
from openautoglm.model import OpenAutoGLM

BLANK = 8
"""Levels of 255 within which all pixels of a picture are that shows nothing."""


@torch.inference_mode()
def regions(
    model: OpenAutoGLM,
    picture: Framed,
    prompt: Sequence[int],
    written: Sequence[int],
    columns: Mapping[str, Any] | None = None,
) -> NDArray[np.float32] | None:
    """Shares (G, G) of the picture's patches, from its top row; None for a tower whose tokens are no grid.

    Args:
        model: that wrote the text.
        picture: as it was seen.
        prompt: token ids in front of the text.
        written: those of the text, end mark included.
        columns: what the model read of the row's columns.
    """
    assert model.decoder is not None, "it wrote the text"
    was_training = model.training
    model.eval()
    try:
        batch = model.processor.batch([picture], columns=None if columns is None else [dict(columns)])
        batch = batch.to(model.device)
        seen = model.look_at(batch)
        assert seen is not None, "there is a picture"
        assert batch.pixel_values is not None, "the same"
        patches = model.vision(batch.pixel_values).tokens.shape[1]  # columns stand behind them
        ids = torch.tensor([[*prompt, *written]], device=model.device)
        shares = _shares(model, ids, seen, slice(len(prompt) - 1, ids.shape[1] - 1))
    finally:
        model.train(was_training)
    side = math.isqrt(patches)
    if patches - side * side not in (0, 1):
        return None
    # A tower may have one token for the whole picture, in front of the patches.
    grid: NDArray[np.float32] = shares[patches - side * side : patches].reshape(side, side).cpu().numpy()
    return grid


def _shares(model: OpenAutoGLM, ids: Tensor, seen: Seen, places: slice) -> Tensor:
    """Mean attention (L,) of the positions `places` over all looking layers and heads."""
    found: list[Tensor] = []

    def look(number: int, hidden: Tensor) -> Tensor:
        block = model.looks[number]
        weights = block.weights(hidden[:, places], seen.tokens, seen.mask)  # type: ignore[operator]
        found.append(weights[0].mean(dim=(0, 1)))
        looked: Tensor = block(hidden, seen.tokens, seen.mask)
        return looked

    assert model.decoder is not None
    model.decoder.decode(ids, torch.ones_like(ids, dtype=torch.bool), look)
    return torch.stack(found).mean(dim=0).float()


def told(grid: NDArray[np.float32]) -> str:
    """Where the strongest patch lies, in words.

    >>> told(np.array([[0, 0, 0], [0, 0, 0], [0.1, 0, 0.9]], np.float32))
    'bottom right'
    """
    row, column = np.unravel_index(int(grid.argmax()), grid.shape)
    size = len(grid)
    down, across = (3 * (2 * int(place) + 1) // (2 * size) for place in (row, column))
    return f"{('top', '', 'bottom')[down]} {('left', '', 'right')[across]}".strip() or "middle"


def is_blank(picture: Framed) -> bool:
    """Whether a picture is of one colour, so that nothing can be seen in it."""
    pixels = np.asarray(picture.rgba.convert("RGBA"), np.float32)
    alpha = pixels[..., 3:] / 255
    flat = pixels[..., :3] * alpha + 255 * (1 - alpha)
    return bool((np.ptp(flat, axis=(0, 1)) <= BLANK).all())
