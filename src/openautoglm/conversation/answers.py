"""Questions answered: from columns, texts and counts; about what a picture shows, by the model where it can.

An answer says where it comes from: "catalogue", or "model" with its confidence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from openautoglm.conversation.finding import MOST, Finder
from openautoglm.conversation.phrases import phrase
from openautoglm.conversation.turn import Question

_SHOWN = 12
"""Values that an answer lists."""
_LONG = 200
"""Letters of a text in an answer about a row."""


@dataclass(frozen=True)
class ModelAnswer:
    """What a model says of a row."""

    text: str
    confidence: float | None = None
    """0 to 1; None where it tells none."""


Growing = Generator[str, None, ModelAnswer | None]
"""Pieces of an answer as they are written; it returns the answer, or None where in the end there is none."""
Ask = Callable[[str, str], ModelAnswer | Growing | None]
"""A row's id and a question → the model's answer; None where it has none."""
Tell = Callable[[str], None]
"""Told a piece of the model's answer as it is written, sure or not."""


@dataclass(frozen=True)
class Answer:
    """An answer, and where it comes from."""

    text: str
    source: str = "catalogue"
    value: Any = None
    """The bare value, for programs."""
    row: str | None = None
    """The row that it is about."""


def answer(
    question: Question, finder: Finder, ask: Ask | None, *, chinese: bool, tell: Tell | None = None
) -> Answer:
    """Answer a question.

    Args:
        question: as it was understood.
        finder: looks things up.
        ask: the model, where it answers.
        chinese: the language to answer in.
        tell: told the model's answer as it is written.

    Raises:
        UserError: if a row that is asked about is gone.
    """
    if question.kind == "count":
        return _count(question, finder, chinese)
    if question.kind in ("different", "values"):
        return _different(question, finder, chinese)
    if question.kind == "spread":
        return _spread(question, finder, chinese)
    if question.kind == "extreme":
        return _extreme(question, finder, chinese)
    if question.kind == "compare":
        return _compare(question, finder, chinese)
    if question.kind == "column" and question.column is not None:
        return _column(question, question.column, finder, chinese)
    return _rows(question, finder, ask, chinese, tell)


def _count(question: Question, finder: Finder, chinese: bool) -> Answer:
    count = finder.count(question.among)
    if count is None:
        passing = finder.catalog.count(question.among.where(finder.columns.kinds))
        return Answer(phrase("count unknown", chinese, count=f"{passing:,}"), value=None)
    if count == 0:
        return Answer(phrase("none", chinese), value=0)
    key = "count least" if count >= MOST and question.among.words else "count"
    return Answer(phrase(key, chinese, count=f"{count:,}"), value=count)


def _different(question: Question, finder: Finder, chinese: bool) -> Answer:
    assert question.column is not None
    values = finder.spread(question.among, question.column)
    flat = [one for value in values for one in (value if isinstance(value, list) else [value])]
    counted = Counter(map(_said, flat)).most_common()
    if not counted:
        return Answer(phrase("none", chinese), value=[])
    listed = ", ".join(f"{value} ({count:,})" for value, count in counted[:_SHOWN])
    listed += ", …" if len(counted) > _SHOWN else ""
    return Answer(
        phrase("different", chinese, count=len(counted), values=listed), value=[value for value, _ in counted]
    )


def _spread(question: Question, finder: Finder, chinese: bool) -> Answer:
    assert question.column is not None
    values = sorted(finder.spread(question.among, question.column))
    if not values:
        return Answer(phrase("none", chinese))
    low, middle, high = values[0], values[(len(values) - 1) // 2], values[-1]
    parts = {"low": _said(low), "middle": _said(middle), "high": _said(high), "count": f"{len(values):,}"}
    return Answer(phrase("spread", chinese, column=question.column, **parts), value=[low, high])


def _extreme(question: Question, finder: Finder, chinese: bool) -> Answer:
    assert question.sort is not None
    hit = finder.first(question.among, question.sort)
    if hit is None:
        return Answer(phrase("none", chinese))
    column = question.column or question.sort.removeprefix("-")
    shown = question.among.shown
    number = phrase("number elsewhere", chinese)
    if hit.id in shown:
        first = (question.among.page - 1) * finder.page_size
        number = phrase("number", chinese, number=first + shown.index(hit.id) + 1)
    value = hit.row.get(column)
    said = phrase(
        "extreme",
        chinese,
        label=_called(hit.label) or hit.id,
        column=column,
        value=_said(value),
        number=number,
    )
    return Answer(said, value=value, row=hit.id)


def _compare(question: Question, finder: Finder, chinese: bool) -> Answer:
    column, sort = question.column, question.sort
    assert column is not None
    assert sort is not None
    rows = [finder.row(name) for name in question.rows]
    told = [row for row in rows if row.get(column) is not None]
    if not told:
        return Answer(phrase("none", chinese))
    falling = sort.startswith("-")
    best = sorted(told, key=lambda row: row[column], reverse=falling)[0]
    listed = "; ".join(f"{_called(finder.label(row)) or row['id']}: {_said(row.get(column))}" for row in rows)
    said = phrase(
        "value",
        chinese,
        label=_called(finder.label(best)) or best["id"],
        column=question.column,
        value=_said(best[column]),
    )
    return Answer(f"{said} ({listed})", value=best[column], row=str(best["id"]))


def _column(question: Question, column: str, finder: Finder, chinese: bool) -> Answer:
    said, values = [], []
    for name in question.rows:
        row = finder.row(name)
        value = row.get(column)
        values.append(value)
        label = _called(finder.label(row)) or name
        if value is None or value == []:
            said.append(phrase("no value", chinese, label=label, column=column))
        else:
            said.append(phrase("value", chinese, label=label, column=column, value=_said(value)))
    return Answer(" ".join(said), value=values[0] if len(values) == 1 else values, row=question.rows[-1])


def _rows(question: Question, finder: Finder, ask: Ask | None, chinese: bool, tell: Tell | None) -> Answer:
    """What rows are: by the model where it answers, and by their texts and columns."""
    said = []
    for name in question.rows:
        row = finder.row(name)
        parts = [
            f"{one}: {_said(value)}"
            for one, value in row.items()
            if value not in (None, [], "") and one not in ("id", "_image")
        ]
        said.append("; ".join(part[:_LONG] for part in parts) or name)
    catalogue = " | ".join(said)
    if ask is not None and len(question.rows) == 1:
        found = _whole(ask(question.rows[0], question.text), tell)
        if found is not None:
            key = "model" if found.confidence is not None else "model plain"
            source = phrase(key, chinese, confidence=f"{found.confidence or 0:.0%}")
            return Answer(f"{found.text} ({source})  {catalogue}", "model", found.text, question.rows[0])
    return Answer(catalogue, value=said[0] if len(said) == 1 else said, row=question.rows[-1])


def _whole(found: ModelAnswer | Growing | None, tell: Tell | None) -> ModelAnswer | None:
    """The answer, after its pieces were told."""
    if not isinstance(found, Generator):
        return found
    with closing(found):
        while True:
            try:
                piece = next(found)
            except StopIteration as end:
                whole: ModelAnswer | None = end.value
                return whole
            if tell is not None:
                tell(piece)


def _called(label: str) -> str:
    """A row's label before a colon: some end like a sentence."""
    return label.rstrip(" .。") or label


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, float):
        return f"{value:.10g}"
    return str(value.isoformat()) if hasattr(value, "isoformat") else str(value)
