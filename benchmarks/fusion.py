"""make bench-fusion: which strategy holds when modalities are missing or cannot be trusted.

Two real tables of image + text + columns → category: drawings of Open Clip Art (`clipart.py`, 15 categories),
and pictograms with their keywords (`pictogram_columns.py`, 9 groups). A seed goes, on each of them:

    1. three small towers learn the category, one modality each, and are frozen   (fusion_features.py)
    2. their vectors of all rows, clean and under corruption of known       (fusion_corruption.py)
       strength, row by row
    3. every strategy learns from these, at one size, from the same batches       (fusion_training.py)
    4. and is measured on the test split with modalities missing and corrupted    (fusion_conditions.py)
    5. do gates fall as their modality gets worse?                                (fusion_gates.py)

Splits are the data's own, so a seed is of weights, batches, corruption and absence; intervals are of these.
Learning rates, and the strategy that the goals' figures are of, are chosen on the validation split.

Seeds run side by side, one a core. What one gave is kept in `runs/fusion/`: a run that was stopped goes on
with those that are missing.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import torch

import openautoglm
from benchmarks import clipart, fusion_report, pictogram_columns
from benchmarks.figures import RESULTS, RUNS, write
from benchmarks.fusion_conditions import measured_strengths, noisy_strengths
from benchmarks.fusion_data import FusionData
from benchmarks.fusion_features import Seen, Towers
from benchmarks.fusion_table import read
from benchmarks.fusion_training import TREES, Build, Net, Split, choose, names, trees
from openautoglm.tasks.target import Target

DATA: dict[str, Callable[[], FusionData]] = {
    "clip art": clipart.prepare,
    "pictograms": pictogram_columns.prepare,
}
CODE = ("table", "corruption", "conditions", "features", "training", "gates")
ROOMS = ("encoders", "align", "fuse", "tasks", "train")


@dataclass(frozen=True)
class Size:
    """How much is learned."""

    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    limit: int | None = None
    """Rows of each split."""
    epochs: dict[str, int] = field(default_factory=lambda: {"image": 24, "text": 12, "columns": 16})
    """Times that a tower sees its rows."""
    views: int = 8
    """Noisy views of each row that fusion learns from."""
    steps: int = 400
    rounds: int = 60
    """Of boosting."""


QUICK = Size(seeds=(0,), limit=120, epochs={"image": 2, "text": 3, "columns": 3}, views=2, steps=20, rounds=3)


class Lesson(NamedTuple):
    """A data set as fusion sees it with one seed: the towers learned, the conditions drawn."""

    train: Seen
    validation: Split
    test: Split
    target: Target

    @classmethod
    def of(cls, data: FusionData, size: Size, seed: int) -> Lesson:
        """Teach the towers and look at every row through them."""
        table = read(data, size.limit)
        kinds = dict.fromkeys(data.fields.numbers, "number") | dict.fromkeys(data.fields.words, "text")
        towers = Towers(table, kinds, size.epochs, seed)
        draw = torch.Generator().manual_seed(seed)
        train = towers.see(table.train, noisy_strengths(len(table.train.labels), size.views, draw), seed)
        validation, test = (
            Split.of(
                towers.see(part, measured_strengths(len(part.labels), draw), seed + number), seed + number
            )
            for number, part in ((1000, table.validation), (2000, table.test))
        )
        return cls(train, validation, test, table.target)


Results = dict[str, dict[str, Any]]
"""By method, what `Learned` holds."""


def run(name: str, data: FusionData, size: Size, seed: int) -> Results:
    """One seed of every strategy on one data set."""
    print(f"{name}, seed {seed}: towers", flush=True)
    lesson = Lesson.of(data, size, seed)
    found = {method: learned(name, method, lesson, size, seed) for method in names()}
    rounds = trees(lesson.train, lesson.test, seed, size.rounds)
    found[TREES] = {"parameters": 0, "test": rounds, "gates": {}}
    return found


def learned(
    name: str, method: str, lesson: Lesson, size: Size, seed: int, build: Build = Net
) -> dict[str, Any]:
    """One method of one seed, told in a line."""
    began = time.monotonic()
    found = choose(method, *lesson, steps=size.steps, seed=seed, build=build)
    print(
        f"{name}, seed {seed}: {method:16} clean {found.test['clean']:.3f}"
        f"  corrupted {found.test['corrupted']:.3f}"
        f"  rate {found.rate:g}  {time.monotonic() - began:.0f} s",
        flush=True,
    )
    return found._asdict()


def kept(
    name: str,
    data: FusionData,
    size: Size,
    seed: int,
    run: Callable[[str, FusionData, Size, int], Results],
    own: Path,
) -> Results:
    """`run`, or what it gave when it was run before, by the same code (of `own`, too) on the same data."""
    digest = hashlib.sha256((data.table.parent / "built.json").read_bytes())
    for path in [*code(), own]:
        digest.update(path.read_bytes())
    digest.update(json.dumps({**asdict(size), "seeds": seed}).encode())
    result = RUNS / own.stem / f"{name.replace(' ', '-')}-{seed}-{digest.hexdigest()[:12]}.json"
    if result.is_file():
        print(f"{name}, seed {seed}: kept from an earlier run", flush=True)
    else:
        began = time.monotonic()
        found = run(name, data, size, seed)
        result.parent.mkdir(parents=True, exist_ok=True)
        # Written aside: what is half written must not pass for a result.
        aside = result.with_suffix(".new")
        aside.write_text(json.dumps(found), encoding="utf-8")
        aside.rename(result)
        print(f"{name}, seed {seed}: done in {(time.monotonic() - began) / 60:.1f} minutes", flush=True)
    content: Results = json.loads(result.read_text(encoding="utf-8"))
    return content


def every(
    size: Size,
    jobs: int,
    run: Callable[[str, FusionData, Size, int], Results],
    own: Path,
) -> dict[str, list[Results]]:
    """All seeds on all data, `jobs` side by side: by data set, what each seed gave."""
    data = {name: prepare() for name, prepare in DATA.items()}
    tasks = [(name, one, size, seed, run, own) for name, one in data.items() for seed in size.seeds]
    if jobs == 1:
        found = [kept(*task) for task in tasks]
    else:
        # A thread each: such small matrices gain nothing from two.
        with ProcessPoolExecutor(jobs, get_context("spawn"), torch.set_num_threads, (1,)) as pool:
            found = list(pool.map(kept, *zip(*tasks, strict=True)))
    return {name: [one for task, one in zip(tasks, found, strict=True) if task[0] == name] for name in data}


def code() -> list[Path]:
    """The files that decide what a seed gives."""
    package = Path(str(openautoglm.__file__)).parent
    inside = [path for room in ROOMS for path in sorted((package / room).rglob("*.py"))]
    return [Path(__file__).with_name(f"fusion_{part}.py") for part in CODE] + inside


def main() -> None:
    """Run every seed, print, draw, write."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--quick", action="store_true", help="one seed, few rows and steps, under runs/")
    arguments.add_argument("--jobs", type=int, default=os.cpu_count(), help="seeds side by side")
    given = arguments.parse_args()
    quick: bool = given.quick
    size = QUICK if quick else Size()
    results = every(size, 1 if quick else given.jobs, run, Path(__file__))
    figures: dict[str, Any] = {}
    rows: list[dict[str, Any]] = []
    for name, runs in results.items():
        fusion_report.print_table(name, runs)
        rows += fusion_report.rows(name, runs)
        # The goals are those of the first; the second says whether they hold elsewhere.
        figures |= fusion_report.figures(name, runs, "" if not figures else f"{name.replace(' ', '_')}_")
    folder = RUNS / "results" if quick else RESULTS
    folder.mkdir(parents=True, exist_ok=True)
    fusion_report.draw(results, folder / "fusion.png")
    write("fusion", figures, rows, quick=quick)


if __name__ == "__main__":
    main()
