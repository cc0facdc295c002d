"""How good written texts are: figures of all of them, and of each type of answer and kind of question.

exact match, token F1   with a bootstrap over texts; in brackets what the model reaches when it is shown
another row's picture, which is what can be guessed from the question alone
chrF, BLEU              of the corpus, by `sacrebleu` where it is installed (extra `language`)
answered, right of those    what a user sees who is told "I don't know" below the threshold
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from openautoglm.evaluate.bootstrap import Figure, bootstrap
from openautoglm.evaluate.encoding import Broken, Encoder, Tell
from openautoglm.evaluate.writing import Task, Written, caption_tasks, pictured, question_tasks, write
from openautoglm.tasks.asking import Asking
from openautoglm.tasks.written import answer_type, corpus_scores, exact, f1

if TYPE_CHECKING:
    from openautoglm.catalog.catalog import Catalog
    from openautoglm.catalog.questions import Questions

FEW = 10
"""Texts below which a kind has no line of its own."""
MOST = 20
"""Kinds of questions that have a line, the most frequent ones."""
BLIND = (
    "The answers are no better than those to another row's picture, so they rest on the questions alone; "
    "where pictures matter, train longer (--minutes, --steps)."
)
DEFINITIONS = {
    "exact match": "Share of written texts that equal one that people wrote, apart from case, spacing and "
    "the marks at the end. In brackets: when each text is written of another row's picture.",
    "token F1": "Overlap of words (of characters in Chinese) with the nearest text that people wrote; "
    "brackets as before.",
    "chrF, BLEU": "Corpus scores of sacrebleu, 0 to 1; Chinese is cut by its own tokenizer.",
    "answered": 'Share of questions that are not answered with "I don\'t know"; beside it, how many of those '
    "answers are right.",
}


@dataclass(frozen=True)
class WritingSection:
    """Figures of some texts."""

    task: Literal["answers", "captions"]
    of: str
    """"all", "answer type number", "question type what color"."""
    texts: int
    figures: dict[str, Figure] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return what JSON holds of it."""
        return {**self.__dict__, "figures": {name: one.as_dict() for name, one in self.figures.items()}}


def measured_writing(
    model: Encoder,
    catalog: Catalog,
    questions: Questions | None,
    captions: Sequence[str] | None,
    *,
    split: str | None,
    where: str | None,
    seed: int = 0,
    tell: Tell | None = None,
) -> tuple[list[WritingSection], list[Broken], list[str]]:
    """Let a model answer questions about the rows of a split and write their captions, and measure that.

    Returns what could not be read, and notes, too. What is None is not asked for.
    """
    from openautoglm.model import OpenAutoGLM

    if not isinstance(model, OpenAutoGLM) or (questions is None and captions is None):
        return [], [], []
    rows = pictured(catalog, split, where)
    tasks: dict[Literal["answers", "captions"], list[Task]] = {
        "answers": [] if questions is None else question_tasks(questions, rows),
        "captions": [] if captions is None else caption_tasks(catalog, rows, captions),
    }
    sections, broken, notes = [], [], []
    for task, some in tasks.items():
        written, unread = write(model, catalog, some, tell=tell)
        shuffled, _ = write(model, catalog, some, others=True, seed=seed, tell=tell)
        found, said = measure(task, written, shuffled, model.answering, seed=seed)
        sections += found
        broken += unread
        notes += [one for one in said if one not in notes]
    return sections, broken, notes


def measure(
    task: Literal["answers", "captions"],
    written: Sequence[Written],
    shuffled: Sequence[Written],
    trust: Asking | None,
    *,
    seed: int = 0,
) -> tuple[list[WritingSection], list[str]]:
    """Measure texts; returns notes, too.

    Args:
        task: what they are.
        written: the texts.
        shuffled: those for the same tasks, written of other rows' pictures.
        trust: when answers are given.
        seed: of the bootstrap.
    """
    if not written:
        return [], []
    blind = {one.task: one.text for one in shuffled}
    everything = _figures(written, blind, seed)
    notes: list[str] = []
    try:
        scores = corpus_scores([one.text for one in written], [one.task.references for one in written])
        everything |= {name: Figure(value) for name, value in scores.items()}
    except ModuleNotFoundError:
        notes.append("BLEU and chrF need sacrebleu: pip install 'openautoglm[language]'")
    if task == "answers" and _blind(everything["exact match"]):
        notes.append(BLIND)
    if task == "answers" and trust is not None:
        everything |= _given(written, trust)
        notes += [f"confidence of answers: {trust}"] if trust.abstain is None else []
    sections = [WritingSection(task, "all", len(written), everything)]
    kinds: list[tuple[str, Callable[[Written], str]]] = [
        ("answer type", lambda one: answer_type(one.task.references[0])),
        ("question type", lambda one: one.task.kind or begin_of(one.task.question or "")),
    ]
    for what, kind in kinds if task == "answers" else ():
        groups: dict[str, list[Written]] = {}
        for one in written:
            groups.setdefault(kind(one), []).append(one)
        often = sorted(groups.items(), key=lambda pair: -len(pair[1]))[:MOST]
        sections += [
            WritingSection(task, f"{what} {name}", len(some), _figures(some, blind, seed))
            for name, some in often
            if len(some) >= FEW
        ]
    return sections, notes


def begin_of(question: str) -> str:
    """The kind of a question, by its first two words; in Chinese by what is asked for.

    >>> begin_of("What color is it?"), begin_of("图里有几只鸟？"), begin_of("是红色的吗？")
    ('what color', '几', '吗')
    """
    for word in ("多少", "什么", "哪", "谁", "几", "怎", "为何", "吗"):
        if word in question:
            return word
    return " ".join(question.casefold().split()[:2]).strip("?？ ")


def _figures(some: Sequence[Written], blind: Mapping[Task, str], seed: int) -> dict[str, Figure]:
    """Exact match and token F1; `blind` has what was written of other rows' pictures."""
    scores = {"exact match": exact, "token F1": f1}
    right, overlap = (
        np.array([score(one.text, one.task.references) for one in some]) for score in scores.values()
    )
    found = bootstrap({"exact match": (right, "mean"), "token F1": (overlap, "mean")}, seed=seed)
    for name, score in scores.items():
        guessed = [score(blind[one.task], one.task.references) for one in some if one.task in blind]
        if guessed:
            found[name] = replace(found[name], chance=float(np.mean(guessed)))
    return found


def _blind(exact_match: Figure) -> bool:
    """Whether the interval reaches down to what another row's picture gives."""
    low, chance = exact_match.low, exact_match.chance
    return low is not None and chance is not None and low <= chance


def _given(written: Sequence[Written], trust: Asking) -> dict[str, Figure]:
    """What is answered, and how much of that is right."""
    given = [trust.sure(trust.confidence(one.logprob)) for one in written]
    right = [exact(one.text, one.task.references) for one, said in zip(written, given, strict=True) if said]
    found = {"answered": Figure(float(np.mean(given)))}
    return found | ({"right of those": Figure(float(np.mean(right)))} if right else {})
