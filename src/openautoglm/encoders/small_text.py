"""A small text tower that reads a caption as a bag of subwords and neighbouring pairs.

    tokens    e_i = token(t_i) + pair(hash(t_{i-1}, t_i))               (B, L, d)
    bag       norm(Σ_i w_i e_i / Σ_i w_i),  w_i = exp(weight(t_i))      (B, d)
    pooled    bag + mlp(bag)                                            (B, d)

Captions of pictures are short, and which words stand in them says nearly all. Pairs keep what order
matters (`red heart on` and `heart on red`) without a sequence model, and, with byte-level subwords,
serve Chinese as well as English.

Pair features by hashing: Weinberger et al., 2009, arXiv:0902.2206.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from openautoglm.encoders.encoded import Encoded


class SmallText(nn.Module):
    """Text tower over subword ids.

    Args:
        vocab_size: number of subwords.
        dim: size of a subword's and of the pooled vector.
        pairs: rows of the table into which neighbouring pairs are hashed.
        dropout: share of a caption's subwords that are left out, while training.

    >>> tower = SmallText(vocab_size=100, dim=8, pairs=16)
    >>> ids = torch.tensor([[5, 6, 0]])
    >>> tower(ids, torch.tensor([[1, 1, 0]])).pooled.shape
    torch.Size([1, 8])
    """

    def __init__(self, vocab_size: int, dim: int = 256, pairs: int = 16384, dropout: float = 0.1) -> None:
        super().__init__()
        self.dim = dim
        self.pairs = pairs
        self.dropout = dropout
        self.token = nn.Embedding(vocab_size, dim)
        self.pair = nn.Embedding(pairs, dim)
        self.weight = nn.Embedding(vocab_size, 1)
        for table in (self.token, self.pair):
            # Small against a step of the optimiser, so that the start is soon forgotten.
            nn.init.normal_(table.weight, std=0.05)
        nn.init.zeros_(self.weight.weight)
        self.norm = nn.LayerNorm(dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Encoded:
        """Encode (B, L) ids; where `attention_mask` (B, L) is 0 there is no token."""
        mask = attention_mask.bool()
        found = self.token(input_ids) + self._pairs(input_ids)
        weight = self.weight(input_ids).squeeze(-1)
        kept = mask
        if self.training and self.dropout:
            kept = mask & (torch.rand(mask.shape, device=mask.device) >= self.dropout)
            # A caption must not become empty.
            kept = torch.where(kept.any(1, keepdim=True), kept, mask)
        share = weight.masked_fill(~kept, -torch.inf).softmax(1)
        bag = self.norm((share.unsqueeze(1) @ found).squeeze(1))
        return Encoded(found, bag + self.mlp(bag), mask)

    def _pairs(self, ids: Tensor) -> Tensor:
        """(B, L, d) vector of each token with the one before it; the first has a place of its own."""
        before = torch.cat([torch.full_like(ids[:, :1], -1), ids[:, :-1]], dim=1)
        # Multiplication by an odd constant spreads neighbouring ids over the table.
        rows = (before * 1000003 + ids) * 2654435761 % self.pairs
        return self.pair(rows)
