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
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from PIL import Image

from openautoglm.catalog.condition import one_of
from openautoglm.catalog.formats import BadImage
from openautoglm.catalog.parts import load_picture
from openautoglm.catalog.printable import one_line, printable
from openautoglm.catalog.questions import RowNames
from openautoglm.catalog.schema import ID
from openautoglm.config import nearest
from openautoglm.conversation.answers import Growing, ModelAnswer
from openautoglm.conversation.patterns import search
from openautoglm.conversation.uninterrupted import uninterrupted
from openautoglm.encoders.pretrained import read_config
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
    from openautoglm.tasks.asking import Asking

UNKNOWN = "I don't know"
BLANK = "the picture is of one colour, nothing can be seen in it"
PAGES = (".png", ".html")
TEACH = {
    "answers": "`autoglm fit {} --captions FIELD --questions FILE` trains one that answers",
    "captions": "`autoglm fit {} --captions FIELD` trains one that writes them",
}
"""How to come to a model that can, in the workspace of this name."""
_DESCRIBING = (
    r"^what(?:'s| is) (?:in|on) it\W*$|^what (?:do|can) (?:you|i|we) see|^what does it show"
    r"|(?<![a-z])describe(?![a-z])|它(?:里面?|上面?)有(?:什么|啥)\W*$|描述|看到了?什么"
)
"""What a caption answers better than a question about one thing."""
BATCH = 16
MOST_IDS = 1000
"""Ids among which a similar one is looked for."""
Say = Callable[[str, str], None]
"""Told (picture, piece of its caption) as it is written; an empty piece when a picture's turn comes."""
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
) -> Callable[[str, str], Growing] | None:
    """What answers a chat's questions about rows: the model in `home`, loaded when the first is asked.

    None if it learned no questions. Its answer is None where it does not know; what is known before, that the
    picture shows nothing, or that the question is in words it never learned, keeps it from writing at all.
    """
    if home is None or asking.load(home) is None:
        return None

    def answer(row: str, question: str) -> Growing:
        with uninterrupted():  # the first time torch is imported here
            model = load()
        trust = model.answering
        assert trust is not None, "its folder says that it learned questions"
        try:
            (one,), _ = _pictures(model, catalog, row)
        except AskError:  # the row has no picture, or one that cannot be read
            return None
        describing = bool(model.captions) and search(_DESCRIBING, question) is not None
        if is_blank(one.framed) or (trust.strange(question) and not describing):
            return None
        for piece in model.stream(**_wanted(model, [one], None if describing else asked(question))):
            if piece.text:
                yield piece.text
            if piece.done is not None and describing:
                return ModelAnswer(piece.done.text)
            if piece.done is not None:
                said = _judged(one, piece.done, None, question, trust)
                return None if said.doubt else ModelAnswer(said.text, said.confidence)
        return None

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
        wrong = f"{question!r} has no words" if question else "the question is empty"
        raise AskError(f"{wrong}; ask in a few words")
    trust = model.answering
    if trust is None:
        why = "learned no questions" if model.looks else "cannot write"
        raise AskError(f"the model {why}, so it answers none; {_able(catalog, 'answers')}")
    path = _checked(out)
    pictures, skipped = _pictures(model, catalog, sources)
    written = _written(model, pictures, asked(question), None)
    said = [_judged(one, text, patches, question, trust) for one, text, patches in written]
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
    if not model.looks or model.captions is False:
        why = "learned no captions" if model.looks else "cannot write"
        raise AskError(f"the model {why}, so it writes none; {_able(catalog, 'captions')}")
    path = _checked(out)
    pictures, skipped = _pictures(model, catalog, sources)
    said = []
    for one, text, patches in _written(model, pictures, None, say):
        confidence = math.exp(text.logprob / max(1, len(text.logprobs)))
        doubt = BLANK if is_blank(one.framed) else ""
        said.append(Said(one.name, None, text.text, confidence, doubt, (), patches, one.image))
    return _finished(said, "mean probability of the tokens, not calibrated", skipped, path)


class _Picture(NamedTuple):
    name: str
    framed: Any
    image: Image.Image
    columns: dict[str, Any] | None
    """What the model reads of a row's columns; None of a file, and where it reads none."""


def _judged(
    one: _Picture, text: Generated, patches: NDArray[np.float32] | None, question: str, trust: Asking
) -> Said:
    """The answer, and whether it is to be given."""
    unknown, confidence = tuple(trust.unknown(question)), trust.confidence(text.logprob)
    doubt = ""
    if is_blank(one.framed):
        doubt = BLANK
    elif trust.strange(question):
        doubt = f"words that no question of the training had: {', '.join(unknown)}"
    elif not trust.sure(confidence):
        # Rounded down: where it is not sure enough, nobody wants to read 1.00.
        doubt = f"most likely {text.text!r}, confidence {math.floor(100 * confidence) / 100:.2f}"
        doubt += f"; new words: {', '.join(unknown)}" if unknown else ""
    return Said(one.name, question, text.text, confidence, doubt, unknown, patches, one.image)


def _wanted(model: OpenAutoGLM, some: Sequence[_Picture], prompt: str | None) -> dict[str, Any]:
    """What the model is to write about pictures, as arguments of `generate` and `stream`."""
    return {
        "images": [one.framed for one in some],
        "prompts": [prompt] * len(some),
        "columns": None if model.processor.columns is None else [one.columns or {} for one in some],
        "max_new_tokens": model.processor.text.max_length,
    }


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
        stream = None
        if say is not None:
            say(some[0].name, "")
            stream = partial(_pass_on, say, some) if not is_blank(some[0].framed) else None
        texts = model.generate(**_wanted(model, some, prompt), stream=stream)
        if say is not None and stream is None:
            say(some[0].name, f"{UNKNOWN} ({BLANK})")
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
    ids = one_of(ID, [str(one) for one in listed if isinstance(one, str | Path)])
    known = set(catalog.read([ID], where=ids)[ID].to_pylist()) if ids else set()
    names: RowNames | None = None
    found, skipped = [], []
    for source in listed:
        name = str(source) if isinstance(source, str | Path) else "picture"
        row: str | None = None
        try:
            if isinstance(source, Image.Image):
                image = source
            elif name not in known and Path(name).expanduser().is_file():
                image = load_picture(Path(name).expanduser())
            else:
                row = name
                if name not in known:  # all names are read only where one is needed
                    names = names or RowNames(catalog, Path.cwd())
                    row = names.find(name)
                    if row is None:
                        raise AskError(_unknown(name, names))
                image = catalog.load_image({ID: row})
        except BadImage as error:
            skipped.append(Broken(name, error.reason))
            continue
        columns = columns_of(model, catalog, [row]) if row is not None else None
        seen = covered(image, model.processor.image)
        found.append(_Picture(name, model.prepare(image), seen, columns[0] if columns else None))
    if not found:
        raise AskError("; ".join(f"{one.id}: {one.reason}" for one in skipped))
    return found, skipped


def _unknown(name: str, names: RowNames) -> str:
    """Why nothing is called so, and what to name."""
    if Path(name).expanduser().is_dir():
        return f"{name!r} is a folder; name the pictures in it, e.g. {Path(name) / '*'}"
    said = f"{name!r} is neither the id of a row nor a picture file"
    if names.several(name):
        return f"{said}: {names.reason(name)}"
    near = nearest(name, names.ids) if len(names.ids) < MOST_IDS else ""
    if "did you mean" in near:
        return said + near
    return f"{said}; the ids here look like {min(names.ids)!r}" if names.ids else said


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


def _able(catalog: Catalog, what: Literal["answers", "captions"]) -> str:
    """Which models of the workspace write these, or how to train one."""
    folders = sorted(file.parent for file in catalog.folder.glob("models/*/config.json"))
    if what == "answers":
        able = [one.name for one in folders if asking.load(one) is not None]
    else:
        able = [one.name for one in folders if read_config(one).get("captions")]
    return (
        f"of this workspace these do: {', '.join(able)} (--model NAME)"
        if able
        else TEACH[what].format(catalog.folder.name)
    )
