from __future__ import annotations

import pytest
import torch
from torch import nn

from openautoglm.align.momentum import MomentumEncoder


def online_encoder() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 2)).double()


def test_follows_parameters_and_buffers_by_the_formula() -> None:
    online = online_encoder()
    slow = MomentumEncoder(online, momentum=0.9)
    expected = {name: value.clone() for name, value in online.state_dict().items()}
    for step in range(3):
        online(torch.randn(8, 3).double())  # moves the running averages of BatchNorm
        with torch.no_grad():
            for parameter in online.parameters():
                parameter.add_(step + 1.0)
        slow.update(online)
        for name, value in online.state_dict().items():
            floating = value.is_floating_point()
            expected[name] = 0.9 * expected[name] + 0.1 * value if floating else value.clone()
    for name, value in slow.encoder.state_dict().items():
        torch.testing.assert_close(value, expected[name], rtol=1e-12, atol=1e-12)


def test_gives_no_gradient_and_no_dropout_even_in_training() -> None:
    slow = MomentumEncoder(online_encoder()).train()
    rows = torch.randn(5, 3).double()
    assert torch.equal(slow(rows), slow(rows))
    assert not slow(rows).requires_grad
    assert not any(parameter.requires_grad for parameter in slow.parameters())


def test_is_a_copy_and_is_checkpointed() -> None:
    online = online_encoder()
    slow = MomentumEncoder(online)
    with torch.no_grad():
        online[0].weight.fill_(7.0)
    assert not (slow.encoder[0].weight == 7).any()
    resumed = MomentumEncoder(online)
    resumed.load_state_dict(slow.state_dict())
    rows = torch.randn(5, 3).double()
    assert torch.equal(resumed(rows), slow(rows))


def test_another_encoder_or_momentum_is_refused() -> None:
    with pytest.raises(ValueError, match=r"momentum=1 is outside"):
        MomentumEncoder(nn.Linear(1, 1), momentum=1)
    with pytest.raises(ValueError, match="differs from the one that was copied, for example in 'bias'"):
        MomentumEncoder(nn.Linear(1, 1)).update(nn.Linear(1, 1, bias=False))
