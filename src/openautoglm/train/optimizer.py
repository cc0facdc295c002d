"""Which parameters move how fast.

kernels     of a fresh convolutional tower: Muon, at `KERNEL_RATE` times the learning rate, when
            `optimizer` is "muon"
text        matrices of a fresh text tower: `text_rate` times the learning rate, since its many rare
            words are seen far less often than a picture's colours
matrices    of all else: AdamW
vectors     biases, norms, temperatures: AdamW without decay
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from openautoglm.config import TrainConfig
from openautoglm.model import OpenAutoGLM
from openautoglm.train.muon import Muon

KERNEL_RATE = 10.0
BETAS = (0.9, 0.98)


def build_optimizer(
    model: OpenAutoGLM, config: TrainConfig, more: Iterable[nn.Parameter] = ()
) -> torch.optim.Optimizer:
    """Make the optimizer of the trainable parameters of `model`, and of `more`: the training's own."""
    kinds: dict[str, list[nn.Parameter]] = {"kernels": [], "text": [], "matrices": [], "vectors": []}
    fresh = {name for name, spec in model.towers.items() if not spec.pretrained}
    for name, parameter in model.named_parameters():
        tower = name.partition(".")[0]
        if not parameter.requires_grad:
            continue
        if parameter.ndim <= 1:
            kind = "vectors"
        elif config.optimizer == "muon" and parameter.ndim == 4 and tower == "vision" and tower in fresh:
            kind = "kernels"
        else:
            kind = "text" if tower == "text" and tower in fresh else "matrices"
        kinds[kind].append(parameter)
    for parameter in more:
        kinds["vectors" if parameter.ndim <= 1 else "matrices"].append(parameter)

    rates = {"kernels": KERNEL_RATE, "text": config.text_rate}
    groups = [
        {
            "params": parameters,
            "lr": config.learning_rate * rates.get(kind, 1.0),
            "weight_decay": 0.0 if kind == "vectors" else config.weight_decay,
        }
        | ({"muon": kind == "kernels"} if config.optimizer == "muon" else {})
        for kind, parameters in kinds.items()
        if parameters
    ]
    if config.optimizer == "muon":
        return Muon(groups, lr=config.learning_rate, betas=BETAS)
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=BETAS, fused=True)


def clipped(optimizer: torch.optim.Optimizer) -> list[nn.Parameter]:
    """Return the parameters whose gradients' size matters; Muon ignores it."""
    groups = [group for group in optimizer.param_groups if not group.get("muon")]
    return [parameter for group in groups for parameter in group["params"]]
