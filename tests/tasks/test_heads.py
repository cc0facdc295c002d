"""Heads read the fused vector, under `late` each modality apart; they are saved with the model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from openautoglm.config import ConfigError
from openautoglm.fuse.fused import Fused
from openautoglm.tasks.heads import FILE, Heads, loss_name
from openautoglm.tasks.predicted import Predicted, Trust
from openautoglm.tasks.target import Target, TargetError

TARGETS = [
    Target.fit("a.b", ["x", "y"], "text"),
    Target.fit("price", [1.0, 2.0, 5.0], "number"),
    Target.fit("labels", [["p", "q"], ["p"]], "tags"),
]


def heads(dim: int = 6) -> Heads:
    torch.manual_seed(0)
    made = Heads(dim)
    made.learn(TARGETS)
    return made.eval()


def test_under_late_what_is_said_of_each_modality_is_averaged_by_the_gates() -> None:
    made = heads()
    parts, gates = torch.randn(4, 3, 6), torch.rand(4, 3).softmax(dim=1)
    late = made(Fused(torch.zeros(4, 6), gates, parts))
    for name, outputs in late.items():
        each = torch.stack([made(Fused(parts[:, m], gates))[name] for m in range(3)], dim=1)
        torch.testing.assert_close(outputs, (gates.unsqueeze(-1) * each).sum(dim=1))


def test_losses_are_of_labelled_targets_only() -> None:
    made = heads()
    outputs = made(Fused(torch.randn(3, 6), torch.ones(3, 1)))
    labels = {
        "a.b": torch.tensor([-1, -1, -1]),
        "price": TARGETS[1].encode([1.0, None, 2.0]),
        "labels": TARGETS[2].encode([None, ["q"], []]),
    }
    losses = made.losses(outputs, labels)
    assert losses.keys() == {loss_name("price"), loss_name("labels")}
    torch.stack(list(losses.values())).sum().backward()


def test_a_round_trip_keeps_targets_and_trust(tmp_path: Path) -> None:
    made = heads()
    made.trust = {"a.b": Trust(1.5, abstain=0.7), "price": Trust(half_width=2.0), "labels": Trust(0.5)}
    made.save(tmp_path)
    again = Heads(6)
    again.load(tmp_path)
    assert again.targets == made.targets
    assert again.trust == made.trust
    again.load_state_dict(made.state_dict())
    with pytest.raises(TargetError, match=r"a\.b, price, labels already"):
        again.learn(TARGETS)
    (tmp_path / FILE).write_text("[{}]")
    with pytest.raises(ConfigError, match="cannot be read"):
        Heads(6).load(tmp_path)


def test_without_targets_nothing_is_written_and_nothing_found(tmp_path: Path) -> None:
    Heads(6).save(tmp_path)
    assert not list(tmp_path.iterdir())
    Heads(6).load(tmp_path)


def test_predictions_become_what_the_column_would_hold() -> None:
    classes = Predicted(TARGETS[0], np.array([[0.0, 4.0], [0.2, 0.0]], np.float32), Trust(2.0, abstain=0.8))
    told = classes.columns()
    assert told["a.b"] == ["y", "x"]
    assert told["a.b_probability"][0] == pytest.approx(1 / (1 + np.exp(-2)))
    assert told["a.b_abstained"] == [False, True]
    number = Predicted(TARGETS[1], np.array([[0.0], [1.0]], np.float32), Trust(half_width=0.5))
    assert number.columns()["price"] == pytest.approx([TARGETS[1].mean, TARGETS[1].mean + TARGETS[1].std])
    assert number.columns()["price_low"] == pytest.approx([one - 0.5 for one in number.values()])
    tags = Predicted(TARGETS[2], np.array([[3.0, -1.0], [-2.0, -2.0]], np.float32))
    assert tags.columns()["labels"] == [["p"], []]
    assert tags.columns()["labels_probabilities"] == [[pytest.approx(1 / (1 + np.exp(-3)))], []]


def test_trust_comes_from_labelled_rows_and_only_from_enough() -> None:
    dice = np.random.default_rng(0)
    outputs = dice.normal(0, 3, (400, 2)).astype(np.float32)
    right = np.where(dice.random(400) < 0.8, outputs.argmax(axis=1), dice.integers(0, 2, 400))
    values: list[str | None] = ["xy"[place] for place in right]
    values[:50] = [None] * 50
    trust = Trust.fit(TARGETS[0], outputs, values)
    assert trust.temperature > 1.2  # one answer in ten is wrong, however far apart the logits are
    assert Trust.fit(TARGETS[0], outputs[50:70], values[50:70]) == Trust()
    numbers = Trust.fit(TARGETS[1], np.zeros((100, 1), np.float32), list(np.linspace(0, 1, 100)))
    assert numbers.half_width == pytest.approx(TARGETS[1].mean, abs=0.15)
