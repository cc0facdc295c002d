"""Multi-query associative recall: 64 pairs are told, then each key is asked for once.

    words 8,192, length 256:   k₁ v₁ k₂ v₂ … k₆₄ v₆₄ | q ? q ? …     at each q the model names its v

Made as in Zoology (Arora et al., 2023, arXiv:2312.04927, section 3): the same vocabulary, length and
order, random words between the queries. Sequences are drawn anew each time. Three models of one size, the
word vectors aside, two layers each, learn the same batches of 16, 32, then 64 pairs:

    memory    windows of 16 words, and in the second layer a slot memory
    window    windows of 16 words, wider MLPs
    lstm      two layers of LSTM
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.one_size import memory_size, mlps, size
from openautoglm.context.memory_block import MemoryBlock

WORDS, DIM, HEADS, WINDOW = 8192, 64, 2, 16
SLOTS, ADDRESS = 96, 32
MODELS = ("memory", "window", "lstm")


@dataclass(frozen=True)
class Course:
    """How much is learned."""

    stages: tuple[tuple[int, int], ...] = ((16, 200), (32, 100), (64, 150))
    """Pairs and steps of each stage."""
    batch: int = 32
    test: int = 500
    words: int = WORDS


def sequences(count: int, pairs: int, words: int, draw: np.random.Generator) -> tuple[Tensor, Tensor]:
    """(count, 4 · pairs) words, and (count, 4 · pairs) what is to be answered, −100 where nothing is."""
    half = words // 2
    keys = 1 + np.argsort(draw.random((count, half - 1)), 1)[:, :pairs]
    values = draw.integers(half, words, (count, pairs))
    order = np.argsort(draw.random((count, pairs)), 1)
    told = draw.integers(1, words, (count, 4 * pairs))
    wanted = np.full((count, 4 * pairs), -100)
    told[:, : 2 * pairs : 2], told[:, 1 : 2 * pairs : 2] = keys, values
    told[:, 2 * pairs :: 2] = np.take_along_axis(keys, order, 1)
    wanted[:, 2 * pairs :: 2] = np.take_along_axis(values, order, 1)
    return torch.from_numpy(told), torch.from_numpy(wanted)


class Recaller(nn.Module):
    """Words → hidden states, by one of MODELS; scores are products with the word vectors."""

    def __init__(self, name: str, words: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(words, DIM)
        nn.init.normal_(self.embed.weight, std=DIM**-0.5)
        self.lstm: nn.LSTM | None = None
        self.blocks = nn.ModuleList()
        self.norm = nn.LayerNorm(DIM)
        if name == "lstm":
            self.lstm = nn.LSTM(DIM, _fitting(), num_layers=2, batch_first=True, proj_size=DIM)
            return
        slots = (0, SLOTS if name == "memory" else 0)
        self.blocks.extend(MemoryBlock(DIM, HEADS, WINDOW, count, ADDRESS, opened=1.0) for count in slots)
        spare = 0 if name == "memory" else memory_size(DIM, HEADS, WINDOW, SLOTS, ADDRESS)
        self.mlps = mlps(DIM, len(slots), spare)

    def forward(self, words: Tensor) -> Tensor:
        """(B, T) → (B, T, d)."""
        hidden = self.embed(words)
        if self.lstm is not None:
            return self.norm(hidden + self.lstm(hidden)[0])
        for block, mlp in zip(self.blocks, self.mlps, strict=True):
            hidden, _ = block(hidden)
            hidden = hidden + mlp(hidden)
        return self.norm(hidden)

    def size(self) -> int:
        """Parameters, the word vectors aside."""
        return size(self) - self.embed.weight.numel()


def _fitting() -> int:
    """Cells of an LSTM that has as many parameters as the model with the memory."""
    wanted = Recaller("memory", 2).size()
    sizes = {
        cells: size(nn.LSTM(DIM, cells, num_layers=2, proj_size=DIM)) for cells in range(DIM + 1, 4 * DIM, 4)
    }
    return min(sizes, key=lambda cells: abs(sizes[cells] - wanted))


def recall_run(name: str, seed: int, course: Course, verbose: bool = False) -> dict[str, float | str | int]:
    """Learn, then count right answers on fresh sequences of the last stage's pairs."""
    torch.manual_seed(seed)
    model = Recaller(name, course.words)
    total = sum(steps for _, steps in course.stages)
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3, weight_decay=0.0, betas=(0.9, 0.98))
    falling = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=total, pct_start=0.1)
    draw = np.random.default_rng([seed, 1])
    step = 0
    for pairs, steps in course.stages:
        for _ in range(steps):
            words, wanted = sequences(course.batch, pairs, course.words, draw)
            asked = wanted >= 0
            scores = model(words)[asked] @ model.embed.weight.T
            loss = F.cross_entropy(scores, wanted[asked])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            falling.step()
            step += 1
            if verbose and step % 50 == 0:
                print(f"    {name} step {step} pairs {pairs} loss {loss.item():.3f}", flush=True)
    draw = np.random.default_rng([seed, 2])
    right = []
    with torch.no_grad():
        for _ in range(0, course.test, 50):
            words, wanted = sequences(50, course.stages[-1][0], course.words, draw)
            asked = wanted >= 0
            scores = model(words)[asked] @ model.embed.weight.T
            right.append((scores.argmax(1) == wanted[asked]).float().mean())
    share = round(float(torch.stack(right).mean()), 5)
    return {"model": name, "seed": seed, "parameters": model.size(), "right": share}
