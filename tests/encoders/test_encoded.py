"""The mean over real tokens, against a loop in float64."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from openautoglm.encoders.encoded import mean_of_real


@given(st.lists(st.lists(st.booleans(), min_size=4, max_size=4), min_size=1, max_size=5))
def test_the_mean_is_of_real_tokens_only(rows: list[list[bool]]) -> None:
    mask = torch.tensor(rows)
    tokens = torch.randn(len(rows), 4, 3, dtype=torch.float64)
    found = mean_of_real(tokens.masked_fill(~mask.unsqueeze(-1), torch.nan), mask)
    for row, real in enumerate(mask):
        expected = tokens[row][real].mean(0) if real.any() else torch.zeros(3, dtype=torch.float64)
        torch.testing.assert_close(found[row], expected)
