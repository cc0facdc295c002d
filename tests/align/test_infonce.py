from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from tests.align import reference
from tests.align.pairs_data import Case, cases, make_case

from openautoglm.align.infonce import InfoNCE, plain_softmax_loss


@settings(max_examples=40, deadline=None)
@given(cases)
def test_plain_form_equals_the_formula_pair_by_pair(case: Case) -> None:
    expected = reference.softmax_loss(*case)
    torch.testing.assert_close(plain_softmax_loss(*case), expected, rtol=1e-9, atol=1e-9)


def test_without_keys_it_is_the_loss_of_clip() -> None:
    case = make_case(9, 4, 14.3, 0, 0, "match", seed=1)
    logits, labels = case.scale * case.image @ case.text.t(), torch.arange(9)
    clip = (
        torch.nn.functional.cross_entropy(logits, labels)
        + torch.nn.functional.cross_entropy(logits.t(), labels)
    ) / 2
    torch.testing.assert_close(InfoNCE(1 / 14.3).double()(case.image, case.text), clip, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("positives", ["match", "mask"])
def test_module_gives_the_same_numbers_plain_and_tiled(positives: str) -> None:
    case = make_case(20, 8, 14.3, 6, 5, positives, seed=3)
    results = []
    for tiled_from in (1, 1000):
        loss = InfoNCE(positives=positives, tiled_from=tiled_from).double()  # type: ignore[arg-type]
        value = loss(case.image, case.text, case.keys, case.queue)
        results.append((value, *torch.autograd.grad(value, [case.image, case.text, loss.logit_scale])))
    for tiled, plain in zip(*results, strict=True):
        torch.testing.assert_close(tiled, plain, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("positives", ["match", "mask"])
def test_a_related_row_is_not_pushed_away(positives: str) -> None:
    """Moving an image towards the text of a related row never costs; towards an unrelated one, it does."""
    embeds = torch.eye(3, dtype=torch.float64)
    image = embeds.clone().requires_grad_()
    loss = InfoNCE(positives=positives).double()  # type: ignore[arg-type]
    loss(image, embeds, torch.tensor([[5], [5], [6]])).backward()
    assert image.grad is not None
    assert image.grad[0, 1] <= 1e-12
    assert image.grad[0, 2] > 0


@pytest.mark.parametrize("tiled_from", [1, 1000])
def test_autocast_does_not_round_the_loss(tiled_from: int) -> None:
    case = make_case(12, 16, 100.0, 0, 0, "match", seed=5)
    image, text = case.image.detach().float(), case.text.detach().float()
    loss = InfoNCE(0.01, tiled_from=tiled_from)
    exact = loss(image, text)
    with torch.autocast("cpu", torch.bfloat16):
        assert loss(image, text).item() == exact.item()
    assert loss(image.bfloat16(), text.bfloat16()).dtype == torch.float32


def test_temperature_comes_back_from_beyond_its_limit() -> None:
    loss = InfoNCE()
    loss.logit_scale.data.fill_(9.0)
    shifted = torch.eye(4).roll(1, 0)
    loss(torch.eye(4), shifted).backward()  # wrong pairs: a higher temperature would help
    assert loss.logit_scale.item() == pytest.approx(math.log(100))
    assert loss.logit_scale.grad is not None
    assert loss.logit_scale.grad > 0


def test_two_losses_in_one_step_share_the_temperature() -> None:
    loss, image = InfoNCE(), torch.eye(4).requires_grad_()
    (loss(image, torch.eye(4)) + loss(image, torch.eye(4).flip(0))).backward()
    assert loss.logit_scale.grad is not None


@pytest.mark.parametrize(
    ("image", "text", "keys", "message"),
    [
        ((3, 4), (2, 4), None, r"image_embeds \(3, 4\) and text_embeds \(2, 4\)"),
        ((0, 4), (0, 4), None, "no row with both an image and a text"),
        ((3, 4), (3, 4), torch.zeros(2, 1, dtype=torch.long), r"keys has shape \(2, 1\); expected \(3, K\)"),
        ((3, 4), (3, 4), torch.zeros(3, 1), "expected integers"),
    ],
)
def test_what_is_no_batch_of_pairs_is_named(image, text, keys, message) -> None:
    with pytest.raises(ValueError, match=message):
        InfoNCE()(torch.ones(image), torch.ones(text), keys)


def test_unknown_choices_are_refused() -> None:
    with pytest.raises(ValueError, match="choose 'match' or 'mask'"):
        InfoNCE(positives="maybe")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"temperature=7 is outside"):
        InfoNCE(temperature=7)
