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

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from openautoglm.align.keys import Positives, SharedKeys, related, shared_keys
from openautoglm.align.queue import Negatives

FAINT = 1e-22
"""Sums of exponentials below this, e⁻⁵⁰, may have lost terms to float32's underflow at e⁻⁸⁷."""


def tiled_softmax_loss(
    image_embeds: Tensor,
    text_embeds: Tensor,
    scale: Tensor,
    keys: Tensor | None = None,
    queue: Negatives | None = None,
    positives: Positives = "match",
    tile_mib: float = 12.0,
    keep_mib: float = 36.0,
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
    >>> round(tiled_softmax_loss(image, text, torch.tensor(1.0)).item(), 4)  # ln(e + 3) − 1
    0.7437
    """
    precision = torch.promote_types(image_embeds.dtype, torch.float32)
    related_queue = None
    if queue is not None:
        if keys is not None and queue.keys is not None:
            related_queue = shared_keys(keys, queue.keys)
        queue = Negatives(queue.image_embeds.to(precision), queue.text_embeds.to(precision))
    loss: Tensor = _TiledSoftmax.apply(
        image_embeds.to(precision).contiguous(),
        text_embeds.to(precision).contiguous(),
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
        for rows, tile, spare, matches in tiles.walk(keep_mib):
            top = tile.amax(1)
            peak = top.max()
            torch.sub(tile, top[:, None], out=spare).exp_()
            a[rows] = spare.sum(1).log_().add_(top)
            column = (top - peak).exp_() @ spare  # Σ_i exp(S_ij − peak), from the same exponentials
            b = torch.logaddexp(
                b, column.log_() + peak if column.min() > FAINT else _logsumexp(tile, 0, spare)
            )
            if matches is None:
                row_target[rows] = column_target[rows] = tile.diagonal(rows.start)
            else:
                share[rows] = matches.sum(1, dtype=share.dtype).reciprocal_()
                spare.copy_(matches).mul_(tile)  # a product with bool would make a float copy of it
                row_target[rows] = spare.sum(1)
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
        # exp(S − b) = exp(S − a) · exp(a − b), and exp(a_i − b_j) is a product of two vectors: one
        # exponential does for both, unless rows and columns are so far apart that it would underflow.
        highest = a.max()
        near = bool(highest - b.min() < -math.log(FAINT))
        rise, fall = (a - highest).exp_(), (highest - b).exp_()
        one = torch.ones_like(scale)
        for rows, tile, spare, matches in tiles.walk():
            change = tiles.buffer[: len(tile)]
            if near:
                torch.sub(tile, a[rows, None], out=change).exp_()
                change.mul_(torch.addcmul(one, rise[rows, None], fall, out=spare))
            else:
                torch.sub(tile, b, out=spare).exp_()
                torch.sub(tile, a[rows, None], out=change).exp_().add_(spare)
            if matches is None:
                change.diagonal(rows.start).sub_(2)
            else:
                change.sub_(torch.add(share[rows, None], share, out=spare).masked_fill_(~matches, 0.0))
            torch.mm(change, text, out=image_grad[rows])
            text_grad.addmm_(change.t(), image[rows])

        scale_grad = _dot(image, image_grad)
        if queue is not None:
            # Queued texts reach the scale through the images, queued images through the texts.
            for mine, mine_grad, other, total in (
                (image, image_grad, queue.text_embeds, a),
                (text, text_grad, queue.image_embeds, b),
            ):
                before = _dot(mine, mine_grad)
                _queue_grad(mine_grad, mine, other, scale, total, alike_queue, tiles.tile_mib)
                scale_grad += _dot(mine, mine_grad) - before
        factor = grad / (2 * len(image))
        image_grad.mul_(factor * scale)
        text_grad.mul_(factor * scale)
        return image_grad, text_grad, scale_grad * factor, *[None] * 6


class _Tiles:
    """Walks over S a tile at a time, in buffers that serve forward and backward.

    A tile that is not kept is made in `buffer`, where its gradient may then take its place.
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
        size = _tile_rows(len(image), len(text), image, tile_mib)
        self.buffer, self.spare = image.new_empty(2, size, len(text)).unbind()
        self.kept: dict[int, Tensor] = {}

    def walk(self, keep_mib: float = 0.0) -> Iterator[tuple[slice, Tensor, Tensor, Tensor | None]]:
        """Yield the rows, their tile of S, a spare of its shape, and which pairs share the target.

        Related pairs are at −inf when they are masked; no matches (None) means the diagonal only.
        """
        batch = len(self.image)
        size = len(self.buffer)
        left = int(keep_mib * 2**20)
        for start in range(0, batch, size):
            rows = slice(start, min(start + size, batch))
            agree = None
            if self.alike is not None:
                agree = related(self.alike.rows[rows], self.alike.columns)
                agree.diagonal(start).fill_(self.positives == "match")
            matches = agree if self.positives == "match" else None
            tile = self.kept.pop(start, None)  # backward frees it, to make room for the gradients
            if tile is None:
                tile = self.buffer[: rows.stop - start]
                if (left := left - tile.numel() * tile.element_size()) >= 0:
                    tile = self.kept[start] = torch.empty_like(tile)
                _product(self.image[rows] * self.scale, self.text, tile)
                if agree is not None and matches is None:
                    tile.masked_fill_(agree, -torch.inf)
            yield rows, tile, self.spare[: len(tile)], matches


def _queue_tiles(
    rows: Tensor, queue: Tensor, scale: Tensor, alike: SharedKeys | None, tile_mib: float
) -> Iterator[tuple[slice, slice, Tensor, Tensor]]:
    """Tiles of scale · rows · queueᵀ, cut both ways since a queue can be far longer than the batch."""
    width = min(len(queue), 4096)
    size = _tile_rows(len(rows), width, rows, tile_mib)
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


def _tile_rows(rows: int, columns: int, like: Tensor, tile_mib: float) -> int:
    return min(rows, max(8, int(tile_mib * 2**20) // (columns * like.element_size())))


def _dot(one: Tensor, other: Tensor) -> Tensor:
    return torch.dot(one.view(-1), other.view(-1))  # no (B, D) of products in between


def _product(rows: Tensor, columns: Tensor, out: Tensor) -> None:
    torch.mm(rows, columns.t(), out=out)  # with `out`, autocast leaves it alone: no rounding to bfloat16


def _logsumexp(tile: Tensor, dim: int, spare: Tensor) -> Tensor:
    """`torch.logsumexp` into a given buffer; on CPU also many times faster than it."""
    largest = tile.amax(dim, keepdim=True)
    largest.masked_fill_(largest == -torch.inf, 0.0)  # everything masked: log 0, not NaN
    return torch.sub(tile, largest, out=spare).exp_().sum(dim).log_().add_(largest.squeeze(dim))
