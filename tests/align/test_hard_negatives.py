"""Wrong partners are wrong, and drawn as often as the contrastive loss finds them alike."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from openautoglm.align.hard_negatives import hard_negatives
from openautoglm.align.keys import NO_KEY, related


def case(rows: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    image, text = (F.normalize(torch.randn(rows, 6, generator=generator), dim=1) for _ in range(2))
    return image, text


@settings(max_examples=150, deadline=None)
@given(
    st.integers(1, 9).flatmap(
        lambda rows: st.lists(
            st.tuples(st.integers(NO_KEY, 3), st.integers(NO_KEY, 2)), min_size=rows, max_size=rows
        )
    ),
    st.floats(0, 100),
    st.integers(0, 99),
)
def test_a_negative_never_shares_a_key(keys: list[tuple[int, int]], scale: float, seed: int) -> None:
    lines = torch.tensor(keys)
    rows, texts, images = hard_negatives(
        *case(len(keys), seed), scale, lines, generator=torch.Generator().manual_seed(seed), strip_rows=4
    )
    alike = related(lines, lines) | torch.eye(len(keys), dtype=torch.bool)
    assert not alike[rows, texts].any() and not alike[rows, images].any()
    assert rows.tolist() == (~alike.all(dim=1)).nonzero().flatten().tolist()  # nobody who has one is left out


def test_they_are_drawn_in_proportion_to_the_similarity() -> None:
    """Chi², of 4,000 draws of each row, against the softmax over the rows that may be drawn."""
    (image, text), keys, scale, draws = case(6), torch.tensor([[1], [1], [2], [3], [4], [5]]), 3.0, 4_000
    generator = torch.Generator().manual_seed(0)
    counts = torch.zeros(2, 6, 6, dtype=torch.float64)
    for _ in range(draws):
        rows, texts, images = hard_negatives(image, text, scale, keys, generator=generator)
        counts[0, rows, texts] += 1
        counts[1, rows, images] += 1
    barred = related(keys, keys) | torch.eye(6, dtype=torch.bool)
    scores = scale * image.double() @ text.double().T
    for count, own in zip(counts, (scores, scores.T), strict=True):
        expected = draws * own.masked_fill(barred, -torch.inf).softmax(dim=1)
        assert torch.equal(count[barred], torch.zeros(int(barred.sum()), dtype=torch.float64))
        chi2 = ((count - expected).square() / expected)[~barred].sum()
        freedom = int((~barred).sum()) - 6
        assert chi2 < freedom + 4 * (2 * freedom) ** 0.5  # uniform draws would give thousands


def test_at_scale_0_all_are_equally_likely_and_at_a_high_one_the_nearest_is_drawn() -> None:
    image, text = case(5)
    nearest = (image @ text.T).fill_diagonal_(-2).argmax(dim=1)
    assert torch.equal(hard_negatives(image, text, 1e6).texts, nearest)
    seen = torch.stack([hard_negatives(image, text, 0.0).texts for _ in range(300)])
    assert all(len(seen[:, row].unique()) == 4 for row in range(5))


def test_one_pair_and_no_pair_have_no_negative() -> None:
    for rows in (0, 1):
        assert [len(part) for part in hard_negatives(*case(rows), 1.0)] == [0, 0, 0]
    together = torch.zeros(4, 1, dtype=torch.long)
    assert [len(part) for part in hard_negatives(*case(4), 1.0, together)] == [0, 0, 0]


def test_strips_change_nothing_that_is_certain() -> None:
    image, text = case(9)
    whole, strips = (hard_negatives(image, text, 1e6, strip_rows=size) for size in (9, 2))
    assert all(torch.equal(a, b) for a, b in zip(whole, strips, strict=True))


def test_what_is_no_pair_is_refused() -> None:
    with pytest.raises(ValueError, match=r"image_embeds \(3, 6\) and text_embeds \(2, 6\)"):
        hard_negatives(case(3)[0], case(2)[1], 1.0)
    with pytest.raises(ValueError, match="keys has shape"):
        hard_negatives(*case(3), 1.0, torch.zeros(2, 1).long())
