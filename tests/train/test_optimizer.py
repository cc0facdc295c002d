"""Each parameter is moved by exactly one group, the one it belongs to."""

from __future__ import annotations

import torch
from tests.train.tiny import tiny_config, tiny_model
from torch import nn

from openautoglm.train.muon import Muon
from openautoglm.train.optimizer import KERNEL_RATE, build_optimizer, clipped


def test_every_trainable_parameter_once() -> None:
    model, more = tiny_model(), [nn.Parameter(torch.zeros(3, 4)), nn.Parameter(torch.zeros(()))]
    model.project.requires_grad_(False)
    for kind in ("adamw", "muon"):
        optimizer = build_optimizer(model, tiny_config(optimizer=kind), more)
        held = [id(p) for group in optimizer.param_groups for p in group["params"]]
        assert len(held) == len(set(held))
        assert set(held) == {id(p) for p in [*model.parameters(), *more] if p.requires_grad}


def test_rates_and_decay_by_kind() -> None:
    model = tiny_model()
    config = tiny_config(optimizer="muon", text_rate=4.0, learning_rate=0.002, weight_decay=0.05)
    optimizer = build_optimizer(model, config)
    assert isinstance(optimizer, Muon)
    groups = {id(p): group for group in optimizer.param_groups for p in group["params"]}
    for name, p in model.named_parameters():
        group = groups[id(p)]
        assert group["muon"] == (p.ndim == 4)
        assert group["weight_decay"] == (0.05 if p.ndim > 1 else 0.0)
        rate = KERNEL_RATE if p.ndim == 4 else 4 if p.ndim > 1 and name.startswith("text.") else 1
        assert group["lr"] == 0.002 * rate
    assert {p.ndim for p in clipped(optimizer)} == {0, 1, 2}


def test_adamw_has_all_gradients_clipped() -> None:
    model = tiny_model()
    optimizer = build_optimizer(model, tiny_config())
    assert type(optimizer) is torch.optim.AdamW
    assert len(clipped(optimizer)) == len(list(model.parameters()))
