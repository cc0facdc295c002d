"""Self-attention of a causal decoder: which keys each query may see, and where in the text they stand.

    attend(q, k, v) = softmax(q kᵀ / √d + mask) v        mask 0 where allowed, −∞ elsewhere
    a query that may see nothing                          0
    position p turns the pair (x_2j, x_2j+1) of q and k by the angle p · θ_j   (rotary, Su et al., 2021,
                                                          arXiv:2104.09864, eq. 34, interleaved as GLM has it)

Rotated queries and keys meet in a product that depends on the difference of their positions alone.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

Attend = Callable[[int, Tensor, Tensor, Tensor], Tensor]
"""(number of the layer, q (B, H, T, d), k and v (B, K, T, d), not yet rotated) → (B, H, T, d)."""


def masked_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    allowed: Tensor | None = None,
    dropout: float = 0.0,
    scale: float | None = None,
) -> Tensor:
    """Attention of `query` (B, H, T, d) over `key` (B, K, L, d) and `value` (B, K, L, e) → (B, H, T, e).

    Args:
        query: of H heads, a multiple of K; H / K neighbours share keys and values.
        key: see above.
        value: see above.
        allowed: bool, (B or 1, 1, T or 1, L); None where all is.
        dropout: share of the attention's weights that are dropped.
        scale: in place of 1 / √d.

    >>> ones, allowed = torch.ones(1, 1, 2, 4), torch.tensor([[True, False], [False, False]])
    >>> masked_attention(ones, ones, ones, allowed[None, None])[0, 0, :, 0]
    tensor([1., 0.])
    """
    groups = query.shape[1] // key.shape[1]
    if groups > 1 and query.shape[2] == 1:
        # A single position: the heads that share keys stand side by side as if they were positions.
        side_by_side = query.reshape(len(query), -1, groups, query.shape[3])
        mixed = masked_attention(side_by_side, key, value, allowed, dropout, scale)
        return mixed.reshape(*query.shape[:3], -1)
    if groups > 1:
        key, value = (part.repeat_interleave(groups, dim=1) for part in (key, value))
    if allowed is None:
        return functional.scaled_dot_product_attention(query, key, value, dropout_p=dropout, scale=scale)
    # A softmax over nothing is NaN on some devices: such queries see everything here and are zeroed later.
    empty = ~allowed.any(dim=-1, keepdim=True)
    mask = (allowed | empty).expand(len(query), query.shape[1], query.shape[2], -1)
    mixed = functional.scaled_dot_product_attention(
        query, key, value, attn_mask=mask, dropout_p=dropout, scale=scale
    )
    return mixed.masked_fill(empty, 0.0)


def rotate(states: Tensor, rotation: Tensor) -> Tensor:
    """Turn the first 2 R entries of `states` (…, T, d) by `rotation`, complex (T, R) or (…, T, R).

    >>> quarter = torch.tensor([[1j]])
    >>> rotate(torch.tensor([[1.0, 0.0, 5.0]]), quarter)
    tensor([[0., 1., 5.]])
    """
    turned = 2 * rotation.shape[-1]
    pairs = states if turned == states.shape[-1] else states[..., :turned]
    if states.dtype not in (torch.float32, torch.float64):
        pairs = pairs.float()  # there are no complex numbers of bfloat16
    pairs = pairs.view(*pairs.shape[:-1], rotation.shape[-1], 2)
    if states.shape[-1] % 2:
        pairs = pairs.contiguous()  # a pair must not lie across two numbers of the complex view
    found = torch.view_as_real(torch.view_as_complex(pairs) * rotation).flatten(-2).to(states.dtype)
    return found if turned == states.shape[-1] else torch.cat([found, states[..., turned:]], dim=-1)


class WholeText:
    """Attention within texts that are all there: for training, and for reading without a cache.

    Args:
        allowed: bool (B, 1, T, T).
        rotation: complex (T, R), of each position.
        dropout: as in `masked_attention`.
    """

    def __init__(self, allowed: Tensor, rotation: Tensor, dropout: float = 0.0) -> None:
        self.allowed, self.rotation, self.dropout = allowed, rotation, dropout

    def __call__(self, number: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """See `Attend`."""
        query, key = rotate(query, self.rotation), rotate(key, self.rotation)
        return masked_attention(query, key, value, self.allowed, self.dropout)
