"""Context-aware features agree with the plain formula, and their alignment cannot be had by copying."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from openautoglm.context.features import ContextFeatures


def rows(batch: int, words: int = 4, patches: int = 5, seed: int = 0) -> list[Tensor]:
    """Text tokens (B, T, 8), their mask, image tokens (B, L, 6), their mask; float64."""
    torch.manual_seed(seed)
    text_mask = torch.arange(words) < torch.randint(1, words + 1, (batch, 1))
    image_mask = torch.arange(patches) < torch.randint(1, patches + 1, (batch, 1))
    text, image = torch.randn(batch, words, 8), torch.randn(batch, patches, 6)
    return [text.double(), text_mask, image.double(), image_mask]


def plain(features: ContextFeatures, text: Tensor, image: Tensor, heads: int) -> Tensor:
    """The formula for one row without padding, head by head → (T, 8)."""
    attend = features.attend
    query, key, value = attend.query(text), attend.key(image), attend.value(image)
    seen = []
    for query_h, key_h, value_h in zip(*(part.chunk(heads, -1) for part in (query, key, value)), strict=True):
        scores = query_h @ key_h.T / query_h.shape[-1] ** 0.5
        seen.append(torch.exp(scores) / torch.exp(scores).sum(-1, keepdim=True) @ value_h)
    joined = torch.cat([text, attend.out(torch.cat(seen, -1))], -1) @ features.join.weight.T
    joined = joined + features.join.bias
    centred = joined - joined.mean(-1, keepdim=True)
    scaled = centred / (centred.pow(2).mean(-1, keepdim=True) + features.norm.eps).sqrt()
    return scaled * features.norm.weight + features.norm.bias


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([1, 2, 4]))
def test_equal_to_the_plain_formula(seed: int, heads: int) -> None:
    text, text_mask, image, image_mask = rows(3, seed=seed)
    features = ContextFeatures(8, heads, context_dim=6).double()
    nn.init.normal_(features.norm.weight)
    found = features(text, text_mask, image, image_mask)
    for row in range(3):
        own = plain(features, text[row][text_mask[row]], image[row][image_mask[row]], heads)
        torch.testing.assert_close(found.tokens[row][text_mask[row]], own)
        torch.testing.assert_close(found.pooled[row], own.mean(0))


def test_padding_and_absent_pictures_change_no_bit() -> None:
    text, text_mask, image, image_mask = rows(4)
    image_mask[1] = False
    features = ContextFeatures(8, 2, context_dim=6).double()
    spoilt_text = text.masked_fill(~text_mask[..., None], torch.nan)
    spoilt_image = image.masked_fill(~image_mask[..., None], torch.nan)
    clean = features(text, text_mask, image, image_mask)
    spoilt = features(spoilt_text, text_mask, spoilt_image, image_mask)
    assert torch.equal(clean.tokens, spoilt.tokens)
    assert torch.equal(clean.pooled, spoilt.pooled)
    spoilt.pooled.sum().backward()
    assert all(one.grad is None or one.grad.isfinite().all() for one in features.parameters())


def test_alignment_is_the_loss_of_every_text_with_every_picture() -> None:
    text, text_mask, image, image_mask = rows(3)
    features = ContextFeatures(8, 2, context_dim=6).double()
    embeds = torch.randn(3, 8).double()
    scores = torch.zeros(3, 3).double()
    for i in range(3):
        for j in range(3):
            one = features(text[i : i + 1], text_mask[i : i + 1], image[j : j + 1], image_mask[j : j + 1])
            scores[i, j] = 5 * functional.cosine_similarity(one.pooled[0], embeds[j], dim=0)
    own = -(scores.log_softmax(1).diag().mean() + scores.log_softmax(0).diag().mean()) / 2
    torch.testing.assert_close(features.alignment(text, text_mask, image, image_mask, embeds, 5.0), own)


def test_a_row_of_the_same_caption_is_no_negative() -> None:
    text, text_mask, image, image_mask = rows(2)
    features = ContextFeatures(8, 2, context_dim=6).double()
    given_ = text, text_mask, image, image_mask, torch.randn(2, 8).double(), 5.0
    assert features.alignment(*given_, keys=torch.tensor([[7], [7]])).item() == 0
    assert features.alignment(*given_, keys=torch.tensor([[7], [8]])).item() > 0


def test_what_does_not_fit_is_named() -> None:
    text, text_mask, image, image_mask = rows(2)
    features = ContextFeatures(8, 2, context_dim=6).double()
    with pytest.raises(ValueError, match=r"image_embeds is \(2, 6\); expected \(2, 8\)"):
        features.alignment(text, text_mask, image, image_mask, torch.randn(2, 6).double(), 1.0)


def test_alignment_is_learned_from_words_and_not_by_copying_the_picture() -> None:
    """The word names which patch is there; features of words that say nothing stay at chance."""
    torch.manual_seed(0)
    kinds = torch.randn(16, 6)
    for telling in (True, False):
        torch.manual_seed(1)
        features, words = ContextFeatures(8, 2, context_dim=6), nn.Embedding(16, 8)
        into = nn.Linear(6, 8)
        learned = [*features.parameters(), *words.parameters(), *into.parameters()]
        optimizer = torch.optim.AdamW(learned, lr=1e-2)
        for _ in range(150):
            chosen = torch.randperm(16)[:8]
            text = words(chosen if telling else torch.zeros_like(chosen))[:, None]
            image, mask = kinds[chosen][:, None], torch.ones(8, 1, dtype=torch.bool)
            loss = features.alignment(text, mask, image, mask, into(image[:, 0]), 10.0)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        chance = torch.tensor(8.0).log()
        assert loss.item() < 0.3 * chance if telling else loss.item() > 0.9 * chance
