from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.align import reference
from tests.align.pairs_data import Case, cases, make_case

from openautoglm.align.infonce import InfoNCE
from openautoglm.align.queue import Negatives
from openautoglm.align.triplet import Triplet


@settings(max_examples=40, deadline=None)
@given(cases, st.sampled_from(["semi-hard", "hardest"]), st.sampled_from([0.1, 1.0]))
def test_equals_the_formula_row_by_row(case: Case, mining: str, margin: float) -> None:
    loss = Triplet(margin, mining, warmup_steps=0, positives=case.positives)  # type: ignore[arg-type]
    alike = reference.relations(case.keys, len(case.image))
    expected = reference.triplet_loss(case.image, case.text, margin, mining, alike, case.positives)
    assert loss(case.image, case.text, case.keys).item() == pytest.approx(expected, abs=1e-6)


def test_warm_up_is_infonce_and_its_count_is_checkpointed() -> None:
    case = make_case(6, 4, 10.0, 0, 0, "match", seed=1)
    image, text = case.image.float(), case.text.float()
    loss = Triplet(warmup_steps=2)
    warm = InfoNCE()(image, text).item()
    assert loss(image, text).item() == warm
    loss.eval()(image, text)  # looking does not count

    resumed = Triplet(warmup_steps=2)
    resumed.load_state_dict(loss.state_dict())
    assert resumed(image, text).item() == warm
    assert resumed(image, text).item() != warm
    assert int(resumed.step) == 3


def test_a_queue_offers_harder_negatives_unless_they_are_related() -> None:
    image = text = torch.eye(2)
    near = torch.tensor([[0.8, 0.6]])  # 0.63 from row 0, 0.89 from row 1
    loss = Triplet(margin=1.0, mining="hardest", warmup_steps=0)
    keys = torch.tensor([[1], [2]])
    alone = loss(image, text, keys).item()
    harder = loss(image, text, keys, Negatives(near, near, torch.tensor([[3]]))).item()
    masked = loss(image, text, keys, Negatives(near, near, torch.tensor([[1]]))).item()
    assert alone == 0
    assert harder == pytest.approx(((1 - 0.4**0.5) + (1 - 0.8**0.5)) / 2, abs=1e-6)
    assert masked == pytest.approx((1 - 0.8**0.5) / 2, abs=1e-6)


def test_identical_pairs_have_a_finite_gradient() -> None:
    image = torch.eye(3).requires_grad_()
    Triplet(margin=2.0, warmup_steps=0)(image, torch.eye(3)).backward()
    assert image.grad is not None
    assert image.grad.isfinite().all()


def test_a_batch_without_negatives_costs_nothing() -> None:
    image = torch.eye(3).requires_grad_()
    loss = Triplet(warmup_steps=0)(image, torch.eye(3).roll(1, 0), torch.zeros(3, 1, dtype=torch.long))
    loss.backward()
    assert loss.item() == 0


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="mining='easy' is unknown"):
        Triplet(mining="easy")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="margin=0"):
        Triplet(margin=0)
