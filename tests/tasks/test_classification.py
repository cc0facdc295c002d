"""Losses and figures of classification agree with plain forms; missing labels take no part."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from openautoglm.tasks.classification import (
    auroc,
    calibration_error,
    class_loss,
    macro_auroc,
    macro_f1,
    tags_loss,
)

SEEDS = st.integers(0, 10_000)


@given(SEEDS, st.floats(0.0, 1.0))
def test_class_loss_is_the_plain_one_over_labelled_rows(seed: int, balance: float) -> None:
    dice = np.random.default_rng(seed)
    logits, labels = dice.normal(size=(9, 4)), dice.integers(-1, 4, 9)
    labels[0] = 2
    counts = dice.integers(1, 50, 4)
    shifted = logits + balance * np.log(counts / counts.sum())
    chances = np.exp(shifted) / np.exp(shifted).sum(1, keepdims=True)
    known = labels >= 0
    wanted = -np.log(chances[np.flatnonzero(known), labels[known]]).mean()
    logits[~known] = np.nan  # whatever stands there
    found = class_loss(torch.tensor(logits), torch.tensor(labels), counts.tolist(), balance)
    assert found is not None
    assert found.item() == pytest.approx(wanted)


def test_nothing_labelled_is_no_loss() -> None:
    assert class_loss(torch.zeros(2, 3), torch.tensor([-1, -1])) is None
    assert tags_loss(torch.zeros(2, 3), torch.full((2, 3), torch.nan)) is None


def test_tags_loss_is_the_mean_of_the_labelled() -> None:
    labels = torch.tensor([[1.0, 0.0], [torch.nan, torch.nan]])
    loss = tags_loss(torch.tensor([[2.0, -1.0], [9.0, 9.0]]), labels)
    wanted = (-torch.sigmoid(torch.tensor(2.0)).log() - torch.sigmoid(torch.tensor(1.0)).log()) / 2
    assert loss is not None
    assert loss.item() == pytest.approx(wanted.item())


def test_balance_makes_up_for_rare_classes() -> None:
    """Without features, the best bias under balance 1 gives each class the same chance."""
    labels = torch.tensor([0] * 90 + [1] * 10)
    for balance, share in ((0.0, 0.1), (1.0, 0.5)):
        bias = torch.zeros(2, requires_grad=True)
        optimizer = torch.optim.LBFGS([bias], max_iter=50)

        def closure(bias=bias, optimizer=optimizer, balance=balance):  # type: ignore[no-untyped-def]
            optimizer.zero_grad()
            loss = class_loss(bias.expand(100, 2), labels, (90, 10), balance)
            assert loss is not None
            loss.backward()
            return loss

        optimizer.step(closure)
        assert bias.softmax(0)[1].item() == pytest.approx(share, abs=1e-3)


@given(SEEDS)
def test_auroc_counts_pairs(seed: int) -> None:
    dice = np.random.default_rng(seed)
    scores, positive = dice.integers(0, 6, 14).astype(float), dice.random(14) < 0.4
    pairs = [(a > b) + (a == b) / 2 for a in scores[positive] for b in scores[~positive]]
    assert auroc(scores, positive) == (pytest.approx(np.mean(pairs)) if pairs else None)


@given(SEEDS)
def test_macro_f1_is_the_mean_over_the_classes_that_occur(seed: int) -> None:
    dice = np.random.default_rng(seed)
    predicted, labels = dice.integers(0, 4, 11), dice.integers(0, 3, 11)
    each = []
    for one in range(5):
        hits = ((predicted == one) & (labels == one)).sum()
        if size := (predicted == one).sum() + (labels == one).sum():
            each.append(2 * hits / size)
    assert macro_f1(predicted, labels, 5) == pytest.approx(np.mean(each))


def test_macro_auroc_leaves_out_classes_without_rows() -> None:
    chances = np.array([[0.7, 0.2, 0.1], [0.2, 0.7, 0.1], [0.6, 0.3, 0.1]])
    assert macro_auroc(chances, np.array([0, 1, 0])) == 1.0
    assert macro_auroc(chances, np.array([0, 0, 0])) is None


@settings(max_examples=20)
@given(SEEDS)
def test_honest_confidence_has_a_small_calibration_error_and_boasting_a_large_one(seed: int) -> None:
    dice = np.random.default_rng(seed)
    confidence = dice.uniform(0.55, 0.95, 4000)
    chances = np.stack([confidence, 1 - confidence], axis=1)
    labels = (dice.random(4000) > confidence).astype(int)
    assert calibration_error(chances, labels) < 0.05
    assert calibration_error(np.tile([0.999, 0.001], (4000, 1)), labels) == pytest.approx(
        0.999 - (labels == 0).mean()
    )
