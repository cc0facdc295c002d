"""The head is what its page says, padding means nothing to it, and it learns what the cosine cannot see."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from openautoglm.align.keys import related
from openautoglm.tasks import match_head
from openautoglm.tasks.match_head import MatchHead, Side, checked_pairs


def sides(rows: int = 5, seed: int = 0, patches: int = 4, words: int = 6) -> tuple[Side, Side]:
    torch.manual_seed(seed)
    image = Side(
        F.normalize(torch.randn(rows, 8), dim=1), torch.randn(rows, patches, 10), _mask(rows, patches)
    )
    return image, Side(
        F.normalize(torch.randn(rows, 8), dim=1), torch.randn(rows, words, 12), _mask(rows, words)
    )


def _mask(rows: int, length: int) -> Tensor:
    return torch.arange(length) < torch.randint(1, length + 1, (rows, 1))


def head(layers: int = 2, seed: int = 0) -> MatchHead:
    torch.manual_seed(seed)
    made = MatchHead(layers, embed_dim=8, text_dim=12, image_dim=10)
    for parameter in made.parameters():  # zeros and ones of a fresh head would hide a swapped weight
        parameter.data.add_(torch.randn_like(parameter) * 0.1)
    return made.eval()


def tokens(image: Side, text: Side) -> list[Tensor]:
    return [image.tokens, image.mask, text.tokens, text.mask]


# ── a plain form of the head, one pair at a time, in float64 ─────────────────────────────────────────────


def _attend(part: nn.Module, queries: Tensor, context: Tensor) -> Tensor:
    query, key, value = (part.get_submodule(name)(x) for name, x in zip(
        ("query", "key", "value"), (queries, context, context), strict=True
    ))  # fmt: skip
    mixed = []
    for number in range(part.heads):
        own = slice(number * query.shape[1] // part.heads, (number + 1) * query.shape[1] // part.heads)
        shares = (query[:, own] @ key[:, own].T / query[:, own].shape[1] ** 0.5).softmax(dim=1)
        mixed.append(shares @ value[:, own])
    return part.out(torch.cat(mixed, dim=1))


def plain_logit(made: MatchHead, image: Side, text: Side, i: int, t: int) -> Tensor:
    v, e = image.embeds[i].double(), text.embeds[t].double()
    c = torch.cat([made.first_image(v)[None], image.tokens[i][image.mask[i]].double()])
    x = torch.cat([made.first_text(e)[None], text.tokens[t][text.mask[t]].double()])
    for layer in made.layers:
        x = x + layer.look.gate.tanh() * _attend(
            layer.look.attend, layer.look.token_norm(x), layer.look.context_norm(c)
        )
        x = x + _attend(layer.attend, layer.token_norm(x), layer.token_norm(x))
        x = x + layer.mlp(x)
    return made.answer(made.norm(x[0]))[0] + 8**0.5 * (made.agreement * v * e).sum()


def test_logits_are_those_of_the_plain_form() -> None:
    made, (image, text) = head().double(), sides()
    expected = torch.stack([plain_logit(made, image, text, row, row) for row in range(5)])
    torch.testing.assert_close(made(image, text), expected, rtol=1e-10, atol=1e-10)


def test_the_loss_is_that_of_its_formula() -> None:
    """Of three rows, two of them related, each has one possible negative, so nothing is left to chance."""
    made, (image, text) = head().double(), sides(3)
    keys = torch.tensor([[1], [1], [2]])
    # Row 2 may draw row 0 or 1; a scale this high leaves it the nearer one.
    found = made.losses(image.embeds, text.embeds, tokens(image, text), 1e6, keys)["matching"]
    scores = (image.embeds @ text.embeds.T).masked_fill(related(keys, keys), -9)
    right = [plain_logit(made, image, text, row, row) for row in range(3)]
    wrong = [plain_logit(made, image, text, row, int(scores[row].argmax())) for row in range(3)]
    wrong += [plain_logit(made, image, text, int(scores[:, row].argmax()), row) for row in range(3)]
    expected = -torch.stack(right).sigmoid().log().mean() / 2
    expected -= (1 - torch.stack(wrong).sigmoid()).log().mean() / 2
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)


def test_no_unrelated_pair_no_loss() -> None:
    made = head()
    for rows, keys in ((1, None), (3, torch.zeros(3, 1).long())):
        image, text = sides(rows)
        assert made.losses(image.embeds, text.embeds, tokens(image, text), 1.0, keys) == {}


@settings(max_examples=30, deadline=None)
@given(st.sampled_from([float("nan"), float("inf"), -1e30, 3.0]), st.integers(0, 5), st.integers(1, 3))
def test_padding_changes_no_bit_of_loss_and_gradient(garbage: float, seed: int, layers: int) -> None:
    made, (image, text) = head(layers), sides(seed=seed)

    def result(image: Side, text: Side) -> list[Tensor]:
        made.zero_grad()
        leaves = [side.tokens.clone().requires_grad_() for side in (image, text)]
        both = [side._replace(tokens=leaf) for side, leaf in zip((image, text), leaves, strict=True)]
        torch.manual_seed(1)
        loss = made.losses(image.embeds, text.embeds, tokens(*both), 5.0)["matching"]
        loss.backward()
        return [
            loss,
            *(leaf.grad for leaf in leaves),
            *(p.grad for p in made.parameters() if p.grad is not None),
        ]

    spoilt = [
        side._replace(tokens=side.tokens.masked_fill(~side.mask[..., None], garbage))
        for side in (image, text)
    ]
    for clean, dirty in zip(result(image, text), result(*spoilt), strict=True):
        assert torch.equal(clean, dirty) and clean.isfinite().all()


def test_a_side_without_any_token_still_has_its_vector() -> None:
    made, (image, text) = head(), sides()
    empty = [side._replace(mask=torch.zeros_like(side.mask)) for side in (image, text)]
    assert made(*empty).isfinite().all()
    assert not torch.equal(made(*empty), made(image, text))


def test_many_pairs_are_judged_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    made, (image, text) = head().train(), sides(9)
    for module in made.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        if hasattr(module, "dropout"):
            module.dropout = 0.0
    found = []
    for size in (512, 4):
        monkeypatch.setattr(match_head, "PAIRS_AT_ONCE", size)
        made.zero_grad()
        torch.manual_seed(0)
        loss = made.losses(image.embeds, text.embeds, tokens(image, text), 5.0)["matching"]
        loss.backward()
        found.append([loss.detach(), *(p.grad.clone() for p in made.parameters() if p.grad is not None)])
    for whole, parts in zip(*found, strict=True):
        torch.testing.assert_close(whole, parts, rtol=1e-4, atol=1e-6)


def test_probabilities_of_chosen_pairs() -> None:
    made, (image, text) = head().train(), sides()
    pairs = [(0, 0), (3, 1), (4, 4), (3, 1)]
    found = made.probabilities(image, text, pairs, batch_size=3)
    made.eval()
    expected = torch.stack([plain_logit(made.double(), image, text, *pair) for pair in pairs]).sigmoid()
    torch.testing.assert_close(found, expected.float(), rtol=1e-5, atol=1e-6)
    assert made.probabilities(image, text, [], batch_size=3).shape == (0,)


def test_joined_sides_pad_texts_of_different_lengths() -> None:
    made, long, short = head(), sides(3)[1], sides(2, seed=1, words=3)[1]
    joined = Side.joined([long, short])
    assert joined.tokens.shape == (5, 6, 12)
    first = sides(2, seed=2)[0]
    torch.testing.assert_close(made(first, joined.rows(slice(3, 5))), made(first, short))


def test_pairs_that_cannot_be_are_refused() -> None:
    assert list(checked_pairs(None, 2, 2)) == [(0, 0), (1, 1)]
    with pytest.raises(ValueError, match="2 images and 3 texts"):
        checked_pairs(None, 2, 3)
    with pytest.raises(ValueError, match=r"pair \(2, 0\) points beyond 2 images"):
        checked_pairs([(0, 0), (2, 0)], 2, 3)
