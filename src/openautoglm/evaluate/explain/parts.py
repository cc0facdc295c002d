"""The parts of a row that an explanation weighs, and the row with any of them hidden.

    patches   G × G squares of the picture as the tower sees it (G at most `GRID`)
    words     of the row's text (`words.py`)
    columns   that the columns tower reads and that hold a value

    mask (N, P) bool ─ Row.batch ─▶ Batch of N variants of the row; a part whose mask is False is hidden

A hidden patch shows the mean colour of the picture, a hidden word is left out of the text, a hidden column is
missing. So with no word shown the row has no text, and with no column shown it has none, as other rows of the
catalogue: those modalities are absent then, unless `needs` names them or nothing else is there (then it is an
empty text). A picture of which nothing is shown is still a picture.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from PIL import Image
from torch import Tensor

from openautoglm.encoders.batch import MODALITIES, Batch
from openautoglm.encoders.column_values import ColumnValues
from openautoglm.encoders.image_settings import ImageSettings
from openautoglm.encoders.processor import Framed, Processor
from openautoglm.evaluate.explain.words import Units, units

GRID = 8
"""Most squares along a picture's side."""
_SMALLEST = 4
"""Pixels along a square's side, at least."""


class Part(NamedTuple):
    """What is hidden or shown as one."""

    modality: str
    """Of `MODALITIES`."""
    name: str
    """A patch's row and column ("3,0"), the word as it stands in the text, or the column."""


@dataclass(frozen=True)
class Row:
    """A row of any modalities, of which parts can be hidden."""

    processor: Processor
    image: Framed | None
    """As the tower sees it."""
    words: tuple[str, ...]
    """Joined they are the text."""
    columns: dict[str, Any]
    """Values by name, of columns that are parts."""
    parts: tuple[Part, ...]
    unread: str = ""
    """The end of the text, that the tower has no room for."""
    needs: frozenset[str] = frozenset()
    """Modalities that are never absent, since what is explained compares them."""

    @classmethod
    def of(
        cls,
        processor: Processor,
        image: Image.Image | None = None,
        text: str | None = None,
        columns: dict[str, Any] | None = None,
        needs: Collection[str] = (),
    ) -> Row:
        """Find the parts of a row; what is None is absent.

        Raises:
            ValueError: if there is none.
        """
        parts: list[Part] = []
        framed = None
        if image is not None:
            framed = processor.frame(image)
            side = grid_of(framed.rgba.width)
            parts += [Part("image", f"{row},{column}") for row in range(side) for column in range(side)]
        words, unread = Units((), "")
        if text is not None and processor.tokenizer is not None:
            words, unread = units(text, processor.tokenizer, processor.text.max_length)
            parts += [Part("text", one.strip()) for one in words]
        values: dict[str, Any] = {}
        if columns is not None and processor.columns is not None:
            known = ((name, columns.get(name)) for name in processor.columns.names)
            values = {
                name: value
                for name, value in known
                if bool(processor.column_values([{name: value}]).there().item())
            }
            parts += [Part("columns", name) for name in values]
        if not parts:
            raise ValueError("the row has no picture, text or column that the model reads")
        return cls(processor, framed, words, values, tuple(parts), unread, frozenset(needs))

    def places(self, modality: str) -> list[int]:
        """Places of a modality's parts among all."""
        return [place for place, part in enumerate(self.parts) if part.modality == modality]

    @property
    def modalities(self) -> tuple[str, ...]:
        """Those that the row has, in the order of `MODALITIES`."""
        return tuple(name for name in MODALITIES if self.places(name))

    def batch(self, masks: Tensor) -> Batch:
        """Show `masks` (N, P, bool) of the parts → N rows."""
        shown = {name: masks[:, self.places(name)] for name in self.modalities}
        everywhere = torch.ones(len(masks), dtype=torch.bool)
        there = [
            everywhere & False
            if name not in shown
            else everywhere
            if name == "image" or name in self.needs
            else shown[name].any(1)
            for name in MODALITIES
        ]
        present = torch.stack(there, dim=1)
        present[:, MODALITIES.index(self.modalities[0])] |= ~present.any(1)
        pixels = None if self.image is None else self._pixels(self.image, shown["image"])
        ids, mask = self._texts(shown["text"]) if "text" in shown else (None, None)
        columns = self._columns(shown["columns"]) if "columns" in shown else None
        return Batch(pixels, ids, mask, present, columns=columns)

    def _pixels(self, image: Framed, shown: Tensor) -> Tensor:
        """(N, G · G) → (N, 3, S, S)."""
        whole = self.processor.pixels([image])
        size = whole.shape[-1]
        squares = torch.arange(size) * grid_of(size) // size
        grid = shown.reshape(len(shown), 1, grid_of(size), grid_of(size))
        return torch.where(grid[:, :, squares][:, :, :, squares], whole, whole.mean((2, 3), keepdim=True))

    def _texts(self, shown: Tensor) -> tuple[Tensor, Tensor]:
        """(N, words) → ids and mask; each different text is read once."""
        texts = [
            # Whole, it is read as it stands: where a text is cut off, its last tokens could be others.
            "".join(self.words) + self.unread
            if all(row)
            else "".join(word for word, there in zip(self.words, row, strict=True) if there).strip()
            for row in shown.tolist()
        ]
        different, places = _different(texts)
        ids, mask = self.processor.tokens(different)
        return ids[places], mask[places]

    def _columns(self, shown: Tensor) -> ColumnValues:
        """(N, columns) → N rows; each different one is read once."""
        different, places = _different([tuple(row) for row in shown.tolist()])
        cells = list(self.columns.items())
        rows = [dict(cell for cell, there in zip(cells, row, strict=True) if there) for row in different]
        return self.processor.column_values(rows).rows(torch.tensor(places))


def grid_of(size: int) -> int:
    """Squares along the side of a picture of `size` pixels.

    >>> [grid_of(size) for size in (16, 48, 224)]
    [4, 8, 8]
    """
    return max(1, min(GRID, size // _SMALLEST))


def covered(image: Image.Image, settings: ImageSettings) -> Image.Image:
    """The part of a picture that the tower sees, in the picture's own resolution.

    >>> covered(Image.new("RGB", (80, 40)), ImageSettings(size=16, crop="center", shortest=20)).size
    (32, 32)
    """
    if settings.crop == "squash":
        return image
    width, height = image.size
    side = round(min(width, height) * settings.size / (settings.shortest or settings.size))
    left, top = (width - side) // 2, (height - side) // 2
    return image.crop((left, top, left + side, top + side))


def _different(values: Sequence[Any]) -> tuple[list[Any], list[int]]:
    """The different values, and of each value its place among them.

    >>> _different(["b", "a", "b"])
    (['b', 'a'], [0, 1, 0])
    """
    places = {value: place for place, value in enumerate(dict.fromkeys(values))}
    return list(places), [places[value] for value in values]
