"""Sessions: resumed as they were, one chat each, side by side unharmed, and honest about damage."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conversation.shops import shop

from openautoglm.conversation.answers import Growing, ModelAnswer
from openautoglm.conversation.errors import ChatError
from openautoglm.errors import UserError

RUN = "from openautoglm.cli.app import main; main()"


@pytest.fixture(autouse=True)
def heard() -> Iterator[None]:
    """A runner may have Ctrl-C ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def talk(folder: Path, turns: str, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", RUN, "chat", str(folder), *options], input=turns, capture_output=True, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False,
    )  # fmt: skip


def test_a_session_goes_on_where_it_was_and_two_do_not_meet(tmp_path: Path) -> None:
    workspace = shop(tmp_path)
    with workspace.chat("one") as one, workspace.chat("two") as two:
        one.say("red bicycles")
        two.say("blue lamps")
        one.say("under 25")
        with pytest.raises(ChatError, match="open in process"):
            workspace.chat("one")
        states = one.state, two.state
    with workspace.chat("one") as one, workspace.chat("two") as two:
        assert (one.state, two.state) == states and len(one.history) == 2
        assert one.undo().state.words == ("red bicycles",) and not one.state.filters
    log = (workspace.folder / "chats" / "one.log.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["said"] for line in log] == ["red bicycles", "under 25", "undo"]


@pytest.mark.parametrize("text", ["{", "[]", '{"format": 1}', '{"format": 99}'])
def test_a_damaged_session_is_told(tmp_path: Path, text: str) -> None:
    workspace = shop(tmp_path)
    (workspace.folder / "chats").mkdir()
    (workspace.folder / "chats" / "mine.json").write_text(text, encoding="utf-8")
    for _ in range(2):  # its lock is not kept
        with pytest.raises(ChatError, match=r"mine\.json (is damaged|has format 99)"):
            workspace.chat("mine")
    with pytest.raises(ChatError, match="name"):
        workspace.chat("../mine")


def test_turns_from_a_pipe_are_one_object_each(tmp_path: Path) -> None:
    workspace = shop(tmp_path)
    done = talk(
        workspace.folder,
        "red bicycles\n\nunder 25\n/sett\n/state\n第一个多少钱？",
        "--json",
        "--session",
        "a",
    )
    assert done.returncode == 0, done.stderr
    replies = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one.get("act", "error") for one in replies] == ["search", "refine", "error", "set", "question"]
    assert replies[-1]["answer"]["value"] == 10.0
    again = talk(workspace.folder, "how many are there?\n", "--session", "a")
    assert again.stdout.splitlines() == ["2.", "[looking for: red bicycles | only: price < 25]"], again.stderr


def test_what_a_model_writes_is_told_as_it_grows_and_stopped_without_a_trace(tmp_path: Path) -> None:
    workspace = shop(tmp_path)
    closed: list[str] = []

    def growing(row: str, question: str) -> Growing:
        try:
            yield "dark "
            yield "red"
        finally:
            closed.append(row)
        return ModelAnswer("dark red", 0.9) if "sure" not in question else None

    with workspace.chat("a", ask=growing) as chat:
        first = chat.say("red bicycles").hits[0].id
        told: list[str] = []
        known = chat.say("what is in the first?", tell=told.append).answer
        assert known and (known.source, known.value, known.row) == ("model", "dark red", first)
        assert told == ["dark ", "red"] and known.text.startswith("dark red (")
        unsure = chat.say("what is surely in the first?", tell=told.append).answer
        assert unsure and unsure.source == "catalogue" and len(told) == 4

        before = chat.state, chat.history, chat.session and chat.session.turns
        with pytest.raises(KeyboardInterrupt):
            chat.say("what is in the second?", tell=lambda piece: signal.raise_signal(signal.SIGINT))
        assert (chat.state, chat.history, chat.session and chat.session.turns) == before
        assert len(closed) == 3
        assert chat.say("what is in it?").answer == known


def test_ctrl_c_while_a_turn_is_written_waits_for_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = shop(tmp_path)
    replace = Path.replace

    def stopped(self: Path, target: Path) -> Path:
        signal.raise_signal(signal.SIGINT)
        return replace(self, target)

    with workspace.chat("a") as chat:
        chat.say("red bicycles")
        monkeypatch.setattr(Path, "replace", stopped)
        with pytest.raises(KeyboardInterrupt):
            chat.say("under 25")
        monkeypatch.undo()
        state = chat.state
        assert state.filters and chat.session is not None and chat.session.turns == 2
    with workspace.chat("a") as chat:
        assert chat.state == state and len(chat.history) == 2


def test_a_turn_that_cannot_be_written_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with shop(tmp_path).chat("a") as chat:
        chat.say("red bicycles")
        before = chat.state, chat.history
        monkeypatch.setattr(Path, "replace", full)
        with pytest.raises(UserError, match="space"):
            chat.say("under 25")
        monkeypatch.undo()
        assert (chat.state, chat.history) == before
        assert chat.say("under 25").hits


def test_ctrl_c_during_a_turn_leaves_the_session_as_it_was(tmp_path: Path) -> None:
    workspace = shop(tmp_path)
    slow = (
        "import signal, time; from openautoglm.conversation.chat import Chat\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "say = Chat.say\n"
        "Chat.say = lambda self, text, **how: (\n"
        "    (print('slow', flush=True), time.sleep(100)) if text == 'slow' else say(self, text, **how))\n"
    )
    command = [sys.executable, "-c", slow + RUN, "chat", str(workspace.folder), "--session", "a"]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write("red bicycles\nslow\n")
    process.stdin.flush()
    while process.stdout.readline() not in ("slow\n", ""):
        pass
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    with workspace.chat("a") as chat:
        assert chat.state.words == ("red bicycles",) and chat.session is not None and chat.session.turns == 1
