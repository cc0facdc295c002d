"""Pictures, texts and structured columns as a user gives them: lists side by side, cut into batches.

Whatever is wrong with them is said before anything is encoded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from pathlib import Path
from typing import Any, NamedTuple

import torch
from PIL import Image

from openautoglm.catalog.images import decode_image
from openautoglm.encoders.batch import Batch
from openautoglm.encoders.column_values import ColumnValues
from openautoglm.encoders.columns_processor import Rows
from openautoglm.encoders.processor import Framed, Processor

Picture = Image.Image | Framed | str | Path


class Given(NamedTuple):
    """N rows of each modality that is not None; a row whose entry is None lacks it."""

    images: list[Picture | None] | None
    texts: list[str | None] | None
    columns: ColumnValues | None

    @classmethod
    def of(
        cls,
        processor: Processor,
        images: Sequence[Picture | None] | None,
        texts: Sequence[str | None] | None,
        columns: Rows | None,
    ) -> Given:
        """Check that the lists are lists, and as long as each other.

        Raises:
            TypeError: for a lone text or picture.
            ValueError: if nothing is given, the lengths differ, or a row has no modality at all.
        """
        given = cls.listed(processor, images, texts, columns)
        if not any(part is not None for part in given):
            raise ValueError("encode needs images, texts, columns, or several of them")
        values = given.columns
        there = [[one is not None for one in part] for part in given[:2] if part is not None]
        if values is not None:
            there.append(values.there().tolist())
        for row, parts in enumerate(zip(*there, strict=True)):
            if not any(parts):
                lacks = "no value in any column that the model knows" if values is not None else "nothing"
                raise ValueError(f"row {row} has {lacks}; leave such rows out")
        return given

    @classmethod
    def listed(
        cls,
        processor: Processor,
        images: Sequence[Picture | None] | None,
        texts: Sequence[str | None] | None,
        columns: Rows | None,
    ) -> Given:
        """Check as `of` does, but let rows be empty."""
        values = None if columns is None else processor.column_values(columns)
        given = cls(_listed("images", images), _listed("texts", texts), values)
        same_length({name: part for name, part in given._asdict().items() if part is not None})
        return given

    def rows(self) -> int:
        """N."""
        return next(len(part) for part in self if part is not None)

    @property
    def empty(self) -> bool:
        """Whether no row has anything."""
        lists = all(one is None for part in self[:2] if part is not None for one in part)
        return lists and (self.columns is None or not bool(self.columns.there().any()))

    def some(self, part: slice) -> Given:
        """Some of the rows."""
        images, texts, columns = self
        return Given(
            images and images[part], texts and texts[part], None if columns is None else columns.rows(part)
        )

    def alike(self) -> tuple[Given, list[int]]:
        """The different rows, and for each row which of them it is, so that nothing is encoded twice.

        A picture is the same where it is the same object or the same file.

        >>> given, places = Given(["a.png", "b.png", "a.png"], None, None).alike()
        >>> given.images, places
        (['a.png', 'b.png'], [0, 1, 0])
        """
        pictures = None
        if self.images is not None:
            pictures = [str(one) if isinstance(one, str | Path) else id(one) for one in self.images]
        columns = None if self.columns is None else self.columns.keys()
        parts = [part for part in (pictures, self.texts, columns) if part is not None]
        known: dict[tuple[Any, ...], int] = {}
        kept, places = [], []
        for row, key in enumerate(zip(*parts, strict=True)):
            if key not in known:
                known[key] = len(known)
                kept.append(row)
            places.append(known[key])
        if len(kept) == len(places):
            return self, places
        return Given(
            self.images and [self.images[row] for row in kept],
            self.texts and [self.texts[row] for row in kept],
            None if self.columns is None else self.columns.rows(torch.tensor(kept)),
        ), places

    def batches(self, processor: Processor, size: int) -> Iterator[Batch]:
        """Open the pictures and make tensors, `size` rows at a time."""
        for start in range(0, self.rows(), size):
            images, texts, columns = self.some(slice(start, start + size))
            opened = None if images is None else [None if one is None else _opened(one) for one in images]
            yield processor.batch(opened, texts, columns)


def same_length(parts: Mapping[str, Sized]) -> None:
    """Refuse lists that do not stand side by side.

    >>> same_length({"images": ["a.png"], "texts": ["a", "b"]})
    Traceback (most recent call last):
    ValueError: 1 images and 2 texts are not pairs
    """
    if len({len(part) for part in parts.values()}) > 1:
        told = " and ".join(f"{len(part)} {name}" for name, part in parts.items())
        raise ValueError(f"{told} are not pairs")


def _listed(name: str, values: Iterable[Any] | None) -> list[Any] | None:
    """A list, since a lone string would be taken for a sequence of letters."""
    if isinstance(values, (str, Path)) or not isinstance(values, (Iterable, type(None))):
        raise TypeError(f"{name} is a list; for a single one, write {name}=[{values!r}]")
    return None if values is None else list(values)


def _opened(image: Picture) -> Image.Image | Framed:
    return decode_image(Path(image)) if isinstance(image, (str, Path)) else image
