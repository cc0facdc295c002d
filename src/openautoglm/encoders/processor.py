"""From pictures, texts and columns to a model's tensors; saved beside the weights, so that all uses agree.

>>> processor = Processor(ImageSettings(size=8), TextSettings(max_length=8, vocab_size=300))
>>> processor.fit_tokenizer(["a red bicycle", "一辆红色的自行车"])
>>> batch = processor.batch(texts=["red", "a red bicycle"])
>>> batch.input_ids.shape[0], batch.attention_mask[0].sum().item() < batch.attention_mask[1].sum().item()
(2, True)
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple, Self

import torch
from PIL import Image
from tokenizers import Tokenizer
from torch import Tensor

from openautoglm.config import ConfigError
from openautoglm.encoders.batch import Batch, spread
from openautoglm.encoders.column_values import ColumnValues
from openautoglm.encoders.columns_processor import ColumnsProcessor, Rows
from openautoglm.encoders.image_settings import ImageSettings
from openautoglm.encoders.text_settings import TextSettings
from openautoglm.encoders.tokenizer import load_tokenizer, save_tokenizer, train_bpe

FILE = "processor.json"
COLUMNS_FILE = "columns.json"


class Framed(NamedTuple):
    """A picture that `Processor.frame` has brought to the tower's size."""

    rgba: Image.Image


class Processor:
    """All parts: of images, of texts with their tokenizer, of columns with their statistics.

    Args:
        tokenizer: None for a fresh text tower until `fit_tokenizer` has seen the user's texts.
        columns: None in a model without a columns tower, or until `fit_columns` has seen the user's rows.
    """

    def __init__(
        self,
        image: ImageSettings,
        text: TextSettings,
        tokenizer: Tokenizer | None = None,
        columns: ColumnsProcessor | None = None,
    ) -> None:
        self.image = image
        self.text = text
        self.tokenizer = tokenizer
        self.columns = columns

    def fit_tokenizer(self, texts: Iterable[str]) -> None:
        """Train the vocabulary. Only once: the weights that are learned on it know no other."""
        if self.tokenizer is not None:
            raise ConfigError(
                "the model has a tokenizer already, and its weights know no other; start a new model"
            )
        self.tokenizer = train_bpe(texts, self.text.vocab_size, lowercase=self.text.lowercase)

    def frame(self, image: Image.Image) -> Framed:
        """The part of `pixels` that is done picture by picture, and so can be done in threads."""
        return Framed(self.image.frame(image))

    def pixels(self, images: Sequence[Image.Image | Framed]) -> Tensor:
        """(B, 3, H, W) float32, normalised."""
        framed = [one if isinstance(one, Framed) else self.frame(one) for one in images]
        return self.normalise(self.image.rgb([one.rgba for one in framed]))

    def normalise(self, rgb: Tensor) -> Tensor:
        """(B, 3, H, W) in 0 … 1 → normalised."""
        return self.image.normalise(rgb)

    def tokens(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """`input_ids` (B, L) int64 and `attention_mask` (B, L) bool."""
        if self.tokenizer is None:
            raise ConfigError(
                "the model has no tokenizer yet: it is trained on the catalogue's texts by `fit`, "
                "or by `model.processor.fit_tokenizer(texts)`"
            )
        ids, mask = self.text.ids(self.tokenizer, texts)
        return torch.from_numpy(ids), torch.from_numpy(mask)

    def column_values(self, rows: Rows) -> ColumnValues:
        """Structured columns of mappings or of a pyarrow table as tensors."""
        if self.columns is None:
            raise ConfigError(
                "the model has no statistics of columns: name a columns_encoder, for which `fit` learns them "
                "from the catalogue, and `model.fit_columns(rows, kinds)` from any rows"
            )
        return self.columns(rows)

    def batch(
        self,
        images: Sequence[Image.Image | Framed | None] | None = None,
        texts: Sequence[str | None] | None = None,
        columns: Rows | ColumnValues | None = None,
    ) -> Batch:
        """Rows in which what is given and not None is present, and columns where one has a value."""
        there = [torch.tensor([one is not None for one in given or ()]) for given in (images, texts)]
        pixels, ids, mask = None, None, None
        if pictures := [one for one in images or () if one is not None]:
            pixels = spread(self.pixels(pictures), there[0])
        if sentences := [one for one in texts or () if one is not None]:
            ids, mask = (spread(part, there[1]) for part in self.tokens(sentences))
        if columns is not None and not isinstance(columns, ColumnValues):
            columns = self.column_values(columns)
        batch = Batch.of(pixels, ids, mask, columns=columns)
        present = batch.present.clone()
        for place, rows in enumerate(there):
            if len(rows):
                present[:, place] &= rows
        return batch.with_present(present)

    def as_dict(self) -> dict[str, Any]:
        """The settings, without the vocabulary and the columns' statistics."""
        return {"image": self.image.as_dict(), "text": asdict(self.text)}

    def save(self, folder: Path) -> None:
        """Write `processor.json` and, once they are there, the tokenizer's two files and `columns.json`."""
        (folder / FILE).write_text(json.dumps(self.as_dict(), indent=2) + "\n", encoding="utf-8")
        if self.tokenizer is not None:
            self.tokenizer.no_padding()
            self.tokenizer.no_truncation()
            save_tokenizer(self.tokenizer, folder, max_length=self.text.max_length)
        if self.columns is not None:
            (folder / COLUMNS_FILE).write_text(self.columns.to_json() + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        try:
            values: Mapping[str, Any] = json.loads((folder / FILE).read_text(encoding="utf-8"))
            image, text = ImageSettings.from_dict(values["image"]), TextSettings(**values["text"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigError(f"{folder / FILE}: cannot be read ({error}); save the model again") from None
        tokenizer = load_tokenizer(folder) if (folder / "tokenizer.json").exists() else None
        file = folder / COLUMNS_FILE
        columns = ColumnsProcessor.from_json(file.read_text(encoding="utf-8")) if file.exists() else None
        return cls(image, text, tokenizer, columns)
