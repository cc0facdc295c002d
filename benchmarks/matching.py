"""make bench-matching: what a matching head adds to the cosine, on pictograms in a style never seen.

The model that `make bench-relevance` teaches (three houses; half an hour, the first time) is given a stack of
two layers of cross-attention and goes on for 600 steps with `matching` among its losses. Then, on half of the
concepts as the fourth house drew them, each label stands beside its own picture and a wrong one, random or
the hardest (`evaluate/matched.py`); thresholds are chosen on the other half. Head and cosine are of the same
model and judge the same pairs. Last, the ten pictures of highest cosine are ordered anew by the head.
"""

from __future__ import annotations

import csv
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
from examples.pictograms.demo import HERE, LABELS, UNSEEN, roles

from benchmarks.figures import RUNS, figure, write
from benchmarks.relevance import taught
from openautoglm import OpenAutoGLM, Workspace
from openautoglm.config import TrainConfig, load_preset

LAYERS = 2
STEPS, QUICK_STEPS = 600, 5
K = 10


def main() -> None:
    """Teach the head, evaluate, order anew, and write the figures."""
    quick = "--quick" in sys.argv[1:]
    start = OpenAutoGLM.from_pretrained(taught(quick))
    shop = _shop(RUNS / ("matching-quick" if quick else "matching"))
    model = with_head(start, LAYERS)
    print(shop.fit(model, train=_training(QUICK_STEPS if quick else STEPS), progress=True).training)
    report = shop.evaluate(model, fields=LABELS)
    print(report)
    figures: dict[str, Any] = {}
    rows: list[dict[str, Any]] = []
    for section in report.matching:
        rows.append(section.as_dict())
        for name, found in section.figures.items():
            key = f"{section.scorer}_{section.wrong}_{name.lower()}"
            figures[key] = figure(found.value, "fraction", low=found.low, high=found.high, seeds=1)
    for label in LABELS:
        row = {"label": label, **reordered(shop, model, label)}
        rows.append(row)
        print(row)
        for key in ("cosine", "head"):
            figures[f"r1_{key}_{label[-2:]}"] = figure(row[key], "fraction", seeds=1)
    write("matching", figures, rows, quick=quick)


def with_head(start: OpenAutoGLM, layers: int) -> OpenAutoGLM:
    """`start` with a fresh matching head after its towers, all of it to be trained."""
    model = OpenAutoGLM.from_config(start.config.changed(cross_attention_layers=layers))
    model.load_state_dict(start.state_dict(), strict=False)
    model.processor = start.processor
    return model.enable_multimodal_training()


def _training(steps: int) -> TrainConfig:
    """The recipe of `mini`, from pictures as large and as varied as they were at its end."""
    whole = {"small_size": None, "augment_ramp": 0.0, "evaluate_every": None}
    return load_preset("mini").train.changed(minutes=None, steps=steps, learning_rate=1e-3, **whole)


def _shop(folder: Path) -> Workspace:
    """All houses; of the unseen one every other concept is for the choice of thresholds."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with (HERE / "pictograms.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    concepts = sorted({row["concept"] for row in rows if row["split"] == "test"})
    held = set(concepts[::2])
    for row in rows:
        row["image"] = str(HERE / row["image"])
        if row["split"] == "test" and row["concept"] in held:
            row["split"] = "validation"
    with (folder / "rows.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    shop = Workspace.open(folder / "shop", create=True)
    print(shop.add(folder / "rows.csv", roles=roles()))
    return shop


def reordered(shop: Workspace, model: OpenAutoGLM, label: str) -> dict[str, Any]:
    """Recall@1 of the labels among all pictures of the unseen house: by cosine; the best K by the head."""
    rows = shop.catalog.read(["id", "_image", "_image_bytes", label], where=UNSEEN).to_pylist()
    pictures = [model.prepare(shop.catalog.load_image(row)) for row in rows]
    texts = [row[label] for row in rows]
    cosines = model.encode(texts=texts) @ model.encode(images=pictures).T
    best = np.argsort(-cosines, axis=1, kind="stable")[:, :K]
    pairs = [(int(picture), query) for query, line in enumerate(best) for picture in line]
    said = model.match(pictures, texts, pairs, batch_size=256).reshape(-1, K)
    anew = best[np.arange(len(rows)), said.argmax(axis=1)]
    own = np.arange(len(rows))
    return {
        "queries": len(rows),
        "cosine": float(np.mean(best[:, 0] == own)),
        "head": float(np.mean(anew == own)),
        "in_best": float(np.mean((best == own[:, None]).any(axis=1))),
    }


if __name__ == "__main__":
    main()
