"""From rows to tensors: the batch of a step, a pure function of (seed, number of the batch, progress).

Early in training, pictures may be smaller (`small_size`: more of them a second, and coarse shapes are learned
first) and tamer (`augment_ramp`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from openautoglm.config import ConfigError, TrainConfig
from openautoglm.encoders.batch import MODALITIES, Batch
from openautoglm.encoders.column_values import ColumnValues
from openautoglm.encoders.processor import Processor
from openautoglm.train.augment import Augment
from openautoglm.train.data import TrainingData
from openautoglm.train.sampler import Sampler, derive

RAMP_START = 0.3
"""Strength of augmentation at the start of `augment_ramp`."""


class Chunk(NamedTuple):
    """What passes the towers at once."""

    pixel_values: Tensor | None
    """(b, 3, H, W)."""
    input_ids: Tensor
    """(t, L)."""
    attention_mask: Tensor
    """(t, L)."""

    def to(self, device: torch.device) -> Chunk:
        """The same on another device."""
        pixels = None if self.pixel_values is None else self.pixel_values.to(device)
        return Chunk(pixels, self.input_ids.to(device), self.attention_mask.to(device))


class Prepared(NamedTuple):
    """B pictures and T ≥ B texts; text i < B belongs to picture i."""

    pixel_values: Tensor
    """(B, 3, H, W) augmented and normalised."""
    input_ids: Tensor
    """(T, L)."""
    attention_mask: Tensor
    """(T, L)."""
    keys: Tensor
    """(T, K)."""
    classes: Tensor
    """(T,)."""
    columns: ColumnValues | None = None
    """Of the B rows; None when the model reads none."""
    captions: Batch | None = None
    """Texts to be written about the B pictures, where they are not those that are aligned."""

    def chunks(self, size: int | None) -> list[Chunk]:
        """Everything at once, or pieces of `size` rows: pairs first, then the texts that are left."""
        pictures, texts = len(self.pixel_values), len(self.input_ids)
        if size is None or size >= pictures:
            return [Chunk(self.pixel_values, self.input_ids, self.attention_mask)]
        starts = [*range(0, pictures, size), *range(pictures, texts, size)]
        parts = [slice(start, end) for start, end in zip(starts, [*starts[1:], texts], strict=True)]
        return [
            Chunk(
                self.pixel_values[part] if part.start < pictures else None,
                self.input_ids[part],
                self.attention_mask[part],
            )
            for part in parts
        ]

    def pairs(self) -> Batch:
        """The pictures with their own texts."""
        own = slice(len(self.pixel_values))
        return Batch.of(
            self.pixel_values, self.input_ids[own], self.attention_mask[own], self.keys[own], self.columns
        )

    def to_write(self) -> Batch:
        """The pictures with what is to be written about them."""
        if self.captions is None:
            return self.pairs()
        present = self.captions.present.clone()
        present[:, MODALITIES.index("image")] = True
        return replace(self.captions, pixel_values=self.pixel_values, present=present)


class Batches:
    """Draws, augments and tokenizes.

    Args:
        device: where pictures are augmented, and lie then.

    Raises:
        ConfigError: if `small_size` is not below the model's own size.
    """

    def __init__(
        self,
        data: TrainingData,
        config: TrainConfig,
        processor: Processor,
        device: torch.device | str = "cpu",
    ) -> None:
        full = processor.image.size
        if config.small_size is not None and config.small_size >= full:
            raise ConfigError(f"small_size {config.small_size} is not below the model's image size, {full}")
        self.data, self.config, self.processor, self.device = data, config, processor, torch.device(device)
        self.size = min(config.batch_size, len(data.pairs))
        self.sampler = Sampler(
            len(data.pairs), self.size, config.seed, data.group_numbers[data.pairs], config.together
        )
        self.varied = Varied(config, full)

    def prepare(self, number: int, progress: float) -> Prepared:
        """Batch `number` (from 0), when the share `progress` of the training is over."""
        config = self.config
        pairs = self.sampler.batch(number)
        drawn = self.data.draw(
            pairs,
            derive(config.seed, number, "captions"),
            tag_share=config.tag_share,
            single_tags=config.single_tags,
            extra_texts=config.extra_texts,
        )
        rgb = self.varied(drawn.rgba.to(self.device), progress, derive(config.seed, number, "augment"))
        ids, mask = self.processor.tokens(drawn.texts)
        columns = self.data.column_values(self.processor, self.data.pairs[pairs])
        captions = None
        if drawn.to_write is not None:
            rest = ColumnValues.empty(len(pairs)) if columns is None else columns
            captions = self.processor.batch(texts=drawn.to_write, columns=rest)
        pixels = self.processor.normalise(rgb)
        return Prepared(pixels, ids, mask, drawn.keys, drawn.classes, columns, captions)


class Varied:
    """Pictures varied as far into the training as it is: small ones first, and tamer ones."""

    def __init__(self, config: TrainConfig, full: int) -> None:
        self.config = config
        self._full = Augment(config.augment, full)
        self._small = Augment(config.augment, config.small_size or full)

    def __call__(self, rgba: Tensor, progress: float, seed: int) -> Tensor:
        """(B, 4, H, W) uint8 → (B, 3, h, w) in 0 … 1, on the same device; dice follow from `seed`."""
        ramp = min(1.0, progress / self.config.augment_ramp) if self.config.augment_ramp else 1.0
        augment = self._small if progress < self.config.small_share else self._full
        generator = torch.Generator().manual_seed(seed)
        return augment(rgba, generator, strength=RAMP_START + (1 - RAMP_START) * ramp)
