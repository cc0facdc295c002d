"""Which rows of a batch say the same thing, and so must never be each other's negatives.

A row carries K integer keys, for example the hash of its caption, of its id, of its group:
`keys` is (B, K). Two rows are *related* when they agree in any column. A loss then either
shares the target among related rows (`positives="match"`) or leaves related pairs out of the
denominator (`positives="mask"`). The value `NO_KEY` agrees with nothing, not even with itself:
it stands for "this row has no group".
"""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor

Positives = Literal["match", "mask"]
NO_KEY = -1


class SharedKeys(NamedTuple):
    """Keys of two sets of rows, reduced to the columns in which any pair can agree."""

    rows: Tensor
    """(R, K') int32."""
    columns: Tensor
    """(C, K') int32."""


def check_positives(positives: str) -> Positives:
    """Return `positives` as a checked literal, or say which values exist."""
    for name in get_args(Positives):
        if positives == name:
            return name
    raise ValueError(f"positives={positives!r} is unknown; choose 'match' or 'mask'")


def check_keys(keys: Tensor, rows: int, what: str = "keys") -> None:
    """Refuse keys that do not have one line of integers per row."""
    if keys.ndim != 2 or len(keys) != rows:
        raise ValueError(f"{what} has shape {tuple(keys.shape)}; expected ({rows}, K), one line per row")
    if keys.is_floating_point():
        raise ValueError(f"{what} has type {keys.dtype}; expected integers such as hashes")


def related(rows: Tensor, columns: Tensor) -> Tensor:
    """Tell, as (R, C) bool, whether row i agrees with column j in any key.

    >>> related(torch.tensor([[1, 7], [2, NO_KEY]]), torch.tensor([[1, 8], [3, 7], [4, NO_KEY]]))
    tensor([[ True,  True, False],
            [False, False, False]])
    """
    if rows.shape[1] != columns.shape[1]:
        raise ValueError(
            f"rows carry {rows.shape[1]} keys, columns {columns.shape[1]}; they must be the same keys"
        )
    agree = torch.zeros(len(rows), len(columns), dtype=torch.bool, device=rows.device)
    # On one side only, "no key" becomes a value that the other side never holds: one comparison a key.
    rows = rows.masked_fill(rows == NO_KEY, torch.iinfo(rows.dtype).min)
    for row, column in zip(rows.unbind(1), columns.unbind(1), strict=True):
        agree |= row[:, None] == column
    return agree


def shared_keys(rows: Tensor, columns: Tensor | None = None) -> SharedKeys | None:
    """Keep the key columns in which different rows agree, as small integers; None when no two do.

    Most batches share little: dropping what cannot match, and comparing 32 bits instead of 64,
    makes `related` on a tile several times cheaper. `columns=None` compares the rows with
    themselves, where agreeing with oneself does not count.
    """
    within = columns is None
    other = rows if columns is None else columns
    kept = []
    for row, column in zip(rows.unbind(1), other.unbind(1), strict=True):
        values, ids = torch.unique(torch.cat([row, column]), return_inverse=True)
        ids = ids.to(torch.int32).masked_fill_(values[ids] == NO_KEY, NO_KEY)
        row_ids, column_ids = ids[: len(row)], ids[len(row) :]
        real = row_ids[row_ids != NO_KEY]
        alike = len(real) > len(real.unique()) if within else bool(torch.isin(real, column_ids).any())
        if alike:
            kept.append((row_ids, column_ids))
    if not kept:
        return None
    return SharedKeys(torch.stack([k[0] for k in kept], 1), torch.stack([k[1] for k in kept], 1))
