"""make bench-chat: how many turns of a labelled script reach the right state, by kind of turn and language.

The paraphrases of the final set are held out: nothing in the package was made from them, and the learned reader did
not learn from them, as it did from most others (`tools/turn_frames/`).
A turn is right if the state is exactly the labelled one and, where it asks something, the answer has the
labelled value. Conversations go on from their own states, so an error may cost the turns behind it;
`turns_right_alone` starts each turn from the labelled state. The baseline takes each turn for a search of its
own, without what was said before.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any, get_args
from unittest.mock import patch

import numpy as np
from tools.turn_frames import HELD_OUT

from benchmarks.chat_data import drawings, shop
from benchmarks.chat_script import Labelled, conversations
from benchmarks.chat_templates import Use
from benchmarks.figures import figure, write
from openautoglm.conversation import understand
from openautoglm.conversation.chat import Chat
from openautoglm.conversation.finding import Finder
from openautoglm.conversation.learned.model import WEIGHTS, Model
from openautoglm.conversation.reading import Reading
from openautoglm.conversation.state import State


@dataclass(frozen=True)
class Judged:
    """A turn, and whether it led to where it should."""

    turn: Labelled
    right: bool
    got: str
    place: int
    """Of its conversation."""


def own_states(finder: Finder, script: Sequence[Sequence[Labelled]]) -> list[Judged]:
    """Hold the conversations; each turn goes on from where the one before led."""
    judged = []
    for place, turns in enumerate(script):
        chat = Chat(finder)
        for turn in turns:
            reply = chat.say(turn.text)
            judged.append(Judged(turn, _right(turn, reply.state, reply.answer), str(reply), place))
    return judged


def alone(finder: Finder, script: Sequence[Sequence[Labelled]]) -> list[Judged]:
    """Each turn from the labelled state before it, and with the labelled states to go back to."""
    judged = []
    for place, turns in enumerate(script):
        history: list[State] = []
        before = State()
        for turn in turns:
            chat = Chat(finder)
            chat._state = before
            chat._history.extend(history)
            reply = chat.say(turn.text)
            judged.append(Judged(turn, _right(turn, reply.state, reply.answer), f"{before} → {reply}", place))
            if turn.kind == "undo":
                history.pop()
            elif not turn.state.about(None).same(before.about(None)):
                history.append(before)
            before = turn.state
    return judged


def keywords(finder: Finder, script: Sequence[Sequence[Labelled]]) -> list[Judged]:
    """The baseline: the words of each turn are searched for, whatever was said before."""
    return [
        Judged(turn, _right(turn, State().searching(Reading.of(turn.text).content()), None), "", place)
        for place, turns in enumerate(script)
        for turn in turns
    ]


def _right(turn: Labelled, state: State, answer: Any) -> bool:
    wanted = turn.state
    same = replace(_in_order(state), began=wanted.began).same(_in_order(wanted))
    if turn.answer is None or not same:
        return same
    if answer is None:
        return False
    return str(turn.answer) in answer.text if turn.kind == "what" else bool(answer.value == turn.answer)


def _in_order(state: State) -> State:
    """Conditions hold together, whichever was said first."""
    return replace(state, filters=tuple(sorted(state.filters, key=str)), without=tuple(sorted(state.without)))


def interval(judged: Sequence[Judged], repeats: int = 2000) -> tuple[float, float]:
    """95 % interval of the share of right turns; whole conversations are drawn again."""
    by_place: dict[int, list[bool]] = defaultdict(list)
    for one in judged:
        by_place[one.place].append(one.right)
    right = np.array([sum(some) for some in by_place.values()])
    count = np.array([len(some) for some in by_place.values()])
    drawn = np.random.default_rng(0).integers(0, len(right), (repeats, len(right)))
    shares = right[drawn].sum(1) / count[drawn].sum(1)
    return float(np.quantile(shares, 0.025)), float(np.quantile(shares, 0.975))


def main(argv: Sequence[str] | None = None) -> None:
    """Write the script, hold the conversations, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--use", choices=get_args(Use), default="final")
    parser.add_argument(
        "--failures", action="store_true", help="print them; for templates to develop with only"
    )
    parser.add_argument(
        "--weights", type=Path, default=WEIGHTS, help="of `tools.learn_turns --to`; nothing is written"
    )
    given = parser.parse_args(argv)
    if given.failures and given.use in HELD_OUT:
        parser.error("failures on templates that are held out are not looked at")
    use: Use = given.use
    count, length = (6, 8) if given.quick else (40, 10)
    measured: dict[str, list[Judged]] = defaultdict(list)
    ways: dict[str, Callable[[Finder, Sequence[Sequence[Labelled]]], list[Judged]]] = {
        "own states": own_states, "alone": alone, "keywords": keywords
    }  # fmt: skip
    seconds = 0.0
    reader = patch.object(understand, "shipped", cache(partial(Model.load, given.weights)))
    with reader, tempfile.TemporaryDirectory() as folder:
        for offset, (name, make) in enumerate({"shop": shop, "pictograms": drawings}.items()):
            workspace = make(Path(folder), quick=given.quick)
            finder = Finder(workspace.catalog, workspace.search)
            script = conversations(finder, name, use, count, length, seed=1)
            for way, hold in ways.items():
                began = time.perf_counter()
                judged = hold(finder, script)
                seconds += time.perf_counter() - began if way == "own states" else 0.0
                measured[way] += [replace(one, place=one.place + 1000 * offset) for one in judged]
                measured[f"{way}, {name}"] += judged
    rows = [_row(way, "all", "all", judged) for way, judged in measured.items()]
    for way in ways:
        for language in ("en", "zh", "mixed"):
            rows.append(
                _row(way, "all", language, [one for one in measured[way] if one.turn.language == language])
            )
        for kind in sorted({one.turn.kind for one in measured[way]}):
            rows.append(_row(way, kind, "all", [one for one in measured[way] if one.turn.kind == kind]))
    for row in rows:
        print(
            f"{row['way']:24} {row['kind']:18} {row['language']:6} {row['right']:5} of "
            f"{row['turns']:5}  {row['share']:.3f}"
        )
    if given.failures:
        for one in measured["alone"]:
            if not one.right:
                print(
                    f"\n{one.turn.kind}: {one.turn.text!r}\n  wanted {one.turn.state} focus "
                    f"{one.turn.state.focus} {one.turn.answer}\n  {one.got}"
                )
    own = measured["own states"]
    low, high = interval(own)
    alone_low, alone_high = interval(measured["alone"])
    figures = {
        "turns_right": figure(_share(own), "fraction", low=low, high=high,
                              note="exact state, and the answer's value; from the conversation's own states"),
        "turns_right_alone": figure(_share(measured["alone"]), "fraction", low=alone_low, high=alone_high,
                                    note="each turn from the labelled state before it"),
        "keywords_right": figure(_share(measured["keywords"]), "fraction",
                                 note="each turn taken for a search of its own"),
        "turns": figure(len(own), "turns"),
        "templates_right": figure(_templates(measured["alone"]), "fraction",
                                  note="mean over templates, each counted once"),
        "ms_a_turn": figure(1000 * seconds / len(own), "ms", note="understanding and search by words"),
    }  # fmt: skip
    if use != "final" or given.weights != WEIGHTS:
        print({name: round(one["value"], 4) for name, one in figures.items()})
        return
    write("chat", figures, rows, quick=given.quick)


def _share(judged: Sequence[Judged]) -> float:
    return sum(one.right for one in judged) / max(1, len(judged))


def _templates(judged: Sequence[Judged]) -> float:
    """Mean over kinds and languages, each counted once however often it was drawn."""
    shares: dict[tuple[str, str], list[bool]] = defaultdict(list)
    for one in judged:
        shares[one.turn.kind, one.turn.language].append(one.right)
    return float(np.mean([np.mean(some) for some in shares.values()]))


def _row(way: str, kind: str, language: str, judged: Sequence[Judged]) -> dict[str, Any]:
    right = sum(one.right for one in judged)
    return {
        "way": way,
        "kind": kind,
        "language": language,
        "turns": len(judged),
        "right": right,
        "share": round(_share(judged), 4),
    }


if __name__ == "__main__":
    main()
