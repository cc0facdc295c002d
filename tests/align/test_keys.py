from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from openautoglm.align.keys import NO_KEY, related, shared_keys

keys = (
    st.integers(1, 8)
    .flatmap(
        lambda rows: st.lists(
            st.tuples(*[st.sampled_from([NO_KEY, 0, 5, -(2**62), 2**62])] * 2), min_size=rows, max_size=rows
        )
    )
    .map(torch.tensor)
)


@given(keys, keys)
def test_reduced_keys_relate_the_same_rows(rows: torch.Tensor, columns: torch.Tensor) -> None:
    shared = shared_keys(rows, columns)
    expected = related(rows, columns)
    if shared is None:
        assert not expected.any()
    else:
        assert torch.equal(related(shared.rows, shared.columns), expected)


@given(keys)
def test_within_a_batch_only_other_rows_count(rows: torch.Tensor) -> None:
    shared = shared_keys(rows)
    expected = related(rows, rows).fill_diagonal_(True)
    if shared is None:
        assert torch.equal(expected, torch.eye(len(rows), dtype=torch.bool))
    else:
        assert torch.equal(related(shared.rows, shared.columns).fill_diagonal_(True), expected)


def test_different_numbers_of_keys_are_refused() -> None:
    with pytest.raises(ValueError, match="rows carry 1 keys, columns 2"):
        related(torch.zeros(3, 1), torch.zeros(3, 2))
