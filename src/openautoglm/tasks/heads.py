"""Heads: what is predicted of a row, read off its fused vector.

    fused_embeds (B, D) ─ LayerNorm ─ Dropout ─ Linear ─▶ outputs (B, C)       one a target

`outputs` are logits of classes or of tags, or one standardised number. Under the fusion `late` a head reads
each modality's own vector, and what it says of them is averaged by the gates (`Fused.predict`).

>>> heads = Heads(dim=8)
>>> heads.learn([Target.fit("kind", ["a", "b"], "text")])
>>> heads(Fused(torch.randn(3, 8), torch.ones(3, 1)))["kind"].shape
torch.Size([3, 2])
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from openautoglm.config import ConfigError
from openautoglm.fuse.fused import Fused
from openautoglm.tasks.classification import class_loss, tags_loss
from openautoglm.tasks.predicted import Trust
from openautoglm.tasks.regression import number_loss
from openautoglm.tasks.target import Target, TargetError

if TYPE_CHECKING:
    from collections.abc import Iterator

DROPOUT = 0.1
FILE = "targets.json"


class Heads(nn.Module):
    """The heads of a model, none at first.

    Args:
        dim: length D of a fused vector.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim
        self.targets: dict[str, Target] = {}
        self.trust: dict[str, Trust] = {}
        # A column may be called anything, a module may not: heads are kept in the order of the targets.
        self.layers = nn.ModuleList()

    def learn(self, targets: Sequence[Target]) -> None:
        """Add a head with fresh weights for each target.

        Raises:
            TargetError: if the model has other targets already.
        """
        if self.targets:
            known = ", ".join(self.targets)
            raise TargetError(f"the model predicts {known} already; start a new one for other targets")
        self.targets = {target.name: target for target in targets}
        self.trust = {target.name: Trust() for target in targets}
        for target in targets:
            self.layers.append(
                nn.Sequential(
                    nn.LayerNorm(self.dim), nn.Dropout(DROPOUT), nn.Linear(self.dim, target.outputs)
                )
            )

    def forward(self, fused: Fused) -> dict[str, Tensor]:
        """Outputs (B, C) by target, in float32."""
        with torch.autocast(fused.embeds.device.type, enabled=False):
            return {
                name: fused.predict(layer)
                for name, layer in zip(self.targets, cast("Iterator[nn.Module]", self.layers), strict=True)
            }

    def losses(
        self, outputs: Mapping[str, Tensor], labels: Mapping[str, Tensor], balance: float = 0.0
    ) -> dict[str, Tensor]:
        """Mean loss of each target over its labelled rows; targets without any are left out.

        Args:
            outputs: (B, C) by target.
            labels: as `Target.encode` gives them, by target.
            balance: how much rare classes are made up for (`classification.class_loss`).
        """
        found = {}
        for name, target in self.targets.items():
            given, right = outputs[name], labels[name]
            if target.kind == "class":
                loss = class_loss(given, right, target.counts, balance)
            elif target.kind == "tags":
                loss = tags_loss(given, right)
            else:
                loss = number_loss(given.squeeze(1), right)
            if loss is not None:
                found[loss_name(name)] = loss
        return found

    def save(self, folder: Path) -> None:
        """Write `targets.json` where there are targets; the weights lie with the model's."""
        kept = [{**one.as_dict(), "trust": asdict(self.trust[name])} for name, one in self.targets.items()]
        if kept:
            text = json.dumps(kept, indent=1, ensure_ascii=False)
            (folder / FILE).write_text(text + "\n", encoding="utf-8")

    def load(self, folder: Path) -> None:
        """Read what `save` wrote, and make the heads that the weights are for.

        Raises:
            ConfigError: if the file is there and not understood.
        """
        try:
            kept = json.loads((folder / FILE).read_text(encoding="utf-8"))
            trust = {one["name"]: Trust(**one.pop("trust")) for one in kept}
            targets = [Target.from_dict(one) for one in kept]
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigError(f"{folder / FILE}: cannot be read ({error}); save the model again") from None
        self.learn(targets)
        self.trust = trust


def loss_name(target: str) -> str:
    """Name the loss of a target as the log and `loss_weights` do."""
    return f"target {target}"
