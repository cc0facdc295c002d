"""Labelled rows, from which the heads learn: a stream of batches of its own, beside that of the pairs.

A row takes part if it has a label of any target and any modality that the model reads; what it lacks is
absent in the batch. Of several captions each batch shows one at random. With `modality_dropout` a row loses
each of its modalities with that probability, but never all, so that the heads learn to do without any.

    loss of a target = mean over the batch's rows with that label        (`tasks/heads.py`)

Batch n is a function of (seed, n), as everywhere in training.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from openautoglm.config import TrainConfig
from openautoglm.encoders.batch import Batch, spread
from openautoglm.encoders.column_values import ColumnValues
from openautoglm.model import OpenAutoGLM
from openautoglm.train.batches import Varied
from openautoglm.train.data import TrainingData
from openautoglm.train.errors import TrainingError
from openautoglm.train.sampler import Sampler, derive
from openautoglm.train.weights.gradnorm import gradient_norms
from openautoglm.train.weights.registry import Weighting

if TYPE_CHECKING:
    from lightning_fabric import Fabric


class Lesson(NamedTuple):
    """A batch and the labels of its rows, by target."""

    batch: Batch
    labels: dict[str, Tensor]


class Labelled:
    """Batches of labelled rows, and what a step learns from one.

    Args:
        data: whose `labels` hold the values of the model's targets.
        config: batch size, augmentation, seed.
        model: with heads; its processor makes the tensors.
        device: where the model is.

    Raises:
        TrainingError: if fewer than two rows are labelled and have a modality that the model reads.
    """

    def __init__(
        self, data: TrainingData, config: TrainConfig, model: OpenAutoGLM, device: torch.device | str
    ) -> None:
        self.data, self.config, self.model, self.device = data, config, model, device
        self.rows = data.labelled(model.processor)
        if len(self.rows) < 2:
            names = ", ".join(model.heads.targets)
            raise TrainingError(
                f"{len(self.rows)} rows have a value of {names} and a picture, text or column to tell it by; "
                "training needs at least 2 (some hundred to be of use)"
            )
        self.size = min(config.batch_size, len(self.rows))
        self.sampler = Sampler(len(self.rows), self.size, derive(config.seed, 0, "labelled"))
        self._labels = {
            name: target.encode([data.labels[name][row] for row in self.rows.tolist()])
            for name, target in model.heads.targets.items()
        }
        self.varied = Varied(config, model.processor.image.size)

    def prepare(self, number: int, progress: float) -> Lesson:
        """Batch `number` (from 0), when the share `progress` of the training is over."""
        config, processor = self.config, self.model.processor
        places = self.sampler.batch(number)
        rows = self.rows[places]
        seeds = {use: derive(config.seed, number, f"lesson {use}") for use in ("texts", "augment", "dropout")}
        rgba, pictured, texts = self.data.show(
            rows, seeds["texts"], tag_share=config.tag_share, single_tags=config.single_tags
        )
        there = torch.from_numpy(pictured)
        pixels = None
        if rgba is not None:
            rgb = self.varied(rgba.to(self.device), progress, seeds["augment"])
            pixels = spread(processor.normalise(rgb).cpu(), there)
        columns = self.data.column_values(processor, rows)
        if columns is None:
            columns = ColumnValues.empty(len(rows))
        rest = processor.batch(texts=texts, columns=columns)
        present = torch.cat([there[:, None], rest.present[:, 1:]], dim=1)
        batch = replace(
            rest, pixel_values=pixels, present=kept(present, config.modality_dropout, seeds["dropout"])
        )
        return Lesson(batch, {name: values[places] for name, values in self._labels.items()})

    def backward(
        self, number: int, progress: float, weighting: Weighting, fabric: Fabric
    ) -> tuple[dict[str, float], dict[str, float]]:
        """Add a batch's gradients to the parameters; returns the losses by name, and their gradients' norms.

        The norms are those at the batch's fused vectors, which all heads share; only `gradnorm` asks.
        """
        batch, labels = self.prepare(number, progress)
        size = self.config.micro_batch_size or len(batch)
        found: dict[str, float] = {}
        norms: dict[str, float] = {}
        for start in range(0, len(batch), size):
            part = slice(start, start + size)
            piece = batch.rows(part).to(fabric.device)
            with fabric.autocast():
                fused = self.model.embed(piece).fused()
            right = {name: values[part].to(fabric.device) for name, values in labels.items()}
            losses = self.model.heads.losses(self.model.heads(fused), right, self.config.balance)
            if not losses:
                continue
            share = len(piece) / len(batch)
            if self.config.weighting == "gradnorm":
                for name, norm in gradient_norms(losses, [fused.embeds]).items():
                    # The pieces' vectors are apart, so that this is the norm of the whole batch's gradient.
                    norms[name] = math.hypot(norms.get(name, 0.0), share * norm)
            total = sum(weighting.weight(name) * loss for name, loss in losses.items())
            fabric.backward(total * share / self.config.accumulate)
            for name, loss in losses.items():
                found[name] = found.get(name, 0.0) + share * loss.item()
        return found, norms


def kept(present: Tensor, rate: float, seed: int) -> Tensor:
    """Drop each present modality (B, M) with probability `rate`; a row that would lose all keeps one.

    >>> kept(torch.tensor([[True, True], [False, True]]), rate=0.9, seed=0).any(dim=1).tolist()
    [True, True]
    """
    if not rate:
        return present
    dice = torch.rand(present.shape, generator=torch.Generator().manual_seed(seed))
    left = present & (dice >= rate)
    # The present one with the highest dice stays, whatever the rate.
    last = torch.zeros_like(present)
    last.scatter_(1, dice.masked_fill(~present, -1).argmax(dim=1, keepdim=True), True)
    return torch.where(left.any(dim=1, keepdim=True), left, last & present)
