"""Questions about pictures, from which the decoder learns to answer: a stream of batches of its own.

    batch    B pictures, and k questions of each           (`questions_per_picture`)
    loss     mean over the tokens of the B · k answers     (`tasks/question_answering.py`)

A picture passes its tower once for all its questions of the step, which is what a step costs most. Each epoch
shows every picture that is asked about once; which of its questions it shows, the dice say, so that pictures
count alike, however many questions they have. One with fewer than k shows some of them twice.

Batch n is a function of (seed, n), as everywhere in training.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from openautoglm.catalog.questions import Asked
from openautoglm.config import TrainConfig
from openautoglm.encoders.batch import Batch
from openautoglm.model import OpenAutoGLM
from openautoglm.tasks.generation.prompts import ends_of
from openautoglm.tasks.question_answering import Lines, answering_loss, lines
from openautoglm.train.batches import Varied
from openautoglm.train.data import TrainingData
from openautoglm.train.sampler import Sampler, derive
from openautoglm.train.weights.registry import Weighting

if TYPE_CHECKING:
    from lightning_fabric import Fabric

LOSS = "answering"
"""Name of the loss in the log and in `loss_weights`."""


class Round(NamedTuple):
    """Pictures, and the questions about each, side by side."""

    batch: Batch
    """B rows with their pictures, and their columns where the model reads any."""
    lines: Lines
    """B · k lines, those of a picture together."""


class Answering:
    """Batches of questions, and what a step learns from one.

    Args:
        data: with `questions` about some of its pictures.
        config: batch size (in pictures), questions a picture, augmentation, seed.
        model: with a decoder that looks; its processor makes the tensors.
        device: where the model is.
    """

    def __init__(
        self, data: TrainingData, config: TrainConfig, model: OpenAutoGLM, device: torch.device | str
    ) -> None:
        assert model.decoder is not None, "the workspace has refused questions for a model that cannot write"
        self.data, self.config, self.model, self.device = data, config, model, device
        self.decoder = model.decoder
        self.rows = data.asked_about
        self.size = min(config.batch_size, len(self.rows))
        self.sampler = Sampler(len(self.rows), self.size, derive(config.seed, 0, LOSS))
        self.varied = Varied(config, model.processor.image.size)

    def prepare(self, number: int, progress: float) -> Round:
        """Batch `number` (from 0), when the share `progress` of the training is over."""
        config, count = self.config, self.config.questions_per_picture
        rows = self.rows[self.sampler.batch(number)]
        dice = np.random.default_rng(derive(config.seed, number, "questions"))
        drawn = [
            one[place]
            for one in (self.data.questions[row] for row in rows.tolist())
            for place in dice.permutation(max(count, len(one)))[:count] % len(one)
        ]
        rgba = self.data.store.read(self.data.slots[rows]).to(self.device)
        rgb = self.varied(rgba, progress, derive(config.seed, number, "augment questions"))
        pixels = self.model.processor.normalise(rgb)
        columns = self.data.column_values(self.model.processor, rows)
        return Round(Batch.of(pixels, columns=columns), self._lines(drawn))

    def backward(
        self, number: int, progress: float, weighting: Weighting, fabric: Fabric
    ) -> tuple[dict[str, float], dict[str, float]]:
        """Add a batch's gradients to the parameters; returns the loss by name, and no norms."""
        batch, given = self.prepare(number, progress)
        count, size = self.config.questions_per_picture, self.config.micro_batch_size or len(batch)
        learned, found = int(given.learned.sum()), 0.0
        for start in range(0, len(batch), size):
            rows = batch.rows(slice(start, start + size)).to(fabric.device)
            part = Lines(*(one[start * count :][: len(rows) * count].to(fabric.device) for one in given))
            with fabric.autocast():
                hidden = self.model.decode(part.input_ids, part.attention_mask, self.model.look_at(rows))
                loss = answering_loss(hidden, part, self.decoder.logits)
            share = int(part.learned.sum()) / learned
            fabric.backward(loss * weighting.weight(LOSS) * share / self.config.accumulate)
            found += share * loss.item()
        return {LOSS: found}, {}

    def _lines(self, drawn: list[Asked]) -> Lines:
        processor = self.model.processor
        assert processor.tokenizer is not None, "the trainer has trained one"
        ends = ends_of(processor.tokenizer, self.decoder.lm.config.eos_token_id)
        return lines(
            processor.tokenizer,
            [one.question for one in drawn],
            [one.answer for one in drawn],
            end=min(ends),
            pad=processor.text.pad_id,
            most=processor.text.max_length,
        )
