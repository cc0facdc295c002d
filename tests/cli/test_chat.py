"""`autoglm chat` in a terminal: what it says before anything is typed."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.terminal import CTRL_D, Terminal

from openautoglm.workspace import Workspace

RUN = "from openautoglm.cli.app import main; main()"


@pytest.mark.parametrize(
    ("told", "greeting"),
    [
        ({"LC_ALL": "zh_CN.UTF-8", "LANG": "en_US.UTF-8"}, "请说要找什么"),
        ({"LC_ALL": "", "LANG": "zh_CN.UTF-8"}, "请说要找什么"),
        ({"LC_ALL": "C.UTF-8", "LANG": "zh_CN.UTF-8"}, "Say what you look for"),
    ],
)
def test_a_chat_greets_in_the_language_of_the_locale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: dict[str, str], greeting: str
) -> None:
    (tmp_path / "rows.csv").write_text("id,title\n1,red bicycle\n2,蓝色自行车\n", encoding="utf-8")
    shop = Workspace.open(tmp_path / "shop", create=True)
    shop.add(tmp_path / "rows.csv")
    monkeypatch.delenv("LC_MESSAGES", raising=False)
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    terminal = Terminal(RUN, ["chat", shop.folder])
    terminal.wait_for(greeting)
    terminal.wait_for("> ")
    terminal.type(CTRL_D)
    assert terminal.end() == 0
