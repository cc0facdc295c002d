"""Hard negatives: for each pair of a batch, a wrong text for its image and a wrong image for its text.

Drawn in proportion to how alike the contrastive loss holds them to be, so the wrong partner is mostly one
that is hard to tell from the right one, and not always the same:

    P(text j | image i) ∝ exp(scale · image_i · text_j)         over j unrelated to i
    P(image i | text j) ∝ exp(scale · image_i · text_j)         over i unrelated to j

Related rows (same caption, id or group, `keys.py`) and the row itself are never drawn. A row to which all
others are related has no negative and is left out: of a batch of one pair nothing remains.

Source: Li et al., 2021, ALBEF, arXiv:2107.07651, section 3.2. Drawing is by the Gumbel-max trick, a strip of
rows at a time, so that memory does not grow with B².
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from openautoglm.align.keys import check_keys, related


class HardNegatives(NamedTuple):
    """Positions in the batch, of n ≤ B rows."""

    rows: Tensor
    """(n,) the rows that have a negative, in their order."""
    texts: Tensor
    """(n,) for each of them the row of a wrong text for its image."""
    images: Tensor
    """(n,) for each of them the row of a wrong image for its text."""


@torch.no_grad()
def hard_negatives(
    image_embeds: Tensor,
    text_embeds: Tensor,
    scale: Tensor | float,
    keys: Tensor | None = None,
    *,
    generator: torch.Generator | None = None,
    strip_rows: int = 1024,
) -> HardNegatives:
    """Draw the negatives of B pairs.

    Args:
        image_embeds: (B, D) unit vectors.
        text_embeds: (B, D) unit vectors, row i belonging to image i.
        scale: the inverse of the temperature; 0 draws evenly.
        keys: (B, K) of the rows.
        generator: of the random numbers; torch's own without one.
        strip_rows: rows of similarities that exist at a time.

    >>> drawn = hard_negatives(torch.eye(3), torch.eye(3), 1.0, torch.tensor([[7], [7], [8]]))
    >>> drawn.rows.tolist(), drawn.texts[:2].tolist(), drawn.images[:2].tolist()
    ([0, 1, 2], [2, 2], [2, 2])
    >>> len(hard_negatives(torch.eye(1), torch.eye(1), 1.0).rows)
    0
    """
    if image_embeds.ndim != 2 or image_embeds.shape != text_embeds.shape:
        raise ValueError(
            f"image_embeds {tuple(image_embeds.shape)} and text_embeds {tuple(text_embeds.shape)} "
            "must both be (B, D): row i of one belongs to row i of the other"
        )
    if keys is not None:
        check_keys(keys, len(image_embeds))
    found: list[list[Tensor]] = [[], []]
    some = []
    for start in range(0, len(image_embeds), strip_rows):
        part = slice(start, start + strip_rows)
        rows = len(image_embeds[part])
        barred = torch.zeros(rows, len(image_embeds), dtype=torch.bool, device=image_embeds.device)
        if keys is not None:
            barred |= related(keys[part], keys)
        barred.diagonal(start).fill_(True)
        some.append(~barred.all(dim=1))
        for drawn, own, other in zip(
            found, (image_embeds, text_embeds), (text_embeds, image_embeds), strict=True
        ):
            scores = (scale * own[part] @ other.t()).masked_fill(barred, -torch.inf)
            dice = torch.empty_like(scores).exponential_(generator=generator)
            drawn.append((scores - dice.log()).argmax(dim=1))
    if not some:
        nothing = torch.zeros(0, dtype=torch.long, device=image_embeds.device)
        return HardNegatives(nothing, nothing, nothing)
    kept = torch.cat(some)
    texts, images = (torch.cat(drawn)[kept] for drawn in found)
    return HardNegatives(kept.nonzero().squeeze(1), texts, images)
