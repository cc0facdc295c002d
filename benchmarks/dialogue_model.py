"""A small causal transformer that talks about a picture, with and without the memory.

    picture (B, 3, 64, 64) ─ SmallVision ─▶ 16 tokens, one a cell
    words ─ vectors ─▶ window → MLP ─▶ window + memory → look → MLP ─▶ window → look → MLP ─▶ scores of words

The tower learns first, alone: each cell's token is drawn to the vectors of its words (`red`, `lobster`,
`animal`), which the language side then begins with; after that it stands still. `look` is gated
cross-attention to the 16 tokens.

The memory stands in the second layer, so that what is recalled there can be looked for in the picture.
Without it, the MLPs are as much wider as the memory has parameters. A layer sees `WINDOW` words, less than
two turns; what three layers can hand on reaches back 34 words, about five turns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.dialogue_scenes import COLOURS, KINDS, PLACES, SIDE, concepts, pictures, scene
from benchmarks.dialogue_turns import PLACE_WORDS, TURNS, Dialogues, vocabulary
from benchmarks.one_size import memory_size, mlps
from openautoglm.align.cross_attention import CrossAttentionBlock
from openautoglm.context.memory_block import BlockState, MemoryBlock
from openautoglm.encoders.small_vision import SmallVision

WINDOW = 12
DIM, HEADS, LAYERS = 96, 4, 3
SLOTS, ADDRESS = 16, 24
BATCH, QUESTIONS, RATE = 16, 128, 2e-3
"""Dialogues of a step; single questions of a step, before; learning rate at its height."""
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

    def __init__(self, form: Form, image_dim: int, names: Tensor) -> None:
        super().__init__()
        self.form = form
        self.embed = nn.Embedding(len(vocabulary()), DIM)
        with torch.no_grad():
            self.embed.weight.copy_(_word_vectors(names))
        slots = [SLOTS if form.memory and layer == 1 else 0 for layer in range(LAYERS)]
        self.blocks = nn.ModuleList(
            MemoryBlock(DIM, HEADS, WINDOW, count, ADDRESS, opened=1.0) for count in slots
        )
        places = self.embed.weight[[vocabulary().index(word) for word in PLACE_WORDS]]
        self.looks = nn.ModuleList(_look(image_dim, places.detach()) for _ in range(LAYERS - 1))
        spare = 0 if form.memory else memory_size(DIM, HEADS, WINDOW, SLOTS, ADDRESS)
        self.mlps = mlps(DIM, LAYERS, spare)
        self.norm = nn.LayerNorm(DIM)

    def forward(
        self, words: Tensor, image: Tensor, states: list[BlockState] | None = None, mask: Tensor | None = None
    ) -> tuple[Tensor, list[BlockState]]:
        """(B, T) words and (B, 16, c) picture tokens → (B, T, d) hidden states, and what to go on with."""
        hidden = self.embed(words) * DIM**0.5
        image = _even(image) if self.form.sees else torch.zeros_like(image)
        after = []
        for number, (block, mlp) in enumerate(zip(self.blocks, self.mlps, strict=True)):
            hidden, state = block(hidden, states[number] if states else None, mask)
            after.append(state)
            if number:
                hidden = self.looks[number - 1](hidden, image)
            hidden = hidden + mlp(hidden)
        return self.norm(hidden), after

    def scores(self, hidden: Tensor) -> Tensor:
        """(…, d) → (…, words): products with the word vectors."""
        return hidden @ self.embed.weight.T


def _seen_words() -> list[str]:
    """The words that the tower learns: what a cell can hold, in what colour, of what kind."""
    return [*(concept.name for concept in concepts()), "nothing", *COLOURS, *KINDS]


def _word_vectors(names: Tensor) -> Tensor:
    """(words, d) of about unit length: those that the tower learned; a place is its column plus its row."""
    number = {word: place for place, word in enumerate(vocabulary())}
    vectors = torch.randn(len(number), DIM) * DIM**-0.5
    vectors[[number[word] for word in _seen_words()]] = names
    lines = torch.randn(2, SIDE, DIM) * (2 * DIM) ** -0.5
    for place, word in enumerate(PLACE_WORDS):
        vectors[number[word]] = lines[0, place // SIDE] + lines[1, place % SIDE]
    return vectors


def _look(image_dim: int, places: Tensor) -> CrossAttentionBlock:
    """Cross-attention that is open from the start and begins as a comparison: words and cells have one space.

    Queries and keys begin equal, a cell's position as the vector of its word.
    """
    look = CrossAttentionBlock(DIM, HEADS, image_dim, max_context=PLACES)
    nn.init.ones_(look.gate)
    with torch.no_grad():
        look.attend.query.weight.mul_(1.5)
        look.attend.key.weight.copy_(look.attend.query.weight)
    if look.context_positions is not None:
        with torch.no_grad():
            look.context_positions.copy_(places * DIM**0.5)
    return look


class Sight(NamedTuple):
    """A tower that has learned to see."""

    tower: SmallVision
    names: Tensor
    """(words, d) a vector a word of `_seen_words`, of unit length, near the tokens of what it names."""
    accuracy: float
    """Of naming each cell of scenes that were not seen before."""


def learn_to_see(seed: int, steps: int) -> Sight:
    """Align the tower's 16 tokens with the words for what is in the 16 cells: align before fusing.

    The scenes are drawn by a generator of its own, not from the dialogues.
    """
    torch.manual_seed(seed)
    tower = SmallVision(*TOWER, style_mix=0.0)
    names = nn.Parameter(torch.randn(len(_seen_words()), tower.dim))
    nothing = len(concepts())
    colours = nothing + 1 + torch.tensor([COLOURS.index(one.colour) for one in concepts()])
    kinds = nothing + 1 + len(COLOURS) + torch.tensor([list(KINDS).index(one.kind) for one in concepts()])
    words = torch.stack(
        [torch.cat((of, torch.tensor([nothing]))) for of in (torch.arange(nothing), colours, kinds)]
    )
    optimizer = torch.optim.AdamW([*tower.parameters(), names], 3e-3, weight_decay=0.01)
    falling = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
    draw, generator = np.random.default_rng([seed, 1]), torch.Generator().manual_seed(seed)

    def named() -> tuple[list[Tensor], Tensor]:
        """Of 64 new scenes: scores (64, 16, words) of names, colours and kinds; and what is there."""
        scenes = torch.from_numpy(np.array([scene(draw) for _ in range(64)]))
        scores = _even(tower(pictures(scenes, generator)).tokens) @ F.normalize(names).T
        return [scores[..., part.unique()] for part in words], scenes % (nothing + 1)

    answers = [part.unique(return_inverse=True)[1] for part in words]
    for _ in range(steps):
        scores, what = named()
        losses = [
            F.cross_entropy(one.flatten(0, 1), answer[what.flatten()])
            for one, answer in zip(scores, answers, strict=True)
        ]
        optimizer.zero_grad()
        torch.stack(losses).sum().backward()
        optimizer.step()
        falling.step()
    tower.eval().requires_grad_(False)
    with torch.no_grad():
        right = [float((scores[0].argmax(2) == what).float().mean()) for scores, what in (named(), named())]
    return Sight(tower, F.normalize(names.detach()), sum(right) / 2)


def _even(tokens: Tensor) -> Tensor:
    """What the tower gives is large; on one scale with words and places, each can be asked for."""
    return F.layer_norm(tokens, tokens.shape[2:])


class _Rows:
    """Dialogues, or their turns, as rows of words."""

    def __init__(self, told: Dialogues, history: bool) -> None:
        self.each = 1 if history else TURNS
        """Rows of a dialogue."""
        turns = np.concatenate([told.questions, told.answers], axis=2)
        answers = np.concatenate([told.questions * 0, told.answers], axis=2) > 0
        rows, real = turns.reshape(len(turns) * self.each, -1), turns > 0
        length = real.reshape(len(rows), -1).sum(1)
        there = np.arange(length.max()) < length[:, None]
        words, answered = np.zeros(there.shape, np.int64), np.zeros(there.shape, bool)
        words[there], answered[there] = turns[real], answers[real]  # row by row, the padding between left out
        self.words, self.answered = torch.from_numpy(words), torch.from_numpy(answered)
        """(rows, T) words, padded with 0 at the end, and which of them are answers."""


def train(form: Form, sight: Sight, told: Dialogues, seed: int, steps: int, verbose: bool = False) -> Speaker:
    """Learn the answers, the true ones before them given.

    The first quarter of the steps are single questions without a reference, the rest whole dialogues.
    """
    torch.manual_seed(seed)
    model = Speaker(form, sight.tower.dim, sight.names)
    optimizer = torch.optim.AdamW(model.parameters(), RATE, weight_decay=0.01, betas=(0.9, 0.98))
    falling = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps, pct_start=0.1)
    draw, generator = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    alone = _Rows(told, history=False)
    plain = np.flatnonzero(told.distances.ravel() == 0)
    dialogues = _Rows(told, form.history)
    running = 0.0
    for step in range(steps):
        if step < steps // 4:
            rows, some = alone, draw.choice(plain, QUESTIONS)
        else:
            rows, some = dialogues, draw.choice(len(told.scenes), BATCH, replace=False)
            if not form.history:
                some = (some[:, None] * TURNS + np.arange(TURNS)).ravel()
        words, answered = rows.words[some], rows.answered[some]
        longest = int((words > 0).sum(1).max())
        words, answered = words[:, :longest], answered[:, 1:longest]
        scenes, scene_of = np.unique(some // rows.each, return_inverse=True)
        with torch.no_grad():
            image = sight.tower(pictures(torch.from_numpy(told.scenes[scenes]), generator)).tokens
        hidden, _ = model(words[:, :-1], image[scene_of], mask=words[:, :-1] > 0)
        loss = F.cross_entropy(model.scores(hidden[answered]), words[:, 1:][answered])
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
def converse(model: Speaker, sight: Sight, told: Dialogues, seed: int) -> NDArray[np.bool_]:
    """Answer turn by turn, the model's own answers as history; return which are right (D, TURNS).

    Each turn is given to the model as it comes, padded to the longest question, with the state of the turns
    before: no turn is read twice. It writes as many words as the answer has, and the last one is judged.
    """
    scenes = torch.from_numpy(told.scenes)
    image = sight.tower(pictures(scenes, torch.Generator().manual_seed(seed))).tokens
    questions, answers = torch.from_numpy(told.questions), torch.from_numpy(told.answers)
    states: list[BlockState] | None = None
    right = torch.zeros(answers.shape[:2], dtype=torch.bool)
    at = torch.arange(len(scenes))
    for turn in range(answers.shape[1]):
        question = questions[:, turn]
        hidden, states = model(question, image, states if model.form.history else None, question > 0)
        last = hidden[at, (question > 0).sum(1) - 1]
        for wanted in answers[:, turn].T:
            going_on = wanted > 0
            word = model.scores(last).argmax(1)
            right[:, turn] = torch.where(going_on, word == wanted, right[:, turn])
            hidden, states = model(word[:, None], image, states, going_on[:, None])
            last = torch.where(going_on[:, None], hidden[:, 0], last)
    return right.numpy()
