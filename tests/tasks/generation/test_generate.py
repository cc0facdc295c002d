"""`model.generate`: what it writes, how it ends, and what it refuses."""

from __future__ import annotations

import contextlib
import functools
import gc
import math
import weakref
from typing import Any

import pytest
import torch
from tests.language import ours, pictures
from tests.test_model import SMALL, built

from openautoglm import OpenAutoGLM
from openautoglm.config import ConfigError
from openautoglm.context.window import Window
from openautoglm.context.writing import Writing
from openautoglm.tasks.generation.choices import tries

PROMPTS = ["a red", None, [1, 44, 45, 46, 47], "金色"]
ANSWERS = ["red", "red bicycle", "red bicycles", "tower", "金色的银杏", "银杏", "golden ginkgo avenue"]


@functools.cache
def model() -> OpenAutoGLM:
    return ours().requires_grad_(False)


def logprob_of(ids: list[int], prompt: list[int], seen: Any) -> float:
    """Sum of log-probabilities of `ids` behind `prompt`, all computed at once and without a cache."""
    whole = torch.tensor([[*prompt, *ids]])
    hidden = model().decode(whole, torch.ones_like(whole, dtype=torch.bool), seen)
    logprobs = model().decoder.logits(hidden)[0].log_softmax(-1)
    places = range(len(prompt) - 1, len(prompt) + len(ids) - 1)
    return sum(float(logprobs[place, token]) for place, token in zip(places, ids, strict=True))


def seen_of(image: Any) -> Any:
    batch = model().processor.batch([image])
    return model()._seen(batch, model()._see(batch))


def test_logprobs_are_the_models_own() -> None:
    images = pictures(2)
    for settings in ({}, {"beams": 3}, {"temperature": 2.0, "seed": 3}, {"repetition_penalty": 1.5}):
        found = model().generate(images, [[1, 50], [1, 60]], max_new_tokens=8, **settings)
        for image, prompt, one in zip(images, ([1, 50], [1, 60]), found, strict=True):
            expected = logprob_of(list(one.token_ids), prompt, seen_of(image))
            assert one.logprob == pytest.approx(expected, abs=1e-3)


def test_the_best_answer_is_found_exactly() -> None:
    (image,) = pictures(1)
    tokenizer = model().processor.tokenizer
    (scored,) = model().score_choices([image], [[1, 50]], choices=ANSWERS)
    seen = seen_of(image)
    for answer, total in zip(ANSWERS, scored.totals, strict=True):
        ids = [*tokenizer.encode(answer, add_special_tokens=False).ids, 2]
        assert total == pytest.approx(logprob_of(ids, [1, 50], seen), abs=1e-3)
    assert sum(scored.probabilities) == pytest.approx(1)
    (one,) = model().generate([image], [[1, 50]], choices=ANSWERS)
    assert one.text == ANSWERS[scored.totals.index(max(scored.totals))]
    assert one.finished == "end"
    assert one.logprob == pytest.approx(max(scored.totals))


def test_answers_of_a_batch_a_set_a_row_and_a_cut_trie(monkeypatch: pytest.MonkeyPatch) -> None:
    images = [*pictures(2), None, None]
    whole = model().score_choices(images, PROMPTS, choices=ANSWERS)
    sets = [ANSWERS[:2], ANSWERS[2:3], ANSWERS, ANSWERS[3:]]
    for row, scored in enumerate(model().score_choices(images, PROMPTS, choices=sets, batch_size=3)):
        expected = [whole[row].totals[ANSWERS.index(one)] for one in sets[row]]
        assert scored.totals == pytest.approx(expected, abs=1e-3)
    monkeypatch.setattr("openautoglm.generating.tries", functools.partial(tries, most=3))
    for one, other in zip(model().score_choices(images, PROMPTS, choices=ANSWERS), whole, strict=True):
        assert one.totals == pytest.approx(other.totals, abs=1e-3)


def test_drawn_answers_follow_their_probabilities() -> None:
    answers = ANSWERS[:4]
    (scored,) = model().score_choices(prompts=["a"], choices=answers)
    temperature = 4.0
    weights = [math.exp(total / temperature) for total in scored.totals]
    drawn = model().generate(
        prompts=["a"] * 600, choices=answers, temperature=temperature, seed=0, batch_size=300
    )
    for answer, weight in zip(answers, weights, strict=True):
        share = sum(one.text == answer for one in drawn) / len(drawn)
        assert share == pytest.approx(weight / sum(weights), abs=0.08)


def test_what_is_drawn_depends_on_the_seed_and_not_on_the_batch() -> None:
    settings: dict[str, Any] = {"temperature": 1.5, "top_p": 0.95, "top_k": 50, "max_new_tokens": 10}
    first = model().generate(prompts=PROMPTS, seed=7, **settings)
    again = model().generate(prompts=PROMPTS, seed=7, batch_size=1, **settings)
    assert [one.token_ids for one in first] == [one.token_ids for one in again]
    other = model().generate(prompts=PROMPTS, seed=8, **settings)
    assert [one.token_ids for one in first] != [one.token_ids for one in other]
    nearly_none = model().generate(prompts=PROMPTS, temperature=1.0, top_k=1, max_new_tokens=10)
    greedy = model().generate(prompts=PROMPTS, max_new_tokens=10)
    assert [one.token_ids for one in nearly_none] == [one.token_ids for one in greedy]


@pytest.mark.parametrize("beams", [1, 3])
def test_a_text_ends_before_its_stop_string(beams: int) -> None:
    for row, one in enumerate(model().generate(prompts=PROMPTS, max_new_tokens=16, beams=beams)):
        middle = one.text[2:5]
        if len(middle) < 3 or "\N{REPLACEMENT CHARACTER}" in one.text:
            continue
        (cut,) = model().generate(prompts=[PROMPTS[row]], max_new_tokens=16, beams=beams, stop=[middle])
        assert middle not in cut.text
        if beams == 1:
            assert cut.finished == "stop"
            assert cut.text == one.text[: one.text.index(middle)]


def test_pieces_are_the_text() -> None:
    shown: dict[int, list[str]] = {row: [] for row in range(4)}
    settings: dict[str, Any] = {"max_new_tokens": 20, "temperature": 2.0, "seed": 1, "stop": ["ab", "e"]}
    found = model().generate(
        prompts=PROMPTS, stream=lambda row, piece: shown[row].append(piece), batch_size=2, **settings
    )
    for row, one in enumerate(found):
        assert "".join(shown[row]) == one.text
        assert all(shown[row])
    assert sum(len(pieces) > 1 for pieces in shown.values()) >= 2


def test_an_iterator_gives_the_pieces_of_the_callback_and_the_whole_at_each_end() -> None:
    shown: list[tuple[int, str]] = []
    settings: dict[str, Any] = {"max_new_tokens": 8, "temperature": 2.0, "seed": 1, "batch_size": 3}
    whole = model().generate(prompts=PROMPTS, stream=lambda *piece: shown.append(piece), **settings)
    pieces = list(model().stream(prompts=PROMPTS, **settings))

    assert [(one.row, one.text) for one in pieces if one.text] == shown
    assert sorted((one.row, one.done) for one in pieces if one.done) == list(enumerate(whole))
    for row in range(len(PROMPTS)):
        own = [one for one in pieces if one.row == row]
        assert own[-1].done is not None and not any(one.done for one in own[:-1])
    chosen = list(model().stream(prompts=PROMPTS, choices=ANSWERS))
    assert [one.done for one in chosen] == model().generate(prompts=PROMPTS, choices=ANSWERS)


def test_two_iterators_and_what_is_done_between_their_pieces_do_not_meet() -> None:
    settings: dict[str, Any] = {"max_new_tokens": 8}
    alone = [list(model().stream(prompts=[one], **settings)) for one in ("a red", "金色")]
    model().train()
    try:
        first, second = (model().stream(prompts=[one], **settings) for one in ("a red", "金色"))
        found: list[list[Any]] = [[next(first)], []]
        assert model().training
        with contextlib.suppress(KeyError):  # a reader that fails does not end the writing
            for piece in second:
                found[1].append(piece)
                raise KeyError
        model().generate(prompts=["a"], max_new_tokens=2)
        found[0] += first
        found[1] += second
        assert model().training
    finally:
        model().eval()
    assert found == alone


@pytest.mark.parametrize("end", ["left", "closed", "failed"])
def test_who_stops_iterating_frees_what_was_kept(monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    made: list[weakref.ref[Any]] = []
    steps: list[int] = []
    begin, step = Writing.__init__, Writing.step

    def counted(self: Writing, ids: Any) -> Any:
        steps.append(1)
        return step(self, ids)

    def remembered(self: Writing, *given: Any) -> None:
        begin(self, *given)
        made.append(weakref.ref(self.cache))

    monkeypatch.setattr(Writing, "step", counted)
    monkeypatch.setattr(Writing, "__init__", remembered)
    gc.disable()  # nothing waits for the collector
    try:
        pieces = model().stream(prompts=["a red"], max_new_tokens=30)
        assert not made
        next(pieces)
        assert made[0]() is not None and len(steps) < 10
        if end == "failed":
            monkeypatch.setattr(Writing, "step", lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                list(pieces)
        elif end == "closed":
            pieces.close()  # type: ignore[attr-defined]
        if end != "left":
            assert list(pieces) == []
        del pieces
        assert made[0]() is None and len(steps) < 10
    finally:
        gc.enable()


@pytest.mark.parametrize(("sinks", "size"), [(1, 3), (2, 5), (4, 60)])
def test_answers_behind_a_window_are_those_of_single_steps(sinks: int, size: int) -> None:
    window = Window(size=size, sinks=sinks)
    prompts = [[1, *range(40, 60)], [1, 44, 45], [1, *range(60, 71)]]
    single = ["a", "b", "金", "ab"]
    for row, scored in enumerate(model().score_choices(prompts=prompts, choices=single, window=window)):
        for ids, logprobs in zip(scored.token_ids, scored.logprobs, strict=True):
            if len(ids) != 2:
                continue  # beyond a first token the window stands still
            writing, scores = model()._begin([prompts[row]], None, 4, window)
            first = scores.log_softmax(-1)[0, ids[0]]
            then = writing.step(torch.tensor([ids[0]])).log_softmax(-1)[0, ids[1]]
            assert logprobs == pytest.approx((float(first), float(then)), abs=1e-4)
    together = model().score_choices(prompts=prompts, choices=ANSWERS, window=window)
    for place, answer in enumerate(ANSWERS):
        alone = model().score_choices(prompts=prompts, choices=[answer], window=window)
        assert [one.totals[place] for one in together] == pytest.approx(
            [one.totals[0] for one in alone], abs=1e-3
        )
    wide = model().score_choices(prompts=prompts, choices=ANSWERS)
    same = [a.totals == pytest.approx(b.totals, abs=1e-3) for a, b in zip(together, wide, strict=True)]
    assert same == ([True] * 3 if size == 60 else [False, True, False])


def test_a_window_that_is_large_enough_changes_nothing() -> None:
    whole = model().generate(prompts=PROMPTS, max_new_tokens=12)
    wide = model().generate(prompts=PROMPTS, max_new_tokens=12, window=Window(size=60))
    assert [one.token_ids for one in wide] == [one.token_ids for one in whole]
    narrow = model().generate(prompts=PROMPTS, max_new_tokens=12, window=Window(size=3, sinks=1))
    assert [one.token_ids for one in narrow] != [one.token_ids for one in whole]


def test_the_model_stays_in_its_mode() -> None:
    for training in (True, False):
        model().train(training)
        model().generate(prompts=["a"], max_new_tokens=2)
        assert model().training is training
    model().eval()


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({}, ValueError, "generate needs images, prompts, columns"),
        ({"prompts": "a red"}, TypeError, "prompts is a list"),
        ({"prompts": ["a"], "images": []}, ValueError, "1 prompts and 0 images are not pairs"),
        ({"prompts": ["a"], "max_tokens": 3}, TypeError, "no setting 'max_tokens'"),
        ({"prompts": ["a"], "max_new_tokens": 0}, ValueError, "max_new_tokens 0 is below 1"),
        ({"prompts": ["a"], "temperature": -1}, ValueError, "temperature -1 is below 0"),
        ({"prompts": ["a"], "beams": 2, "temperature": 1.0}, ValueError, "set only one of them"),
        ({"prompts": ["a"], "beams": 2, "stream": print}, ValueError, "know their text only at its end"),
        ({"prompts": ["a"], "stop": "x"}, ValueError, r"write stop=\['x'\]"),
        ({"prompts": ["a"], "choices": []}, ValueError, "choices is empty"),
        ({"prompts": ["a"], "choices": ["x", ""]}, ValueError, "choice '' has no token"),
        ({"prompts": ["a"], "choices": ["x"], "beams": 2}, ValueError, "does nothing beside choices"),
        ({"prompts": ["a"], "choices": [["x"], ["y"]]}, ValueError, "2 lists of choices for 1 rows"),
    ],
)
def test_what_cannot_be_is_refused(given: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        model().generate(**given)


def test_a_model_that_cannot_write_says_so() -> None:
    with pytest.raises(ConfigError, match="has no text_decoder"):
        built(SMALL).generate(prompts=["a"])
