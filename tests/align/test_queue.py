from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from openautoglm.align.infonce import InfoNCE
from openautoglm.align.queue import NegativeQueue


def numbered(first: int, count: int) -> torch.Tensor:
    return torch.arange(first, first + count, dtype=torch.float32)[:, None]


@given(st.integers(1, 9), st.lists(st.integers(1, 20), min_size=1, max_size=6))
def test_holds_the_newest_pairs_whatever_the_batches(size: int, batches: list[int]) -> None:
    queue, pushed = NegativeQueue(size, dim=1, keys=1), 0
    for batch in batches:
        rows = numbered(pushed, batch)
        queue.push(rows, -rows, rows.long())
        pushed += batch
        negatives = queue.negatives()
        assert negatives is not None
        newest = range(max(0, pushed - size), pushed)
        assert sorted(negatives.image_embeds.flatten().tolist()) == list(newest)
        assert torch.equal(negatives.text_embeds, -negatives.image_embeds)
        assert torch.equal(negatives.keys, negatives.image_embeds.long())
        assert len(queue) == min(pushed, size)


def test_a_new_queue_has_no_negatives_at_all() -> None:
    assert NegativeQueue(4, dim=2).negatives() is None


def test_a_resumed_queue_goes_on_where_it_was() -> None:
    queue, resumed = NegativeQueue(5, dim=1), NegativeQueue(5, dim=1)
    queue.push(numbered(0, 3), numbered(0, 3))
    resumed.load_state_dict(queue.state_dict())
    for each in (queue, resumed):
        each.push(numbered(3, 4), numbered(3, 4))
    for mine, other in zip(queue.state_dict().values(), resumed.state_dict().values(), strict=True):
        assert torch.equal(mine, other)


def test_the_same_item_in_the_queue_is_no_negative() -> None:
    queue = NegativeQueue(2, dim=2, keys=1)
    queue.push(torch.eye(2), torch.eye(2), torch.tensor([[1], [2]]))
    loss, keys = InfoNCE(), torch.tensor([[1], [2]])
    alone = loss(torch.eye(2), torch.eye(2), keys)
    with_queue = loss(torch.eye(2), torch.eye(2), keys, queue.negatives())
    blind = loss(torch.eye(2), torch.eye(2), None, queue.negatives())
    assert alone < with_queue < blind  # the other row counts once more, the row itself does not


def test_embeddings_that_do_not_fit_are_named() -> None:
    with pytest.raises(ValueError, match="holds nothing"):
        NegativeQueue(0, dim=2)
    queue = NegativeQueue(4, dim=2, keys=1)
    with pytest.raises(ValueError, match=r"images \(3, 5\) and texts \(3, 2\)"):
        queue.push(torch.ones(3, 5), torch.ones(3, 2))
    with pytest.raises(ValueError, match="made for 1 keys a row"):
        queue.push(torch.ones(3, 2), torch.ones(3, 2))
