"""make bench-auto-weight: does it help to weigh losses while training? Beside a grid of fixed weights.

One trunk, two tasks, on two houses' pictograms (Noto, Twemoji) in 24 × 24 pixels:

    group    which of 9 groups a pictogram belongs to (`smileys-emotion`, `food-drink`, …): cross-entropy
    colour   share of the square that is drawn on, and the mean red, green and blue there: mean squared
             error of the four, each standardised

Training, validation and test hold different concepts (70, 15, 15 %). The score of a run is the mean of
test accuracy and test R². Beside the methods of `train/weights/` stand nine fixed pairs of weights that
sum to 2, of which each seed takes the one with the best score on validation; nothing is chosen on the test
part, and the methods have their defaults. The *faster* task is the one with the smaller share of its
training loss left at the end, at weights 1 and 1.

    gap_to_grid = score of GradNorm − score of the grid's best, by seed
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, NamedTuple

import numpy as np
import pyarrow.csv
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.figures import RESULTS, ROOT, RUNS, figure, write
from openautoglm.train.weights.dwa import DWA
from openautoglm.train.weights.fixed import Fixed
from openautoglm.train.weights.gradnorm import GradNorm, gradient_norms
from openautoglm.train.weights.registry import Weighting
from openautoglm.train.weights.uncertainty import Uncertainty

PICTOGRAMS = ROOT / "examples" / "pictograms"
HOUSES = ("noto", "twemoji")
SIDE = 24
TASKS = ("group", "colour")
GRID = tuple(round(0.2 * step, 1) for step in range(1, 10))
"""Weights of `group`; `colour` has what is missing to 2."""
BATCH = 128
RATE = 2e-3
STUDENT = {2: 12.71, 3: 4.30, 5: 2.78}
"""97.5 % quantile of Student's t by number of seeds."""


@dataclass(frozen=True)
class Size:
    """How much is trained."""

    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    steps: int = 300
    concepts: int | None = None


QUICK = Size(seeds=(0, 1), steps=12, concepts=120)


class Part(NamedTuple):
    """N pictures with their answers."""

    pixels: Tensor
    """(N, 3, SIDE, SIDE), −1 … 1, on white."""
    group: Tensor
    """(N,)."""
    colour: Tensor
    """(N, 4) standardised by the training part."""


class Run(NamedTuple):
    """One training, measured."""

    left: dict[str, float]
    """Share of each training loss that is left at the end."""
    weights: list[dict[str, float]]
    """By step."""
    scores: dict[str, dict[str, float]]
    """`validation` and `test`: accuracy, r2, score."""


def load(concepts: int | None = None) -> dict[str, Part]:
    """The parts `train`, `validation` and `test`, apart by concept; only so many concepts, where given."""
    table = pyarrow.csv.read_csv(PICTOGRAMS / "pictograms.csv").to_pylist()
    rows = [row for row in table if row["house"] in HOUSES]
    names = sorted({row["concept"] for row in rows})
    order = [names[place] for place in np.random.default_rng(0).permutation(len(names))[:concepts]]
    groups = sorted({row["group"] for row in rows})
    ends = [0, round(0.7 * len(order)), round(0.85 * len(order)), len(order)]
    part_of = {
        concept: part
        for part, start, end in zip(("train", "validation", "test"), ends, ends[1:], strict=False)
        for concept in order[start:end]
    }
    pixels, labels, colours, parts = [], [], [], []
    for row in rows:
        if row["concept"] in part_of:
            drawn, numbers = _see(PICTOGRAMS / row["image"])
            pixels.append(drawn)
            colours.append(numbers)
            labels.append(groups.index(row["group"]))
            parts.append(part_of[row["concept"]])
    colour = torch.tensor(np.array(colours), dtype=torch.float32)
    where = {part: torch.tensor([one == part for one in parts]) for part in ("train", "validation", "test")}
    known = colour[where["train"]]
    colour = (colour - known.mean(0)) / known.std(0)
    images, group = torch.tensor(np.array(pixels), dtype=torch.float32), torch.tensor(labels)
    return {part: Part(images[here], group[here], colour[here]) for part, here in where.items()}


def _see(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """A small picture on white (3, SIDE, SIDE), and its four numbers, measured before it is made small."""
    with Image.open(path) as image:
        rgba = image.convert("RGBA")
    full = np.asarray(rgba, np.float64) / 255
    ink = full[..., 3]
    share = ink.mean()
    mean = (full[..., :3] * ink[..., None]).sum((0, 1)) / max(ink.sum(), 1e-9)
    white = Image.new("RGBA", rgba.size, "white")
    white.alpha_composite(rgba)
    small = np.asarray(white.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX), np.float32)
    return small.transpose(2, 0, 1) / 127.5 - 1, np.array([share, *mean])


class Net(nn.Module):
    """A small convolutional trunk, whose last layer the weightings look at, and two linear heads."""

    def __init__(self, groups: int) -> None:
        super().__init__()
        widths = (3, 16, 32, 48)
        stages = [
            layer
            for width, wider in pairwise(widths)
            for layer in (nn.Conv2d(width, wider, 3, 2, 1), nn.ReLU())
        ]
        self.trunk = nn.Sequential(*stages, nn.Flatten())
        self.shared = nn.Linear(widths[-1] * (SIDE // 8) ** 2, 64)
        self.heads = nn.ModuleDict({"group": nn.Linear(64, groups), "colour": nn.Linear(64, 4)})

    def forward(self, pixels: Tensor) -> dict[str, Tensor]:
        """Answers by task."""
        hidden = F.relu(self.shared(self.trunk(pixels)))
        return {task: head(hidden) for task, head in self.heads.items()}


def losses_of(net: Net, part: Part, rows: Tensor) -> dict[str, Tensor]:
    """Both tasks' losses on those rows."""
    answers = net(part.pixels[rows])
    return {
        "group": F.cross_entropy(answers["group"], part.group[rows]),
        "colour": F.mse_loss(answers["colour"], part.colour[rows]),
    }


def train(parts: Mapping[str, Part], weighting: Weighting, seed: int, steps: int) -> Run:
    """One training: Adam, the rate falling linearly to 0."""
    torch.manual_seed(seed)
    data = parts["train"]
    net = Net(int(data.group.max()) + 1)
    optimizer = torch.optim.Adam(net.parameters(), lr=RATE)
    falling = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / steps)
    draw = torch.Generator().manual_seed(seed)
    history: list[dict[str, float]] = []
    weights: list[dict[str, float]] = []
    for _ in range(steps):
        losses = losses_of(net, data, torch.randint(len(data.group), (BATCH,), generator=draw))
        norms = gradient_norms(losses, [net.shared.weight]) if isinstance(weighting, GradNorm) else {}
        weights.append({task: weighting.weight(task) for task in TASKS})
        optimizer.zero_grad()
        torch.stack([weighting.weight(task) * loss for task, loss in losses.items()]).sum().backward()
        optimizer.step()
        falling.step()
        history.append({task: loss.item() for task, loss in losses.items()})
        weighting.after_step(history[-1], norms)
    last = history[-max(1, steps // 10) :]
    left = {task: fmean(row[task] for row in last) / history[0][task] for task in TASKS}
    return Run(left, weights, {part: measure(net, parts[part]) for part in ("validation", "test")})


@torch.no_grad()
def measure(net: Net, part: Part) -> dict[str, float]:
    """Accuracy of `group`, mean R² of `colour`, and their mean."""
    answers = net(part.pixels)
    accuracy = float((answers["group"].argmax(1) == part.group).float().mean())
    wrong = ((answers["colour"] - part.colour) ** 2).mean(0)
    r2 = float((1 - wrong / part.colour.var(0, correction=0)).mean())
    return {"accuracy": accuracy, "r2": r2, "score": (accuracy + r2) / 2}


def line(method: str, runs: Sequence[Run], fast: str, slow: str) -> dict[str, Any]:
    """A row of the table: means over the seeds."""
    row: dict[str, Any] = {"method": method, "seeds": len(runs)}
    for name, task in (("w_fast", fast), ("w_slow", slow)):
        row[name] = round(fmean(run.weights[-1][task] for run in runs), 4)
    for name in ("accuracy", "r2", "score"):
        row[name] = round(fmean(run.scores["test"][name] for run in runs), 4)
    row["validation"] = round(fmean(run.scores["validation"]["score"] for run in runs), 4)
    return row


def told(values: Sequence[float], note: str) -> dict[str, Any]:
    """A figure of one number a seed, with Student's interval."""
    half = STUDENT[len(values)] * stdev(values) / math.sqrt(len(values))
    mean = fmean(values)
    return figure(round(mean, 4), "fraction" if "score" in note else "weight", low=round(mean - half, 4),
                  high=round(mean + half, 4), seeds=len(values), note=note)  # fmt: skip


def main() -> None:
    """Train everything, print, draw, write."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--quick", action="store_true", help="a few steps on a few pictures, under runs/")
    quick: bool = arguments.parse_args().quick
    size = QUICK if quick else Size()
    parts = load(size.concepts)
    print(", ".join(f"{name} {len(part.group):,}" for name, part in parts.items()), "pictures")

    epoch = max(1, len(parts["train"].group) // BATCH)
    methods: dict[str, Callable[[], Weighting]] = {
        **{f"fixed {w} / {2 - w:.1f}": partial(Fixed, {"group": w, "colour": 2 - w}) for w in GRID},
        "gradnorm": GradNorm,
        "gradnorm, α = 0.5": lambda: GradNorm(0.5),
        "dwa": lambda: DWA(epoch),
        "uncertainty": Uncertainty,
    }
    runs: dict[str, list[Run]] = {}
    for method, build in methods.items():
        runs[method] = [train(parts, build(), seed, size.steps) for seed in size.seeds]
        print(f"{method:18} {fmean(run.scores['test']['score'] for run in runs[method]):.4f}", flush=True)

    equal = runs["fixed 1.0 / 1.0"]
    left = {task: fmean(run.left[task] for run in equal) for task in TASKS}
    fast, slow = sorted(TASKS, key=left.__getitem__)
    grid = [runs[method] for method in methods if method.startswith("fixed")]
    chosen = [
        max((point[number] for point in grid), key=lambda run: run.scores["validation"]["score"])
        for number in range(len(size.seeds))
    ]
    scores = {name: [run.scores["test"]["score"] for run in runs[name]] for name in methods}
    best = [run.scores["test"]["score"] for run in chosen]

    def gap(method: str, over: Sequence[float], what: str) -> dict[str, Any]:
        differences = [ours - theirs for ours, theirs in zip(scores[method], over, strict=True)]
        return told(differences, f"test score of {method} − {what}")

    ours = runs["gradnorm"]
    figures = {
        "final_fast": told(
            [run.weights[-1][fast] for run in ours],
            f"weight at the end of {fast}, of whose loss {left[fast]:.2f} is left at weights 1 / 1",
        ),
        "final_slow": told(
            [run.weights[-1][slow] for run in ours],
            f"weight at the end of {slow}, of whose loss {left[slow]:.2f} is left at weights 1 / 1",
        ),
        "gap_to_grid": gap("gradnorm", best, "that of the fixed pair that validation chose among 9, by seed"),
        "gap_to_equal": gap("gradnorm", scores["fixed 1.0 / 1.0"], "that of weights 1 / 1"),
        "grid_over_equal": told(
            [a - b for a, b in zip(best, scores["fixed 1.0 / 1.0"], strict=True)],
            "test score of the chosen fixed pair − that of weights 1 / 1",
        ),
        "left_fast": figure(round(left[fast], 4), "share", seeds=len(equal), note=f"loss left of {fast}"),
        "left_slow": figure(round(left[slow], 4), "share", seeds=len(equal), note=f"loss left of {slow}"),
    }
    rows = [line(method, runs[method], fast, slow) for method in methods]
    rows.append(line("the grid's best on validation, by seed", chosen, fast, slow))
    for row in rows:
        print("  ".join(f"{key} {value}" for key, value in row.items()))
    folder = RUNS / "results" if quick else RESULTS
    folder.mkdir(parents=True, exist_ok=True)
    draw(runs, (fast, slow), folder / "auto-weight.png")
    write("auto-weight", figures, rows, quick=quick)


def draw(runs: Mapping[str, Sequence[Run]], order: tuple[str, str], path: Path) -> None:
    """Left: GradNorm's weights by step, each seed thin. Right: test score over the faster task's weight."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    fast, slow = order
    picture = Figure(figsize=(10, 3.8), layout="constrained")
    FigureCanvasAgg(picture)
    by_step, by_weight = picture.subplots(1, 2)
    ours = [run.weights for run in runs["gradnorm"]]
    for task, word, colour in ((fast, "faster", "tab:blue"), (slow, "slower", "tab:orange")):
        for weights in ours:
            by_step.plot([row[task] for row in weights], color=colour, alpha=0.25, linewidth=0.8)
        mean = [fmean(rows[task] for rows in step) for step in zip(*ours, strict=True)]
        by_step.plot(mean, color=colour, label=f"{task} ({word})")
    for number, level in enumerate((1.0, 0.7, 0.5, 1.3, 1.5)):
        label = "1.0/1.0, 0.7/1.3, 0.5/1.5" if number == 0 else None
        by_step.axhline(level, color="grey", linestyle=":", linewidth=0.8, label=label)
    by_step.set(title="GradNorm: weights while training", xlabel="step", ylabel="weight", ylim=(0, 2))
    by_step.legend(fontsize="small")

    for method, tried in runs.items():
        x = fmean(run.weights[-1][fast] for run in tried)
        y = [run.scores["test"]["score"] for run in tried]
        fixed = method.startswith("fixed")
        label = "fixed pairs" if method == "fixed 1.0 / 1.0" else None if fixed else method
        half = STUDENT[len(y)] * stdev(y) / math.sqrt(len(y))
        by_weight.errorbar([x], [fmean(y)], [half], fmt="." if fixed else "D", markersize=6, capsize=2,
                           color="grey" if fixed else None, label=label)  # fmt: skip
    by_weight.set(
        title="test score: mean of accuracy and R²", xlabel=f"weight of {fast} (the faster) at the end"
    )
    by_weight.set_ylim(bottom=max(0.0, by_weight.get_ylim()[0]))
    by_weight.grid(alpha=0.3)
    by_weight.legend(fontsize="small")
    picture.savefig(path, format="png", dpi=110)
    print(f"drawn: {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
