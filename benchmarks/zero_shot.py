"""make bench-zero-shot: pictures and captions that no training has seen.

The models of `make bench-unseen-style` (run that first) look for the Tux Paint stamps by their captions,
English and Chinese; twins of training pictures are removed (`benchmarks/zero_shot_data.py`). A model that
learned from three houses' pictograms knows few of these words and none of these drawings: whatever it is,
it is told.
"""

from __future__ import annotations

import shutil
import sys
from typing import Any

import numpy as np
from examples.pictograms.demo import HERE

from benchmarks.debian import PackageError
from benchmarks.figures import RUNS, figure, write
from benchmarks.zero_shot_data import prepare
from openautoglm import OpenAutoGLM, Workspace
from openautoglm.catalog.schema import Roles

CAPTIONS = ("caption_en", "caption_zh")


def main() -> None:
    """Evaluate every model of the unseen-style benchmark on the stamps."""
    quick = "--quick" in sys.argv[1:]
    models = sorted((RUNS / ("unseen-style-quick" if quick else "unseen-style")).glob("models/*/config.json"))
    if not models:
        sys.exit(
            "there is no model to evaluate; run make bench-unseen-style first"
            + (" (QUICK=1)" if quick else "")
        )
    try:
        stamps = prepare(RUNS / "stamps", HERE / "pictograms.csv")
    except PackageError as error:
        sys.exit(str(error))
    folder = RUNS / "zero-shot"
    shutil.rmtree(folder, ignore_errors=True)
    shop = Workspace.open(folder, create=True)
    print(shop.add(stamps.table, roles=Roles(image="image", text=CAPTIONS, id="id")))
    rows = [
        {"model": file.parent.name, **_measure(shop, OpenAutoGLM.from_pretrained(file.parent))}
        for file in models
    ]
    for row in rows:
        print(row)

    def mean(key: str) -> float:
        return float(np.mean([row[key] for row in rows]))

    figures: dict[str, Any] = {
        f"r10_{field[-2:]}": figure(
            mean(f"r10_{field[-2:]}"),
            "fraction",
            low=mean(f"r10_{field[-2:]}_low"),
            high=mean(f"r10_{field[-2:]}_high"),
            seeds=len(rows),
            note="mean over seeds of value and of the interval over queries",
        )
        for field in CAPTIONS
    }
    figures["chance"] = figure(mean("chance"), "fraction", note=f"gallery of {rows[0]['gallery']} stamps")
    write("zero-shot", figures, [*rows, {"dropped": stamps.dropped}], quick=quick)


def _measure(shop: Workspace, model: OpenAutoGLM) -> dict[str, Any]:
    """Recall@10, text → image, over all the stamps."""
    from openautoglm.evaluate.run import evaluate

    report = evaluate(model, shop.catalog, split=None, fields=CAPTIONS)
    row: dict[str, Any] = {}
    for field in CAPTIONS:
        section = report.find("text→image", field=field)
        found = section.figures["recall@10"]
        key = f"r10_{field[-2:]}"
        row |= {
            key: found.value,
            f"{key}_low": found.low,
            f"{key}_high": found.high,
            "queries": section.queries,
        }
        row |= {"chance": found.chance, "gallery": section.gallery}
    return row


if __name__ == "__main__":
    main()
