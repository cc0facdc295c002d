"""What fusion gets to see: three small towers, learned one by one, frozen, and their vectors of every row.

    image     `SmallVision` on 32 × 32 pixels, augmented while learning
    text      `SmallText` on subwords of the training split's texts
    columns   `ColumnsTower` on the columns' statistics of the training split

Each learns the category alone, with a head of its own that is then thrown away, and keeps the weights of
the epoch with the least loss on the validation split. Half of its rows are corrupted by a strength that is
uniform between 0 and 1, as when all is learned together, so that its vectors can tell how sure they are. They
have to stop early: of rows that a tower has learned by heart it knows the category whatever they show, and
fusion, which learns from the same rows, would trust it blindly.

A *view* is a split as it looks under one draw of corruption. View 0 is clean; in a noisy view each row's
modality has a strength of its own. Modalities are encoded apart, so any view of one goes with any of another.
"""

from __future__ import annotations

import copy
import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.fusion_corruption import noisy_pixels, permuted_columns, shuffled_text
from benchmarks.fusion_table import SIDE, Part, Table
from openautoglm.config import AugmentConfig
from openautoglm.encoders.batch import MODALITIES
from openautoglm.encoders.column_values import ColumnValues
from openautoglm.encoders.columns import ColumnsTower
from openautoglm.encoders.columns_processor import ColumnsProcessor
from openautoglm.encoders.encoded import Encoded
from openautoglm.encoders.small_text import SmallText
from openautoglm.encoders.small_vision import SmallVision
from openautoglm.encoders.tokenizer import PAD_ID, train_bpe
from openautoglm.train.augment import Augment

DIM, LENGTH, VOCABULARY = 64, 24, 2000
"""Numbers of a vector, subwords of a text at most, subwords that there are at most."""
BATCH, RATE, DECAY = 64, 2e-3, 0.05

Encode = Callable[[Tensor], Encoded]
"""Places of rows → the rows encoded."""


@dataclass(frozen=True)
class Views:
    """V views of N rows in one modality."""

    pooled: Tensor
    """(V, N, DIM)."""
    tokens: Tensor
    """(V, N, L, DIM)."""
    mask: Tensor
    """(V, N, L) bool."""
    strengths: Tensor
    """(V, N)."""


@dataclass(frozen=True)
class Seen:
    """A split as fusion sees it."""

    modalities: tuple[Views, Views, Views]
    columns: Tensor
    """(V, N, F) the columns themselves, as trees read them: NaN where missing."""
    labels: Tensor
    """(N,)."""

    @property
    def strengths(self) -> Tensor:
        """(V, N, 3)."""
        return torch.stack([views.strengths for views in self.modalities], dim=2)


class Towers:
    """The three towers of one seed.

    Args:
        table: whose `train` they learn from; `validation` says when to stop.
        kinds: of the columns.
        epochs: times that each tower sees the rows at most, by modality.
        seed: of weights, batches, corruption and augmentation.
    """

    def __init__(self, table: Table, kinds: Mapping[str, Any], epochs: Mapping[str, int], seed: int) -> None:
        torch.manual_seed(seed)
        part = table.train
        self.columns = ColumnsProcessor.fit(part.cells, dict(kinds))
        self.tokenizer = train_bpe(part.texts, VOCABULARY)
        self.letters = "".join(part.texts)
        self.vision = SmallVision(widths=(32, 64, DIM), depths=(1, 1, 1))
        self.reader = SmallText(self.tokenizer.get_vocab_size(), DIM, pairs=4096, dropout=0.2)
        self.table = ColumnsTower(DIM, layers=2, heads=4)
        self.table.fit_features(self.columns)
        self._dice = random.Random(seed)
        self._generator = torch.Generator().manual_seed(seed)
        self._augment = Augment(AugmentConfig(), SIDE)
        lessons: dict[str, tuple[nn.Module, Callable[[Part], Encode]]] = {
            "image": (self.vision, self._pictures),
            "text": (self.reader, self._texts),
            "columns": (self.table, self._cells),
        }
        for name, (tower, encode) in lessons.items():
            ways = [(encode(one), one.labels) for one in (part, table.validation)]
            epoch, loss = learn(tower, ways[0], ways[1], table.target.outputs, epochs[name])
            print(f"    tower {name:8} epoch {epoch} of {epochs[name]}, loss {loss:.3f}", flush=True)

    def _pictures(self, part: Part) -> Encode:
        plain = part.pixels()

        def encode(rows: Tensor) -> Encoded:
            learns = self.vision.training
            pixels = self._augment(part.rgba[rows], self._generator) if learns else plain[rows]
            strengths = some_strengths(len(rows), self._generator)
            return self.vision(normal(noisy_pixels(pixels, strengths, self._generator)))

        return encode

    def _texts(self, part: Part) -> Encode:
        def encode(rows: Tensor) -> Encoded:
            strengths = some_strengths(len(rows), self._generator).tolist()
            return self._read([part.texts[row] for row in rows.tolist()], strengths, self._dice)

        return encode

    def _cells(self, part: Part) -> Encode:
        values = self.columns(part.cells)

        def encode(rows: Tensor) -> Encoded:
            strengths = some_strengths(len(rows), self._generator)
            return self.table(permuted_columns(values.rows(rows), strengths, self._generator))

        return encode

    def _read(self, texts: Sequence[str], strengths: Sequence[float], dice: random.Random) -> Encoded:
        found = [
            shuffled_text(text, strength, self.letters, dice)
            for text, strength in zip(texts, strengths, strict=True)
        ]
        ids = subwords(self.tokenizer, found)
        return self.reader(ids, ids != PAD_ID)

    @torch.no_grad()
    def see(self, part: Part, strengths: Tensor, seed: int) -> Seen:
        """Encode `part` under `strengths` (V, N, 3)."""
        generator, dice = torch.Generator().manual_seed(seed), random.Random(seed)
        pixels, values = part.pixels(), self.columns(part.cells)
        found: dict[str, list[Encoded]] = {name: [] for name in MODALITIES}
        cells = []
        for by_row in strengths:
            image, text, columns = by_row.unbind(dim=1)
            noisy = normal(noisy_pixels(pixels, image, generator)).split(512)
            found["image"].append(together([self.vision(some) for some in noisy]))
            found["text"].append(self._read(part.texts, text.tolist(), dice))
            mixed = permuted_columns(values, columns, generator)
            found["columns"].append(self.table(mixed))
            cells.append(as_numbers(mixed))
        every = [
            Views(
                torch.stack([one.pooled for one in found[name]]),
                torch.stack([one.tokens for one in found[name]]),
                torch.stack([one.mask for one in found[name]]),
                strengths[..., place],
            )
            for place, name in enumerate(MODALITIES)
        ]
        return Seen((every[0], every[1], every[2]), torch.stack(cells), part.labels)


def some_strengths(rows: int, generator: torch.Generator) -> Tensor:
    """(N,) half of them 0, half uniform between 0 and 1."""
    strengths = torch.rand(rows, generator=generator)
    return torch.where(torch.rand(rows, generator=generator) < 0.5, strengths, 0.0)


def learn(
    tower: nn.Module,
    lessons: tuple[Encode, Tensor],
    checks: tuple[Encode, Tensor],
    classes: int,
    epochs: int,
) -> tuple[int, float]:
    """Teach a tower the category through a linear head, and freeze it as it was when it knew `checks` best.

    Args:
        tower: what learns.
        lessons: how rows are encoded, and their labels (N,).
        checks: the same of the validation split.
        classes: number of categories.
        epochs: at most.

    Returns:
        the epoch whose weights it has, from 1, and the loss of `checks` then.
    """
    (encode, labels), (look, right) = lessons, checks
    head = nn.Sequential(nn.Dropout(0.2), nn.Linear(DIM, classes))
    both = nn.ModuleList([tower, head])
    steps = max(1, len(labels) // BATCH)
    optimizer = torch.optim.AdamW(both.parameters(), lr=RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=epochs * steps, pct_start=0.2)
    best, kept = (0, math.inf), copy.deepcopy(both.state_dict())
    for epoch in range(1, epochs + 1):
        both.train()
        for rows in torch.randperm(len(labels))[: steps * BATCH].split(BATCH):
            loss = functional.cross_entropy(head(encode(rows).pooled), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        both.eval()
        with torch.no_grad():
            found = functional.cross_entropy(head(look(torch.arange(len(right))).pooled), right).item()
        if found < best[1]:
            best, kept = (epoch, found), copy.deepcopy(both.state_dict())
    both.load_state_dict(kept)
    tower.eval().requires_grad_(False)
    return best


def normal(pixels: Tensor) -> Tensor:
    """Pixels in 0..1 to −1..1."""
    return pixels * 2 - 1


def subwords(tokenizer: Tokenizer, texts: Sequence[str]) -> Tensor:
    """(N, LENGTH) ids, padded or cut."""
    ids = torch.full((len(texts), LENGTH), PAD_ID)
    for row, found in enumerate(tokenizer.encode_batch(list(texts))):
        some = found.ids[:LENGTH]
        ids[row, : len(some)] = torch.tensor(some)
    return ids


def together(parts: Sequence[Encoded]) -> Encoded:
    """Encoded rows one after the other."""
    tokens, pooled, mask = (torch.cat(each) for each in zip(*parts, strict=True))
    return Encoded(tokens, pooled, mask)


def as_numbers(values: ColumnValues) -> Tensor:
    """(N, F) numbers and the ids of categories; NaN where missing."""
    numbers = values.numbers.masked_fill(values.number_missing, torch.nan)
    categories = values.categories.float().masked_fill(values.categories == 0, torch.nan)
    return torch.cat([numbers, categories], dim=1)
