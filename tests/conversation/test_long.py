"""A conversation of any length: what is kept of it, and what a turn costs, do not grow."""

from __future__ import annotations

import gc
import json
import os
from collections import Counter
from itertools import cycle, islice
from pathlib import Path

import pytest
from tests.conversation.shops import shop

from openautoglm.catalog.catalog import Catalog
from openautoglm.conversation import session as kept
from openautoglm.conversation.chat import Chat
from openautoglm.conversation.finding import Finder
from openautoglm.conversation.state import State

ROUND = (
    "red bicycles",
    "under 60",
    "cheapest first",
    "how much is the first?",
    "what is in the second?",
    "like the first, but blue",
    "第一个多少钱？",
    "how many are there?",
    "back to all",
    "green lamps",
    "back",
    "gobbledygook",
)


def sizes(chat: Chat) -> dict[str, int]:
    """Bytes of the conversation's files."""
    assert chat.session is not None
    files = chat.session.folder.glob(f"{chat.session.name}.*")
    return {file.name: file.stat().st_size for file in files}


def states() -> int:
    """States that something holds."""
    gc.collect()
    return sum(type(one) is State for one in gc.get_objects())


def test_hundreds_of_turns_keep_and_cost_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work: Counter[str] = Counter()

    def counted(owner: type, name: str) -> None:
        real = getattr(owner, name)

        def call(*given: object, **named: object) -> object:
            work[name] += 1
            return real(*given, **named)

        monkeypatch.setattr(owner, name, call)

    counted(Catalog, "read")
    counted(Catalog, "count")
    counted(Finder, "_find")
    monkeypatch.setattr(kept, "LOGGED", 40)
    rounds, seen = [], []
    with shop(tmp_path).chat("long") as chat:
        for _ in range(18):
            work.clear()
            for turn in ROUND:
                assert chat.say(turn).act != "nothing" or turn == "gobbledygook"
            rounds.append(dict(work))
            seen.append((states(), sizes(chat)["long.json"]))
        assert chat.session is not None
        assert chat.session.turns == 18 * len(ROUND)
        assert kept.KEPT - 1 <= len(chat.history) <= kept.KEPT
        lines = [
            file.read_text(encoding="utf-8").splitlines() for file in chat.session.folder.glob("long.log*")
        ]
        assert sorted(map(len, lines)) == [16, 40]  # 216 turns: 40 are aside, and 16 since
        logged = [json.loads(line)["said"] for line in [*lines[0], *lines[1]]]
        assert Counter(logged) == Counter(islice(cycle(ROUND), 160, 216))
    settled = rounds[8:]
    assert all(one == settled[0] for one in settled)
    assert max(count for count, _ in seen[8:]) <= kept.KEPT + 5
    stored = [size for _, size in seen]
    assert max(stored[13:]) <= 1.1 * max(stored[8:13])


@pytest.mark.slow
def test_five_thousand_turns_are_flat_in_memory_and_on_disk(tmp_path: Path) -> None:
    page = os.sysconf("SC_PAGE_SIZE")
    resident: list[int] = []
    stored: list[int] = []
    with shop(tmp_path).chat("long") as chat:
        for number, turn in enumerate(islice(cycle(ROUND), 5000), 1):
            chat.say(turn)
            if number % 500 == 0:
                gc.collect()
                resident.append(int(Path("/proc/self/statm").read_text().split()[1]) * page >> 20)
                stored.append(sum(sizes(chat).values()) >> 10)
        assert chat.session is not None
        assert chat.session.turns == 5000
        assert kept.KEPT - 1 <= len(chat.history) <= kept.KEPT
    # The allocators settle within the first thousand turns, the files when a second log begins.
    assert max(resident[2:]) - resident[1] < 16, resident
    assert max(stored[4:]) <= max(stored[2:6]) * 1.02, stored
