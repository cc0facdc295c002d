"""What a decoder looks at while it writes: a picture's tokens and then those of the columns, either absent.

>>> import torch
>>> image = Encoded(torch.ones(1, 4, 8), torch.ones(1, 8), torch.ones(1, 4, dtype=torch.bool))
>>> seen = Seen.joined((image, torch.tensor([False, True])), (None, torch.tensor([False, False])))
>>> seen.tokens.shape, seen.mask.sum(dim=1).tolist()
(torch.Size([2, 4, 8]), [0, 4])
"""

from __future__ import annotations

from typing import NamedTuple, Self

import torch
from torch import Tensor

from openautoglm.encoders.batch import spread
from openautoglm.encoders.encoded import Encoded


class Seen(NamedTuple):
    """Tokens of B rows, side by side."""

    tokens: Tensor
    """(B, L, d) in the width of the vision tower."""
    mask: Tensor
    """(B, L) bool, True for a real token; a row may have none."""

    def rows(self, index: Tensor) -> Self:
        """Some of the rows, each as often as its position is in `index`."""
        return type(self)(self.tokens[index], self.mask[index])

    @classmethod
    def joined(cls, *parts: tuple[Encoded | None, Tensor]) -> Self | None:
        """Put modalities behind each other, each given on the rows (B, bool) that have it.

        None when there is none at all.
        """
        found = [
            (spread(one.tokens, there), spread(one.mask, there)) for one, there in parts if one is not None
        ]
        if not found:
            return None
        tokens, masks = zip(*found, strict=True)
        return cls(torch.cat(tokens, dim=1), torch.cat(masks, dim=1))
