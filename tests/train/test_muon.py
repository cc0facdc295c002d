"""Muon: kernels move equally in all directions, all else as by AdamW, and a saved run goes on."""

from __future__ import annotations

import copy

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from openautoglm.train.muon import Muon, orthogonal


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 999))
def test_singular_values_come_near_one_and_directions_stay(rows: int, columns: int, seed: int) -> None:
    torch.manual_seed(seed)
    u, _, v = torch.linalg.svd(torch.randn(rows, columns), full_matrices=False)
    values = torch.linspace(0.1, 1.0, len(v))
    found = u.t() @ orthogonal(u * values @ v) @ v.t()
    assert float(found.diag().min()) > 0.5
    assert float(found.diag().max()) < 1.4
    assert float((found - found.diag().diag()).abs().max()) < 0.1


def test_other_parameters_are_stepped_as_by_adamw() -> None:
    torch.manual_seed(0)
    mine = nn.Linear(4, 3)
    other = copy.deepcopy(mine)
    steps = [
        Muon([{"params": list(mine.parameters())}], lr=0.01, weight_decay=0.1),
        torch.optim.AdamW(other.parameters(), lr=0.01, betas=(0.9, 0.98), weight_decay=0.1),
    ]
    for _ in range(4):
        x = torch.randn(5, 4)
        for model, step in zip((mine, other), steps, strict=True):
            step.zero_grad()
            model(x).square().sum().backward()
            step.step()
    torch.testing.assert_close(mine.weight, other.weight)


def network() -> tuple[nn.Sequential, Muon]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(2, 4, 3), nn.Flatten(), nn.Linear(16, 1))
    groups = [
        {"params": [model[0].weight], "muon": True, "lr": 0.02},
        {"params": [model[0].bias, *model[2].parameters()]},
    ]
    return model, Muon(groups, lr=0.003)


def learn(model: nn.Module, step: Muon, times: int) -> float:
    x = torch.randn(8, 2, 4, 4, generator=torch.Generator().manual_seed(1))
    wanted = x[:, 0].sum((1, 2))[:, None]
    for _ in range(times):
        step.zero_grad()
        loss = (model(x) - wanted).square().mean()
        loss.backward()
        step.step()
    return loss.item()


def test_it_learns() -> None:
    model, step = network()
    first = learn(model, step, 1)
    assert learn(model, step, 60) < first / 3


def test_a_saved_run_goes_on_to_the_same_bits() -> None:
    whole, step = network()
    learn(whole, step, 6)
    model, before = network()
    learn(model, before, 3)
    resumed, after = network()
    resumed.load_state_dict(model.state_dict())
    after.load_state_dict(copy.deepcopy(before.state_dict()))
    learn(resumed, after, 3)
    assert torch.equal(resumed[0].weight, whole[0].weight)
    assert torch.equal(resumed[2].weight, whole[2].weight)
