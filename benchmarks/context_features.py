"""make bench-context-features: does a text that looks at the picture help? An ablation of fusion.

The data, frozen towers, batches, conditions and size of `make bench-fusion` (fusion.py). Four methods:

    mean_pool        the modalities' mean, then an MLP: what text and picture give without looking
    cross_attention  the strategy in which every modality looks at every other
    context          mean_pool (no MLP), the text's vector replaced by context-aware features
                     (`context/features.py`): its words have looked at the picture's patches
    context aligned  the same; the features learn besides to find their picture among those of
                     `ALIGNED` rows of the batch

The first two stand in for what could be had anyway, at the same number of parameters within 3 %.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks import fusion_report
from benchmarks.figures import figure, write
from benchmarks.fusion import QUICK, Lesson, Results, Size, every, learned
from benchmarks.fusion_conditions import CLEAN_NAME, Condition
from benchmarks.fusion_data import FusionData
from benchmarks.fusion_features import DIM, Seen
from benchmarks.fusion_training import Net
from openautoglm.context.features import ContextFeatures
from openautoglm.encoders.batch import MODALITIES
from openautoglm.encoders.encoded import Encoded
from openautoglm.fuse.mean_pool import MeanPool
from openautoglm.tasks.target import Target

CONTEXT, ALIGNED_CONTEXT = "context", "context aligned"
METHODS = ("mean_pool", "cross_attention", CONTEXT, ALIGNED_CONTEXT)
ALIGNED = 24
"""Rows that are aligned, each with each: the cost is their square."""
TEMPERATURE = 0.07
IMAGE, TEXT = MODALITIES.index("image"), MODALITIES.index("text")
SHOWN = {CLEAN_NAME: "clean", "corrupted": "corrupted", "missing 50%": "missing50", "text mixed": "text"}


class ContextNet(Net):
    """`Net` whose texts look at the pictures before all are pooled."""

    def __init__(self, name: str, target: Target) -> None:
        super().__init__("mean_pool", target)
        self.aligned = name == ALIGNED_CONTEXT
        self.fuse = MeanPool(DIM, len(MODALITIES))
        self.features = ContextFeatures(DIM)
        parameters = sum(one.numel() for one in self.features.parameters())
        # What validation and reports say of a strategy's size is here the features'.
        aim = self.found.parameters
        self.found = self.found._replace(parameters=parameters, off=(parameters - aim) / aim)

    def forward(self, seen: Seen, rows: Tensor, condition: Condition) -> tuple[dict[str, Tensor], Tensor]:
        """See `Net.forward`."""
        pooled = [
            self.project(name, views.pooled[condition.views[:, place], rows])
            for place, (name, views) in enumerate(zip(MODALITIES, seen.modalities, strict=True))
        ]
        features = self.features(*self.sides(seen, rows, condition))
        pooled[TEXT] = functional.normalize(features.pooled, dim=-1)
        fused = self.fuse(torch.stack(pooled, dim=1), condition.present)
        fused = fused._replace(embeds=functional.normalize(fused.embeds, dim=-1))
        return self.heads(fused), fused.gates

    def sides(self, seen: Seen, rows: Tensor, condition: Condition) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Words and their mask, patches and their mask, in the joint space."""
        words, patches = (self._side(seen, rows, condition, place) for place in (TEXT, IMAGE))
        return words.tokens, words.mask, patches.tokens, patches.mask

    def loss(self, seen: Seen, rows: Tensor, condition: Condition, target: Target) -> Tensor:
        """See `Net.loss`."""
        own = super().loss(seen, rows, condition, target)
        if not self.aligned:
            return own
        whole = (condition.present[:, IMAGE] & condition.present[:, TEXT]).nonzero()[:ALIGNED, 0]
        some = Condition(condition.views[whole], condition.present[whole])
        images = self._side(seen, rows[whole], some, IMAGE).pooled
        aligned = self.features.alignment(
            *self.sides(seen, rows[whole], some), images, 1 / TEMPERATURE, keys=rows[whole, None]
        )
        return own + aligned

    def _side(self, seen: Seen, rows: Tensor, condition: Condition, place: int) -> Encoded:
        """A modality's pooled vector and its tokens, the pooled vector before them."""
        views, name = seen.modalities[place], MODALITIES[place]
        at, here = (condition.views[:, place], rows), condition.present[:, place, None]
        pooled = self.project(name, views.pooled[at])
        tokens = torch.cat([pooled[:, None], self.project(name, views.tokens[at])], dim=1)
        return Encoded(tokens, pooled, torch.cat([here, views.mask[at] & here], dim=1))


def run(name: str, data: FusionData, size: Size, seed: int) -> Results:
    """One seed of the four methods on one data set."""
    print(f"{name}, seed {seed}: towers", flush=True)
    lesson = Lesson.of(data, size, seed)
    builds = {method: ContextNet if method in (CONTEXT, ALIGNED_CONTEXT) else Net for method in METHODS}
    return {method: learned(name, method, lesson, size, seed, build) for method, build in builds.items()}


def figures(data: str, runs: Sequence[Results]) -> dict[str, Any]:
    """Accuracy of each method, and what context and alignment add, by seed."""
    prefix, found = data.replace(" ", "_"), {}
    for condition, short in SHOWN.items():
        own: Mapping[str, list[float]] = {
            method: [one[method]["test"][condition] for one in runs] for method in METHODS
        }
        for method in METHODS:
            note = f"{data}: test accuracy, {condition}"
            found[f"{prefix}_{method.replace(' ', '_')}_{short}"] = fusion_report.told(own[method], note)
        for gain, ours, theirs in (
            ("context_gain", CONTEXT, "mean_pool"),
            ("context_over_cross_attention", CONTEXT, "cross_attention"),
            ("alignment_gain", ALIGNED_CONTEXT, CONTEXT),
        ):
            apart = [a - b for a, b in zip(own[ours], own[theirs], strict=True)]
            note = f"{data}, {condition}: {ours} minus {theirs}"
            found[f"{prefix}_{gain}_{short}"] = fusion_report.told(apart, note)
    off = max(abs(runs[0][method]["off"]) for method in METHODS)
    found[f"{prefix}_off"] = figure(round(off, 4), "fraction", note="largest difference of size")
    return found


def main() -> None:
    """Run every seed, print, write."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--quick", action="store_true", help="one seed, few rows and steps, under runs/")
    arguments.add_argument("--jobs", type=int, default=os.cpu_count(), help="seeds side by side")
    given = arguments.parse_args()
    size, jobs = (QUICK, 1) if given.quick else (Size(seeds=(0, 1, 2)), given.jobs)
    results = every(size, jobs, run, Path(__file__))
    told: dict[str, Any] = {}
    rows: list[dict[str, Any]] = []
    for name, runs in results.items():
        fusion_report.print_table(name, runs)
        rows += fusion_report.rows(name, runs)
        told |= figures(name, runs)
    for key, one in told.items():
        if "gain" in key or "over" in key:
            print(f"{key:48} {one['value']:+.4f}  {one.get('low', '')} – {one.get('high', '')}")
    write("context-features", told, rows, quick=given.quick)


if __name__ == "__main__":
    main()
