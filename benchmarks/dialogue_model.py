"""A small causal transformer that talks about a picture, with and without the memory.

    picture  (B, 3, 64, 64) ─ SmallVision ─▶ 16 tokens, one a cell            learns first, by naming each cell
    words    ─ embedding ─▶ 3 layers of  [window (+ memory) → look at the picture, but in the first → MLP]  ─▶ the next answer

The memory stands in the second layer; the layers after it can look at the picture with what was recalled.
Without it, the MLPs are as much wider as the memory had parameters. A layer sees `WINDOW` words, two turns,
so that what three layers can hand on reaches back 34 words, about five turns.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.dialogue_scenes import PLACES, concepts, pictures, scene
from benchmarks.dialogue_turns import TURNS, Dialogues, vocabulary
from openautoglm.align.cross_attention import CrossAttentionBlock
from openautoglm.context.memory_block import BlockState, MemoryBlock
from openautoglm.encoders.small_vision import SmallVision

WINDOW = 12
DIM, HEADS, LAYERS = 96, 4, 3
SLOTS, ADDRESS = 16, 24
BATCH = 16
TOWER = ((16, 32, 64, 96), (1, 1, 1, 1))


@dataclass(frozen=True)
class Form:
    """What a model is given."""

    memory: bool = True
    sees: bool = True
    """Whether it gets the picture."""
    history: bool = True
    """Whether it gets the turns before; without, each is a dialogue of its own."""


class Speaker(nn.Module):
    """Words and picture tokens → scores of the next word."""

    def __init__(self, form: Form, image_dim: int) -> None:
        super().__init__()
        self.form = form
        words = len(vocabulary())
        self.embed = nn.Embedding(words, DIM)
        slots = [SLOTS if form.memory and layer == 1 else 0 for layer in range(LAYERS)]
        self.blocks = nn.ModuleList(
            MemoryBlock(DIM, HEADS, WINDOW, count, ADDRESS, opened=1.0) for count in slots
        )
        self.looks = nn.ModuleList(_look(image_dim) for _ in range(LAYERS - 1))
        spare = 0 if form.memory else _memory_parameters() // LAYERS
        hidden = 2 * DIM + spare // (2 * DIM + 1)
        self.mlps = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(DIM), nn.Linear(DIM, hidden), nn.GELU(), nn.Linear(hidden, DIM))
            for _ in range(LAYERS)
        )
        self.norm = nn.LayerNorm(DIM)
        self.out = nn.Linear(DIM, words)

    def forward(
        self, words: Tensor, image: Tensor, states: list[BlockState] | None = None, mask: Tensor | None = None
    ) -> tuple[Tensor, list[BlockState]]:
        """(B, T) words and (B, 16, c) picture tokens → (B, T, d) hidden states, and what to go on with."""
        hidden = self.embed(words)
        if not self.form.sees:
            image = torch.zeros_like(image)
        after = []
        for number, (block, mlp) in enumerate(zip(self.blocks, self.mlps, strict=True)):
            hidden, state = block(hidden, states[number] if states else None, mask)
            after.append(state)
            if number:
                hidden = self.looks[number - 1](hidden, image)
            hidden = hidden + mlp(hidden)
        return self.norm(hidden), after


def _look(image_dim: int) -> CrossAttentionBlock:
    """Cross-attention that learns from nothing: open from the start, places as plain as contents."""
    look = CrossAttentionBlock(DIM, HEADS, image_dim, max_context=PLACES)
    nn.init.ones_(look.gate)
    if look.context_positions is not None:
        nn.init.normal_(look.context_positions, std=0.5)
    return look


def _memory_parameters() -> int:
    """How many parameters the memory adds to a block."""
    with_it, without = (MemoryBlock(DIM, HEADS, WINDOW, slots, ADDRESS) for slots in (SLOTS, 0))
    return size(with_it) - size(without)


def size(module: nn.Module) -> int:
    """Number of parameters."""
    return sum(parameter.numel() for parameter in module.parameters())


def learn_to_see(seed: int, steps: int) -> tuple[SmallVision, float]:
    """A tower whose 16 tokens tell what is in the 16 cells; its accuracy on scenes that it has not seen.

    The scenes are drawn by a generator of its own, not from the dialogues.
    """
    torch.manual_seed(seed)
    tower = SmallVision(*TOWER, style_mix=0.0)
    name = nn.Linear(tower.dim, len(concepts()) + 1)
    optimizer = torch.optim.AdamW([*tower.parameters(), *name.parameters()], 3e-3, weight_decay=0.01)
    falling = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
    draw, generator = np.random.default_rng([seed, 1]), torch.Generator().manual_seed(seed)

    def batch() -> tuple[Tensor, Tensor]:
        scenes = torch.from_numpy(np.array([scene(draw) for _ in range(64)]))
        return pictures(scenes, generator), scenes % (len(concepts()) + 1)

    for _ in range(steps):
        images, what = batch()
        loss = F.cross_entropy(name(tower(images).tokens).flatten(0, 1), what.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        falling.step()
    tower.eval().requires_grad_(False)
    with torch.no_grad():
        right = [(name(tower(images).tokens).argmax(2) == what).float().mean() for images, what in
                 (batch() for _ in range(16))]  # fmt: skip
    return tower, float(torch.stack(right).mean())


def laid_out(dialogues: Dialogues, form: Form) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Each dialogue as one row of words (D, T), padded at the end, and where its answers stand (D, TURNS).

    Without history each turn is a row: (D · TURNS, T) and (D · TURNS, 1).
    """
    rows, places = [], []
    for questions, answers in zip(dialogues.questions, dialogues.answers, strict=True):
        row: list[int] = []
        place: list[int] = []
        for question, answer in zip(questions, answers, strict=True):
            if not form.history:
                row, place = [], []
            row += [*question[question > 0].tolist(), int(answer)]
            place.append(len(row) - 1)
            if not form.history or len(place) == TURNS:
                rows.append(row)
                places.append(place)
    longest = max(map(len, rows))
    return np.array([row + [0] * (longest - len(row)) for row in rows]), np.array(places)


def train(
    form: Form, tower: SmallVision, told: Dialogues, seed: int, steps: int, verbose: bool = False
) -> Speaker:
    """Learn the answers, the true ones before them given."""
    torch.manual_seed(seed)
    model = Speaker(form, tower.dim)
    optimizer = torch.optim.AdamW(model.parameters(), 2e-3, weight_decay=0.01, betas=(0.9, 0.98))
    falling = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps, pct_start=0.1)
    draw, generator = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    words, places = (torch.from_numpy(part) for part in laid_out(told, form))
    scenes = torch.from_numpy(told.scenes)
    per_scene = len(words) // len(scenes)
    running = 0.0
    order = np.empty(0, np.int64)
    for step in range(steps):
        if len(order) < BATCH:
            order = draw.permutation(len(scenes))
        some, order = order[:BATCH], order[BATCH:]
        with torch.no_grad():
            image = tower(pictures(scenes[some], generator)).tokens
        rows = torch.from_numpy((some[:, None] * per_scene + np.arange(per_scene)).ravel())
        row, place = words[rows], places[rows]
        row = row[:, : int(place.max()) + 1]
        hidden, _ = model(row[:, :-1], image.repeat_interleave(per_scene, 0), mask=row[:, :-1] > 0)
        at = torch.arange(len(row))[:, None]
        loss = F.cross_entropy(model.out(hidden[at, place - 1]).flatten(0, 1), row[at, place].flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        falling.step()
        running = loss.item() if step == 0 else 0.98 * running + 0.02 * loss.item()
        if verbose and step % 100 == 99:
            print(f"    step {step + 1} loss {running:.3f}", flush=True)
    return model.eval()


@torch.no_grad()
def converse(model: Speaker, tower: SmallVision, told: Dialogues, seed: int) -> NDArray[np.bool_]:
    """Answer every question, turn by turn with the model's own answers as history: which are right (D, TURNS).

    Each turn is given to the model as it comes, padded to the longest question, with the state of the turns
    before: no turn is read twice.
    """
    scenes = torch.from_numpy(told.scenes)
    image = tower(pictures(scenes, torch.Generator().manual_seed(seed))).tokens
    questions, answers = torch.from_numpy(told.questions), torch.from_numpy(told.answers)
    states: list[BlockState] | None = None
    right = []
    at = torch.arange(len(scenes))
    for turn in range(answers.shape[1]):
        question = questions[:, turn]
        hidden, states = model(question, image, states if model.form.history else None, question > 0)
        answer = model.out(hidden[at, (question > 0).sum(1) - 1]).argmax(1)
        right.append(answer == answers[:, turn])
        _, states = model(answer[:, None], image, states)
    return torch.stack(right, 1).numpy()
