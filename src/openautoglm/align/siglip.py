"""SigLIP: each pair of the batch answers "do these two belong together?" by itself, without a softmax.

Choose it for small batches and noisy pairs: a row's loss does not depend on what else is in the
batch. `infonce` ranks better when the batch is large and the pairs are clean.

    z_ij = +1 where i and j belong together, else −1
    loss = −1/B · Σ_ij log σ(z_ij · (exp(logit_scale) · image_i · text_j + logit_bias))

With `positives="match"` related rows (same caption, id or group) are +1 too; with "mask" their
pairs leave the sum. Pairs with a queue are −1, or left out when related. The similarities exist a
strip of rows at a time: backward makes each strip again, so memory does not grow with B².

Source: Zhai et al., 2023, arXiv:2303.15343 (start at a scale of 10 and a bias of −10, so that the
many negatives do not swamp the first steps).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from openautoglm.align.keys import Positives, check_positives, related
from openautoglm.align.pairs import full_precision
from openautoglm.align.queue import Negatives
from openautoglm.align.temperature import clamped_scale, learned_scale


class SigLIP(nn.Module):
    """Pairwise sigmoid loss with learned temperature and bias.

    Args:
        temperature: τ at the start; the learned scale 1/τ stays within [1, 100].
        bias: logit bias at the start.
        positives: what related rows are to each other, "match" or "mask".
        strip_rows: rows of similarities that exist at a time.

    >>> loss = SigLIP(temperature=1.0, bias=0.0)
    >>> round(loss(torch.eye(2), torch.eye(2)).item(), 4)  # ln(1 + 1/e) + ln 2
    1.0064
    """

    def __init__(
        self,
        temperature: float = 0.1,
        bias: float = -10.0,
        positives: Positives = "match",
        strip_rows: int = 1024,
    ) -> None:
        super().__init__()
        self.logit_scale = learned_scale(temperature)
        self.logit_bias = nn.Parameter(torch.tensor(bias))
        self.positives = check_positives(positives)
        self.strip_rows = strip_rows

    def forward(
        self,
        image_embeds: Tensor,
        text_embeds: Tensor,
        keys: Tensor | None = None,
        queue: Negatives | None = None,
    ) -> Tensor:
        """Scalar loss of unit vectors (B, D) with `keys` (B, K)."""
        with full_precision(image_embeds, text_embeds, keys) as (image, text):
            scale = clamped_scale(self.logit_scale).to(image.dtype)
            bias = self.logit_bias.to(image.dtype)
            total = self._questions(image, text, scale, bias, keys, keys, paired=True)
            if queue is not None:
                for mine, earlier in ((image, queue.text_embeds), (text, queue.image_embeds)):
                    earlier = earlier.to(mine.dtype)
                    total = total + self._questions(
                        mine, earlier, scale, bias, keys, queue.keys, paired=False
                    )
            return total / len(image)

    def _questions(
        self,
        rows: Tensor,
        columns: Tensor,
        scale: Tensor,
        bias: Tensor,
        row_keys: Tensor | None,
        column_keys: Tensor | None,
        *,
        paired: bool,
    ) -> Tensor:
        """Sum over all pairs, strip by strip; `paired`: row i and column i belong together."""

        def strip(start: int, some: Tensor, columns: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
            together = torch.zeros(len(some), len(columns), dtype=torch.bool, device=rows.device)
            if row_keys is not None and column_keys is not None:
                together = related(row_keys[start : start + len(some)], column_keys)
            left_out = together.clone() if self.positives == "mask" or not paired else None
            if paired:
                together.diagonal(start).fill_(True)
                if left_out is not None:
                    left_out.diagonal(start).fill_(False)
            scores = scale * some @ columns.t() + bias
            losses = F.softplus(torch.where(together, -scores, scores))  # −log σ(z · score)
            return losses.sum() if left_out is None else losses.masked_fill(left_out, 0.0).sum()

        total = rows.new_zeros(())
        for start in range(0, len(rows), self.strip_rows):
            total = total + checkpoint(
                strip,
                start,
                rows[start : start + self.strip_rows],
                columns,
                scale,
                bias,
                use_reentrant=False,
                preserve_rng_state=False,
            )
        return total
