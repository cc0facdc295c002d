"""make bench-unseen-style: text → picture in a drawing style that was never seen, English and Chinese.

Train on three houses' pictograms, then look for each of 1,599 labels among the fourth house's 1,599
pictures (Fluent 3D, flags left out). The recipe was chosen with Noto's drawings as the unseen ones
(`docs/recipe.md`); the test house had no part in it. Beside it: chance, and the nearest pixels of Noto's
drawing of the same concept, which is what copying without understanding gives.

The model is `mini` with a recipe for a longer run: three times the demo's steps bear pictures that vary
half as much again. The budget is in steps, so that a seed gives the same model again; minutes are what
they took here.

`make bench-unseen-style GPU=1` is a larger model on one CUDA GPU, with a budget in minutes; the seeds are
trained beside each other, each by a process and in a workspace of its own.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
from examples.pictograms.demo import HERE, LABELS, UNSEEN, roles
from numpy.typing import NDArray
from PIL import Image

from benchmarks.figures import ROOT, RUNS, figure, write
from openautoglm import Workspace
from openautoglm.config import ModelConfig, TrainConfig, load_preset
from openautoglm.evaluate.bootstrap import bootstrap

SEEDS = (0, 1, 2)
PIXELS = 16


@dataclass(frozen=True)
class Recipe:
    """What differs from the preset `mini`."""

    budget: Mapping[str, float | None]
    """`steps` or `minutes`."""
    style_mix: float = 0.4
    bolder: float = 1.5
    """How much more than by default the training pictures vary, backgrounds excepted."""
    model: Mapping[str, Any] = field(default_factory=dict)
    shape: Mapping[str, Any] = field(default_factory=dict)
    train: Mapping[str, Any] = field(default_factory=dict)


CPU = Recipe({"minutes": None, "steps": 4_500})
QUICK = Recipe({"minutes": None, "steps": 20})
GPU = Recipe(
    {"minutes": 4.5},
    model={"image_size": 64},
    shape={"widths": [96, 192, 384]},
    train={"batch_size": 256, "small_size": 48, "checkpoint_every": None},
)


def main() -> None:
    """Train a model a seed, read the test house once with each, and write the figures."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--quick", action="store_true", help="one seed, a few steps")
    options.add_argument("--gpu", action="store_true", help="a larger model, on a GPU")
    options.add_argument("--seed", type=int, help=argparse.SUPPRESS)
    given = options.parse_args()
    name = "unseen-style-gpu" if given.gpu else "unseen-style"
    recipe = QUICK if given.quick else GPU if given.gpu else CPU
    folder = RUNS / (name + ("-quick" if given.quick else ""))
    if given.seed is not None:
        measure(open_shop(folder / f"shop-{given.seed}"), given.seed, recipe)
        return
    if given.gpu:
        _train_beside_each_other()
    if given.quick:
        shutil.rmtree(folder, ignore_errors=True)
    rows: list[dict[str, Any]] = []
    right: dict[str, list[NDArray[np.bool_]]] = {label: [] for label in LABELS}
    for seed in SEEDS[:1] if given.quick else SEEDS:
        shop = open_shop(folder / f"shop-{seed}" if given.gpu else folder)
        row, ranks = measure(shop, seed, recipe)
        rows.append(row)
        for label in LABELS:
            right[label].append(ranks[label] == 1)
        print(row, flush=True)
    figures = {f"r1_{label[-2:]}": _figure(right[label]) for label in LABELS}
    figures["minutes"] = figure(float(np.mean([row["minutes"] for row in rows])), "minutes", seeds=len(rows))
    note = "query: Noto's drawing, 16 × 16 pixels on white"
    figures["r1_pixels"] = figure(nearest_pixels(shop), "fraction", note=note)
    figures["chance"] = figure(1 / rows[0]["gallery"], "fraction")
    options_given = "GPU=1" if given.gpu else ""
    write(name, figures, rows, quick=given.quick, command=f"make bench-unseen-style {options_given}".strip())


def open_shop(folder: Path) -> Workspace:
    """The workspace of all houses' pictograms."""
    shop = Workspace.open(folder, create=True)
    shop.add(HERE / "pictograms.csv", roles=roles())
    return shop


def measure(
    shop: Workspace, seed: int, recipe: Recipe
) -> tuple[dict[str, Any], dict[str, NDArray[np.int64]]]:
    """Train with one seed (resuming what was stopped) and rank; returns the table's row and the ranks."""
    name = f"seed-{seed}"
    training = shop.fit(
        model_config(recipe), name=name, train=train_config(recipe, seed), progress=True
    ).training
    if training.interrupted:
        raise SystemExit("stopped; the same command goes on from there")
    row: dict[str, Any] = {"seed": seed, "steps": training.steps, "minutes": training.seconds / 60}
    ranks = {}
    for label in LABELS:
        ranks[label], row["gallery"] = rank_labels(shop, name, label)
        row |= {f"r{k}_{label[-2:]}": float(np.mean(ranks[label] <= k)) for k in (1, 5, 10)}
    return row, ranks


def model_config(recipe: Recipe) -> ModelConfig:
    """`mini` as the recipe changes it."""
    shape = {"style_mix": recipe.style_mix, **recipe.shape}
    return load_preset("mini").model.changed(vision_shape=shape, **recipe.model)


def train_config(recipe: Recipe, seed: int) -> TrainConfig:
    """The training of `mini` as the recipe changes it."""
    mini = load_preset("mini").train
    usual = mini.augment.as_dict()
    bolder = {key: value * recipe.bolder for key, value in usual.items() if not key.startswith("background")}
    return mini.changed(**recipe.budget, **recipe.train, seed=seed, augment=mini.augment.changed(**bolder))


def _train_beside_each_other() -> None:
    import torch

    if not torch.cuda.is_available():
        raise SystemExit("this form needs a CUDA GPU; without GPU=1 it runs on the processor")
    command = [sys.executable, "-m", "benchmarks.unseen_style", "--gpu", "--seed"]
    started = [subprocess.Popen([*command, str(seed)], cwd=ROOT) for seed in SEEDS]
    if max(process.wait() for process in started):
        raise SystemExit("a training failed; see above")


def rank_labels(
    shop: Workspace, name: str, label: str, unseen: str = UNSEEN
) -> tuple[NDArray[np.int64], int]:
    """(Q,) rank of each label's own picture on the unseen house, and the size of the gallery."""
    from openautoglm.tasks.retrieval import Relevant, rank

    model = shop.model(name)
    rows = shop.catalog.read(["id", "_image", "_image_bytes", label], where=unseen).to_pylist()
    pictures = model.encode(images=[shop.catalog.load_image(row) for row in rows])
    queries = model.encode(texts=[row[label] for row in rows])
    own = np.arange(len(rows))
    return rank(queries, pictures, Relevant.from_pairs(own, own, len(rows))).best, len(rows)


def nearest_pixels(shop: Workspace) -> float:
    """Recall@1 when Noto's drawing looks for Fluent's of the same concept by its pixels."""
    from openautoglm.tasks.retrieval import Relevant, rank

    sides = []
    for condition in ("house = 'noto' AND `group` != 'flags'", UNSEEN):
        rows = shop.catalog.read(["id", "concept", "_image", "_image_bytes"], where=condition).to_pylist()
        sides.append(
            np.stack(
                [_pixels(shop.catalog.load_image(row)) for row in sorted(rows, key=itemgetter("concept"))]
            )
        )
    # The nearest by Euclid is the largest of q·g − ‖g‖²/2, which is one more dimension of a dot product.
    queries, gallery = sides
    queries = np.concatenate([queries, np.ones((len(queries), 1), np.float32)], axis=1)
    gallery = np.concatenate([gallery, -(gallery**2).sum(1, keepdims=True) / 2], axis=1)
    own = np.arange(len(queries))
    return float(np.mean(rank(queries, gallery, Relevant.from_pairs(own, own, len(queries))).best == 1))


def _pixels(image: Image.Image) -> NDArray[np.float32]:
    """(768,) the picture on white at 16 × 16."""
    behind = Image.new("RGBA", image.size, "white")
    behind.alpha_composite(image.convert("RGBA"))
    small = behind.convert("RGB").resize((PIXELS, PIXELS), Image.Resampling.BOX)
    return np.asarray(np.asarray(small, np.float32).ravel() / 255, np.float32)


def _figure(right: list[NDArray[np.bool_]]) -> dict[str, Any]:
    """Mean over seeds; the interval draws the queries again, each with its mean over the seeds."""
    share = np.mean(right, axis=0)
    found = bootstrap({"r1": (share, "mean")})["r1"]
    return figure(
        found.value,
        "fraction",
        low=found.low,
        high=found.high,
        seeds=len(right),
        note="interval over queries",
    )


if __name__ == "__main__":
    main()
