"""The average of the weights against its formula."""

from __future__ import annotations

import torch
from torch import nn

from openautoglm.train.ema import EMA


def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))


def test_it_equals_the_plain_recursion_in_float64() -> None:
    net = model().double()
    average = EMA(net, decay=0.8)
    expected = {name: p.detach().clone() for name, p in net.named_parameters()}
    for n in range(30):
        with torch.no_grad():
            for p in net.parameters():
                p.add_(torch.randn_like(p))
        average.update()
        d = min(0.8, (1 + n) / (10 + n))
        expected = {name: d * expected[name] + (1 - d) * p.detach() for name, p in net.named_parameters()}
    with average.applied():
        for name, p in net.named_parameters():
            torch.testing.assert_close(p.detach(), expected[name])


def test_applied_gives_back_the_weights_to_the_bit() -> None:
    net = model()
    average = EMA(net, decay=0.9)
    with torch.no_grad():
        net[0].weight.add_(1)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    addresses = [p.data_ptr() for p in net.parameters()]
    with average.applied():
        assert not torch.equal(net[0].weight, before["0.weight"])
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert addresses == [p.data_ptr() for p in net.parameters()]


def test_running_statistics_follow_and_counters_do_not() -> None:
    net = model()
    average = EMA(net, decay=0.5)
    net(torch.randn(8, 3) + 5)
    average.update()
    live = net[1].running_mean.clone()
    with average.applied():
        assert not torch.equal(net[1].running_mean, live)
        assert int(net[1].num_batches_tracked) == 1


def test_frozen_weights_are_left_alone() -> None:
    net = model()
    net[0].requires_grad_(False)
    assert not any(name.startswith("0.") for name in EMA(net, 0.9).state_dict()["mean"])


def test_its_state_comes_back() -> None:
    net = model()
    average, other = EMA(net, 0.9), EMA(net, 0.9)
    with torch.no_grad():
        net[0].weight.add_(1)
    average.update()
    other.load_state_dict(average.state_dict())
    assert other.updates == 1
    assert torch.equal(other.state_dict()["mean"]["0.weight"], average.state_dict()["mean"]["0.weight"])
