"""The symmetric softmax loss of InfoNCE in tiles: exact, with memory that does not grow with B².

Choose it for large batches; `InfoNCE` does so by itself. Value and gradients are those of the
plain form (`infonce.plain_softmax_loss`), which keeps several (B, B) matrices:

    S_ij = scale · image_i · text_j
    a_i  = log Σ_j exp S_ij        b_j = log Σ_i exp S_ij       one number per row and per column
    loss = 1/2B · (Σ_i a_i + Σ_j b_j − Σ_ij S_ij (P_ij + P_ji)) P_ij = 1/n_i where i, j are related
    ∂loss/∂S_ij = 1/2B · (exp(S_ij − a_i) + exp(S_ij − b_j) − P_ij − P_ji)

Forward keeps only a and b. Backward makes each tile of S once more and multiplies its gradient
into the gradients of the embeddings, so that one tile and one spare of its size are all the
memory beside those gradients. A fourth product in place of three is the price; fewer passes over
(B, B) memory pay it back. The gradient of the scale costs nothing: it is Σ_i image_i · ∂image_i / scale.

The idea of tiles is that of Cheng et al., 2024 (Inf-CL, arXiv:2410.17243).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from openautoglm.align.keys import Positives, SharedKeys, related, shared_keys
from openautoglm.align.queue import Negatives


def tiled_softmax_loss(
    image_embeds: Tensor,
    text_embeds: Tensor,
    scale: Tensor,
    keys: Tensor | None = None,
    queue: Negatives | None = None,
    positives: Positives = "match",
    tile_rows: int = 256,
) -> Tensor:
    """Scalar loss of `image_embeds` and `text_embeds` (B, D) at `scale` (scalar tensor).

    Args:
        keys: (B, K); related rows share the target ("match") or leave the denominator ("mask").
        queue: more negatives for both directions; pairs related to a row are left out for it.
        tile_rows: rows of S that exist at a time.

    Half-precision embeddings are computed in float32, with or without autocast.

    >>> image, text = torch.eye(4), torch.eye(4)
    >>> tiled_softmax_loss(image, text, torch.tensor(1.0), tile_rows=3).item()  # ln(e + 3) − 1
    0.7436683...
    """
    precision = torch.float64 if image_embeds.dtype == torch.float64 else torch.float32
    related_queue = None
    if queue is not None:
        if keys is not None and queue.keys is not None:
            related_queue = shared_keys(keys, queue.keys)
        queue = Negatives(queue.image_embeds.to(precision), queue.text_embeds.to(precision))
    loss: Tensor = _TiledSoftmax.apply(
        image_embeds.to(precision),
        text_embeds.to(precision),
        scale.to(precision),
        None if keys is None else shared_keys(keys),
        queue,
        related_queue,
        positives,
        tile_rows,
    )
    return loss


class _TiledSoftmax(torch.autograd.Function):
    """Names as in the module's formula; `share` is P_ij as one number 1/n_i per row."""

    @staticmethod
    def forward(
        ctx: Any,
        image: Tensor,
        text: Tensor,
        scale: Tensor,
        alike: SharedKeys | None,
        queue: Negatives | None,
        alike_queue: SharedKeys | None,
        positives: Positives,
        tile_rows: int,
    ) -> Tensor:
        tiles = _Tiles(image, text, scale, alike, positives, tile_rows)
        a, b = image.new_empty(len(image)), image.new_full((len(text),), -torch.inf)
        row_target, column_target, share = torch.zeros_like(a), torch.zeros_like(a), torch.ones_like(a)
        for rows, tile, spare, matches in tiles:
            a[rows] = _logsumexp(tile, 1, spare)
            b = torch.logaddexp(b, _logsumexp(tile, 0, spare))
            if matches is None:
                row_target[rows] = column_target[rows] = tile.diagonal(rows.start)
            else:
                share[rows] = 1 / matches.sum(1)
                torch.mul(tile, matches, out=spare)
                row_target[rows] = spare.sum(1)
                column_target += spare.sum(0)
        if queue is not None:
            a = torch.logaddexp(a, _queue_logsumexp(image, queue.text_embeds, scale, alike_queue, tile_rows))
            b = torch.logaddexp(b, _queue_logsumexp(text, queue.image_embeds, scale, alike_queue, tile_rows))

        ctx.save_for_backward(image, text, scale, a, b, share)
        ctx.rest = alike, queue, alike_queue, positives, tile_rows
        return (a + b - share * (row_target + column_target)).mean() / 2

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        image, text, scale, a, b, share = ctx.saved_tensors
        alike, queue, alike_queue, positives, tile_rows = ctx.rest
        image_grad, text_grad = torch.empty_like(image), torch.zeros_like(text)
        for rows, tile, spare, matches in _Tiles(image, text, scale, alike, positives, tile_rows):
            torch.sub(tile, b, out=spare).exp_()
            tile.sub_(a[rows, None]).exp_().add_(spare)
            if matches is None:
                tile.diagonal(rows.start).sub_(2)
            else:
                torch.add(share[rows, None], share, out=spare).mul_(matches)
                tile.sub_(spare)
            torch.mm(tile, text, out=image_grad[rows])
            text_grad.addmm_(tile.t(), image[rows])

        # Each product image·text is seen once from the image's side; those of texts with queued
        # images only from the text's: so the scale's gradient is read off between the two.
        if queue is not None:
            _queue_grad(image_grad, image, queue.text_embeds, scale, a, alike_queue, tile_rows)
            scale_grad = -torch.linalg.vecdot(text, text_grad).sum()
            _queue_grad(text_grad, text, queue.image_embeds, scale, b, alike_queue, tile_rows)
            scale_grad += torch.linalg.vecdot(text, text_grad).sum()
            scale_grad += torch.linalg.vecdot(image, image_grad).sum()
        else:
            scale_grad = torch.linalg.vecdot(image, image_grad).sum()
        factor = grad / (2 * len(image))
        image_grad.mul_(factor * scale)
        text_grad.mul_(factor * scale)
        return image_grad, text_grad, scale_grad * factor, None, None, None, None, None


class _Tiles:
    """Walks over S a few rows at a time, always in the same two buffers.

    Yields the rows, their tile of S (with related pairs at −inf when they are masked), a spare of
    its shape, and which pairs of the tile share the target (None: only the diagonal).
    """

    def __init__(
        self, image: Tensor, text: Tensor, scale: Tensor, alike: SharedKeys | None, positives: Positives, size: int
    ) -> None:
        self.image, self.text, self.scale = image, text, scale
        self.alike, self.positives, self.size = alike, positives, size

    def __iter__(self) -> Iterator[tuple[slice, Tensor, Tensor, Tensor | None]]:
        batch = len(self.image)
        buffers = self.image.new_empty(2, min(self.size, batch), batch)
        for start in range(0, batch, self.size):
            rows = slice(start, min(start + self.size, batch))
            tile, spare = buffers[:, : rows.stop - start].unbind()
            _product(self.image[rows] * self.scale, self.text, tile)
            matches = None
            if self.alike is not None:
                agree = related(self.alike.rows[rows], self.alike.columns)
                agree.diagonal(start).fill_(self.positives == "match")
                if self.positives == "match":
                    matches = agree
                else:
                    tile.masked_fill_(agree, -torch.inf)
            yield rows, tile, spare, matches


def _queue_tiles(
    rows: Tensor, queue: Tensor, scale: Tensor, alike: SharedKeys | None, size: int
) -> Iterator[tuple[slice, slice, Tensor, Tensor]]:
    """Tiles of scale · rows · queueᵀ, cut both ways since a queue can be far longer than the batch."""
    width = min(len(queue), 16 * size)
    buffers = rows.new_empty(2, min(size, len(rows)) * width)
    for start in range(0, len(rows), size):
        at = slice(start, min(start + size, len(rows)))
        for first in range(0, len(queue), width):
            to = slice(first, min(first + width, len(queue)))
            shape = (at.stop - at.start, to.stop - to.start)
            tile, spare = (buffer[: shape[0] * shape[1]].view(shape) for buffer in buffers)
            _product(rows[at] * scale, queue[to], tile)
            if alike is not None:
                tile.masked_fill_(related(alike.rows[at], alike.columns[to]), -torch.inf)
            yield at, to, tile, spare


def _queue_logsumexp(
    rows: Tensor, queue: Tensor, scale: Tensor, alike: SharedKeys | None, size: int
) -> Tensor:
    total = rows.new_full((len(rows),), -torch.inf)
    for at, _, tile, spare in _queue_tiles(rows, queue, scale, alike, size):
        total[at] = torch.logaddexp(total[at], _logsumexp(tile, 1, spare))
    return total


def _queue_grad(
    grad: Tensor, rows: Tensor, queue: Tensor, scale: Tensor, total: Tensor, alike: SharedKeys | None, size: int
) -> None:
    """Add the queue's part to the gradient of `rows`, before it is scaled."""
    for at, to, tile, _ in _queue_tiles(rows, queue, scale, alike, size):
        grad[at].addmm_(tile.sub_(total[at, None]).exp_(), queue[to])


def _product(rows: Tensor, columns: Tensor, out: Tensor) -> None:
    # Under autocast this product would be rounded to bfloat16, and forward and backward could differ.
    with torch.autocast(rows.device.type, enabled=False):
        torch.mm(rows, columns.t(), out=out)


def _logsumexp(tile: Tensor, dim: int, spare: Tensor) -> Tensor:
    """`torch.logsumexp` into a given buffer; on CPU also many times faster than it."""
    largest = tile.amax(dim, keepdim=True)
    largest.masked_fill_(largest == -torch.inf, 0.0)  # everything masked: log 0, not NaN
    return torch.sub(tile, largest, out=spare).exp_().sum(dim).log_().add_(largest.squeeze(dim))
