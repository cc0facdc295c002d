"""Backward through a batch of any size, in chunks that fit: the gradient cache.

Choose it when the contrastive batch should be larger than memory allows. Accumulating gradients
cannot do this, because each row's loss depends on all other rows. Three passes instead:

    1  encode every chunk without a graph, and keep only the embeddings
    2  the loss of all embeddings together, and its gradient with respect to each of them
    3  encode every chunk again, with a graph, and push those gradients through it

The result is the gradient of the whole batch, for about one more forward pass. The random state
of each chunk is recorded in pass 1 and set again in pass 3, so that dropout and augmentation do
the same twice; afterwards it stands where a single pass would have left it.

BatchNorm in training mode sees one chunk at a time: its statistics are those of a chunk (as in any
accumulated training), and its running averages move twice per step, with the same values.

Source: Gao et al., 2021, arXiv:2101.06983.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

import torch
from torch import Tensor

Chunk = TypeVar("Chunk")
Outputs = Sequence[Tensor | None]


def cached_backward(
    encode: Callable[[Chunk], Outputs],
    chunks: Sequence[Chunk],
    loss_fn: Callable[..., Tensor],
    *,
    generators: Sequence[torch.Generator] = (),
    backward: Callable[[Tensor], Any] = torch.autograd.backward,
    no_sync: Callable[[], AbstractContextManager[Any]] = nullcontext,
) -> Tensor:
    """Add the whole batch's gradients to all parameters and return the loss, detached.

    Args:
        encode: chunk → its outputs, each (rows of the chunk, …) or None when the chunk has no such
            modality. Where other chunks do have it, the rows of that chunk are zeros.
        chunks: the batch in pieces of any, also different, lengths.
        loss_fn: takes the outputs of the whole batch, in the order of `encode`, None for an output
            that no chunk has. Parameters that it uses itself (a temperature) get their gradient too.
        generators: random generators that `encode` draws from, beside torch's own.
        backward: how the loss goes backward, for example `fabric.backward`, which may scale it.
        no_sync: entered for every chunk but the last, so that processes exchange gradients once,
            for example `lambda: fabric.no_backward_sync(model)`.

    >>> weight, rows = torch.ones(2, requires_grad=True), torch.eye(2)
    >>> cached_backward(lambda row: [row * weight], rows.split(1), lambda all_rows: all_rows.sum() ** 2)
    tensor(4.)
    >>> weight.grad
    tensor([4., 4.])
    """
    if len(chunks) == 0:
        raise ValueError("cached_backward got no chunks; a step needs at least one row")
    if len(chunks) == 1:  # nothing to cache: one pass is the same and costs less
        loss = loss_fn(*encode(chunks[0]))
        backward(loss)
        return loss.detach()

    states, encoded = [], []
    with torch.no_grad():
        for chunk in chunks:
            states.append(_RandomState(generators))
            encoded.append(encode(chunk))
    # Under autocast, weights cast in the pass above would be reused below, without their gradient.
    torch.clear_autocast_cache()

    sizes = [_rows(outputs, number) for number, outputs in enumerate(encoded)]
    whole = [_join(parts, sizes) for parts in zip(*encoded, strict=True)]
    del encoded
    with no_sync():
        loss = loss_fn(*whole)
        backward(loss)
    after = _RandomState(generators)

    start = 0
    for number, (chunk, state, size) in enumerate(zip(chunks, states, sizes, strict=True)):
        state.restore()
        with nullcontext() if number == len(chunks) - 1 else no_sync():
            pairs = [
                (output, output_of_all.grad[start : start + size])
                for output, output_of_all in zip(encode(chunk), whole, strict=True)
                if output is not None and output.requires_grad
                if output_of_all is not None and output_of_all.grad is not None
            ]
            if pairs:
                torch.autograd.backward([output for output, _ in pairs], [grad for _, grad in pairs])
        start += size
    after.restore()
    return loss.detach()


def _rows(outputs: Outputs, number: int) -> int:
    lengths = {len(output) for output in outputs if output is not None}
    if len(lengths) != 1:
        raise ValueError(
            f"chunk {number} was encoded to outputs of {sorted(lengths) or 'no'} rows; "
            "every output needs one row for each row of the chunk"
        )
    return lengths.pop()


def _join(parts: Sequence[Tensor | None], sizes: Sequence[int]) -> Tensor | None:
    """One output of the whole batch, as a leaf that collects its gradient."""
    like = next((part for part in parts if part is not None), None)
    if like is None:
        return None
    rows = [
        like.new_zeros(size, *like.shape[1:]) if part is None else part
        for part, size in zip(parts, sizes, strict=True)
    ]
    joined = torch.cat(rows)
    return joined.requires_grad_() if joined.is_floating_point() else joined


class _RandomState:
    """The state of torch's generators and of the given ones, taken now."""

    def __init__(self, generators: Sequence[torch.Generator]) -> None:
        self.cpu = torch.get_rng_state()
        self.cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else None
        self.given = [(generator, generator.get_state()) for generator in generators]

    def restore(self) -> None:
        torch.set_rng_state(self.cpu)
        if self.cuda is not None:
            torch.cuda.set_rng_state_all(self.cuda)
        for generator, state in self.given:
            generator.set_state(state)
