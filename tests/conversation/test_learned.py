"""The learned reader understands frames that the grammar does not know, on any catalogue, and breaks nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tools.learn_turns import learn, made_from, sources
from tools.turn_frames import Frame, read_frames

from openautoglm.conversation.chat import Chat
from openautoglm.conversation.columns import Column, Columns
from openautoglm.conversation.errors import ChatError
from openautoglm.conversation.learned.model import WEIGHTS, shipped
from openautoglm.conversation.learned.reader import guessed
from openautoglm.conversation.learned.tokens import tokens_of
from openautoglm.conversation.learned.wordings import SLOTS, WORDINGS
from openautoglm.conversation.reading import Reading
from openautoglm.conversation.state import Filter, State
from openautoglm.conversation.understand import understand

COLUMNS = Columns(
    {
        "price": Column("price", "number"),
        "city": Column("city", "text", "column", ("Porto", "Leeds")),
        "built": Column("built", "date"),
    }
)


class Nothing:
    """A catalogue of no rows."""

    page_size = 10

    def __init__(self, columns: Columns) -> None:
        self.columns = columns

    def row(self, name: str) -> dict[str, Any]:
        return {}

    def spread(self, state: State, column: str) -> Sequence[Any]:
        return []

    def says(self, text: str) -> bool:
        return False


def test_tokens_are_marked_with_what_the_catalogue_knows() -> None:
    tokens = tokens_of("like the second, but in Porto, from 2019 and under 20 euros", COLUMNS)
    marked = [(one.said, one.mark) for one in tokens if one.mark]
    assert marked == [("the second", "R"), ("porto", "V"), ("2019", "Y"), ("20 euros", "N")]


@pytest.mark.parametrize(
    "text", ["价格从低到高，最便宜的", "red ones,  please!", "第二个多少钱？", "a" * 50, "İ €20 红"]
)
def test_tokens_say_what_stands_there(text: str) -> None:
    said = Reading.of(text).said
    tokens = tokens_of(said, COLUMNS)
    assert all(one.said == said[one.start : one.end].lower() or "İ" in said for one in tokens)
    assert "".join(said.split()) == "".join("".join(said[one.start : one.end] for one in tokens).split())


@pytest.mark.parametrize(
    ("turn", "state"),
    [
        ("any chance you could dig out some blue lamps for my aunt", State().searching("blue lamps")),
        ("my sister is hoping to buy kettles", State().searching("kettles")),
        ("店里进没进红色台灯", State().searching("红色台灯")),
    ],
)
def test_searches_in_frames_that_the_grammar_does_not_know(chat: Chat, turn: str, state: State) -> None:
    assert chat.say(turn).state.words == state.words


@pytest.mark.parametrize(
    ("turn", "filters"),
    [
        ("my wallet stops at 50", [Filter("price", "<=", 50)]),
        ("I am rather fed up with Acme ones", [Filter("brand", "!=", "Acme")]),
        ("I have had enough of Acme ones", [Filter("brand", "!=", "Acme")]),
        ("single out whatever is made by Acme", [Filter("brand", "=", "Acme")]),
    ],
)
def test_conditions_in_frames_that_the_grammar_does_not_know(
    chat: Chat, turn: str, filters: list[Filter]
) -> None:
    chat.say("bicycles")
    reply = chat.say(turn)
    assert (reply.state.words, list(reply.state.filters)) == (("bicycles",), filters)


@pytest.mark.parametrize("columns", [Columns(), COLUMNS])
@given(
    text=st.text(max_size=80)
    | st.text(alphabet="the second 第二个 20元 not 红 price cheap like ,", max_size=60)
)
@settings(max_examples=60, deadline=None)
def test_any_text_is_a_turn(columns: Columns, text: str) -> None:
    view = Nothing(columns)
    turn = Reading.of(text)
    guess = guessed(turn, view, shipped())
    assert guess is None or (guess.kind in WORDINGS and 0 <= guess.chance <= 1)
    try:
        understood = understand(text, State().searching("lamps").seen(["a", "b", "c"]), view)
    except ChatError:
        return
    assert isinstance(understood.state, State)


def test_the_weights_are_those_of_the_frames() -> None:
    """Frames that have changed since need `python -m tools.learn_turns`."""
    frames = [one for some in sources().values() for one in some]
    with np.load(WEIGHTS) as stored:
        assert str(stored["made_from"]) == made_from(frames)
    assert set(shipped().kinds) - {"other"} == set(WORDINGS)
    assert WEIGHTS.stat().st_size < 1 << 20


def test_a_few_frames_are_learned_the_same_way_twice() -> None:
    frames = [
        Frame("search", "en", "kindly fetch {q}"),
        Frame("search", "en", "kindly fetch me {q}"),
        Frame("not value", "en", "spare me {v}"),
        Frame("reset", "zh", "从头再来"),
    ]
    model, again = (learn(frames, times=20) for _ in range(2))
    assert np.array_equal(model.kind, again.kind) and np.array_equal(model.span, again.span)
    tokens = tokens_of("kindly fetch umbrellas", COLUMNS)
    chances = model.chances(tokens, [])
    assert max(chances, key=lambda one: chances[one]) == "search"
    assert model.spans_of(tokens, SLOTS["search"].group, 1)[0][:2] == (2, 3)


def test_a_frame_outside_a_section_is_refused(tmp_path: Any) -> None:
    (tmp_path / "frames.txt").write_text("show me {q}\n", encoding="utf-8")
    with pytest.raises(ValueError, match="line 1: a frame before the first"):
        read_frames(tmp_path / "frames.txt")
