"""make bench-memory: what a slot memory adds to a window, in recall and in talk about a picture.

(a) *Multi-query associative recall*: 64 pairs, then each key is asked for
    (`recall_task`).
(b) *Visual dialogue*: 18 turns about a scene of pictograms (`dialogue_scenes`, `dialogue_turns`), with
    references 1 to 12 turns back and windows of 12 words, less than two turns (`dialogue_model`). Each
    question is answered with the model's own earlier answers as history. Scenes of training and test never
    repeat.

        memory      the window, and a slot memory in one of three layers
        window      the same without it, as many parameters
        blind       memory and window, but no picture, in training and in the test
        one turn    the picture, but each turn is a dialogue of its own

    memory_gain = accuracy of `memory` − accuracy of `window`, on the same test dialogues

Each model's result is kept under `runs/memory/` until a file that it is made from changes, so that a run that
was stopped goes on. The recipe was chosen on dialogues of other seeds; nothing is chosen on the test part.
Intervals: of recall, the least and the most of the seeds; of dialogue, over test dialogues (the answers of
one are not independent), seeds averaged.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import multiprocessing
import pickle
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.dialogue_model import Form, Sight, converse, learn_to_see, train
from benchmarks.dialogue_turns import FAR, TEMPLATES, Dialogues, tell
from benchmarks.figures import RUNS, figure, write
from benchmarks.one_size import size
from benchmarks.recall_task import MODELS, Course, recall_run
from openautoglm import context
from openautoglm.align import cross_attention
from openautoglm.encoders import small_vision

FORMS = {
    "memory": Form(),
    "window": Form(memory=False),
    "blind": Form(sees=False),
    "one turn": Form(memory=False, history=False),
}
CONTROLS = ("blind", "one turn")


@dataclass(frozen=True)
class Size:
    """How much is learned and measured."""

    seeds: tuple[int, ...] = (0, 1)
    """The controls have the first alone."""
    recall: Course = field(default_factory=Course)
    seeing: int = 250
    """Steps of the tower."""
    talking: int = 3000
    """Steps of a dialogue model."""
    told: int = 10000
    """Dialogues for training; each is read several times, its picture drawn anew each time."""
    test: int = 500
    workers: int = 2


QUICK = Size(
    seeds=(0,),
    recall=Course(((4, 4),), batch=4, test=50, words=64),
    seeing=4,
    talking=4,
    told=16,
    test=8,
    workers=0,
)


class Talk(NamedTuple):
    """One dialogue model, measured."""

    form: str
    seed: int
    parameters: int
    minutes: float
    right: NDArray[np.bool_]
    """(test dialogues, turns)."""


def parts(size_: Size) -> tuple[Dialogues, Dialogues]:
    """Dialogues to learn from and to test with; no scene is in both, nor in what recipes were chosen on."""
    test = tell(size_.test, seed=3)
    return tell(size_.told, seed=1, without=frozenset(scene.tobytes() for scene in test.scenes)), test


def talk(form: str, seed: int, sight: Sight, size_: Size) -> Talk:
    """Train and test one model of a form."""
    torch.set_num_threads(1)
    start = time.monotonic()
    told, test = parts(size_)
    model = train(FORMS[form], sight, told, seed, size_.talking)
    right = converse(model, sight, test, seed)
    return Talk(form, seed, size(model), (time.monotonic() - start) / 60, right)


def see(seed: int, steps: int) -> Sight:
    """`learn_to_see` on one thread."""
    torch.set_num_threads(1)
    return learn_to_see(seed, steps)


def recalled(name: str, seed: int, course: Course) -> dict[str, Any]:
    """`recall_run` on one thread."""
    torch.set_num_threads(1)
    return recall_run(name, seed, course)


def made_from() -> str:
    """A digest of the files that decide a result."""
    here = Path(__file__).parent
    names = ("memory", "dialogue_model", "dialogue_scenes", "dialogue_turns", "one_size", "recall_task")
    files = [here / f"{name}.py" for name in names]
    files += [Path(str(module.__file__)) for module in (cross_attention, small_vision)]
    files += sorted(Path(str(context.__file__)).parent.glob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]


def kept(folder: Path, job: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """The job's result: from the folder, or made now and kept there."""
    words = [str(one) for one in arguments if isinstance(one, str | int)]
    file = folder / f"{'-'.join([job.__name__, *words]).replace(' ', '-')}.pickle"
    if file.exists():
        return pickle.loads(file.read_bytes())
    result = job(*arguments)
    file.with_suffix(".part").write_bytes(pickle.dumps(result))
    file.with_suffix(".part").replace(file)
    return result


def at_once(
    workers: int, folder: Path | None, job: Callable[..., Any], arguments: Sequence[tuple[Any, ...]]
) -> list[Any]:
    """The jobs' results in order, so many jobs at a time, one thread each; with a folder, kept there."""
    if folder is None:
        return [job(*one) for one in arguments]
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        results = []
        for result in pool.map(partial(kept, folder, job), arguments):
            results.append(result)
            print(f"  {len(results)} of {len(arguments)} {job.__name__}", flush=True)
        return results


def by_distance(talks: Sequence[Talk], test: Dialogues) -> list[dict[str, Any]]:
    """A line a distance, and one a kind of question: each form's accuracy, seeds averaged."""
    lines = []
    groups = [(f"distance {far}" if far else "no reference", test.distances == far) for far in range(FAR + 1)]
    groups += [(f"question: {kind}", test.kinds == number) for number, kind in enumerate(TEMPLATES)]
    for name, chosen in groups:
        line: dict[str, Any] = {"answers": name, "count": int(chosen.sum())}
        for form in FORMS:
            runs = [one.right[chosen] for one in talks if one.form == form]
            line[form] = round(float(np.mean(runs)), 4) if chosen.any() else None
        lines.append(line)
    return lines


def over_dialogues(
    right: NDArray[np.float64], note: str, seeds: int, unit: str = "fraction"
) -> dict[str, Any]:
    """A figure of one number a dialogue, with its normal interval."""
    mean, half = float(right.mean()), 1.96 * float(right.std(ddof=1)) / math.sqrt(len(right))
    return figure(
        round(mean, 4), unit, low=round(mean - half, 4), high=round(mean + half, 4), seeds=seeds, note=note
    )


def main() -> None:
    """Learn everything, print, write."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--quick", action="store_true", help="a few steps, under runs/")
    quick: bool = arguments.parse_args().quick
    chosen = QUICK if quick else Size()
    folder = None if quick else RUNS / "memory" / made_from()
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    each_of = partial(at_once, chosen.workers, folder)

    runs = [(name, seed, chosen.recall) for name in MODELS for seed in chosen.seeds]
    recall = each_of(recalled, runs)
    for row in recall:
        print("  ".join(f"{key} {value}" for key, value in row.items()), flush=True)
    sights: list[Sight] = each_of(see, [(seed, chosen.seeing) for seed in chosen.seeds])
    seen = float(np.mean([sight.accuracy for sight in sights]))
    print(f"cells named right by the tower: {seen:.4f}", flush=True)
    jobs = [
        (form, seed, sight, chosen)
        for form in FORMS
        for seed, sight in zip(chosen.seeds[: 1 if form in CONTROLS else None], sights, strict=False)
    ]
    talks: list[Talk] = each_of(talk, jobs)
    _, test = parts(chosen)
    lines = by_distance(talks, test)
    for line in lines:
        print("  ".join(f"{key} {value}" for key, value in line.items()), flush=True)

    each = {form: np.mean([one.right.mean(1) for one in talks if one.form == form], axis=0) for form in FORMS}
    count = len(chosen.seeds)
    pairs = chosen.recall.stages[-1][0]

    def share(name: str, note: str) -> dict[str, Any]:
        values = [row["right"] for row in recall if row["model"] == name]
        note += f", {pairs} pairs; low and high: the least and the most of the seeds"
        mean = round(float(np.mean(values)), 4)
        return figure(mean, "fraction", low=min(values), high=max(values), seeds=count, note=note)

    figures = {
        "mqar_64": share("memory", "right answers, window of 16 words and slot memory"),
        "mqar_64_window": share("window", "right answers, window of 16 words, same size"),
        "mqar_64_lstm": share("lstm", "right answers, LSTM of the same size"),
        "dialogue_accuracy": over_dialogues(
            each["memory"], "all test questions, own answers as history", count
        ),
        "dialogue_window": over_dialogues(each["window"], "the same size without the memory", count),
        "memory_gain": over_dialogues(each["memory"] - each["window"], "memory − window", count),
        "dialogue_blind": over_dialogues(each["blind"], "control: memory, no picture", 1),
        "dialogue_one_turn": over_dialogues(each["one turn"], "control: picture, no history", 1),
        "cells_seen": figure(
            round(seen, 4), "fraction", seeds=count, note="cells that the tower names right"
        ),
    }
    for name, entry in figures.items():
        print(f"{name:20} {entry['value']}")
    sizes = [
        {"model": one.form, "seed": one.seed, "parameters": one.parameters, "minutes": round(one.minutes, 1),
         "right": round(float(one.right.mean()), 4)} for one in talks
    ]  # fmt: skip
    write("memory", figures, [*recall, *sizes, *lines], quick=quick)


if __name__ == "__main__":
    main()
