"""Dialogues about a scene: 18 turns, each a question and an answer of which the last word counts.

    what is at b3 ?           dog            where is the dog ?                          b3
    what is above the dog ?   b3 b2 lemon    and the one left of it ?                    b2 a2 hook
    is there a red thing ?    yes            and how many of those ?                     2
    find the animal ?         b3             what colour is the animal ?                 orange

What is beside something is told with the way to it: where that is, where its neighbour is, and what is there.
(Asked for the neighbour alone, a model of this size learned each of these steps but not one after another, in
2,400 steps of training.)

What a later turn may refer to is what was *said* by name, in a question or an answer: `it` is the object
named last, `the animal` (food, transport, object) the last of that kind, `those` the things of
the colour that was asked for last. Where a person could take `it` for another (after `where is the animal
?`, or the answer `nothing`), it is not used until the next name. There are several animals in a scene, so
only the dialogue tells which is meant. The distance of a reference is the number of turns back to where it
was named.

Left to chance nearly all distances would be 1 or 2. So in each dialogue three referents rest: they are named
early and then not again until, up to 12 turns later, they are asked about.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.dialogue_scenes import COLOURS, KINDS, PLACES, SIDE, concepts, scene

TURNS, ANSWER = 18, 3
"""Turns of a dialogue, and words of the longest answer."""
FAR = 12
PLACE_WORDS = tuple(f"{column}{row}" for row in range(1, SIDE + 1) for column in "abcd")
NUMBERS = tuple(str(number) for number in range(7))
STEPS = {"left of": (0, -1), "right of": (0, 1), "above": (-1, 0), "below": (1, 0)}
TEMPLATES: dict[str, tuple[str, ...]] = {
    "at": ("what is at {place} ?", "which thing is at {place} ?", "tell me what is at {place} ?"),
    "where": ("where is {it} ?", "at which place is {it} ?", "find {it} ?"),
    "count": ("how many {colour} things ?", "count the {colour} things ?", "how many things are {colour} ?"),
    "next": ("what is {step} {it} ?", "and the one {step} {it} ?", "tell me what is {step} {it} ?"),
    "place": ("where is {it} ?", "and at which place is {it} ?", "find {it} ?"),
    "colour": ("what colour is {it} ?", "which colour is {it} ?", "and the colour of {it} ?"),
    "any": ("is there a {colour} thing ?", "is anything {colour} ?", "are there {colour} things ?"),
    "those": ("how many of those ?", "and how many of those are there ?", "count those ?"),
}
"""How each kind of question is put; `it` stands for itself, a name, a kind or a place."""
TALK = ("it the nothing yes no", *STEPS)
"""What stands in the templates' places, or is an answer."""


class Turn(NamedTuple):
    """One question with its answer."""

    question: tuple[str, ...]
    answer: tuple[str, ...]
    kind: str
    """Of the question: a key of TEMPLATES."""
    distance: int
    """Turns back to what is referred to, 0 where nothing is."""


def vocabulary() -> list[str]:
    """Every word; the first is padding."""
    forms = [form for several in TEMPLATES.values() for form in several]
    words = {word for form in forms for word in form.split() if "{" not in word}
    words |= {word for text in TALK for word in text.split()}
    words |= {*PLACE_WORDS, *NUMBERS, *COLOURS, *KINDS, *(concept.name for concept in concepts())}
    return ["", *sorted(words)]


@dataclass
class Teller:
    """Tells one dialogue about one scene."""

    places: NDArray[np.int64]
    draw: np.random.Generator
    said: dict[str, tuple[int, int | str]] = field(default_factory=dict)
    """Referent → turn in which it was named last, and what it is: a place, or a colour for `those`."""
    turns: list[Turn] = field(default_factory=list)

    def tell(self) -> list[Turn]:
        """The dialogue."""
        draw = self.draw
        referents = [*KINDS, "those"]
        resting = [referents[place] for place in draw.permutation(len(referents))[:3]]
        wake = {referent: int(draw.integers(4, FAR + 1)) for referent in resting}
        while len(self.turns) < TURNS:
            now = len(self.turns)
            due = [
                referent
                for referent in resting
                if referent in self.said and now - self.said[referent][0] >= wake[referent]
            ]
            still = {referent for referent in resting if referent in self.said and referent not in due}
            if due:
                longest = min(due, key=lambda referent: self.said[referent][0])
                resting.remove(longest)
                if now - self.said[longest][0] <= FAR:
                    self._say(self._about(longest))
                continue
            turn, named = self._candidate()
            while still & self._referents(named) or turn.distance > FAR:
                turn, named = self._candidate()
            self._say((turn, named))
        return self.turns

    def _candidate(self) -> tuple[Turn, list[int | str]]:
        """Some question, with what it and its answer name."""
        draw = self.draw
        known = list(self.said)
        if known and draw.random() < 0.4:
            return self._about(known[draw.integers(len(known))])
        kind = ("at", "where", "count", "any", "next")[draw.integers(5)]
        if kind in ("count", "any"):
            colour = COLOURS[draw.integers(len(COLOURS))]
            number = self._number(colour)
            answer = number if kind == "count" else "no" if number == "0" else "yes"
            return self._turn(kind, answer, 0, colour=[colour]), [colour]
        if kind == "where":
            place = int(draw.choice(np.flatnonzero(self.places >= 0)))
            return self._turn(kind, PLACE_WORDS[place], 0, it=["the", self._name(place)]), [place]
        if kind == "next":
            if draw.random() < 0.3:
                place = int(draw.integers(PLACES))
                return self._beside(place, [PLACE_WORDS[place]], 0)
            place = int(draw.choice(np.flatnonzero(self.places >= 0)))
            turn, named = self._beside(place, ["the", self._name(place)], 0)
            return turn, [place, *named]
        place = int(draw.integers(PLACES))
        return self._turn(kind, self._name(place), 0, place=[PLACE_WORDS[place]]), [place]

    def _about(self, referent: str) -> tuple[Turn, list[int | str]]:
        """A question about what was said."""
        draw = self.draw
        when, what = self.said[referent]
        distance = len(self.turns) - when
        if isinstance(what, str):
            return self._turn("those", self._number(what), distance), []
        it = ["it"] if referent == "it" else ["the", referent]
        kind = ("next", "place", "colour")[draw.choice(3, p=[0.6, 0.2, 0.2])]
        if kind == "place":
            return self._turn(kind, PLACE_WORDS[what], distance, it=it), []
        if kind == "colour":
            return self._turn(kind, concepts()[self.places[what]].colour, distance, it=it), []
        return self._beside(what, it, distance)

    def _beside(self, what: int, it: Sequence[str], distance: int) -> tuple[Turn, list[int | str]]:
        """What is beside the object at the place `what`."""
        draw = self.draw
        row, column = divmod(what, SIDE)
        steps = [
            step
            for step, (down, right) in STEPS.items()
            if 0 <= row + down < SIDE and 0 <= column + right < SIDE
        ]
        # Half of the empty neighbours are passed over: a guess of `nothing` should not be worth much.
        places = [(row + STEPS[step][0]) * SIDE + column + STEPS[step][1] for step in steps]
        chosen = int(draw.integers(len(steps)))
        if self.places[places[chosen]] < 0 and draw.random() < 0.5:
            chosen = int(draw.integers(len(steps)))
        step, place = steps[chosen], places[chosen]
        way = PLACE_WORDS[what], PLACE_WORDS[place], self._name(place)
        return self._turn("next", way, distance, it=it, step=step.split()), [place]

    def _turn(self, kind: str, answer: str | tuple[str, ...], distance: int, **words: Sequence[str]) -> Turn:
        """A question in one of its forms; a name of two words is one token."""
        form = TEMPLATES[kind][self.draw.integers(len(TEMPLATES[kind]))]
        question: list[str] = []
        for part in form.split():
            question += words[part[1:-1]] if part.startswith("{") else [part]
        return Turn(tuple(question), (answer,) if isinstance(answer, str) else answer, kind, distance)

    def _number(self, colour: str) -> str:
        return NUMBERS[sum(concepts()[one].colour == colour for one in self.places if one >= 0)]

    def _name(self, place: int) -> str:
        one = self.places[place]
        return concepts()[one].name if one >= 0 else "nothing"

    def _referents(self, named: list[int | str]) -> set[str]:
        """What the naming of these places and colours makes the last of its kind, `it` aside."""
        found = set()
        for what in named:
            if isinstance(what, str):
                found.add("those")
            elif self.places[what] >= 0:
                found.add(concepts()[self.places[what]].kind)
        return found

    def _say(self, said: tuple[Turn, list[int | str]]) -> None:
        turn, named = said
        now = len(self.turns)
        if turn.answer[-1] == "nothing" or (turn.kind in ("place", "colour") and "it" not in turn.question):
            self.said.pop("it", None)
        for what in named:
            for referent in self._referents([what]):
                self.said[referent] = (now, what)
                if turn.answer[-1] in ("0", "no"):  # there are none that could be `those`
                    del self.said[referent]
                if isinstance(what, int):
                    self.said["it"] = (now, what)
        self.turns.append(turn)


class Dialogues(NamedTuple):
    """D dialogues as numbers."""

    scenes: NDArray[np.int64]
    """(D, 16)."""
    questions: NDArray[np.int64]
    """(D, TURNS, Q) words, padded with 0 at the end."""
    answers: NDArray[np.int64]
    """(D, TURNS, ANSWER) words, padded with 0 at the end; the last one counts."""
    kinds: NDArray[np.int64]
    """(D, TURNS) number of the key of TEMPLATES."""
    distances: NDArray[np.int64]
    """(D, TURNS)."""


def tell(count: int, seed: int, without: frozenset[bytes] = frozenset()) -> Dialogues:
    """Tell `count` dialogues, each about a scene of its own, none of them among `without`."""
    draw = np.random.default_rng(seed)
    number = {word: place for place, word in enumerate(vocabulary())}
    kinds = list(TEMPLATES)
    longest = 12
    seen = set(without)
    scenes: list[NDArray[np.int64]] = []
    questions, answers, asked, distances = [], [], [], []
    while len(scenes) < count:
        places = scene(draw)
        if places.tobytes() in seen:
            continue
        seen.add(places.tobytes())
        turns = Teller(places, draw).tell()
        scenes.append(places)
        spelt = [[number[word] for word in turn.question] for turn in turns]
        questions.append([row + [0] * (longest - len(row)) for row in spelt])
        said = [[number[word] for word in turn.answer] for turn in turns]
        answers.append([row + [0] * (ANSWER - len(row)) for row in said])
        asked.append([kinds.index(turn.kind) for turn in turns])
        distances.append([turn.distance for turn in turns])
    return Dialogues(*(np.array(part) for part in (scenes, questions, answers, asked, distances)))


def distances_told(dialogues: Dialogues) -> dict[int, int]:
    """How often each distance occurs."""
    return dict(sorted(Counter(dialogues.distances.ravel().tolist()).items()))
