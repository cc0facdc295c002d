"""Captions as classes: against a float64 reference, and InfoNCE where the two coincide."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from openautoglm.align.infonce import InfoNCE
from openautoglm.align.proxy import Proxy


def unit(rows: int, seed: int) -> torch.Tensor:
    return F.normalize(torch.randn(rows, 6, generator=torch.Generator().manual_seed(seed)).double(), dim=1)


def reference(
    image: torch.Tensor, text: torch.Tensor, keys: list[int], text_keys: list[int], tau: float
) -> float:
    score = (image @ text.t() / tau).tolist()
    rows, columns = range(len(keys)), range(len(text_keys))

    def cost(line: list[float], mine: list[int]) -> float:
        return math.log(sum(map(math.exp, line))) - sum(line[j] for j in mine) / len(mine)

    by_image = [cost(score[i], [j for j in columns if keys[i] == text_keys[j]]) for i in rows]
    by_text = [
        cost([score[i][j] for i in rows], [i for i in rows if keys[i] == text_keys[j]])
        for j in columns
        if text_keys[j] in keys
    ]
    return sum(by_image) / len(by_image) / 2 + sum(by_text) / len(by_text) / 2


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(0, 3), min_size=1, max_size=6),
    st.lists(st.integers(0, 9), max_size=6),
    st.integers(0, 999),
)
def test_it_equals_the_reference(keys: list[int], further: list[int], seed: int) -> None:
    text_keys = sorted(set(keys)) + further
    image, text = unit(len(keys), seed), unit(len(text_keys), seed + 1)
    loss = Proxy(temperature=0.2).double()(
        image, text, torch.tensor(keys)[:, None], torch.tensor(text_keys)[:, None]
    )
    assert loss.item() == pytest.approx(reference(image, text, keys, text_keys, 0.2), abs=1e-6)


def test_with_the_batch_s_own_texts_it_is_infonce() -> None:
    image, text, keys = unit(5, 1), unit(5, 2), torch.tensor([[1], [2], [2], [3], [4]])
    expected = InfoNCE(temperature=0.1, positives="match").double()(image, text, keys)
    torch.testing.assert_close(Proxy(temperature=0.1).double()(image, text, keys, keys), expected)


def test_a_picture_without_its_caption_is_named() -> None:
    with pytest.raises(ValueError, match="picture 1 has no related text"):
        Proxy()(unit(2, 0), unit(2, 1), torch.tensor([[1], [2]]), torch.tensor([[1], [3]]))
