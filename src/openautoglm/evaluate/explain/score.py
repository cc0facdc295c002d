"""What is explained: one number that a model gives to a row, for many variants of the row at once.

    class    probability of the predicted class, softmax(outputs / temperature)
    tags     probability of the most probable tag, sigmoid(outputs / temperature)
    number   the prediction in the column's unit
    match    cosine of the row's picture with its text, or with a query
    query    cosine of the row's text with a query, of a row without a picture

A score is called with the model's `Embeds` of N rows and gives (N,) float32.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from openautoglm.encoders.batch import MODALITIES
from openautoglm.evaluate.explain.faithful import Value
from openautoglm.tasks.predicted import Predicted

if TYPE_CHECKING:
    from openautoglm.evaluate.explain.parts import Row
    from openautoglm.fuse.embeds import Embeds
    from openautoglm.model import OpenAutoGLM
    from openautoglm.tasks.heads import Heads
    from openautoglm.tasks.target import Target


BATCH = 64
"""Variants of a row that go through the model at once."""


class Score(Protocol):
    """A number a row."""

    @property
    def unit(self) -> str:
        """What it is counted in."""
        ...

    def __call__(self, embeds: Embeds) -> Tensor:
        """(N,) for N rows."""
        ...


@dataclass(frozen=True)
class Prediction:
    """What a head says: of a class or tag its probability, of a number the number itself."""

    heads: Heads
    target: Target
    place: int
    """Of the class or tag; 0 for a number."""

    @property
    def unit(self) -> str:
        """A probability, or the column's own unit."""
        return self.target.name if self.target.kind == "number" else "probability"

    def __call__(self, embeds: Embeds) -> Tensor:
        """(N,) for N rows."""
        outputs = self.heads(embeds.fused())[self.target.name].cpu().numpy()
        said = Predicted(self.target, outputs, self.heads.trust[self.target.name])
        chances = said.probabilities()
        found = said.numbers() if chances is None else chances[:, self.place]
        return torch.from_numpy(found).float()


@dataclass(frozen=True)
class Cosine:
    """How near two vectors are: of the picture and the text, or of the text and a query."""

    query: Tensor | None = None
    """(D,) of unit length, which the text is compared with; None compares the picture with the text."""
    unit: str = "cosine"

    def __call__(self, embeds: Embeds) -> Tensor:
        """(N,) for N rows."""
        other = embeds.image_embeds if self.query is None else self.query
        if embeds.text_embeds is None or other is None:
            raise ValueError("a row without a picture and a text has nothing to compare")
        return (embeds.text_embeds * other.to(embeds.text_embeds)).sum(dim=1).float()


def value_of(
    model: OpenAutoGLM,
    row: Row,
    score: Callable[[Embeds], Tensor],
    *,
    absent: str | None = None,
    batch_size: int = BATCH,
) -> Value:
    """The score of variants of `row`.

    Args:
        model: whose score it is.
        row: masks of whose parts the score takes.
        score: embeddings of N rows → N scores.
        absent: a modality that no variant has.
        batch_size: variants that go through the model at once.
    """
    device = model.contrastive.logit_scale.device

    @torch.inference_mode()
    def value(masks: Tensor) -> Tensor:
        was_training = model.training
        model.eval()
        found = []
        try:
            for part in masks.split(batch_size):
                batch = row.batch(part)
                if absent is not None:
                    there = torch.tensor([name != absent for name in MODALITIES])
                    batch = batch.with_present(there.expand(len(part), -1))
                found.append(score(model.embed(batch.to(device))).cpu())
        finally:
            model.train(was_training)
        return torch.cat(found)

    return value
