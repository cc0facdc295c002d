"""The matching head: a few layers in which a caption's tokens look at a picture's, then yes or no.

Choose it where the cosine of two single vectors is too coarse: whether *this* picture and *this* caption
belong together can hang on a detail that neither vector kept. It costs a pass of the layers for each pair,
so it answers about pairs, or orders the best few of a search, and searches nothing itself.

    x      = [W_t t; text tokens]     c = [W_v v; image tokens]        t, v: vectors of the joint space
    layer    x ← x + tanh(gate) · attend(norm(x), norm(c))             every token looks at the picture
             x ← x + attend(norm(x), norm(x))                          and at the caption's other tokens
             x ← x + mlp(norm(x))                                      (at last of the first token alone)
    logit  = w · norm(x_first) + √D · u · (t ∘ v) + b                  P(they belong together) = σ(logit)

    loss   = ½ · mean softplus(−logit of right pairs) + ½ · mean softplus(logit of wrong pairs)

Each right pair stands beside two wrong ones, its image with a wrong text and its text with a wrong image,
drawn by `align/hard_negatives.py`. u starts at 1, so the head starts from the cosine and learns what is
to be corrected.

Source: Li et al., 2021, ALBEF, arXiv:2107.07651, sections 3.1 and 3.2. There right pairs weigh half as much
as wrong ones; here the same, so that ½ is where yes and no are equally likely among as many of either kind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Self, cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from openautoglm.align.cross_attention import CrossAttention, CrossAttentionBlock
from openautoglm.align.hard_negatives import hard_negatives
from openautoglm.encoders.batch import Batch, spread
from openautoglm.encoders.encoded import Encoded

HEAD_DIM = 64
DROPOUT = 0.1
PAIRS_AT_ONCE = 512
"""Pairs whose inner values exist at a time in training; of more, backward makes each part again."""


NO_MATCHER = (
    "this model has no matching head; give its configuration a text_encoder, no text_decoder, and "
    "cross_attention_layers of 1 or more, and train it"
)


class Side(NamedTuple):
    """One modality of n rows, as the head sees it."""

    embeds: Tensor
    """(n, D) unit vectors of the joint space."""
    tokens: Tensor
    """(n, L, d) as the tower gave them."""
    mask: Tensor
    """(n, L) bool, True for a real token."""

    def rows(self, index: Tensor | slice) -> Side:
        """Some of the rows."""
        return Side(*(part[index] for part in self))

    @classmethod
    def joined(cls, sides: Sequence[Self]) -> Self:
        """Rows of several batches, whose texts may have been padded to different lengths."""
        longest = max(side.mask.shape[1] for side in sides)
        parts = [
            (
                side.embeds,
                functional.pad(side.tokens, (0, 0, 0, longest - side.mask.shape[1])),
                functional.pad(side.mask, (0, longest - side.mask.shape[1])),
            )
            for side in sides
        ]
        return cls(*(torch.cat(part) for part in zip(*parts, strict=True)))


class MatchHead(nn.Module):
    """Layers and the answer.

    Args:
        layers: how many, at least 1.
        embed_dim: length D of a vector of the joint space.
        text_dim: width of the text tower's tokens, and of the layers.
        image_dim: width of the picture tower's tokens.

    >>> head = MatchHead(layers=1, embed_dim=4, text_dim=8, image_dim=6)
    >>> image = Side(torch.randn(2, 4), torch.randn(2, 9, 6), torch.ones(2, 9, dtype=torch.bool))
    >>> text = Side(torch.randn(2, 4), torch.randn(2, 5, 8), torch.ones(2, 5, dtype=torch.bool))
    >>> head(image, text).shape
    torch.Size([2])
    """

    def __init__(self, layers: int, embed_dim: int, text_dim: int, image_dim: int) -> None:
        super().__init__()
        self.first_text = nn.Linear(embed_dim, text_dim)
        self.first_image = nn.Linear(embed_dim, image_dim)
        self.layers = nn.ModuleList(Layer(text_dim, image_dim) for _ in range(layers))
        self.norm = nn.LayerNorm(text_dim)
        self.answer = nn.Linear(text_dim, 1)
        self.agreement = nn.Parameter(torch.ones(embed_dim))

    def forward(self, image: Side, text: Side) -> Tensor:
        """Logits (n,) of n pairs, row i of one side with row i of the other."""
        x, real = _with_first(text, self.first_text)
        seen, there = _with_first(image, self.first_image)
        for number, layer in enumerate(self.layers, start=1):
            x = layer(x, real, seen, there, first_only=number == len(self.layers))
        # Entries of unit vectors are of the size 1/√D; the factor makes the product's as large as others.
        shared = image.embeds.to(x.dtype) * text.embeds.to(x.dtype) * len(self.agreement) ** 0.5
        return cast("Tensor", self.answer(self.norm(x[:, 0]))).squeeze(1) + shared @ self.agreement

    def losses(
        self,
        image_embeds: Tensor,
        text_embeds: Tensor,
        tokens: Sequence[Tensor],
        scale: Tensor | float,
        keys: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """`matching` of B pairs, among which the wrong ones are drawn; empty where no two are unrelated.

        Args:
            image_embeds: (B, D) of the pairs.
            text_embeds: (B, D), row i belonging to image i.
            tokens: as `tokens_of_pairs` gives them, B rows each.
            scale: inverse temperature of the draw.
            keys: (B, K); rows that agree in one are never each other's wrong partner.
        """
        rows, texts, images = hard_negatives(image_embeds, text_embeds, scale, keys)
        if not len(rows):
            return {}
        image, text = Side(image_embeds, *tokens[:2]), Side(text_embeds, *tokens[2:])
        logits = self._of(image, text, torch.cat([rows, rows, images]), torch.cat([rows, texts, rows]))
        right, wrong = logits[: len(rows)], logits[len(rows) :]
        return {"matching": (functional.softplus(-right).mean() + functional.softplus(wrong).mean()) / 2}

    def _of(self, image: Side, text: Side, images: Tensor, texts: Tensor) -> Tensor:
        """Logits of the pairs (images[i], texts[i])."""

        def part(images: Tensor, texts: Tensor) -> Tensor:
            return self(image.rows(images), text.rows(texts))

        if len(images) <= PAIRS_AT_ONCE:
            return part(images, texts)
        parts = zip(images.split(PAIRS_AT_ONCE), texts.split(PAIRS_AT_ONCE), strict=True)
        return torch.cat([cast("Tensor", checkpoint(part, *pair, use_reentrant=False)) for pair in parts])

    def probabilities(
        self, image: Side, text: Side, pairs: Sequence[tuple[int, int]], batch_size: int
    ) -> Tensor:
        """P(they belong together) (N,) float32 of `pairs`: a row of `image`, and one of `text`."""
        wanted = torch.tensor(pairs, dtype=torch.long, device=image.mask.device).reshape(-1, 2)
        was_training = self.training
        self.eval()
        parts = [
            self(image.rows(some[:, 0]), text.rows(some[:, 1])).float().sigmoid()
            for some in wanted.split(batch_size)
        ]
        self.train(was_training)
        return torch.cat(parts)


class Layer(nn.Module):
    """Text tokens look at the picture's, then at each other, then each for itself."""

    def __init__(self, dim: int, image_dim: int) -> None:
        super().__init__()
        shape = {"heads": max(1, dim // HEAD_DIM), "head_dim": min(HEAD_DIM, dim)}
        self.look = CrossAttentionBlock(dim, context_dim=image_dim, dropout=DROPOUT, **shape)
        # The gate starts closed to spare a pretrained tower; a fresh stack has nothing to be spared.
        nn.init.ones_(self.look.gate)
        self.token_norm = nn.LayerNorm(dim)
        self.attend = CrossAttention(dim, dropout=DROPOUT, **shape)
        self.mlp = nn.Sequential(
            nn.LayerNorm(dim),
            nn.Linear(dim, 2 * dim),
            nn.GELU(),
            nn.Dropout(DROPOUT),
            nn.Linear(2 * dim, dim),
        )

    def forward(self, x: Tensor, real: Tensor, seen: Tensor, there: Tensor, *, first_only: bool) -> Tensor:
        """(n, 1 + L, d) → the same, or (n, 1, d) where only the first token is wanted."""
        x = self.look(x, seen, there)
        own = x[:, :1] if first_only else x
        own = own + self.attend(self.token_norm(own), self.token_norm(x), real)
        return cast("Tensor", own + self.mlp(own))


def _with_first(side: Side, into: nn.Linear) -> tuple[Tensor, Tensor]:
    """Tokens (n, 1 + L, d) with the row's own vector first, and their mask (n, 1 + L)."""
    # `where`, not `*`: what stands in padding, even NaN, must reach neither the result nor a gradient.
    tokens = torch.where(side.mask.unsqueeze(-1), side.tokens.to(into.weight.dtype), 0.0)
    first = into(side.embeds.to(into.weight.dtype)).unsqueeze(1)
    return torch.cat([first, tokens], dim=1), functional.pad(side.mask, (1, 0), value=True)


def tokens_of_pairs(encoded: Mapping[str, Encoded | None], batch: Batch) -> list[Tensor]:
    """Image tokens, image mask, text tokens, text mask, of all rows of the batch; 0 where one is absent."""
    return [
        spread(part, batch.has(name))
        for name in ("image", "text")
        if (one := encoded[name]) is not None
        for part in (one.tokens, one.mask)
    ]


def checked_pairs(
    pairs: Sequence[tuple[int, int]] | None, images: int, texts: int
) -> Sequence[tuple[int, int]]:
    """Return `pairs`, or, without any, row by row.

    Raises:
        ValueError: if they point beyond the lists, or the lists of rows differ in length.
    """
    if pairs is None:
        if images != texts:
            raise ValueError(f"{images} images and {texts} texts are not rows of pairs; say which by `pairs`")
        return [(row, row) for row in range(images)]
    for image, text in pairs:
        if not (0 <= image < images and 0 <= text < texts):
            raise ValueError(f"pair ({image}, {text}) points beyond {images} images and {texts} texts")
    return pairs
