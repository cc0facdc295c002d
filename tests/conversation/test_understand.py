"""Turns in words lead to the state that they say, in English and Chinese."""

from __future__ import annotations

import pytest

from openautoglm.conversation.chat import Chat
from openautoglm.conversation.state import Filter, State

RED = State(words=("red bicycles",))


@pytest.mark.parametrize(
    ("turn", "filters", "without", "sort"),
    [
        ("under 20", [Filter("price", "<", 20)], (), None),
        ("不超过五十元的", [Filter("price", "<=", 50)], (), None),
        ("between 5 and 10 euros", [Filter("price", ">=", 5), Filter("price", "<=", 10)], (), None),
        ("lighter than 2500 g", [Filter("weight_kg", "<", 2.5)], (), None),
        ("from 2021 on", [Filter("released", ">=", "2021-01-01")], (), None),
        ("2021年以后的", [Filter("released", ">=", "2021-01-01")], (), None),
        ("not Acme", [Filter("brand", "!=", "Acme")], (), None),
        ("only in category home", [Filter("category", "=", "home")], (), None),
        ("只要红色的", [Filter("colour", "=", "red")], (), None),
        ("only red or blue ones", [Filter("colour", "in", ("red", "blue"))], (), None),
        ("without folding", [], ("folding",), None),
        ("cheapest first", [], (), "price"),
        ("最新的在前", [], (), "-released"),
        ("只要 Acme 的", [Filter("brand", "=", "Acme")], (), None),
    ],
)
def test_a_refinement(
    chat: Chat, turn: str, filters: list[Filter], without: tuple[str, ...], sort: str | None
) -> None:
    chat.say("bicycles")
    state = chat.say(turn).state
    assert (state.words, list(state.filters), state.without, state.sort) == (
        ("bicycles",),
        filters,
        without,
        sort,
    )


def test_cheap_is_the_lower_third_of_what_was_found(chat: Chat) -> None:
    chat.say("red bicycles")
    assert chat.say("only cheap ones").state.filters == (Filter("price", "<=", 10.0),)


def test_the_conversation_of_the_manual(chat: Chat) -> None:
    shown = [hit.id for hit in chat.say("red bicycles").hits]
    chat.say("only under 25")
    second = chat.state.shown[1]
    like = chat.say("like the second, but blue").state
    assert like.like == (second,) and like.filters == (
        Filter("price", "<", 25),
        Filter("colour", "=", "blue"),
    )
    chat.undo()
    asked = chat.say("what is in the first?")
    assert asked.answer is not None and asked.answer.row == chat.state.shown[0] and "bicycle" in asked.text
    assert chat.say("how much is it?").answer.value == 10.0  # type: ignore[union-attr]
    for said, value in (("how heavy is it?", 1.5), ("它多少钱？", 10.0)):
        assert chat.say(said).answer.value == value  # type: ignore[union-attr]
    assert "bicycle" in chat.say("what is it?").text
    back = chat.say("back to all")
    assert back.state.same(RED.searching("red bicycles")) and [hit.id for hit in back.hits] == shown


@pytest.mark.parametrize(
    "turn", ["", "   ", "hello", "谢谢", "...", "🙂", "qwrtp zxcvb", "Ողջույն աշխարհ", "the ninth", "\0"]
)
def test_what_says_nothing_leaves_the_state(chat: Chat, turn: str) -> None:
    before = chat.say("red bicycles under 15").state
    reply = chat.say(turn)
    assert (reply.act, reply.state) == ("nothing", before) and reply.text


def test_counts_and_extremes(chat: Chat) -> None:
    chat.say("lamps")
    assert chat.say("how many are there?").answer.value == 9  # type: ignore[union-attr]
    assert chat.say("how many of those are red?").answer.value == 3  # type: ignore[union-attr]
    assert chat.say("哪个最便宜？").answer.value == 100.0  # type: ignore[union-attr]


def test_a_search_that_fails_leaves_the_state(chat: Chat) -> None:
    from openautoglm.errors import UserError

    before = chat.say("lamps").state
    with pytest.raises(UserError, match="price <"):
        chat.set(where="price <")
    assert chat.state == before and chat.drop("words").state.words == ()
