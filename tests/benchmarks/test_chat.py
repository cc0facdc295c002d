"""The chat benchmark's small form runs; a turn counts only with the exact state and the right answer."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from benchmarks.chat_script import Labelled
from benchmarks.chat_templates import TEMPLATES

from benchmarks import chat, figures
from openautoglm.conversation.answers import Answer
from openautoglm.conversation.state import Filter, State


def test_the_small_form_writes_its_figures(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(figures, "RUNS", tmp_path)
    monkeypatch.setattr(figures, "ROOT", tmp_path)
    chat.main(["--quick"])
    written = json.loads((tmp_path / "results" / "chat.json").read_text(encoding="utf-8"))["figures"]
    assert written["keywords_right"]["value"] < written["turns_right"]["value"] <= 1
    assert written["turns_right"]["low"] <= written["turns_right"]["value"] <= written["turns_right"]["high"]


def test_a_turn_is_right_only_as_a_whole() -> None:
    state = State(words=("mugs",), filters=(Filter("price", "<", 20), Filter("brand", "=", "Acme")))
    turn = Labelled("count", "en", "how many?", state, 3)
    turned = replace(state, filters=state.filters[::-1], shown=("a",))
    assert chat._right(turn, turned, Answer("3.", value=3))
    assert not chat._right(turn, turned, Answer("4.", value=4)) and not chat._right(turn, turned, None)
    assert not chat._right(turn, replace(state, page=2), Answer("3.", value=3))
    assert not chat._right(replace(turn, answer=None), replace(state, filters=state.filters[:1]), None)


def test_no_template_is_of_both_uses() -> None:
    for kind, languages in TEMPLATES.items():
        for uses in languages.values():
            assert not set(uses["develop"]) & set(uses["test"]), kind
