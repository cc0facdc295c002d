"""What a model is used for: encode, predict, match, in batches and without gradients.

    given ─ Processor ─▶ Batch ─ towers ─▶ encode    (N, D) unit vectors
                                        ├▶ predict   a `Predicted` for each target
                                        └▶ match     (N,) probability that picture and text agree

The forward pass itself is in `model.py`, whose class has these methods. All of them take rows of any length
and leave the model in the mode in which they found it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from openautoglm.align.projections import Projection
from openautoglm.config import ConfigError, ModelConfig
from openautoglm.encoders.batch import Batch
from openautoglm.encoders.columns_processor import Rows
from openautoglm.encoders.encoded import Encoded
from openautoglm.encoders.given import Given, Picture
from openautoglm.encoders.precision import quick
from openautoglm.encoders.processor import Framed, Processor
from openautoglm.encoders.small_vision import SmallVision
from openautoglm.encoders.vision import VisionTower
from openautoglm.fuse.embeds import Embeds
from openautoglm.tasks.heads import Heads
from openautoglm.tasks.match_head import NO_MATCHER, MatchHead, Side, checked_pairs
from openautoglm.tasks.predicted import Predicted

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image


class Inference(nn.Module, ABC):
    """The uses of a model that has these parts."""

    config: ModelConfig
    processor: Processor
    vision: SmallVision | VisionTower
    project: Projection
    heads: Heads
    matcher: MatchHead | None

    @abstractmethod
    def _see(self, batch: Batch) -> Encoded | None:
        """The vision tower, on the rows that have an image."""

    @abstractmethod
    def _encode(self, batch: Batch, seen: Encoded | None) -> dict[str, Encoded | None]:
        """What the towers give, each on the rows that have its modality; `seen` is the vision tower's."""

    @abstractmethod
    def _join(self, batch: Batch, encoded: Mapping[str, Encoded | None], fuse: bool = True) -> Embeds:
        """Project what the towers give, and, unless told not to, fuse it."""

    @property
    @abstractmethod
    def device(self) -> torch.device:
        """Where the weights lie."""

    @torch.inference_mode()
    def encode(
        self,
        images: Sequence[Picture] | None = None,
        texts: Sequence[str] | None = None,
        batch_size: int = 64,
        columns: Rows | None = None,
    ) -> np.ndarray:
        """Encode pictures (or their files), texts, columns, or rows of several into (N, D) float32.

        Vectors are of unit length. A row of several modalities gives its fused vector; without a fusion
        strategy, their mean direction. A row whose columns hold no known value lacks that modality.

        >>> from openautoglm import OpenAutoGLM
        >>> model = OpenAutoGLM.from_config({"vision_encoder": "small_vision", "text_encoder": "small_text"})
        >>> model.processor.fit_tokenizer(["golden ginkgo"])
        >>> model.encode(texts=["golden", "ginkgo", "银杏"]).shape
        (3, 512)
        """
        given = Given.of(self.processor, images, texts, columns)
        # A lone modality has nothing to be fused with: its vector is its own under every strategy.
        together = sum(part is not None for part in given) > 1
        parts = [torch.empty(0, self.config.embed_dim)]
        for batch, seen in self._each(given, batch_size):
            encoded = self._encode(batch, seen)
            parts.append(self._join(batch, encoded, fuse=together).fused().embeds.float().cpu())
        return torch.cat(parts).numpy()

    @torch.inference_mode()
    def predict(
        self,
        images: Sequence[Picture | None] | None = None,
        texts: Sequence[str | None] | None = None,
        columns: Rows | None = None,
        batch_size: int = 64,
    ) -> dict[str, Predicted]:
        """Predict every target of N rows, of which any may lack any modality (None), but not all of them.

        Raises:
            ConfigError: if the model has no targets.
            ValueError: if a row has no modality at all.
        """
        if not self.heads.targets:
            raise ConfigError(
                "this model predicts nothing yet; train it with targets (`autoglm fit --target`)"
            )
        given = Given.of(self.processor, images, texts, columns)
        parts: dict[str, list[Tensor]] = {name: [] for name in self.heads.targets}
        for batch, seen in self._each(given, batch_size):
            joined = self._join(batch, self._encode(batch, seen))
            for name, outputs in self.heads(joined.fused()).items():
                parts[name].append(outputs.float().cpu())
        return {
            name: Predicted(self.heads.targets[name], torch.cat(found).numpy(), self.heads.trust[name])
            for name, found in parts.items()
        }

    @torch.inference_mode()
    def match(
        self,
        images: Sequence[Picture],
        texts: Sequence[str],
        pairs: Sequence[tuple[int, int]] | None = None,
        batch_size: int = 64,
    ) -> np.ndarray:
        """Probability (N,) that a picture and a text belong together, by the matching head.

        Args:
            images: pictures, or their files.
            texts: as many, unless `pairs` are given.
            pairs: N positions, in `images` and in `texts`; without them, row by row.
            batch_size: rows a forward pass.

        Raises:
            ConfigError: if the model has no matching head.
            ValueError: if the lists have different lengths and no pairs are given.
        """
        if self.matcher is None:
            raise ConfigError(NO_MATCHER)
        rows = checked_pairs(pairs, len(images), len(texts))
        if not rows:
            return torch.zeros(0).numpy()
        given = Given.of(self.processor, images, None, None), Given.of(self.processor, None, texts, None)
        image, text = (
            Side.joined([self._side(*one) for one in self._each(part, batch_size)]) for part in given
        )
        return self.matcher.probabilities(image, text, rows, batch_size).cpu().numpy()

    def _side(self, batch: Batch, seen: Encoded | None) -> Side:
        """The only modality of a batch, for the matching head."""
        ((name, one),) = ((name, one) for name, one in self._encode(batch, seen).items() if one is not None)
        return Side(self.project(name, one.pooled), one.tokens, one.mask)

    def _each(self, given: Given, batch_size: int) -> Iterator[tuple[Batch, Encoded | None]]:
        """What is given in batches, each with what the vision tower saw, ready for `_join`."""
        was_training = self.training
        self.eval()
        try:
            for batch in given.batches(self.processor, batch_size):
                batch = batch.to(self.device)
                with quick(self.vision):
                    seen = self._see(batch)
                # The rest in float32: vectors of unit length, and texts as `numpy_towers/` encodes them.
                yield batch, seen and seen._replace(pooled=seen.pooled.float())
        finally:
            self.train(was_training)

    @property
    def enough(self) -> int:
        """Pixels of a picture's shorter side that suffice for `prepare`."""
        return self.processor.image.enough

    def prepare(self, image: Image.Image) -> Framed:
        """Do what `encode` does to a single picture before the towers; it may be called in threads."""
        return self.processor.frame(image)
