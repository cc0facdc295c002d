"""The small text tower: padding counts for nothing, order counts for something."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from openautoglm.encoders.small_text import SmallText


def tower(dropout: float = 0.0) -> SmallText:
    torch.manual_seed(0)
    return SmallText(vocab_size=50, dim=12, pairs=64, dropout=dropout)


def batch(*captions: list[int], length: int) -> tuple[torch.Tensor, torch.Tensor]:
    ids = torch.zeros(len(captions), length, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, caption in enumerate(captions):
        ids[row, : len(caption)] = torch.tensor(caption)
        mask[row, : len(caption)] = 1
    return ids, mask


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 49), min_size=1, max_size=6), st.integers(6, 12))
def test_padding_changes_nothing(caption: list[int], length: int) -> None:
    model = tower().eval()
    short, long = model(*batch(caption, length=len(caption))), model(*batch(caption, length=length))
    torch.testing.assert_close(short.pooled, long.pooled)
    torch.testing.assert_close(short.tokens, long.tokens[:, : len(caption)])
    assert long.mask.sum() == len(caption)


def test_the_order_of_words_matters() -> None:
    there, back = tower().eval()(*batch([4, 9, 7], [7, 9, 4], length=3)).pooled
    assert not torch.allclose(there, back, atol=1e-3)


def test_dropout_never_empties_a_caption() -> None:
    encoded = tower(dropout=0.99).train()(*batch([1], [2, 3], length=4))
    assert bool(encoded.pooled.isfinite().all())


def test_dropout_rests_in_use_and_follows_the_seed() -> None:
    model, given_ = tower(dropout=0.5), batch([1, 2, 3, 4], [5, 6, 7, 8], length=4)
    torch.manual_seed(1)
    first = model(*given_).pooled
    torch.manual_seed(1)
    assert torch.equal(first, model(*given_).pooled)
    assert torch.equal(model.eval()(*given_).pooled, model(*given_).pooled)


def test_it_tells_captions_apart_after_some_steps() -> None:
    model, captions = tower(), batch(*[[a, b] for a in range(6) for b in range(6)], length=2)
    wanted = torch.nn.functional.one_hot(torch.arange(36) % 12, 12).float()
    steps = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(150):
        steps.zero_grad()
        torch.nn.functional.mse_loss(model(*captions).pooled, wanted).backward()
        steps.step()
    assert bool((model.eval()(*captions).pooled.argmax(1) == wanted.argmax(1)).float().mean() > 0.9)
