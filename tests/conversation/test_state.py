"""A state is plain data: it survives JSON, its condition is SQL of the catalogue, an edit gives a new one."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conversation.shops import rows

from openautoglm.conversation.chat import Chat
from openautoglm.conversation.finding import Finder
from openautoglm.conversation.state import Filter, State, lacks

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)
ORDERS = st.sampled_from(["<", "<=", ">", ">="])
FILTERS = st.one_of(
    st.builds(Filter, st.just("price"), ORDERS, st.integers(-5, 500) | st.floats(-5, 500, allow_nan=False)),
    st.builds(Filter, st.just("released"), ORDERS, st.dates().map(str)),
    st.builds(Filter, st.sampled_from(["brand", "colour", "tags"]), st.sampled_from(["=", "!="]), TEXTS),
    st.builds(
        Filter, st.sampled_from(["brand", "category"]), st.just("in"), st.lists(TEXTS, min_size=1).map(tuple)
    ),
    st.builds(Filter, st.just("in stock"), st.just("="), st.booleans()),
)
STATES = st.builds(
    State,
    words=st.lists(TEXTS, max_size=2).map(tuple),
    without=st.lists(TEXTS, max_size=2).map(tuple),
    like=st.lists(TEXTS, max_size=2).map(tuple),
    filters=st.lists(FILTERS, max_size=4).map(tuple),
    sort=st.sampled_from([None, "price", "-released"]),
    page=st.integers(1, 9),
    began=st.lists(TEXTS, max_size=2).map(tuple),
    shown=st.lists(TEXTS, max_size=3).map(tuple),
    focus=st.none() | TEXTS,
)


@given(STATES)
def test_it_survives_json(state: State) -> None:
    assert State.from_dict(json.loads(json.dumps(state.as_dict()))) == state


@settings(max_examples=60, deadline=None)
@given(STATES)
def test_the_condition_of_any_state_is_one_of_the_catalogue(finder: Finder, state: State) -> None:
    where = state.where(finder.columns.kinds)
    assert where is None or 0 <= finder.catalog.count(where) <= len(rows())


@pytest.mark.parametrize(
    ("one", "passes"),
    [
        (Filter("price", "<=", 30), lambda row: row["price"] <= 30),
        (Filter("brand", "=", "O'Neill"), lambda row: row["brand"] == "O'Neill"),
        (Filter("brand", "!=", "O'Neill"), lambda row: row["brand"] != "O'Neill"),
        (Filter("colour", "in", ("red", "blue")), lambda row: row["colour"] in ("red", "blue")),
        (Filter("tags", "=", "sale"), lambda row: "sale" in row["tags"]),
        (Filter("tags", "!=", "sale"), lambda row: "sale" not in row["tags"]),
        (Filter("released", ">=", "2021-01-01"), lambda row: row["released"] >= "2021-01-01"),
        (Filter("in stock", "=", True), lambda row: row["in stock"]),
        (
            Filter("", "sql", "price < 20 OR colour = 'red'"),
            lambda row: row["price"] < 20 or row["colour"] == "red",
        ),
    ],
)
def test_a_condition_passes_just_the_rows_that_it_says(finder: Finder, one: Filter, passes: object) -> None:
    found = finder.catalog.read(["id"], where=State(filters=(one,)).where(finder.columns.kinds))[
        "id"
    ].to_pylist()
    assert found == [row["id"] for row in rows() if passes(row)]  # type: ignore[operator]


def test_unwanted_words_are_met_whole(finder: Finder) -> None:
    found = finder.catalog.read(["title"], where=lacks("the bicycles"))["title"].to_pylist()
    assert found and not any("bicycle" in title for title in found)
    assert len(finder.catalog.read(["id"], where=lacks("cycle"))) == len(rows())
    assert lacks("?!") is None


def test_a_bound_takes_the_place_of_one_on_its_side() -> None:
    kinds = {"price": "number", "tags": "tags"}
    state = State().filtered([Filter("price", ">=", 5), Filter("price", "<=", 50)], kinds)  # type: ignore[arg-type]
    state = state.filtered([Filter("price", "<", 20)], kinds)  # type: ignore[arg-type]
    assert state.filters == (Filter("price", ">=", 5), Filter("price", "<", 20))
    tagged = state.filtered([Filter("tags", "=", "sale")], kinds).filtered(
        [Filter("tags", "=", "gift")], kinds
    )  # type: ignore[arg-type]
    assert len(tagged.filters) == 4


TURNS = [
    "bicycles",
    "only red",
    "under 150",
    "more",
    "cheapest first",
    "like the first, but blue",
    "not Acme",
] + ["forget the price", "back to all", "reset", "红色台灯", "只要便宜的"]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(TURNS), max_size=6))
def test_back_gives_the_state_before_any_edit(finder: Finder, turns: list[str]) -> None:
    chat = Chat(finder)
    for turn in turns:
        before, states = chat.state, len(chat.history)
        chat.say(turn)
        if len(chat.history) > states:
            after = chat.state
            assert chat.undo().state.same(before)
            chat.state = after


def test_what_is_no_state_is_refused() -> None:
    bad_filter = {"column": "a", "op": "~", "value": 1}
    for broken in (
        {"wrods": []}, {"words": "red"}, {"filters": [bad_filter]}, {"page": 0}, {"sort": 3}, {"filters": [3]}
    ):  # fmt: skip
        with pytest.raises(ValueError, match="."):
            State.from_dict(broken)  # type: ignore[arg-type]
