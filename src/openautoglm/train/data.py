"""What training reads: the catalogue's rows as pictures on disk and captions in memory.

A row may have several captions (fields, languages); each batch takes one of them at random. A row that
lacks its picture or all captions cannot be part of a pair: it is left out, counted, and said; so is a
broken picture. Structured columns come along as they are, with the kinds that the catalogue gives them.

Keys say which rows must not be each other's negatives (see `align/keys.py`): the row's id, its group or
duplicate cluster, and the caption that was drawn (`encoders.batch.KEYS`).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from openautoglm.catalog.condition import all_of
from openautoglm.catalog.language import guess_language
from openautoglm.catalog.values import to_tags
from openautoglm.encoders.column_values import ColumnValues
from openautoglm.encoders.columns_processor import Rows
from openautoglm.encoders.image_settings import ImageSettings
from openautoglm.tasks.question_answering import asked
from openautoglm.train.errors import TrainingError
from openautoglm.train.pixels import Broken, PixelStore

if TYPE_CHECKING:
    from openautoglm.catalog.catalog import Catalog
    from openautoglm.catalog.questions import Asked, Questions
    from openautoglm.catalog.schema import Field, Kind
    from openautoglm.encoders.processor import Processor

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
    """T captions: those of the B pictures in their order, then further ones."""
    keys: Tensor
    """(T, 3) int64, hashes of each text's `KEYS`; the first B are the pictures' as well."""
    classes: Tensor
    """(T,) int64 number of each text's group."""
    to_write: list[str | None] | None
    """B captions to be written, None for a picture without one; None as a whole where they are `texts`."""


@dataclass
class TrainingData:
    """Rows with their captions, and the store that holds their pictures.

    Args:
        ids, slots, captions, tags, groups: one entry a row; slot −1 means no picture, an empty list no
            caption. Tags are joined to one text a field, and serve where a row has no caption.
        store: where the pictures lie.
        broken: pictures that could not be decoded; their rows have slot −1.
        columns: the rows' structured columns; none by default.
        kinds: what each of those columns holds.
        labels: by target, each row's value of that column; None where there is no label.
        written: of each row, the captions that a decoder learns to write; None where these are `captions`.
        questions: of each row, what is asked about it; none by default.
    """

    ids: list[str]
    slots: np.ndarray
    captions: list[list[Caption]]
    tags: list[list[Caption]]
    groups: list[str]
    store: PixelStore
    broken: list[Broken] = field(default_factory=list)
    columns: Rows = ()
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    labels: Mapping[str, list[Any]] = field(default_factory=dict)
    written: list[list[Caption]] | None = None
    questions: list[list[Asked]] = field(default_factory=list)

    def __post_init__(self) -> None:
        has_text = np.array(
            [bool(texts or tags) for texts, tags in zip(self.captions, self.tags, strict=True)], dtype=bool
        )
        self._column_values: ColumnValues | None = None
        self.with_text = np.flatnonzero(has_text)
        """Positions of the rows that have a caption or tags."""
        there = self.slots != NO_PICTURE
        self.pairs = np.flatnonzero(has_text & there)
        """Positions of the rows that have a picture as well."""
        has_question = np.array([bool(one) for one in self.questions] or np.zeros(len(self.ids)), dtype=bool)
        self.asked_about = np.flatnonzero(has_question & there)
        """Positions of the rows that have a picture and questions about it."""
        _, self.group_numbers = np.unique(np.array(self.groups, dtype=np.str_), return_inverse=True)
        """(N,) 0 … G−1, the group of each row."""
        self._row_keys = np.array([(_hash(i), _hash(g)) for i, g in zip(self.ids, self.groups, strict=True)])

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
        columns: Sequence[str] = (),
        targets: Sequence[str] = (),
        captions: Sequence[str] | None = None,
        questions: Questions | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> TrainingData:
        """Read the rows of `split` that match the SQL `where`, and decode pictures that the cache lacks.

        Args:
            image: the model's `processor.image`; pictures are kept `MARGIN` larger.
            fields: fields of texts or tags to take captions from; all of them by default. Words read in
                pictures are taken only when their field is named.
            columns: fields that a columns tower reads; not the target of a prediction.
            targets: fields whose values are to be predicted; no captions are taken from them.
            captions: fields of texts that a decoder learns to write; those of `fields` by default.
            questions: what is asked about the catalogue's rows; those about rows of `split` take part.
            progress: told (pictures decoded, pictures to decode).
        """
        known = {one.name: one for one in catalog.fields.values() if one.role in ("text", "tags", "words")}
        if strange := sorted({*(fields or ()), *(captions or ())} - set(known)):
            there = ", ".join(known) or "none"
            raise TrainingError(f"no field of texts is called {strange[0]!r}; there are: {there}")
        chosen = [
            known[name]
            for name in fields or [key for key, one in known.items() if one.role != "words"]
            if name not in targets
        ]
        table = catalog.read(
            ["id", "_image_hash", "_cluster"]
            + list(dict.fromkeys([*(one.name for one in chosen), *(captions or ()), *columns, *targets])),
            where=all_of(f"_split = '{split}'" if split else None, where),
        )
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
        return cls(
            ids=ids,
            slots=store.slots(hashes),
            captions=_captions(table, [one for one in chosen if one.role != "tags"]),
            tags=_captions(table, [one for one in chosen if one.role == "tags"]),
            groups=[group or row for row, group in zip(ids, table["_cluster"].to_pylist(), strict=True)],
            store=store,
            broken=broken,
            columns=table.select(list(columns)) if columns else (),
            kinds={name: catalog.fields[name].type for name in columns},
            labels={name: table[name].to_pylist() for name in targets},
            written=None if captions is None else _captions(table, [known[name] for name in captions]),
            questions=questions.by_row(ids) if questions else [],
        )

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def tells_captions(self) -> bool:
        """Whether a decoder can learn from it to write captions."""
        return self.aligned and (self.written is None or any(self.written[row] for row in self.pairs))

    def texts(self) -> Iterable[str]:
        """Every text, for training a tokenizer."""
        for found in (self.captions, self.tags, self.written or ()):
            yield from (one.text for row in found for one in row)
        for row in self.questions:
            for one in row:
                yield from (asked(one.question), one.answer)

    def draw(
        self,
        pairs: np.ndarray,
        seed: int,
        *,
        tag_share: float = 0.0,
        single_tags: float = 0.0,
        extra_texts: int = 0,
    ) -> Drawn:
        """Pictures and captions of these positions in `self.pairs`, and captions of `extra_texts` other rows.

        Which caption a row shows, and which the other rows are, follows from `seed`.
        """
        dice = np.random.default_rng(seed)
        rows = self.pairs[pairs]
        if extra_texts:
            others = np.setdiff1d(self.with_text, rows)
            rows = np.append(rows, dice.permutation(others)[:extra_texts])
        texts = [
            self._text(row, by_tags, which, tag_share, single_tags)
            for row, (by_tags, which) in zip(rows.tolist(), dice.random((len(rows), 2)).tolist(), strict=True)
        ]
        keys = np.column_stack([self._row_keys[rows], [_hash(text) for text in texts]])
        return Drawn(
            self.store.read(self.slots[rows[: len(pairs)]]),
            texts,
            torch.from_numpy(keys),
            torch.from_numpy(self.group_numbers[rows]),
            self._to_write(rows[: len(pairs)], seed),
        )

    def _to_write(self, rows: np.ndarray, seed: int) -> list[str | None] | None:
        """One of each row's captions that are to be written."""
        if self.written is None:
            return None
        dice = np.random.default_rng([seed, 1]).random(len(rows)).tolist()
        found = (self.written[row] for row in rows.tolist())
        return [
            one[int(which * len(one))].text if one else None for one, which in zip(found, dice, strict=True)
        ]

    def _text(self, row: int, by_tags: float, which: float, tag_share: float, single_tags: float) -> str:
        """One text of the row; two dice in 0 … 1 choose the kind, and which of several."""
        captions, tags = self.captions[row], self.tags[row]
        if not tags:
            tag_share = 0.0
        elif not captions:
            tag_share = 1.0
        if by_tags >= tag_share:
            return captions[int(which * len(captions))].text
        if by_tags >= tag_share * single_tags:
            return tags[int(which * len(tags))].text
        alone = [tag for one in tags for tag in to_tags(one.text) or [one.text]]
        return alone[int(which * len(alone))]

    def labelled(self, processor: Processor) -> np.ndarray:
        """Positions of the rows that have a label and a modality, columns counting where they are read."""
        some = np.zeros(len(self), bool)
        for values in self.labels.values():
            some |= np.array([value is not None for value in values], bool)
        there = self.slots != NO_PICTURE
        there[self.with_text] = True
        if (known := self.column_values(processor, np.arange(len(self)))) is not None:
            there |= known.there().numpy()
        return np.flatnonzero(some & there)

    def show(
        self, rows: np.ndarray, seed: int, *, tag_share: float = 0.0, single_tags: float = 0.0
    ) -> tuple[Tensor | None, np.ndarray, list[str | None]]:
        """Pictures of those of these rows that have one, which have (n,), and a text of each, or None.

        Which text a row shows follows from `seed`.
        """
        dice = np.random.default_rng(seed).random((len(rows), 2)).tolist()
        pictured = self.slots[rows] != NO_PICTURE
        rgba = self.store.read(self.slots[rows[pictured]]) if pictured.any() else None
        return (
            rgba,
            pictured,
            [
                self._text(row, by_tags, which, tag_share, single_tags)
                if self.captions[row] or self.tags[row]
                else None
                for row, (by_tags, which) in zip(rows.tolist(), dice, strict=True)
            ],
        )

    def column_values(self, processor: Processor, rows: np.ndarray) -> ColumnValues | None:
        """Structured columns of some rows; None where the model, or the data, has none."""
        if processor.columns is None or not self.kinds:
            return None
        if self._column_values is None:  # small beside the pictures: made once, after their statistics
            self._column_values = processor.column_values(self.columns)
        return self._column_values.rows(torch.from_numpy(rows))

    def check(self) -> None:
        """Refuse data that no contrastive loss can learn from, unless labels are to be learned.

        Raises:
            TrainingError: says what is there and what is needed at least.
        """
        if self.aligned or len(self.asked_about) or (self.labels and len(self.ids) > 1):
            return
        if len(self.pairs) < 2:
            raise TrainingError(
                "training needs at least 2 rows with both a picture and a text (some hundred to be of use); "
                f"here are {self.summary()}. Add more with `autoglm add`, or search with a trained model"
            )
        raise TrainingError(
            f"all {len(self.pairs)} rows are of one group or copies of one picture, so there is nothing "
            "to tell apart; training needs at least 2 different ones"
        )

    @property
    def aligned(self) -> bool:
        """Whether there are two pairs of different groups, which can be told apart."""
        return len(self.pairs) > 1 and len(set(self.group_numbers[self.pairs])) > 1

    def summary(self) -> str:
        """What takes part and what does not, in words."""
        text, picture = np.isin(np.arange(len(self)), self.with_text), self.slots != NO_PICTURE
        lacking = {"a picture": text & ~picture, "a text": picture & ~text, "either": ~picture & ~text}
        parts = [f"{len(self.pairs):,} pairs from {len(self):,} rows"]
        parts += [f"{rows.sum():,} without {what}" for what, rows in lacking.items() if rows.any()]
        parts += [f"{sum(map(len, self.questions)):,} questions"] if self.questions else []
        parts += [f"{len(self.broken):,} broken pictures"] if self.broken else []
        return ", ".join(parts)

    def fingerprint(self) -> str:
        """Hash of everything a step can depend on but the pixels' order on disk."""
        digest = hashlib.blake2b(digest_size=16)
        kept = self.slots != NO_PICTURE
        for row in zip(self.ids, self.groups, kept.tolist(), self.captions, self.tags, strict=True):
            digest.update(repr(row).encode())
        if self.kinds:
            rows = self.columns.to_pylist() if isinstance(self.columns, pa.Table) else self.columns
            digest.update(repr((sorted(self.kinds.items()), rows)).encode())
        if self.labels:
            digest.update(repr(sorted(self.labels.items())).encode())
        if self.written is not None or self.questions:
            digest.update(repr((self.written, self.questions)).encode())
        return digest.hexdigest()


def _larger(image: ImageSettings) -> ImageSettings:
    """The same framing with `MARGIN` times the pixels a side."""
    size, shortest = (value and math.ceil(MARGIN * value) for value in (image.size, image.shortest))
    return replace(image, size=size or image.size, shortest=shortest)


def _captions(table: pa.Table, fields: Sequence[Field]) -> list[list[Caption]]:
    """Of each row, the non-empty texts of these fields, each text once; tags are joined by commas."""
    rows: list[dict[str, Caption]] = [{} for _ in range(table.num_rows)]
    for one in fields:
        for row, value in zip(rows, table[one.name].to_pylist(), strict=True):
            text = (", ".join(value) if isinstance(value, list) else value or "").strip()
            if text:
                row.setdefault(text, Caption(text, one.name, one.language or guess_language(text)))
    return [list(row.values()) for row in rows]


def _hash(text: str) -> int:
    """A 63-bit key; never negative, since `align.keys.NO_KEY` is."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little") >> 1
