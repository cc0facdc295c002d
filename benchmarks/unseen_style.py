"""make bench-unseen-style: text → picture in a drawing style that was never seen, English and Chinese.

Train on three houses' pictograms, then look for each of 1,599 labels among the fourth house's 1,599
pictures (Fluent 3D, flags left out). The recipe was chosen with Noto's drawings as the unseen ones
(`docs/recipe.md`); the test house had no part in it. Beside it: chance, and the nearest pixels of Noto's
drawing of the same concept, which is what copying without understanding gives.

The model is `mini` with a recipe for a longer run: three times the demo's steps bear pictures that vary
half as much again. The budget is in steps, so that a seed gives the same model again; minutes are what
they took here.
"""

from __future__ import annotations

import argparse
import shutil
from operator import itemgetter
from typing import Any

import numpy as np
from examples.pictograms.demo import HERE, LABELS, UNSEEN, roles
from numpy.typing import NDArray
from PIL import Image

from benchmarks.figures import RUNS, figure, write
from openautoglm import Workspace
from openautoglm.config import load_preset
from openautoglm.evaluate.bootstrap import bootstrap

SEEDS = (0, 1, 2)
STEPS = 4_500
QUICK_STEPS = 20
STYLE_MIX = 0.4
BOLDER = 1.5
"""How much more than by default the training pictures vary, backgrounds excepted."""
PIXELS = 16


def main() -> None:
    """Train a model a seed, read the test house once with each, and write the figures."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--quick", action="store_true", help="one seed, a few steps")
    quick = options.parse_args().quick
    seeds = SEEDS[:1] if quick else SEEDS
    folder = RUNS / ("unseen-style-quick" if quick else "unseen-style")
    if quick:
        shutil.rmtree(folder, ignore_errors=True)
    shop = Workspace.open(folder, create=True)
    shop.add(HERE / "pictograms.csv", roles=roles())
    rows: list[dict[str, Any]] = []
    right: dict[str, list[NDArray[np.bool_]]] = {field: [] for field in LABELS}
    for seed in seeds:
        row, ranks = measure(shop, seed, QUICK_STEPS if quick else STEPS)
        rows.append(row)
        for field in LABELS:
            right[field].append(ranks[field] == 1)
        print(row, flush=True)
    pixels = nearest_pixels(shop)
    figures = {f"r1_{field[-2:]}": _figure(right[field]) for field in LABELS}
    figures["minutes"] = figure(float(np.mean([row["minutes"] for row in rows])), "minutes", seeds=len(seeds))
    figures["r1_pixels"] = figure(pixels, "fraction", note="query: Noto's drawing, 16 × 16 pixels on white")
    figures["chance"] = figure(1 / rows[0]["gallery"], "fraction")
    write("unseen-style", figures, rows, quick=quick)


def measure(shop: Workspace, seed: int, steps: int) -> tuple[dict[str, Any], dict[str, NDArray[np.int64]]]:
    """Train with one seed (resuming what was stopped) and rank; returns the table's row and the ranks."""
    name = f"seed-{seed}"
    mini = load_preset("mini")
    usual = mini.train.augment.as_dict()
    bolder = {key: value * BOLDER for key, value in usual.items() if not key.startswith("background")}
    training = shop.fit(
        mini.model.changed(vision_shape={"style_mix": STYLE_MIX}),
        name=name,
        train=mini.train.changed(
            minutes=None, steps=steps, seed=seed, augment=mini.train.augment.changed(**bolder)
        ),
        progress=True,
    ).training
    if training.interrupted:
        raise SystemExit("stopped; the same command goes on from there")
    row: dict[str, Any] = {"seed": seed, "steps": training.steps, "minutes": training.seconds / 60}
    ranks = {}
    for field in LABELS:
        ranks[field], row["gallery"] = rank_labels(shop, name, field)
        row |= {f"r{k}_{field[-2:]}": float(np.mean(ranks[field] <= k)) for k in (1, 5, 10)}
    return row, ranks


def rank_labels(shop: Workspace, name: str, field: str) -> tuple[NDArray[np.int64], int]:
    """(Q,) rank of each label's own picture on the unseen house, and the size of the gallery."""
    from openautoglm.tasks.retrieval import Relevant, rank

    model = shop.model(name)
    rows = shop.catalog.read(["id", "_image", "_image_bytes", field], where=UNSEEN).to_pylist()
    pictures = model.encode(images=[shop.catalog.load_image(row) for row in rows])
    queries = model.encode(texts=[row[field] for row in rows])
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
