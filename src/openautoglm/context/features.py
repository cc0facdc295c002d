"""Context-aware features: every word with what it sees in the picture.

Choose them where a word means what the picture shows ("the left one", "this colour"), and a text's own
vector cannot know it. Where the two need only be compared, their own vectors do it, without running
anything for each pair.

    a_t = softmax(Q_t Kᵀ / √d_head) V        Q = W_q text, K = W_k image, V = W_v image      (B, T, d)
    c_t = LayerNorm(W [text_t; a_t] + b)                                                     (B, T, d)
    c   = mean of c_t over real words                                                        (B, d)

`alignment` teaches them contrastively. The features of a row have seen its picture, so comparing c_i with
picture i says nothing: a copy of the picture would do. Therefore text i looks at *each* picture j of the
batch, and has to tell by its words which one it belongs to:

    s_ij = scale · cos(c(text_i, image_j), image_j)
    loss = ½ · mean_i CE(s_i·, i) + ½ · mean_j CE(s_·j, j)

That makes B² pairs of T words and L patches, so batches are small here, or parts of larger ones.

Source: the description in `system.md`, §4; words that look at every picture of the batch are stacked
cross-attention (Lee et al., 2018, SCAN, arXiv:1803.08024), whose score compares with the words instead.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from openautoglm.align.cross_attention import CrossAttention
from openautoglm.align.keys import related
from openautoglm.encoders.encoded import Encoded, mean_of_real


class ContextFeatures(nn.Module):
    """Text tokens joined with what they see of an image.

    Args:
        dim: width d of the text tokens and of the features.
        heads: number of heads, a divisor of `dim`.
        context_dim: width of the image tokens, `dim` unless given.

    >>> features = ContextFeatures(dim=8, heads=2, context_dim=6)
    >>> words = torch.randn(2, 3, 8), torch.tensor([[True, True, True], [True, False, False]])
    >>> patches = torch.randn(2, 5, 6), torch.tensor([[True] * 5, [False] * 5])
    >>> features(*words, *patches).pooled.shape  # the second row has no picture
    torch.Size([2, 8])
    """

    def __init__(self, dim: int, heads: int = 4, context_dim: int | None = None) -> None:
        super().__init__()
        self.attend = CrossAttention(dim, heads, context_dim)
        self.join = nn.Linear(2 * dim, dim)
        self.norm = nn.LayerNorm(dim)

    def forward(self, text: Tensor, text_mask: Tensor, image: Tensor, image_mask: Tensor) -> Encoded:
        """Let `text` (B, T, d) look at `image` (B, L, context_dim).

        Args:
            text: tokens of B texts; whatever stands in padding is never read.
            text_mask: (B, T) bool, True at real tokens.
            image: tokens of B images.
            image_mask: (B, L) bool; a row without any has no image: its words see 0.

        Returns:
            tokens (B, T, d), 0 at padding; their mean (B, d); `text_mask`.
        """
        # Padding may hold anything, even NaN, whose gradient would reach the weights.
        text = torch.where(text_mask.unsqueeze(-1), text, 0.0)
        seen = self.attend(text, image, image_mask)
        tokens = self.norm(self.join(torch.cat([text, seen], dim=-1)))
        tokens = torch.where(text_mask.unsqueeze(-1), tokens, 0.0)
        return Encoded(tokens, mean_of_real(tokens, text_mask), text_mask)

    def alignment(
        self,
        text: Tensor,
        text_mask: Tensor,
        image: Tensor,
        image_mask: Tensor,
        image_embeds: Tensor,
        scale: Tensor | float,
        keys: Tensor | None = None,
    ) -> Tensor:
        """Scalar loss: each text, looking at each image, finds its own, and each image its text.

        Args:
            text: as in `forward`, of B whole pairs, with the other tokens and masks.
            text_mask: (B, T).
            image: (B, L, context_dim).
            image_mask: (B, L).
            image_embeds: (B, d) what the features are compared with, of any length but 0.
            scale: 1 / temperature.
            keys: (B, K) as in a batch; rows that agree in one are never each other's negatives.

        Raises:
            ValueError: if `image_embeds` is not (B, d).
        """
        batch, dim = len(text), text.shape[-1]
        if image_embeds.shape != (batch, dim):
            raise ValueError(f"image_embeds is {tuple(image_embeds.shape)}; expected {(batch, dim)}")
        # Row i · B + j is text i with image j.
        texts = [part.repeat_interleave(batch, dim=0) for part in (text, text_mask)]
        images = [part.repeat(batch, *[1] * (part.dim() - 1)) for part in (image, image_mask)]
        pooled = self(*texts, *images).pooled.view(batch, batch, dim)
        scores = scale * functional.cosine_similarity(pooled, image_embeds.unsqueeze(0), dim=-1)
        itself = torch.arange(batch, device=text.device)
        if keys is not None:
            own = torch.eye(batch, dtype=torch.bool, device=text.device)
            scores = scores.masked_fill(related(keys, keys) & ~own, -torch.inf)
        return (functional.cross_entropy(scores, itself) + functional.cross_entropy(scores.t(), itself)) / 2
