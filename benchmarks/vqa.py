"""make bench-vqa: questions about pictures answered by writing, on easy-VQA.

easy-VQA (Victor Zhou, the package `easy-vqa`): 5,000 pictures of 64 × 64 pixels with one shape each, 38,575
questions about 4,000 of them to learn from and 9,673 about the others, "is there no red shape in the image?",
"what color is the triangle?"; 13 answers. A catalogue of the pictures without any text is taught by
`Workspace.fit(questions=…)` with one recipe and five seeds; the model writes its answers freely, held to no
list, and an answer is right if it equals the one in the table. Five in a hundred of the training pictures are
set aside, for the confidence of answers; the recipe was chosen on others of the training pictures (10 %).

    shuffled_image    the same questions put to another picture: what the model guesses without looking
    question_only     the most frequent answer to the same words in training: what any model can guess
"""

from __future__ import annotations

import argparse
import csv
import json
import multiprocessing
import shutil
from collections import Counter, defaultdict
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.figures import RUNS, figure, write
from openautoglm import Workspace
from openautoglm.catalog.schema import Roles
from openautoglm.config import AugmentConfig
from openautoglm.tasks.question_answering import asked

SEEDS = (0, 1, 2, 3, 4)
HELD_OUT = 20
"""Every so manieth training picture is for validation."""
QUICK_PICTURES, QUICK_STEPS = 120, 30
WORKERS = 2
"""Seeds taught at once, each with one thread."""
MODEL: dict[str, Any] = {
    "vision_encoder": "small_vision",
    "text_decoder": "glm-mini",
    "cross_attention_layers": 2,
    "embed_dim": 64,
    "image_size": 64,
    "max_text_length": 24,
    "vocab_size": 512,
    "vision_shape": {"widths": [16, 32, 64, 128], "depths": [1, 1, 1, 1], "style_mix": 0.0},
    "decoder_shape": {
        "hidden_size": 64,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_key_value_heads": 4,
        "head_dim": 16,
        "intermediate_size": 256,
    },
}
TRAIN: dict[str, Any] = {
    "minutes": None,
    "epochs": 25,
    "batch_size": 32,
    "micro_batch_size": None,
    "questions_per_picture": 6,
    "learning_rate": 0.002,
    "weight_decay": 0.05,
    "schedule": "cosine",
    "optimizer": "muon",
    "precision": "32",
    # Colours and shapes are what is asked for; only where a shape stands is varied.
    "augment": dict.fromkeys(AugmentConfig.model_fields, 0) | {"shift": 0.15, "background_level": 0.95},
}


def main() -> None:
    """Teach a model a seed, let it answer the test questions, and write the figures."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--quick", action="store_true", help="one seed, a few pictures and steps")
    options.add_argument("--seeds", type=int, default=len(SEEDS), help="how many of the five seeds")
    given = options.parse_args()
    folder = RUNS / ("vqa-quick" if given.quick else "vqa")
    if given.quick:
        shutil.rmtree(folder, ignore_errors=True)
    seeds = SEEDS[: 1 if given.quick else given.seeds]
    jobs = [(folder / f"seed-{seed}", seed, given.quick) for seed in seeds]
    if len(jobs) == 1:
        rows = [kept(*jobs[0])]
    else:
        with ProcessPoolExecutor(WORKERS, multiprocessing.get_context("spawn")) as pool:
            rows = list(pool.map(kept, *zip(*jobs, strict=True)))
    questions = folder / f"seed-{seeds[0]}" / "qa.csv"
    count = len(rows)
    figures = {
        key: _figure([row[key] for row in rows], unit)
        for key, unit in (("accuracy", "fraction"), ("shuffled_image", "fraction"), ("minutes", "minutes"))
    }
    figures["question_only"] = figure(question_only(questions), "fraction")
    kinds = defaultdict(list)
    for row in rows:
        for kind, value in row["kinds"].items():
            kinds[kind].append(value)
    for kind, values in sorted(kinds.items()):
        print(f"{kind:<40} {np.mean(values):.4f}")
    for key in ("answered", "right_of_those"):
        if all(row.get(key) is not None for row in rows):
            figures[key] = figure(float(np.mean([row[key] for row in rows])), "fraction", seeds=count)
    write("vqa", figures, rows, quick=given.quick)


def open_shop(folder: Path, pictures: int | None) -> Workspace:
    """The workspace of the pictures, and `qa.csv` beside it; with `pictures`, so many of each split."""
    import easy_vqa

    folder.mkdir(parents=True)
    parts = {
        "train": (easy_vqa.get_train_image_paths(), easy_vqa.get_train_questions()),
        "test": (easy_vqa.get_test_image_paths(), easy_vqa.get_test_questions()),
    }
    with (
        (folder / "rows.csv").open("w", encoding="utf-8", newline="") as rows,
        (folder / "qa.csv").open("w", encoding="utf-8", newline="") as questions,
    ):
        table, asks = csv.writer(rows), csv.writer(questions)
        table.writerow(("id", "image", "split"))
        asks.writerow(("id", "question", "answer", "split"))
        for split, (paths, about) in parts.items():
            numbers = sorted(paths)[:pictures]
            for number in numbers:
                held = split == "train" and number % HELD_OUT == 0
                table.writerow((f"{split}-{number}", paths[number], "validation" if held else split))
            kept = set(numbers)
            for question, answer, number in zip(*about, strict=True):
                if number in kept:
                    asks.writerow((f"{split}-{number}", question, answer, split))
    shop = Workspace.open(folder / "shop", create=True)
    print(shop.add(folder / "rows.csv", roles=Roles(id="id", image="image", split="split")))
    return shop


def kept(folder: Path, seed: int, quick: bool) -> dict[str, Any]:
    """What `measure` found for a seed; read from `folder` where the same recipe was measured before."""
    import torch

    torch.set_num_threads(1)
    recipe = json.loads(json.dumps({"model": MODEL, "train": TRAIN}))
    file = folder / "measured.json"
    if file.exists() and (found := json.loads(file.read_text(encoding="utf-8")))["recipe"] == recipe:
        row: dict[str, Any] = found["row"]
    else:
        shutil.rmtree(folder, ignore_errors=True)
        shop = open_shop(folder, QUICK_PICTURES if quick else None)
        row = measure(shop, folder / "qa.csv", seed, quick=quick)
        file.write_text(json.dumps({"recipe": recipe, "row": row}), encoding="utf-8")
    print(row, flush=True)
    return row


def measure(shop: Workspace, questions: Path, seed: int, *, quick: bool) -> dict[str, Any]:
    """Teach one seed and read what the evaluation says of its answers to the test questions."""
    budget = {"epochs": None, "steps": QUICK_STEPS} if quick else {}
    report = shop.fit(
        MODEL, name=f"seed-{seed}", train={**TRAIN, **budget, "seed": seed}, questions=questions
    )
    assert report.evaluation is not None, "there are test rows"
    sections = {one.of: one for one in report.evaluation.writing}
    whole = sections["all"].figures
    given = {name: one.value for name, one in whole.items()}
    return {
        "seed": seed,
        "steps": report.training.steps,
        "minutes": report.training.seconds / 60,
        "questions": sections["all"].texts,
        "accuracy": whole["exact match"].value,
        "shuffled_image": whole["exact match"].chance,
        "answered": given.get("answered"),
        "right_of_those": given.get("right of those"),
        "kinds": {kind: one.figures["exact match"].value for kind, one in sections.items() if kind != "all"},
    }


def question_only(file: Path) -> float:
    """Accuracy of the most frequent training answer to the same words."""
    answers: dict[str, Counter[str]] = defaultdict(Counter)
    tried: list[tuple[str, str]] = []
    with file.open(encoding="utf-8", newline="") as table:
        for row in csv.DictReader(table):
            if row["split"] == "train":
                answers[asked(row["question"])][row["answer"]] += 1
            else:
                tried.append((asked(row["question"]), row["answer"]))
    right = [answers[question].most_common(1)[:1] for question, _ in tried]
    return float(
        np.mean([bool(one) and one[0][0] == answer for one, (_, answer) in zip(right, tried, strict=True)])
    )


def _figure(values: list[float], unit: str) -> dict[str, Any]:
    """The mean over seeds, between the least and the greatest."""
    return figure(
        float(np.mean(values)), unit, low=min(values), high=max(values), seeds=len(values),
        note="low and high: the least and the greatest of the seeds",
    )  # fmt: skip


if __name__ == "__main__":
    main()
