"""`ask` and `caption`: what a model says about pictures, how sure it is, and where it looked.

    confidence of an answer    probability that it is right (`tasks/asking.py`), calibrated on validation
                               questions; below the threshold learned there, the answer is "I don't know"
    confidence of a caption    the mean probability of its tokens, not calibrated: no caption is the right one

A question in words that no question of the training had, and a picture of one colour, are not answered
either, since the calibration says nothing of them. A picture is that of a row of the catalogue, or a file.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from PIL import Image

from openautoglm.catalog.formats import BadImage
from openautoglm.catalog.parts import load_picture
from openautoglm.catalog.printable import one_line, printable
from openautoglm.config import nearest
from openautoglm.conversation.answers import ModelAnswer
from openautoglm.errors import UserError
from openautoglm.evaluate.encoding import Broken
from openautoglm.evaluate.explain.parts import covered
from openautoglm.evaluate.regions import is_blank, regions, told
from openautoglm.evaluate.writing import columns_of
from openautoglm.predicting import FORMS, write_table
from openautoglm.tasks import asking
from openautoglm.tasks.generation.generated import Generated
from openautoglm.tasks.generation.prompts import prompt_ids
from openautoglm.tasks.question_answering import asked
from openautoglm.tasks.written import tokens

if TYPE_CHECKING:
    from openautoglm.catalog.catalog import Catalog
    from openautoglm.model import OpenAutoGLM

UNKNOWN = "I don't know"
PAGES = (".png", ".html")
TEACH = "`autoglm fit WORKSPACE --captions FIELD --questions FILE` trains one that does"
BATCH = 16
Say = Callable[[str, str], None]
"""Told (picture, piece of its caption) as it is written."""
Source = str | Path | Image.Image


class AskError(UserError):
    """Nothing can be asked; the message says why."""


@dataclass(frozen=True)
class Said:
    """What a model says about a picture."""

    picture: str
    """The row's id, or the file."""
    question: str | None
    """None for a caption."""
    text: str
    """What it wrote, sure or not."""
    confidence: float
    """0 to 1; see above."""
    doubt: str = ""
    """Why the text is no answer; empty when it is one."""
    unknown: tuple[str, ...] = ()
    """Words of the question that no question of the training had."""
    patches: NDArray[np.float32] | None = field(default=None, repr=False)
    """(G, G) share of each patch in what the decoder looked at; None where nothing was written."""
    image: Image.Image | None = field(default=None, repr=False)
    """The part of the picture that the tower sees."""

    @property
    def answer(self) -> str:
        """The text, or that it does not know."""
        return UNKNOWN if self.doubt else self.text

    @property
    def note(self) -> str:
        """How sure it is, where it looked, and what is doubtful, in a line."""
        if self.doubt:
            return self.doubt
        said = [f"confidence {self.confidence:.2f}"]
        said += [f"looked at the {told(self.patches)}"] if self.patches is not None else []
        said += [f"new words: {', '.join(self.unknown)}"] if self.unknown else []
        return ", ".join(said)

    def __str__(self) -> str:
        return f"{printable(self.picture)}  {one_line(self.answer)}  ({one_line(self.note)})"

    def as_dict(self) -> dict[str, Any]:
        """What JSON holds of it."""
        return {
            "picture": self.picture,
            **({} if self.question is None else {"question": self.question}),
            "answer" if self.question is not None else "caption": self.answer,
            "confidence": round(self.confidence, 6),
            "text": self.text,
            "doubt": self.doubt or None,
            "unknown_words": list(self.unknown),
            # Rounded in float64, since in float32 no short decimal is one.
            "patches": None if self.patches is None else self.patches.astype(np.float64).round(6).tolist(),
        }


@dataclass(frozen=True)
class Answers:
    """What was said about several pictures, in their order."""

    said: list[Said]
    calibration: str
    """What the confidence was learned from, in words."""
    skipped: list[Broken] = field(default_factory=list)
    """Pictures that could not be read."""
    out: Path | None = None

    def __iter__(self) -> Iterator[Said]:
        return iter(self.said)

    def __len__(self) -> int:
        return len(self.said)

    def __getitem__(self, place: int) -> Said:
        return self.said[place]

    def __str__(self) -> str:
        lines = [str(one) for one in self.said]
        lines += [f"{printable(one.id)}: {one.reason}" for one in self.skipped]
        return "\n".join(lines + ([f"written to {self.out}"] if self.out else []))

    def as_json(self) -> str:
        """JSON of everything but the pictures."""
        held = {
            "said": [one.as_dict() for one in self.said],
            "calibration": self.calibration,
            "skipped": [one._asdict() for one in self.skipped],
        }
        return json.dumps(held, ensure_ascii=False, indent=1)

    def table(self) -> pa.Table:
        """A line a picture, without the patches."""
        rows = [{**one.as_dict(), "patches": None} for one in self.said]
        return pa.Table.from_pylist(rows).drop_columns(["patches"])


def answerer(
    catalog: Catalog, home: Path | None, load: Callable[[], OpenAutoGLM]
) -> Callable[[str, str], ModelAnswer | None] | None:
    """What answers a chat's questions about rows: the model in `home`, loaded when the first is asked.

    None if it learned no questions; its answer to one is None where it does not know.
    """
    if home is None or not (home / asking.FILE).exists():
        return None

    def answer(row: str, question: str) -> ModelAnswer | None:
        found = ask(load(), catalog, row, question)
        known = [one for one in found if not one.doubt]
        return ModelAnswer(known[0].text, known[0].confidence) if known else None

    return answer


def ask(
    model: OpenAutoGLM,
    catalog: Catalog,
    sources: Source | Sequence[Source],
    question: str,
    *,
    out: Path | str | None = None,
) -> Answers:
    """See `Workspace.ask`."""
    question = question.strip()
    if not tokens(question):
        raise AskError("the question is empty; ask in a few words")
    trust = model.answering
    if trust is None:
        why = "learned no questions" if model.looks else "cannot write"
        raise AskError(f"the model {why}, so it answers none; {_able(catalog)}")
    path = _checked(out)
    pictures, skipped = _pictures(model, catalog, sources)
    unknown, strange = tuple(trust.unknown(question)), trust.strange(question)
    said = []
    for one, text, patches in _written(model, pictures, asked(question), None):
        confidence = trust.confidence(text.logprob)
        doubt = ""
        if is_blank(one.framed):
            doubt = "the picture is of one colour, nothing can be seen in it"
        elif strange:
            doubt = f"words that no question of the training had: {', '.join(unknown)}"
        elif not trust.sure(confidence):
            doubt = f"most likely {text.text!r}, confidence {confidence:.2f}"
            doubt += f"; new words: {', '.join(unknown)}" if unknown else ""
        said.append(Said(one.name, question, text.text, confidence, doubt, unknown, patches, one.image))
    return _finished(said, str(trust), skipped, path)


def caption(
    model: OpenAutoGLM,
    catalog: Catalog,
    sources: Source | Sequence[Source],
    *,
    out: Path | str | None = None,
    say: Say | None = None,
) -> Answers:
    """See `Workspace.caption`."""
    if not model.looks:
        raise AskError(f"the model cannot write, so it has no captions; {_able(catalog)}")
    path = _checked(out)
    pictures, skipped = _pictures(model, catalog, sources)
    said = []
    for one, text, patches in _written(model, pictures, None, say):
        confidence = math.exp(text.logprob / max(1, len(text.logprobs)))
        doubt = "the picture is of one colour, nothing can be seen in it" if is_blank(one.framed) else ""
        said.append(Said(one.name, None, text.text, confidence, doubt, (), patches, one.image))
    return _finished(said, "mean probability of the tokens, not calibrated", skipped, path)


class _Picture(NamedTuple):
    name: str
    framed: Any
    image: Image.Image
    columns: dict[str, Any] | None
    """What the model reads of a row's columns; None of a file, and where it reads none."""


def _written(
    model: OpenAutoGLM, pictures: Sequence[_Picture], prompt: str | None, say: Say | None
) -> Iterator[tuple[_Picture, Generated, NDArray[np.float32] | None]]:
    """The text of each picture, and where the decoder looked."""
    assert model.processor.tokenizer is not None, "a model that has learned to write has one"
    assert model.decoder is not None, "it was looked for before"
    start = model.decoder.lm.config.bos_token_id
    (front,) = prompt_ids(model.processor.tokenizer, [prompt], start)
    # One after the other where somebody reads along.
    size = 1 if say else BATCH
    for first in range(0, len(pictures), size):
        some = pictures[first : first + size]
        texts = model.generate(
            [one.framed for one in some],
            [prompt] * len(some),
            columns=None if model.processor.columns is None else [one.columns or {} for one in some],
            max_new_tokens=model.processor.text.max_length,
            stream=None if say is None else partial(_pass_on, say, some),
        )
        for one, text in zip(some, texts, strict=True):
            yield one, text, regions(model, one.framed, front, text.token_ids, one.columns)


def _pass_on(say: Say, some: Sequence[_Picture], row: int, piece: str) -> None:
    say(some[row].name, piece)


def _pictures(
    model: OpenAutoGLM, catalog: Catalog, sources: Source | Sequence[Source]
) -> tuple[list[_Picture], list[Broken]]:
    """Open what was named: rows of the catalogue before files."""
    listed = [sources] if isinstance(sources, str | Path | Image.Image) else list(sources)
    if not listed:
        raise AskError("no picture was named; give the id of a row, or a file")
    known: set[str] = set(catalog.read(["id"])["id"].to_pylist())
    found, skipped = [], []
    for source in listed:
        name = str(source) if isinstance(source, str | Path) else "picture"
        try:
            if isinstance(source, Image.Image):
                image = source
            elif name in known:
                image = catalog.load_image({"id": name})
            elif Path(name).expanduser().is_file():
                image = load_picture(Path(name).expanduser())
            else:
                raise AskError(
                    f"{name!r} is neither the id of a row nor a picture file"
                    + (nearest(name, known) if len(known) < 1000 else "")
                )
        except BadImage as error:
            skipped.append(Broken(name, error.reason))
            continue
        columns = columns_of(model, catalog, [name]) if name in known else None
        seen = covered(image, model.processor.image)
        found.append(_Picture(name, model.prepare(image), seen, columns[0] if columns else None))
    if not found:
        raise AskError("; ".join(f"{one.id}: {one.reason}" for one in skipped))
    return found, skipped


def _checked(out: Path | str | None) -> Path | None:
    path = None if out is None else Path(out)
    if path is not None and path.suffix.lower() not in (*PAGES, *FORMS):
        raise AskError(
            f"{path}: a page is drawn as {' or '.join(PAGES)}, a table is written as {', '.join(FORMS)}"
        )
    return path


def _finished(said: list[Said], calibration: str, skipped: list[Broken], path: Path | None) -> Answers:
    """Write what was asked for."""
    found = Answers(said, calibration, skipped, path)
    if path is not None and path.suffix.lower() in PAGES:
        from openautoglm.evaluate.said_page import draw

        draw(found.said, calibration, path)
    elif path is not None:
        write_table(found.table(), path)
    return found


def _able(catalog: Catalog) -> str:
    """Which models of the workspace answer, or how to train one."""
    folders = (file.parent for file in catalog.folder.glob(f"models/*/{asking.FILE}"))
    able = sorted(one.name for one in folders if asking.load(one) is not None)
    return f"of this workspace these do: {', '.join(able)} (--model NAME)" if able else TEACH
