"""What training reads: the catalogue's rows as pictures on disk and captions in memory.

A row may have several captions (fields, languages); each batch takes one of them at random. A row that lacks
its picture or all captions cannot be part of a pair: it is left out, counted, and said; so is a broken picture.

Keys say which rows must not be each other's negatives (see `align/keys.py`): the row's id, its group or
duplicate cluster, and the caption that was drawn.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from openautoglm.catalog.language import guess_language
from openautoglm.encoders.image_settings import ImageSettings
from openautoglm.train.errors import TrainingError
from openautoglm.train.pixels import Broken, PixelStore

if TYPE_CHECKING:
    from openautoglm.catalog.catalog import Catalog

NO_PICTURE = -1
MARGIN = 4 / 3
"""How much larger pictures are kept than the model sees them, so that turning and scaling does not blur."""


class Caption(NamedTuple):
    """One text of a row."""

    text: str
    field: str
    language: str


class Drawn(NamedTuple):
    """Rows of a batch before augmentation and tokenizing."""

    rgba: Tensor
    """(B, 4, S, S) uint8."""
    texts: list[str]
    keys: Tensor
    """(B, 3) int64: hash of the id, of the group, of the caption."""
    rows: np.ndarray
    """(B,) positions in the data."""


@dataclass
class TrainingData:
    """Rows with their captions, and the store that holds their pictures.

    Args:
        ids, slots, captions, groups: one entry a row; slot −1 means no picture, an empty list no caption.
        store: where the pictures lie.
        broken: pictures that could not be decoded; their rows have slot −1.
    """

    ids: list[str]
    slots: np.ndarray
    captions: list[list[Caption]]
    groups: list[str]
    store: PixelStore
    broken: list[Broken] = field(default_factory=list)

    def __post_init__(self) -> None:
        has_text = np.array([bool(texts) for texts in self.captions], bool)
        self.pairs = np.flatnonzero(has_text & (self.slots != NO_PICTURE))
        """Positions of the rows that have both a picture and a caption."""
        _, numbers = np.unique(np.array(self.groups, dtype=object).astype(str), return_inverse=True)
        self.group_numbers: np.ndarray = numbers
        """(N,) 0 … G−1, the group of each row."""
        self._row_keys = np.array([[_hash(i), _hash(g)] for i, g in zip(self.ids, self.groups, strict=True)])

    @classmethod
    def from_catalog(
        cls,
        catalog: Catalog,
        cache: Path,
        image: ImageSettings,
        *,
        where: str | None = None,
        split: str | None = "train",
        fields: Sequence[str] | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> TrainingData:
        """Read the rows of `split` that match the SQL `where`, and decode pictures that the cache lacks.

        Args:
            image: the model's `processor.image`; pictures are kept `MARGIN` larger.
            fields: text fields to take captions from; all of them by default.
            progress: told (pictures decoded, pictures to decode).
        """
        known = {one.name: one for one in catalog.text_fields}
        if fields and (strange := sorted(set(fields) - set(known))):
            there = ", ".join(known) or "none"
            raise TrainingError(f"no text field is called {strange[0]!r}; there are: {there}")
        chosen = {name: known[name].language for name in (fields or known)}
        clauses = [f"({where})"] if where else []
        clauses += [f"_split = '{split}'"] if split else []
        table = catalog.read(["id", "_image_hash", "_cluster", *chosen], where=" AND ".join(clauses) or None)
        ids: list[str] = table["id"].to_pylist()
        hashes: list[str | None] = table["_image_hash"].to_pylist()

        kept = _larger(image)
        store = PixelStore(cache, kept.size, kept.recipe)
        broken = store.fill(
            {key: row for row, key in zip(ids, hashes, strict=True) if key is not None},
            fetch=lambda some: catalog.read(["id", "_image", "_image_bytes"], ids=some).to_pylist(),
            decode=lambda row: kept.frame(catalog.load_image(row)),
            progress=progress,
        )
        columns = {name: table[name].to_pylist() for name in chosen}
        return cls(
            ids=ids,
            slots=store.slots(hashes),
            captions=[
                _captions({name: texts[row] for name, texts in columns.items()}, chosen)
                for row in range(len(ids))
            ],
            groups=[group or row for row, group in zip(ids, table["_cluster"].to_pylist(), strict=True)],
            store=store,
            broken=broken,
        )

    def __len__(self) -> int:
        return len(self.ids)

    def texts(self) -> Iterable[str]:
        """Every caption, for training a tokenizer."""
        return (caption.text for texts in self.captions for caption in texts)

    def draw(self, pairs: np.ndarray, seed: int) -> Drawn:
        """The picture and one caption, chosen by `seed`, of the given positions in `self.pairs`."""
        rows = self.pairs[pairs]
        choice = np.random.default_rng(seed).random(len(rows))
        texts = [
            self.captions[row][int(share * len(self.captions[row]))].text
            for row, share in zip(rows, choice, strict=True)
        ]
        keys = np.column_stack([self._row_keys[rows], [_hash(text) for text in texts]])
        return Drawn(self.store.read(self.slots[rows]), texts, torch.from_numpy(keys), rows)

    def check(self) -> None:
        """Refuse data that no contrastive loss can learn from.

        Raises:
            TrainingError: says what is there and what is needed at least.
        """
        if len(self.pairs) < 2:
            raise TrainingError(
                "training needs at least 2 rows with both a picture and a text (some hundred to be of use); "
                f"here are {self.summary()}. Add more with `autoglm add`, or search with a trained model"
            )
        if len(set(self.group_numbers[self.pairs])) < 2:
            raise TrainingError(
                f"all {len(self.pairs)} rows are of one group or copies of one picture, so there is nothing "
                "to tell apart; training needs at least 2 different ones"
            )

    def summary(self) -> str:
        """What takes part and what does not, in words."""
        has_text = np.array([bool(texts) for texts in self.captions], bool)
        without_picture = self.slots == NO_PICTURE
        parts = [f"{len(self.pairs):,} pairs from {len(self):,} rows"]
        parts += [f"{n:,} without a picture" for n in [int((without_picture & has_text).sum())] if n]
        parts += [f"{n:,} without a text" for n in [int((~without_picture & ~has_text).sum())] if n]
        parts += [f"{n:,} with neither" for n in [int((without_picture & ~has_text).sum())] if n]
        parts += [f"{len(self.broken):,} broken pictures"] if self.broken else []
        return ", ".join(parts)

    def fingerprint(self) -> str:
        """Hash of everything a step can depend on but the pixels' order on disk."""
        digest = hashlib.blake2b(digest_size=16)
        kept = self.slots != NO_PICTURE
        for row in zip(self.ids, self.groups, kept.tolist(), self.captions, strict=True):
            digest.update(repr(row).encode())
        return digest.hexdigest()


def _larger(image: ImageSettings) -> ImageSettings:
    """The same framing with `MARGIN` times the pixels a side."""
    size, shortest = (value and math.ceil(MARGIN * value) for value in (image.size, image.shortest))
    return replace(image, size=size or image.size, shortest=shortest)


def _captions(texts: Mapping[str, str | None], languages: Mapping[str, str | None]) -> list[Caption]:
    """The non-empty texts of a row, each once."""
    found: dict[str, Caption] = {}
    for name, text in texts.items():
        if text and (text := text.strip()):
            found.setdefault(text, Caption(text, name, languages[name] or guess_language(text)))
    return list(found.values())


def _hash(text: str) -> int:
    """A 63-bit key; never negative, since `align.keys.NO_KEY` is."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little") >> 1
