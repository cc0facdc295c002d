"""The memory benchmark: scenes and dialogues told right, models of one size, the small form to the end."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from benchmarks.dialogue_scenes import CELL, HOUSES, KINDS, PLACES, SIDE, concepts, pictures, scene
from benchmarks.dialogue_turns import FAR, PLACE_WORDS, TEMPLATES, TURNS, Dialogues, tell, vocabulary

from benchmarks import dialogue_model, dialogue_scenes, figures, memory, one_size, recall_task


@pytest.fixture(scope="module")
def told() -> Dialogues:
    return tell(40, seed=5)


def test_concepts_are_of_all_kinds_and_look_as_their_colour_says() -> None:
    found = concepts()
    assert Counter(concept.kind for concept in found) == dict.fromkeys(KINDS, 8)
    assert len({concept.name for concept in found}) == len(found)
    for concept in found:
        for picture in concept.pictures:
            red, green, blue = picture[:3].sum((1, 2)) / picture[3].sum()
            if concept.colour == "red":
                assert red > max(green, blue)
            if concept.colour == "blue":
                assert blue > red
            if concept.colour in ("orange", "yellow"):
                assert red > blue


def test_a_scene_is_drawn_where_it_says() -> None:
    places = torch.from_numpy(np.array([scene(np.random.default_rng(seed)) for seed in range(6)]))
    assert ((places >= 0).sum(1) == dialogue_scenes.OBJECTS).all()
    image = pictures(places, torch.Generator().manual_seed(0))
    assert image.shape == (6, 3, SIDE * CELL, SIDE * CELL)
    cells = image.unflatten(2, (SIDE, CELL)).unflatten(4, (SIDE, CELL))[:, :, :, 2:-2, :, 2:-2]
    spread = cells.std((3, 5)).amax(1).flatten(1)
    assert (spread[places < 0] < 1e-5).all() and (spread[places >= 0] > 0.02).all()
    assert len(HOUSES) == 3 and not torch.equal(image, pictures(places, torch.Generator().manual_seed(1)))


def test_each_answer_follows_from_the_words_and_the_scene_alone(told: Dialogues) -> None:
    words = vocabulary()
    by_name = {concept.name: concept for concept in concepts()}
    for places, questions, answers, distances in zip(
        told.scenes, told.questions, told.answers, told.distances, strict=True
    ):
        at = {concepts()[one].name: place for place, one in enumerate(places) if one >= 0}
        named: list[tuple[int, str]] = []
        colour = (-1, "")
        for turn, (question, answer, distance) in enumerate(zip(questions, answers, distances, strict=True)):
            asked = [words[word] for word in question if word]
            told_way, said = [words[word] for word in answer if word][:-1], words[answer[answer > 0][-1]]
            meant, when = None, turn
            for word in asked:
                if word in at:
                    meant = word
                elif word == "it":
                    when, meant = named[-1]
                elif word in KINDS:
                    when, meant = next(pair for pair in reversed(named) if by_name[pair[1]].kind == word)
            steps = {"left": (0, -1), "right": (0, 1), "above": (-1, 0), "below": (1, 0)}
            turned = [word for word in asked if word in steps]
            if "those" in asked:
                when = colour[0]
                expected = str(sum(concepts()[one].colour == colour[1] for one in places if one >= 0))
            elif (place := next((word for word in asked if word in PLACE_WORDS), None)) and not turned:
                one = places[PLACE_WORDS.index(place)]
                expected = concepts()[one].name if one >= 0 else "nothing"
            elif meant is None and not turned:
                colour = (turn, next(word for word in asked if word in dialogue_scenes.COLOURS))
                number = sum(concepts()[one].colour == colour[1] for one in places if one >= 0)
                expected = str(number) if said.isdigit() else "yes" if number else "no"
                assert said.isdigit() == bool({"many", "count"} & set(asked))
                colour = colour if number else (-1, "")
            elif turned:
                begin = at[meant] if meant else PLACE_WORDS.index(place)
                row, column = divmod(begin, SIDE)
                down, right = steps[turned[0]]
                one = places.reshape(SIDE, SIDE)[row + down, column + right]
                assert told_way == [PLACE_WORDS[begin], PLACE_WORDS[begin + SIDE * down + right]]
                expected = concepts()[one].name if one >= 0 else "nothing"
            elif "colour" in asked:
                expected = by_name[meant].colour
            else:
                expected = PLACE_WORDS[at[meant]]
            assert said == expected, (asked, named)
            assert turn - when == distance
            named += [(turn, word) for word in (*asked, said) if word in at]


def test_distances_reach_far_and_templates_are_all_used(told: Dialogues) -> None:
    assert told.distances.max() <= FAR and set(range(FAR)) <= set(told.distances.ravel().tolist())
    assert set(told.kinds.ravel().tolist()) == set(range(len(TEMPLATES)))
    # The window of a layer is shorter than what most references bridge, and far shorter than the dialogue.
    length = (told.questions > 0).sum((1, 2)) + (told.answers > 0).sum((1, 2))
    assert length.min() > 6 * dialogue_model.WINDOW


def test_scenes_of_test_and_training_differ() -> None:
    first, second = memory.parts(memory.QUICK)
    scenes = [{one.tobytes() for one in part.scenes} for part in (first, second)]
    assert not scenes[0] & scenes[1]
    assert [len(part) for part in scenes] == [memory.QUICK.told, memory.QUICK.test]


def test_models_compared_are_of_one_size() -> None:
    sizes = [recall_task.Recaller(name, 50).size() for name in recall_task.MODELS]
    assert max(sizes) < 1.02 * min(sizes)
    sight = dialogue_model.learn_to_see(seed=0, steps=1)
    ours, theirs = (
        one_size.size(dialogue_model.Speaker(memory.FORMS[form], sight.tower.dim, sight.names))
        for form in ("memory", "window")
    )
    assert abs(ours - theirs) < 0.01 * ours


def test_a_conversation_turn_by_turn_is_the_whole_read_at_once(told: Dialogues) -> None:
    torch.manual_seed(0)
    sight = dialogue_model.learn_to_see(seed=0, steps=1)
    model = dialogue_model.Speaker(memory.FORMS["memory"], sight.tower.dim, sight.names).eval()
    some = Dialogues(*(part[:3] for part in told))
    right = dialogue_model.converse(model, sight, some, seed=0)
    image = sight.tower(pictures(torch.from_numpy(some.scenes), torch.Generator().manual_seed(0))).tokens
    for row in range(3):
        words: list[int] = []
        for turn in range(TURNS):
            question = some.questions[row, turn]
            words += question[question > 0].tolist()
            answer = some.answers[row, turn]
            for _ in answer[answer > 0]:
                hidden, _ = model(torch.tensor([words]), image[row : row + 1])
                words.append(int(model.scores(hidden[0, -1]).argmax()))
            assert bool(right[row, turn]) == (words[-1] == answer[answer > 0][-1])


def test_the_picture_matters_only_to_models_that_see(told: Dialogues) -> None:
    torch.manual_seed(0)
    words = torch.from_numpy(told.questions[:2, 0])
    sight = dialogue_model.learn_to_see(seed=0, steps=1)
    images = torch.randn(2, 2, PLACES, sight.tower.dim)
    for form, same in (("memory", False), ("blind", True)):
        model = dialogue_model.Speaker(memory.FORMS[form], sight.tower.dim, sight.names).eval()
        results = [model(words, image)[0] for image in images]
        assert torch.equal(*results) is same


def test_every_key_is_told_once_and_asked_once() -> None:
    words, wanted = recall_task.sequences(5, 8, 64, np.random.default_rng(0))
    for row, answers in zip(words.tolist(), wanted.tolist(), strict=True):
        pairs = dict(zip(row[:16:2], row[1:16:2], strict=True))
        assert len(pairs) == 8 and max(pairs) < 32 <= min(pairs.values())
        asked = {key: answer for key, answer in zip(row, answers, strict=True) if answer >= 0}
        assert asked == pairs


def test_the_small_form_writes_the_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "ROOT", tmp_path)
    monkeypatch.setattr(figures, "RUNS", tmp_path)
    monkeypatch.setattr(sys, "argv", ["memory", "--quick"])
    memory.main()
    content = json.loads((tmp_path / "results" / "memory.json").read_text())
    found = {name: entry["value"] for name, entry in content["figures"].items()}
    assert {"mqar_64", "memory_gain", "dialogue_blind", "dialogue_one_turn"} <= set(found)
    gain = found["dialogue_accuracy"] - found["dialogue_window"]
    assert found["memory_gain"] == pytest.approx(gain, abs=2e-4)
    lines = {row["answers"]: row for row in content["rows"] if "answers" in row}
    for of_kind in (True, False):
        counts = [row["count"] for name, row in lines.items() if ("question" in name) is of_kind]
        assert sum(counts) == memory.QUICK.test * TURNS
