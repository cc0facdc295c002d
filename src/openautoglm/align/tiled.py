"""The symmetric softmax loss of InfoNCE in tiles: exact, with memory that does not grow with B².

Choose it for large batches; `InfoNCE` does so by itself. Value and gradients are those of the
plain form (`infonce.plain_softmax_loss`), which keeps several (B, B) matrices:

    S_ij = scale · image_i · text_j
    a_i  = log Σ_j exp S_ij        b_j = log Σ_i exp S_ij        one number per row and per column
    loss = 1/2B · (Σ_i a_i + Σ_j b_j − Σ_ij S_ij (P_ij + P_ji))  P_ij = 1/n_i where i, j are related
    ∂loss/∂S_ij = 1/2B · (exp(S_ij − a_i) + exp(S_ij − b_j) − P_ij − P_ji)

Forward keeps a and b, and as many tiles of S as `keep_mib` allows. Backward makes the other tiles
once more and multiplies each tile's gradient into the gradients of the embeddings at once. The
second making is a fourth product where the plain form has three; fewer passes over (B, B) memory
more than pay it back. The scale's gradient costs nothing: it is Σ_i image_i · ∂image_i / scale.

Gradients of gradients need the plain form. The idea of tiles is that of Cheng et al., 2024
(Inf-CL, arXiv:2410.17243).
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
    tile_mib: float = 16.0,
    keep_mib: float = 40.0,
) -> Tensor:
    """Compute the loss of a batch of pairs without ever holding its (B, B) similarities.

    Args:
        image_embeds: (B, D), of unit length if the scale is to mean a temperature.
        text_embeds: (B, D), row by row what belongs to the images.
        scale: scalar tensor 1/τ.
        keys: (B, K), which rows are related.
        queue: more negatives for both directions; pairs related to a row are left out for it.
        positives: related rows share the target ("match") or leave the denominator ("mask").
        tile_mib: size of the part of S that exists at a time.
        keep_mib: memory for tiles that need not be made twice; B² · 4 bytes keeps them all.

    Half-precision embeddings are computed in float32, with or without autocast.

    >>> image, text = torch.eye(4), torch.eye(4)
    >>> tiled_softmax_loss(image, text, torch.tensor(1.0), tile_mib=1e-5).item()  # ln(e + 3) − 1
    0.7436683...
    """
    precision = torch.promote_types(image_embeds.dtype, torch.float32)
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
        tile_mib,
        keep_mib,
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
        tile_mib: float,
        keep_mib: float,
    ) -> Tensor:
        tiles = _Tiles(image, text, scale, alike, positives, tile_mib)
        a, b = image.new_empty(len(image)), image.new_full((len(text),), -torch.inf)
        row_target, column_target, share = torch.zeros_like(a), torch.zeros_like(a), torch.ones_like(a)
        for rows, tile in tiles.walk(keep_mib):
            for at, strip, spare, _ in tiles.strips(rows, tile):
                a[at] = _logsumexp(strip, 1, spare)
                b = torch.logaddexp(b, _logsumexp(strip, 0, spare))
                matches = tiles.matches(at)
                if matches is None:
                    row_target[at] = column_target[at] = strip.diagonal(at.start)
                else:
                    share[at] = matches.sum(1, dtype=share.dtype).reciprocal_()
                    torch.mul(strip, matches, out=spare)
                    row_target[at] = spare.sum(1)
                    column_target += spare.sum(0)
        if queue is not None:
            a = torch.logaddexp(a, _queue_logsumexp(image, queue.text_embeds, scale, alike_queue, tile_mib))
            b = torch.logaddexp(b, _queue_logsumexp(text, queue.image_embeds, scale, alike_queue, tile_mib))

        ctx.save_for_backward(image, text, scale, a, b, share)
        ctx.tiles, ctx.queue, ctx.alike_queue = tiles, queue, alike_queue
        return (a + b - share * (row_target + column_target)).mean() / 2

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        image, text, scale, a, b, share = ctx.saved_tensors
        tiles, queue, alike_queue = ctx.tiles, ctx.queue, ctx.alike_queue
        image_grad, text_grad = torch.empty_like(image), torch.zeros_like(text)
        for rows, tile in tiles.walk():
            for at, strip, spare, change in tiles.strips(rows, tile):
                torch.sub(strip, b, out=spare).exp_()
                torch.sub(strip, a[at, None], out=change).exp_().add_(spare)
                matches = tiles.matches(at)
                if matches is None:
                    change.diagonal(at.start).sub_(2)
                else:
                    change.sub_(torch.add(share[at, None], share, out=spare).mul_(matches))
            change = tiles.change[: len(tile)]
            torch.mm(change, text, out=image_grad[rows])
            text_grad.addmm_(change.t(), image[rows])

        scale_grad = torch.linalg.vecdot(image, image_grad).sum()
        if queue is not None:
            # Queued texts reach the scale through the images, queued images through the texts.
            for mine, mine_grad, other, total in (
                (image, image_grad, queue.text_embeds, a),
                (text, text_grad, queue.image_embeds, b),
            ):
                before = torch.linalg.vecdot(mine, mine_grad).sum()
                _queue_grad(mine_grad, mine, other, scale, total, alike_queue, tiles.tile_mib)
                scale_grad += torch.linalg.vecdot(mine, mine_grad).sum() - before
        factor = grad / (2 * len(image))
        image_grad.mul_(factor * scale)
        text_grad.mul_(factor * scale)
        return image_grad, text_grad, scale_grad * factor, *[None] * 6


class _Tiles:
    """Walks over S a tile at a time, always in the same buffers.

    A tile is as high as `tile_mib` allows. What is done element by element is done in strips of a
    quarter of a tile, which stay in the processor's cache together with their spare.
    """

    def __init__(
        self,
        image: Tensor,
        text: Tensor,
        scale: Tensor,
        alike: SharedKeys | None,
        positives: Positives,
        tile_mib: float,
    ) -> None:
        self.image, self.text, self.scale = image, text, scale
        self.alike, self.positives, self.tile_mib = alike, positives, tile_mib
        batch = len(image)
        rows = max(8, int(tile_mib * 2**20) // (batch * image.element_size()))
        self.tile_rows, self.strip_rows = min(batch, rows), min(batch, -(-rows // 4))
        self.kept: dict[int, Tensor] = {}
        self.change: Tensor
        """Where the gradient of a tile is written; also where a tile is made that is not kept."""

    def walk(self, keep_mib: float = 0.0) -> Iterator[tuple[slice, Tensor]]:
        """Yield the rows and their tile of S, with related pairs at −inf when they are masked."""
        batch = len(self.image)
        self.change = self.image.new_empty(self.tile_rows, batch)
        self.spare = self.image.new_empty(self.strip_rows, batch)
        left = int(keep_mib * 2**20)
        for start in range(0, batch, self.tile_rows):
            rows = slice(start, min(start + self.tile_rows, batch))
            if start in self.kept:
                yield rows, self.kept[start]
                continue
            tile = self.change[: rows.stop - start]
            if (left := left - tile.numel() * tile.element_size()) >= 0:
                tile = self.kept[start] = torch.empty_like(tile)
            _product(self.image[rows] * self.scale, self.text, tile)
            if self.alike is not None and self.positives == "mask":
                for at, strip, _, _ in self.strips(rows, tile):
                    agree = related(self.alike.rows[at], self.alike.columns)
                    agree.diagonal(at.start).fill_(False)
                    strip.masked_fill_(agree, -torch.inf)
            yield rows, tile
        del self.change, self.spare

    def strips(self, rows: slice, tile: Tensor) -> Iterator[tuple[slice, Tensor, Tensor, Tensor]]:
        """Cut a tile: the strip's rows in S, the strip, a spare of its shape, its place in `change`."""
        for start in range(rows.start, rows.stop, self.strip_rows):
            at = slice(start, min(start + self.strip_rows, rows.stop))
            inside = slice(at.start - rows.start, at.stop - rows.start)
            yield at, tile[inside], self.spare[: at.stop - at.start], self.change[inside]

    def matches(self, at: slice) -> Tensor | None:
        """(rows, B) bool, which pairs share the target; None when each row is only its own."""
        if self.alike is None or self.positives == "mask":
            return None
        agree = related(self.alike.rows[at], self.alike.columns)
        agree.diagonal(at.start).fill_(True)
        return agree


def _queue_tiles(
    rows: Tensor, queue: Tensor, scale: Tensor, alike: SharedKeys | None, tile_mib: float
) -> Iterator[tuple[slice, slice, Tensor, Tensor]]:
    """Tiles of scale · rows · queueᵀ, cut both ways since a queue can be far longer than the batch."""
    width = min(len(queue), 4096)
    size = min(len(rows), max(8, int(tile_mib * 2**20) // (2 * width * rows.element_size())))
    buffers = rows.new_empty(2, size * width)
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
    rows: Tensor, queue: Tensor, scale: Tensor, alike: SharedKeys | None, tile_mib: float
) -> Tensor:
    total = rows.new_full((len(rows),), -torch.inf)
    for at, _, tile, spare in _queue_tiles(rows, queue, scale, alike, tile_mib):
        total[at] = torch.logaddexp(total[at], _logsumexp(tile, 1, spare))
    return total


def _queue_grad(
    grad: Tensor,
    rows: Tensor,
    queue: Tensor,
    scale: Tensor,
    total: Tensor,
    alike: SharedKeys | None,
    tile_mib: float,
) -> None:
    """Add the queue's part to the gradient of `rows`, before it is scaled."""
    for at, to, tile, _ in _queue_tiles(rows, queue, scale, alike, tile_mib):
        grad[at].addmm_(tile.sub_(total[at, None]).exp_(), queue[to])


def _product(rows: Tensor, columns: Tensor, out: Tensor) -> None:
    torch.mm(rows, columns.t(), out=out)  # with `out`, autocast leaves it alone: no rounding to bfloat16


def _logsumexp(tile: Tensor, dim: int, spare: Tensor) -> Tensor:
    """`torch.logsumexp` into a given buffer; on CPU also many times faster than it."""
    largest = tile.amax(dim, keepdim=True)
    largest.masked_fill_(largest == -torch.inf, 0.0)  # everything masked: log 0, not NaN
    return torch.sub(tile, largest, out=spare).exp_().sum(dim).log_().add_(largest.squeeze(dim))
