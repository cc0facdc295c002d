"""What a model writes about the catalogue's pictures: answers to questions, and captions.

Each different question about a row is asked once; all its answers in the table are right ones. Texts are
written greedily, and not held to any list of answers. A picture that cannot be read is left out and named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from openautoglm.catalog.condition import all_of
from openautoglm.catalog.formats import BadImage
from openautoglm.catalog.questions import Asked, Questions
from openautoglm.catalog.threads import in_order
from openautoglm.evaluate.encoding import Broken, Tell
from openautoglm.tasks.asking import Asking
from openautoglm.tasks.question_answering import asked
from openautoglm.tasks.written import exact

if TYPE_CHECKING:
    from openautoglm.catalog.catalog import Catalog
    from openautoglm.model import OpenAutoGLM

PICTURES = 64
"""Pictures whose texts are written side by side."""


class Task(NamedTuple):
    """What is to be written about a row."""

    row: str
    question: str | None
    """None for a caption."""
    references: tuple[str, ...]
    """What people wrote."""
    kind: str | None = None
    """The kind of question, as its table names it."""


class Written(NamedTuple):
    """A text, and what it was written for."""

    task: Task
    text: str
    logprob: float


def question_tasks(questions: Questions, rows: Sequence[str]) -> list[Task]:
    """The questions about these rows, each once."""
    found: dict[tuple[str, str], list[Asked]] = {}
    for about in questions.by_row(rows):
        for one in about:
            found.setdefault((one.row, asked(one.question)), []).append(one)
    return [
        Task(row, same[0].question, tuple(dict.fromkeys(one.answer for one in same)), same[0].kind)
        for (row, _), same in found.items()
    ]


def caption_tasks(catalog: Catalog, rows: Sequence[str], fields: Sequence[str]) -> list[Task]:
    """A caption of each of these rows that has any in these fields."""
    found = []
    for row in catalog.read(["id", *fields], ids=rows).to_pylist() if rows else ():
        texts = [(row[name] or "").strip() for name in fields]
        if references := tuple(dict.fromkeys(one for one in texts if one)):
            found.append(Task(row["id"], None, references))
    return found


def pictured(catalog: Catalog, split: str | None, where: str | None = None) -> list[str]:
    """Ids of the rows of a split that have a picture."""
    condition = all_of(f"_split = '{split}'" if split else None, where, "_image_hash IS NOT NULL")
    found: list[str] = catalog.read(["id"], where=condition)["id"].to_pylist()
    return found


def write(
    model: OpenAutoGLM,
    catalog: Catalog,
    tasks: Sequence[Task],
    *,
    others: bool = False,
    seed: int = 0,
    tell: Tell | None = None,
) -> tuple[list[Written], list[Broken]]:
    """Write what the tasks ask for; returns what could not be read, too.

    Args:
        model: with a decoder.
        catalog: whose rows the tasks are of.
        tasks: in any order; those of a row are written side by side.
        others: show each row the picture of another one, which tells what is guessed without looking.
        seed: of which other one.
        tell: told how far it is.
    """
    by_row: dict[str, list[Task]] = {}
    for task in tasks:
        by_row.setdefault(task.row, []).append(task)
    rows = list(by_row)
    shown = dict(zip(rows, _other(rows, seed) if others else rows, strict=True))
    found: list[Written] = []
    broken: list[Broken] = []
    for number, batch in enumerate(_pictures(model, catalog, rows, shown.__getitem__, broken)):
        pairs = [(picture, task) for row, picture in batch for task in by_row[row]]
        texts = model.generate(
            [picture for picture, _ in pairs],
            [None if task.question is None else asked(task.question) for _, task in pairs],
            columns=columns_of(model, catalog, [shown[task.row] for _, task in pairs]),
            max_new_tokens=model.processor.text.max_length,
            batch_size=len(pairs) or 1,
        )
        found += [Written(task, one.text, one.logprob) for (_, task), one in zip(pairs, texts, strict=True)]
        if tell:
            tell("writing", min((number + 1) * PICTURES, len(rows)), len(rows))
    return found, broken


def columns_of(model: OpenAutoGLM, catalog: Catalog, rows: Sequence[str]) -> list[dict[str, Any]] | None:
    """What the model reads of these rows' columns; None where it reads none."""
    known = model.processor.columns
    if known is None:
        return None
    names = [name for name in known.names if name in catalog.fields]
    held = {row["id"]: row for row in catalog.read(["id", *names], ids=list(dict.fromkeys(rows))).to_pylist()}
    return [{name: held[row][name] for name in names} for row in rows]


def _pictures(
    model: OpenAutoGLM,
    catalog: Catalog,
    rows: Sequence[str],
    shown: Callable[[str], str],
    broken: list[Broken],
) -> Iterator[list[tuple[str, Any]]]:
    """Rows with the pictures that are shown for them, `PICTURES` at a time."""

    def load(held: Mapping[str, Any]) -> Any:
        try:
            return model.prepare(catalog.load_image(held))
        except BadImage as error:
            return error

    for start in range(0, len(rows), PICTURES):
        some = rows[start : start + PICTURES]
        held = catalog.read(["id", "_image", "_image_bytes"], ids=[shown(row) for row in some]).to_pylist()
        batch = []
        for row, picture in zip(some, in_order(load, held), strict=True):
            if isinstance(picture, BadImage):
                broken.append(Broken(shown(row), picture.reason))
            else:
                batch.append((row, picture))
        if batch:
            yield batch


def _other(rows: Sequence[str], seed: int) -> list[str]:
    """Of each row another one, at random."""
    order = np.random.default_rng(seed).permutation(len(rows))
    after = np.empty_like(order)
    after[order] = np.roll(order, 1)
    return [rows[place] for place in after]


def trust_in_answers(
    model: OpenAutoGLM, catalog: Catalog, questions: Questions, *, where: str | None = None
) -> Asking:
    """Learn from the validation split's questions how far the answers can be trusted."""
    learned = questions.by_row(pictured(catalog, "train", where))
    found, _ = write(model, catalog, question_tasks(questions, pictured(catalog, "validation", where)))
    return Asking.fit(
        [one.logprob for one in found],
        [exact(one.text, one.task.references) == 1 for one in found],
        (one.question for row in learned for one in row),
    )
