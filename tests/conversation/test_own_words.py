"""What was asked for is kept: nothing of it is dropped, turned round, or taken for something else."""

from __future__ import annotations

import pytest

from openautoglm.conversation.chat import Chat, Reply
from openautoglm.conversation.commands import command
from openautoglm.conversation.errors import ChatError
from openautoglm.conversation.state import Filter


@pytest.mark.parametrize(
    "words",
    [
        "red tables",
        "yellow lamp shades",
        "tables that are green",
        "outdoor bicycles",
        "红色的食物",
        "蓝色的鸟",
        "绿色的花",
        "红色水杯",
    ],
)
def test_a_new_search_keeps_its_words(chat: Chat, words: str) -> None:
    """Also those that no text has, whose columns may have them; where none has any, the search before stands."""
    chat.say("wooden lamps")
    state = chat.say(words).state
    assert state.text in (words, "wooden lamps") and not state.filters


@pytest.mark.parametrize("word", ["lamp", "wooden", "水壶"])
def test_a_single_word_of_the_catalogue_is_searched_for(chat: Chat, word: str) -> None:
    assert chat.say(word).state.words == (word,)


@pytest.mark.parametrize(
    ("said", "words"),
    [("a green lamp", "green lamp"), ("帮我找一个红色水壶", "红色水壶"), ("red lamps, please", "red lamps")],
)
def test_only_what_frames_the_words_is_left_out(chat: Chat, said: str, words: str) -> None:
    assert chat.say(said).state.words == (words,)


@pytest.mark.parametrize(
    "asked",
    [
        "is the first a lamp?",
        "is there an animal in the first?",
        "does the first have a handle?",
        "what is the first?",
        "第一个里面有人吗",
    ],
)
@pytest.mark.parametrize(
    "then", ["is there an animal in it?", "is it red?", "how big is it?", "这是什么东西？"]
)
def test_questions_about_a_row_change_nothing_that_was_found(chat: Chat, asked: str, then: str) -> None:
    chat.say("red lamps")
    for said in (asked, then):
        reply = chat.say(said)
        assert (reply.act, reply.state.text, reply.state.filters) == ("question", "red lamps", ())
        assert reply.answer is not None and reply.answer.row == chat.state.shown[0]


def test_it_with_nothing_shown_is_asked_back(chat: Chat) -> None:
    assert _nothing(chat.say("is it red?")) and not chat.state.filters
    chat.say("red lamps")
    assert "the first" in chat.say("what is it?").text and "第" in chat.say("这是什么？").text


def _nothing(reply: Reply) -> bool:
    return reply.act == "nothing" and reply.text[0].isupper()


def test_a_colour_asked_for_without_it_is_that_of_the_row_spoken_of(chat: Chat) -> None:
    chat.say("folding lamps")
    among = chat.say("是什么颜色？").answer
    assert among is not None and isinstance(among.value, list)
    chat.say("what is the second?")
    alone = chat.say("是什么颜色？").answer
    assert alone is not None and (alone.value, alone.row) == (
        chat.finder.row(chat.state.shown[1])["colour"],
        chat.state.shown[1],
    )


@pytest.mark.parametrize(
    ("asked", "count"), [("总数是多少", True), ("一共是多少？", True), ("价格是多少？", False)]
)
def test_how_much_is_not_how_many(chat: Chat, asked: str, count: bool) -> None:
    chat.say("red lamps")
    found = chat.say(asked).answer
    assert found is not None and found.value == (3 if count else [100.0, 120.0])


def test_drop_says_where_there_is_nothing_to_drop(chat: Chat) -> None:
    chat.say("lamps")
    command(chat, "/set where colour = 'blue'")
    with pytest.raises(ChatError, match="no condition on 'colour'.*/drop where forgets colour = 'blue'"):
        command(chat, "/drop colour")
    assert chat.state.filters == (Filter("", "sql", "colour = 'blue'"),)
    assert not command(chat, "/drop where").state.filters
