"""python -m tools.learn_turns: learn the reader of turns from frames, and write its weights into the package.

Frames (`turn_frames/`, those that are held out aside, and the benchmark's templates) are filled from made-up
catalogues (`turn_slots.py`). Kinds are learned by the log loss of a softmax, spans by that of the softmax
over all spans of a turn; both by Adam on hashed features. One thread, one seed: the same frames give the same
file.

    --without author_a    leaves a source out
    --judge author_a      tells how well its kinds and spans are found
    --to FILE             writes elsewhere than into the package
"""

from __future__ import annotations

import argparse
import hashlib
import random
import re
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from benchmarks.chat_templates import TEMPLATES
from numpy.typing import NDArray
from torch import Tensor

from openautoglm.conversation.columns import Columns
from openautoglm.conversation.learned.features import SIZE, of_kind, of_spans, place
from openautoglm.conversation.learned.model import WEIGHTS, Model
from openautoglm.conversation.learned.tokens import tokens_of
from openautoglm.conversation.reading import Reading
from tools.turn_examples import Example, examples
from tools.turn_frames import FOLDER, Frame, read_frames

LEARNED = (
    *("author_a", "author_b", "author_c", "author_d", "author_e", "author_f", "author_g", "author_h"),
    *("own", "templates", "second", "third", "fourth"),
)
"""What is learned from: files of frames, and the benchmark's templates."""
TIMES = 8
"""How often each frame is filled."""
SEED = 0
_PASSES, _BATCH, _RATE = 8, 64, 0.02
_SPAN_PASSES = 4
_LEVELS = 63
"""Greatest stored weight: fewer levels make a smaller file."""


def sources() -> dict[str, list[Frame]]:
    """All frames that may be learned from, by where they come from."""
    templates = [
        Frame(kind, language, text)
        for kind, languages in TEMPLATES.items()
        for language, uses in languages.items()
        for use in ("develop", "test")
        for text in uses[use]
    ]
    templates = [
        Frame(one.kind, "zh" if one.language == "mixed" else one.language, one.text) for one in templates
    ]
    return {
        name: templates if name == "templates" else read_frames(FOLDER / f"{name}.txt") for name in LEARNED
    }


def made_from(frames: Sequence[Frame], times: int = TIMES) -> str:
    """Tell frames apart from others: what the weights that were made from them carry with them."""
    listed = "\n".join(f"{one.kind} / {one.language}: {one.text}" for one in frames)
    return hashlib.sha256(f"{SEED} {times} {SIZE}\n{listed}".encode()).hexdigest()


def words_of(frames: Sequence[Frame]) -> frozenset[int]:
    """Hashes of the words that several frames have; a word of one frame is learned as an unknown one."""
    count: Counter[str] = Counter()
    for frame in frames:
        text = Reading.of(re.sub(r"\{\w+\}|[(|)]", " ", frame.text)).said
        count.update({word for one in tokens_of(text, Columns()) for word in one.said.split()})
    return frozenset(place(word) for word, frames_with_it in count.items() if frames_with_it > 1)


def learn(frames: Sequence[Frame], times: int = TIMES) -> Model:
    """Learn kinds and spans from frames."""
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    data = examples(frames, times, SEED)
    kinds = sorted({one.kind for one in data})
    model = Model(tuple(kinds), np.zeros((SIZE, len(kinds)), np.float32), np.zeros(len(kinds), np.float32),
                  np.zeros(SIZE, np.float32), words_of(frames))  # fmt: skip
    weights, bias = _kinds(data, model)
    return Model(tuple(kinds), *_rounded(weights), bias, *_rounded(_spans(data, model)), model.words)


def _rounded(weights: NDArray[np.float32]) -> tuple[NDArray[np.float32]]:
    """Weights as they are stored."""
    scale = np.float32(np.abs(weights).max() / _LEVELS or 1)
    return ((np.round(weights / scale) * scale).astype(np.float32),)


def _kinds(data: Sequence[Example], model: Model) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    rows = [
        torch.tensor(sorted({place(one) for one in of_kind(example.tokens, model.known, example.hints)}))
        for example in data
    ]
    labels = torch.tensor([model.kinds.index(one.kind) for one in data])
    weights = torch.zeros(SIZE, len(model.kinds), requires_grad=True)
    bias = torch.zeros(len(model.kinds), requires_grad=True)
    optimizer = torch.optim.SparseAdam([weights], lr=_RATE)
    plain = torch.optim.Adam([bias], lr=_RATE)
    rng = random.Random(SEED)
    order = list(range(len(data)))
    for epoch in range(_PASSES):
        rng.shuffle(order)
        for group in (*optimizer.param_groups, *plain.param_groups):
            group["lr"] = _RATE * (1 - epoch / _PASSES)
        for start in range(0, len(order), _BATCH):
            batch = order[start : start + _BATCH]
            lengths = torch.tensor([len(rows[one]) for one in batch])
            flat = torch.cat([rows[one] for one in batch])
            offsets = torch.cumsum(lengths, 0) - lengths
            summed = torch.nn.functional.embedding_bag(flat, weights, offsets, mode="sum", sparse=True)
            scores = summed / lengths[:, None].sqrt() + bias
            loss = torch.nn.functional.cross_entropy(scores, labels[batch], label_smoothing=0.02)
            optimizer.zero_grad()
            plain.zero_grad()
            loss.backward()
            optimizer.step()
            plain.step()
    return weights.detach().numpy(), bias.detach().numpy()


def _spans(data: Sequence[Example], model: Model) -> NDArray[np.float32]:
    rows: list[tuple[Tensor, Tensor, int, tuple[int, int]]] = []
    for one in data:
        if not one.group:
            continue
        features = [
            [place(f) for f in some]
            for token in of_spans(one.tokens, model.known, one.group)
            for some in token
        ]
        lengths = torch.tensor([len(some) for some in features])
        rows.append(
            (torch.tensor([f for some in features for f in some]), lengths, len(one.tokens), one.span)
        )
    weights = torch.zeros(SIZE, 1, requires_grad=True)
    optimizer = torch.optim.SparseAdam([weights], lr=_RATE)
    rng = random.Random(SEED)
    for epoch in range(_SPAN_PASSES):
        rng.shuffle(rows)
        for group in optimizer.param_groups:
            group["lr"] = _RATE * (1 - epoch / _SPAN_PASSES)
        for start in range(0, len(rows), _BATCH):
            batch = rows[start : start + _BATCH]
            lengths = torch.cat([one[1] for one in batch])
            flat = torch.cat([one[0] for one in batch])
            scores = torch.nn.functional.embedding_bag(
                flat, weights, torch.cumsum(lengths, 0) - lengths, mode="sum", sparse=True
            ).view(-1, 3)
            longest = max(one[2] for one in batch)
            counts = torch.tensor([one[2] for one in batch])
            inside = torch.arange(longest)[None] < counts[:, None]
            padded = torch.zeros(len(batch), longest, 3).masked_scatter(
                inside[..., None].expand(-1, -1, 3), scores
            )
            summed = torch.cumsum(padded[..., 0], 1)
            spans = (summed + padded[..., 2])[:, None, :] + (padded[..., 1] - summed + padded[..., 0])[
                :, :, None
            ]
            upper = torch.ones(longest, longest).triu().bool()
            spans = spans.masked_fill(~(upper[None] & inside[:, None, :]), -1e4).flatten(1)
            wanted = torch.tensor([first * longest + last - 1 for *_, (first, last) in batch])
            loss = torch.nn.functional.cross_entropy(spans, wanted)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return weights.detach().numpy()[:, 0]


def save(model: Model, path: Path, made: str) -> None:
    """Write the weights as whole numbers of a byte, and what they were made from."""
    kind_scale, span_scale = (
        np.float32(np.abs(one).max() / _LEVELS or 1) for one in (model.kind, model.span)
    )
    np.savez_compressed(
        path, kinds=np.array(model.kinds), bias=model.bias, kind_scale=kind_scale, span_scale=span_scale,
        kind=np.round(model.kind / kind_scale).astype(np.int8),
        span=np.round(model.span / span_scale).astype(np.int8),
        words=np.array(sorted(model.words), np.uint16), made_from=np.array(made),
    )  # fmt: skip


def judge(model: Model, frames: Sequence[Frame]) -> None:
    """Print how many kinds and spans of frames are found, and what kinds are taken for others."""
    data = examples(frames, 2, seed=1)
    kinds: list[tuple[bool, float]] = []
    spans: list[bool] = []
    wrong: Counter[tuple[str, str]] = Counter()
    for one in data:
        chances = model.chances(one.tokens, one.hints)
        best = max(chances, key=lambda name: chances[name])
        kinds.append((best == one.kind, chances[best]))
        if best != one.kind:
            wrong[one.kind, best] += 1
        if one.group:
            spans.append(model.spans_of(one.tokens, one.group, 1)[0][:2] == one.span)
    right, chance = np.array([a for a, _ in kinds]), np.array([b for _, b in kinds])
    print(f"kinds {right.mean():.3f} of {len(kinds)}, spans {np.mean(spans):.3f} of {len(spans)}")
    for sure in (0.3, 0.5, 0.6, 0.7, 0.8, 0.9):
        print(
            f"  sure {sure}: {(chance >= sure).mean():.3f} of them, {right[chance >= sure].mean():.3f} right"
        )
    print(wrong.most_common(25))


def main(argv: Sequence[str] | None = None) -> None:
    """Learn, and write or judge."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--without", nargs="*", default=[], help="sources to leave out")
    parser.add_argument("--judge", nargs="*", default=[], help="sources to tell how well they are read")
    parser.add_argument("--times", type=int, default=TIMES)
    parser.add_argument("--to", type=Path, default=WEIGHTS)
    given = parser.parse_args(argv)
    every = sources()
    began = time.perf_counter()
    frames = [one for name, some in every.items() if name not in given.without for one in some]
    model = learn(frames, given.times)
    save(model, given.to, made_from(frames, given.times))
    print(f"{given.to.stat().st_size / 1024:.0f} KiB, {time.perf_counter() - began:.0f} s")
    for name in given.judge:
        print(name)
        judge(model, every[name])


if __name__ == "__main__":
    main()
