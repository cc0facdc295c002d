"""What every contrastive loss does first: check that it got pairs, and leave half precision."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from openautoglm.align.keys import check_keys


@contextmanager
def full_precision(
    image_embeds: Tensor, text_embeds: Tensor, keys: Tensor | None
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the pairs in float32 (float64 stays), with autocast switched off inside.

    At a scale of 100 bfloat16 would move a logit by ±0.2: more than many pairs differ by.

    Raises:
        ValueError: if the arguments are not pairs of rows, saying which is wrong.
    """
    if image_embeds.ndim != 2 or image_embeds.shape != text_embeds.shape:
        raise ValueError(
            f"image_embeds {tuple(image_embeds.shape)} and text_embeds {tuple(text_embeds.shape)} "
            "must both be (B, D): row i of one belongs to row i of the other"
        )
    if len(image_embeds) == 0:
        raise ValueError("the batch has no row with both an image and a text, so there is nothing to align")
    if keys is not None:
        check_keys(keys, len(image_embeds))
    precision = torch.promote_types(image_embeds.dtype, torch.float32)
    with torch.autocast(image_embeds.device.type, enabled=False):
        yield image_embeds.to(precision), text_embeds.to(precision)
