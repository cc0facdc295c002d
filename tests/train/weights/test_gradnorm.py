"""GradNorm against a plain implementation, and what it promises."""

from __future__ import annotations

import math
from collections.abc import Iterable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.train.weights.toy import Toy

from openautoglm.train.weights.gradnorm import RATE, GradNorm, gradient_norms

NAMES = ("a", "b", "c", "d")
NUMBERS = st.floats(1e-3, 1e3)
STEPS = st.lists(
    st.dictionaries(st.sampled_from(NAMES), st.tuples(NUMBERS, NUMBERS), min_size=1), min_size=1, max_size=30
)


def feed(weighting: GradNorm, step: dict[str, tuple[float, float]]) -> None:
    weighting.after_step(
        {name: loss for name, (loss, _) in step.items()}, {name: norm for name, (_, norm) in step.items()}
    )


def follow(toy: Toy, weighting: GradNorm, steps: int, units: dict[str, float] | None = None) -> list[float]:
    """Train; the weights of the tasks at the end."""
    for _ in range(steps):
        losses = {name: (units or {}).get(name, 1.0) * loss for name, loss in toy.losses().items()}
        norms = gradient_norms(losses, [toy.last.weight])
        toy.step(torch.stack([weighting.weight(name) * loss for name, loss in losses.items()]).sum())
        weighting.after_step({name: loss.item() for name, loss in losses.items()}, norms)
    return [weighting.weight(name) for name in toy.names]


def plain(toy: Toy, alpha: float, steps: int) -> list[float]:
    """Algorithm 1 as it is written, by autograd through the norms; the step in log w."""
    logs = torch.zeros(len(toy.names), dtype=torch.float64, requires_grad=True)
    first = None
    for _ in range(steps):
        losses = torch.stack(list(toy.losses().values()))
        first = losses.detach() if first is None else first
        weights = logs.exp()
        norms = torch.stack(
            [
                torch.autograd.grad(weight * loss, toy.last.weight, create_graph=True)[0].norm()
                for weight, loss in zip(weights, losses, strict=True)
            ]
        )
        left = losses.detach() / first
        mean = norms.mean().detach()
        target = mean * (left / left.mean()) ** alpha
        (slope,) = torch.autograd.grad((norms - target).abs().sum() / mean, logs, retain_graph=True)
        toy.step((weights.detach() * losses).sum())
        with torch.no_grad():
            logs -= RATE * slope
            logs += math.log(len(logs)) - logs.exp().sum().log()
    return logs.exp().tolist()


@pytest.mark.parametrize(
    "scales", [[1.0, 100.0], [1.0, 5.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 80.0, 100.0]]
)
@pytest.mark.parametrize("alpha", [0.0, 0.12, 1.5])
def test_it_agrees_with_a_plain_implementation_on_the_papers_toy(scales: list[float], alpha: float) -> None:
    ours, theirs = Toy(scales), Toy(scales)
    weights = follow(ours, GradNorm(alpha), 60)
    assert weights == pytest.approx(plain(theirs, alpha, 60), rel=1e-9)
    for mine, other in zip(ours.trunk.parameters(), theirs.trunk.parameters(), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-8, atol=1e-10)
    assert weights[0] > weights[-1]


@given(steps=STEPS, alpha=st.sampled_from([0.0, 0.5, 1.5]))
@settings(max_examples=50, deadline=None)
def test_weights_sum_to_their_number_at_each_step(
    steps: list[dict[str, tuple[float, float]]], alpha: float
) -> None:
    weighting, met = GradNorm(alpha), set[str]()
    for step in steps:
        absent = {name: weighting.weight(name) for name in met - step.keys()}
        feed(weighting, step)
        met |= step.keys()
        weights = {name: weighting.weight(name) for name in met}
        assert sum(weights.values()) == pytest.approx(len(met), abs=1e-6)
        assert min(weights.values()) > 0
        assert all(weights[name] == weight for name, weight in absent.items())


@given(steps=STEPS)
@settings(max_examples=30, deadline=None)
def test_tasks_that_change_places_change_weights(steps: list[dict[str, tuple[float, float]]]) -> None:
    other = dict(zip(NAMES, reversed(NAMES), strict=True))
    ours, theirs = GradNorm(), GradNorm()
    for step in steps:
        feed(ours, step)
        feed(theirs, {other[name]: pair for name, pair in reversed(step.items())})
    for name in NAMES:
        assert ours.weight(name) == pytest.approx(theirs.weight(other[name]), rel=1e-9)


@given(
    norms=st.lists(st.floats(0.05, 20), min_size=2, max_size=4), left=st.lists(st.floats(0.1, 1), min_size=4)
)
@settings(max_examples=25, deadline=None)
def test_it_rests_where_gradients_follow_the_speeds(norms: list[float], left: list[float]) -> None:
    names, weighting = NAMES[: len(norms)], GradNorm(alpha=1.0)
    weighting.after_step(dict.fromkeys(names, 1.0), dict.fromkeys(names, 0.0))  # the first losses
    for _ in range(1500):
        weighting.after_step(dict(zip(names, left, strict=False)), dict(zip(names, norms, strict=True)))
    pulls = [weighting.weight(name) * norm / share
             for name, norm, share in zip(names, norms, left, strict=False)]  # fmt: skip
    assert max(pulls) / min(pulls) < 1.2  # steps of RATE to either side


def test_without_alpha_gradient_norms_become_equal() -> None:
    toy, weighting = Toy([1.0, 8.0]), GradNorm(alpha=0.0)
    follow(toy, weighting, 300)
    norms = [gradient_norms(toy.losses(), [toy.last.weight]) for _ in range(20)]
    small, large = (sum(row[name] for row in norms) for name in toy.names)
    assert large > 5 * small
    # Every step moves by RATE on norms of one batch, so the balance is that of noisy ones.
    assert weighting.weight("task1") * large == pytest.approx(weighting.weight("task0") * small, rel=0.3)


def test_a_loss_in_another_unit_is_compensated() -> None:
    first, second = follow(Toy([1.0, 1.0]), GradNorm(), 600)
    other, rescaled = follow(Toy([1.0, 1.0]), GradNorm(), 600, units={"task1": 100.0})
    assert rescaled / other == pytest.approx(second / first / 100, rel=0.25)


def test_the_slower_of_two_equal_pulls_gains_and_more_with_alpha() -> None:
    found = []
    for alpha in (0.0, 0.5, 1.5):
        weighting = GradNorm(alpha)
        for step in range(100):
            weighting.after_step({"fast": 0.9**step, "slow": 0.99**step}, {"fast": 1.0, "slow": 1.0})
        found.append(weighting.weight("slow"))
    assert found[0] == pytest.approx(1.0, abs=0.05) and 1.2 < found[1] < found[2]


@pytest.mark.parametrize(
    ("losses", "norms"),
    [
        ({"a": 0.0, "b": 0.0}, {"a": 1.0, "b": 1.0}),
        ({"a": 1.0, "b": 1.0}, {"a": 0.0, "b": 0.0}),
        ({"a": 1.0, "b": 1.0}, {"a": math.inf, "b": 1.0}),
        ({"a": 1.0, "b": 1.0}, {}),
        ({}, {}),
    ],
    ids=["nothing to learn", "nothing pulls", "overflow", "not measured", "no loss"],
)
def test_a_step_that_tells_nothing_changes_nothing(losses: dict[str, float], norms: dict[str, float]) -> None:
    weighting = GradNorm()
    weighting.after_step(losses, norms)
    assert [weighting.weight(name) for name in "ab"] == [1.0, 1.0]


def test_norms_are_of_all_shared_points_together() -> None:
    points = [torch.randn(3, requires_grad=True), torch.randn(2, 2, requires_grad=True), torch.ones(1)]
    loss = (points[0] ** 2).sum() + (points[1] ** 3).sum()
    apart: Iterable[torch.Tensor] = torch.autograd.grad(loss, points[:2], retain_graph=True)
    expected = torch.cat([part.flatten() for part in apart]).norm().item()
    found = gradient_norms({"loss": loss, "constant": torch.ones(())}, points)
    assert found == pytest.approx({"loss": expected, "constant": 0.0})
    loss.backward()  # the graph is still there, and nothing was added to .grad before
    assert torch.equal(points[0].grad, 2 * points[0].detach())
