"""Sessions: resumed as they were, one chat each, side by side unharmed, and honest about damage."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.conversation.shops import shop

from openautoglm.conversation.errors import ChatError

RUN = "from openautoglm.cli.app import main; main()"


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


def test_ctrl_c_during_a_turn_leaves_the_session_as_it_was(tmp_path: Path) -> None:
    import signal

    workspace = shop(tmp_path)
    slow = (
        "import signal, time; from openautoglm.conversation.chat import Chat\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "say = Chat.say\n"
        "Chat.say = lambda self, text: (print('slow', flush=True), time.sleep(100)) if text == 'slow' else say(self, text)\n"
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
