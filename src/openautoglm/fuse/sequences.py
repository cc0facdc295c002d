"""The tokens of each modality as strategies read them: clean, with the pooled vector in front.

    s_m = [h_m; t_m1 … t_mL]        (B, 1 + L_m, d), real where the row has m and the mask is True

The pooled vector takes part because towers put into it what no token says (a maximum, a trained first
token). A modality without tokens is its pooled vector alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from openautoglm.fuse.fused import Tokens


def sequences(pooled: Tensor, present: Tensor, tokens: Sequence[Tokens | None] | None) -> list[Tokens]:
    """Join `pooled` (B, M, d), 0 where absent, with `tokens` → per modality (B, 1 + L_m, d) and its mask.

    Whatever is not real is 0: even NaN in padding or in an absent row reaches neither result nor gradient.

    >>> ones = torch.ones(1, 2, 4)
    >>> [mask.shape[1] for _, mask in sequences(ones, ones[..., 0] > 0, [None, (ones, ones[..., 0] > 0)])]
    [1, 3]
    """
    found = []
    for number, given in enumerate(tokens if tokens is not None else [None] * present.shape[1]):
        own, here = pooled[:, number : number + 1], present[:, number : number + 1]
        if given is None:
            found.append((own, here))
            continue
        rest, mask = given
        if rest.shape != (*mask.shape, pooled.shape[-1]) or len(rest) != len(pooled) or mask.dim() != 2:
            raise ValueError(
                f"tokens of modality {number} are {tuple(rest.shape)}, their mask {tuple(mask.shape)}; "
                f"expected (B, L, d) and (B, L) with B = {len(pooled)} and d = {pooled.shape[-1]}"
            )
        real = mask.bool() & here
        rest = torch.where(real.unsqueeze(-1), rest.to(pooled.dtype), 0.0)
        found.append((torch.cat([own, rest], dim=1), torch.cat([here, real], dim=1)))
    return found
