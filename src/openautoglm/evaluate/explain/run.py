"""`explain`: why a model gives a row of the catalogue its score.

asked for                         score                                      parts that are weighed
a target, or a model with some    what the head says (`score.Prediction`)    patches, words, columns
nothing, of a model without       cosine of the row's picture and its text   patches, words
a query                           cosine of the row's picture and the query  patches, the query's words
… of a row without a picture      cosine of the row's text and the query     the row's words
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from PIL import Image

from openautoglm.catalog.formats import BadImage
from openautoglm.config import nearest
from openautoglm.encoders.batch import MODALITIES
from openautoglm.errors import UserError
from openautoglm.evaluate.encoding import Tell
from openautoglm.evaluate.explain import attribution, faithful
from openautoglm.evaluate.explain.explanation import Effect, Explanation, Modality
from openautoglm.evaluate.explain.page import FORMS, draw
from openautoglm.evaluate.explain.parts import Row, covered
from openautoglm.evaluate.explain.score import BATCH, Cosine, Prediction, Score, value_of
from openautoglm.evaluate.predictions import text_of

if TYPE_CHECKING:
    from openautoglm.catalog.catalog import Catalog
    from openautoglm.evaluate.explain.faithful import Value
    from openautoglm.model import OpenAutoGLM


class ExplainError(UserError):
    """Nothing can be explained; the message says why."""


def explain(
    model: OpenAutoGLM,
    catalog: Catalog,
    row: str,
    *,
    target: str | None = None,
    query: str | None = None,
    fields: Sequence[str] | None = None,
    out: Path | str | None = None,
    tell: Tell | None = None,
) -> Explanation:
    """See `Workspace.explain`."""
    path = None if out is None else Path(out)
    if path is not None and path.suffix.lower() not in FORMS:
        raise ExplainError(f"{path}: an explanation is drawn as {' or '.join(FORMS)}")
    target = _target(model, target, query)
    held = catalog.read(ids=[row]).to_pylist()[0]
    image, broken = _picture(catalog, held)
    text = text_of(held, _texts(model, catalog, fields))
    shown: Row
    score: Score
    if target is None:
        shown, score, asked = _match(model, image, text, query, f"row {row!r}{broken}")
    else:
        columns = {
            one.name: held[one.name] for one in catalog.column_fields if one.name not in model.heads.targets
        }
        try:
            shown = Row.of(model.processor, image, text, columns)
        except ValueError as error:
            raise ExplainError(f"row {row!r} cannot be explained: {error}{broken}") from error
        score, asked = _prediction(model, shown, target)
    return _explained(model, row, shown, score, asked, image, path, tell)


def _target(model: OpenAutoGLM, target: str | None, query: str | None) -> str | None:
    """The target to explain; None for a match."""
    targets = model.heads.targets
    if query is not None:
        if target is not None:
            raise ExplainError("a target or a query can be explained, not both; leave one of them out")
        if not query.strip():
            raise ExplainError("the query is empty; give a few words")
        return None
    if target is None:
        return next(iter(targets), None)
    if not targets:
        raise ExplainError(
            f"the model predicts nothing, so there is no target {target!r}; leave it out to explain how "
            "the picture matches its text, or train one by `autoglm fit WORKSPACE --target COLUMN`"
        )
    if target not in targets:
        raise ExplainError(f"the model predicts no {target!r}{nearest(target, targets)}")
    return target


def _picture(catalog: Catalog, held: dict[str, Any]) -> tuple[Image.Image | None, str]:
    """The row's picture, or None and why it cannot be read."""
    if held["_image_hash"] is None:
        return None, ""
    try:
        return catalog.load_image({"id": held["id"]}), ""
    except BadImage as error:
        return None, f" (its picture cannot be read: {error.reason})"


def _texts(model: OpenAutoGLM, catalog: Catalog, fields: Sequence[str] | None) -> list[str]:
    """The fields that a text is taken from, those of role "text" before tags."""
    known = [
        name
        for role in ("text", "tags")
        for name, one in catalog.fields.items()
        if one.role == role and name not in model.heads.targets
    ]
    for name in fields or ():
        if name not in known:
            raise ExplainError(f"no field of texts or tags is called {name!r}{nearest(name, known)}")
    return known if fields is None else list(fields)


def _prediction(model: OpenAutoGLM, shown: Row, target: str) -> tuple[Prediction, str]:
    """The score that explains what the model says of a target, and that in words."""
    head = Prediction(model.heads, model.heads.targets[target], 0)
    if head.target.kind == "number":
        return head, target
    every = [Prediction(model.heads, head.target, place) for place in range(len(head.target.classes))]
    found = value_of(model, shown, lambda embeds: torch.stack([one(embeds) for one in every], dim=1))
    whole = found(_every(shown))[0]
    best = every[int(whole.argmax())]
    return best, f"{target}: {head.target.classes[best.place]}"


def _match(
    model: OpenAutoGLM, image: Image.Image | None, text: str | None, query: str | None, where: str
) -> tuple[Row, Cosine, str]:
    """Parts and score of a picture beside a text or a query, or of a text beside a query."""
    if query is not None and image is None:
        if text is None:
            raise ExplainError(f"{where} has neither a picture nor a text that the query could match")
        vector = torch.from_numpy(model.encode(texts=[query.strip()])[0])
        shown = Row.of(model.processor, text=text, needs=("text",))
        return shown, Cosine(vector), f'match of its text and "{query.strip()}"'
    beside = text if query is None else query.strip()
    if image is None or beside is None:
        raise ExplainError(
            f"{where} lacks a picture or a text, and the model predicts nothing, so there is no match to "
            "explain; name a row that has both, or ask by --query WORDS how well it matches those"
        )
    shown = Row.of(model.processor, image, beside, needs=("image", "text"))
    other = "its text" if query is None else f'"{beside}"'
    return shown, Cosine(), f"match of its picture and {other}"


def _explained(
    model: OpenAutoGLM,
    row: str,
    shown: Row,
    score: Score,
    asked: str,
    image: Image.Image | None,
    path: Path | None,
    tell: Tell | None,
) -> Explanation:
    """Weigh the parts, and draw what comes of it."""
    counts = [len(shown.places(name)) for name in shown.modalities]
    total = sum(attribution.evaluations(count) + faithful.evaluations(count) for count in counts)
    value = _told(value_of(model, shown, score), total, tell)
    whole = float(value(_every(shown)))
    effects = torch.zeros(len(shown.parts))
    curves = {}
    for name in shown.modalities:
        parts = shown.places(name)
        within = _within(value, shown, parts)
        effects[parts] = attribution.effects(within, len(parts))
        # Of a number that its parts make small, those that make it smaller come first.
        sign = -1.0 if isinstance(score, Prediction) and float(effects[parts].sum()) < 0 else 1.0
        if len(parts) > 1:
            curves[name] = faithful.measure(within, effects[parts], sign=sign)
    patches = effects[shown.places("image")].numpy()
    side = math.isqrt(len(patches))
    words = [Effect(shown.parts[at].name, float(effects[at])) for at in shown.places("text")]
    columns = [
        Effect(shown.parts[at].name, float(effects[at]), shown.columns[shown.parts[at].name])
        for at in shown.places("columns")
    ]
    found = Explanation(
        row=row,
        asked=asked,
        unit=score.unit,
        score=whole,
        modalities=_modalities(model, shown, score, effects),
        patches=patches.reshape(side, side) if side else None,
        words=words,
        unread=shown.unread,
        columns=sorted(columns, key=lambda one: -abs(one.effect)),
        curves=curves,
        image=None if image is None else covered(image, model.processor.image),
        out=path,
    )
    if path is not None:
        draw(found, path)
    return found


def _modalities(model: OpenAutoGLM, shown: Row, score: Score, effects: torch.Tensor) -> list[Modality]:
    """Each modality that the model reads: its gate, its parts' effects, and the score without it."""
    gates = None
    if model.fuse is not None and isinstance(score, Prediction):
        gates = value_of(model, shown, lambda embeds: embeds.fused().gates)(_every(shown))[0].tolist()
    found = []
    read = MODALITIES if model.columns is not None and isinstance(score, Prediction) else MODALITIES[:2]
    for place, name in enumerate(read):
        parts = shown.places(name)
        without = None
        if parts and name not in shown.needs and len(shown.modalities) > 1:
            without = float(value_of(model, shown, score, absent=name)(_every(shown)))
        gate = None if gates is None else gates[place]
        found.append(Modality(name, bool(parts), gate, float(effects[parts].sum()), without))
    return found


def _every(shown: Row) -> torch.Tensor:
    """(1, P): nothing hidden."""
    return torch.ones(1, len(shown.parts), dtype=torch.bool)


def _within(value: Value, shown: Row, parts: Sequence[int]) -> Value:
    """The score of masks of some parts, the others whole."""

    def found(masks: torch.Tensor) -> torch.Tensor:
        every = _every(shown).repeat(len(masks), 1)
        every[:, parts] = masks
        return value(every)

    return found


def _told(value: Value, total: int, tell: Tell | None) -> Value:
    """The same values, of which `tell` hears."""
    done = 0

    def counted(masks: torch.Tensor) -> torch.Tensor:
        nonlocal done
        found = []
        for part in masks.split(BATCH):
            found.append(value(part))
            done += len(part)
            if tell:
                tell("hiding parts", min(done, total), total)
        return torch.cat(found)

    return counted
