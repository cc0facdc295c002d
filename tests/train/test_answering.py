"""Questions in training: batches follow from the step, parts add up, and answers are learned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from tests.train.tiny import tiny_config, tiny_data, tiny_model

from openautoglm.catalog.questions import Asked
from openautoglm.config import ConfigError
from openautoglm.model import OpenAutoGLM
from openautoglm.train.answering import Answering
from openautoglm.train.data import Caption, TrainingData
from openautoglm.train.fit import Trainer, fit
from openautoglm.train.weights.registry import build_weighting

DECODER = {
    "text_encoder": None,
    "text_shape": {},
    "text_decoder": "glm-mini",
    "cross_attention_layers": 1,
    "max_text_length": 16,
    "decoder_shape": {
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "intermediate_size": 32,
    },
}


def writer(seed: int = 0, **changes: Any) -> OpenAutoGLM:
    return tiny_model(seed, **{**DECODER, **changes}).enable_multimodal_training()


def data(folder: Path, **changes: Any) -> TrainingData:
    """Row n has n % 4 questions; every fifth picture is missing."""
    found = tiny_data(folder)
    kept = {name: getattr(found, name) for name in TrainingData.__dataclass_fields__}
    kept["questions"] = [
        [Asked(one, f"is it {word}?", "yes" if word == "red" else "no") for word in ("red", "green", "blue")][
            : row % 4
        ]
        for row, one in enumerate(found.ids)
    ]
    kept["slots"] = np.where(np.arange(len(found)) % 5 == 4, -1, found.slots)
    return TrainingData(**{**kept, **changes})


def answering(folder: Path, **changes: Any) -> Answering:
    rows, model = data(folder), writer()
    model.processor.fit_tokenizer(rows.texts())
    return Answering(rows, tiny_config(**changes), model, "cpu")


def test_only_pictures_that_are_asked_about_take_part(tmp_path: Path) -> None:
    assert data(tmp_path).asked_about.tolist() == [n for n in range(24) if n % 4 and n % 5 != 4]


def test_a_batch_follows_from_its_number_and_shows_each_picture_as_often(tmp_path: Path) -> None:
    one, other = answering(tmp_path, questions_per_picture=2), answering(tmp_path, questions_per_picture=2)
    other.prepare(0, 0.0)
    first, second = one.prepare(5, 0.5), other.prepare(5, 0.5)

    assert torch.equal(first.batch.pixel_values, second.batch.pixel_values)
    assert all(torch.equal(a, b) for a, b in zip(first.lines, second.lines, strict=True))
    assert len(first.lines.input_ids) == 2 * len(first.batch)
    assert not torch.equal(first.lines.input_ids[0], one.prepare(6, 0.5).lines.input_ids[0])


def test_lines_stand_beside_their_picture(tmp_path: Path) -> None:
    """Row n is asked after its own number, so that a line tells which picture it is of."""
    rows = data(tmp_path)
    rows.questions = [[Asked(one, "which?", one)] for one in rows.ids]
    model = writer()
    model.processor.fit_tokenizer(rows.texts())
    stream = Answering(rows, tiny_config(questions_per_picture=2), model, "cpu")
    tokenizer = model.processor.tokenizer
    assert tokenizer is not None
    lines = stream.prepare(3, 0.0).lines
    said = [
        tokenizer.decode(ids[of].tolist()).strip()
        for ids, of in zip(lines.input_ids, lines.learned, strict=True)
    ]

    places = stream.rows[stream.sampler.batch(3)]
    assert said == [rows.ids[row] for row in places for _ in range(2)]


def test_a_batch_in_parts_has_the_gradient_of_the_whole(tmp_path: Path) -> None:
    found = []
    for size in (None, 3):
        stream = answering(tmp_path, micro_batch_size=size)
        stream.model.eval()  # batch normalisation alone differs between a batch and its parts
        weighting = build_weighting(stream.config, [], ["answering"])
        losses, norms = stream.backward(2, 0.0, weighting, Fabric(accelerator="cpu", devices=1))
        assert not norms
        found.append((losses["answering"], [p.grad for p in stream.model.parameters() if p.grad is not None]))

    assert found[0][0] == pytest.approx(found[1][0], rel=1e-5)
    for whole, parts in zip(found[0][1], found[1][1], strict=True):
        torch.testing.assert_close(whole, parts, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("weighting", ["fixed", "dwa", "uncertainty"])
def test_contrast_captions_and_answers_are_learned_together(tmp_path: Path, weighting: str) -> None:
    config = tiny_config(steps=40, weighting=weighting)
    result = fit(writer(), data(tmp_path / "a"), config, tmp_path / "run", progress=False)

    first, last = result.history[0], result.history[-1]
    for name in ("contrastive_loss", "captioning_loss", "answering_loss"):
        assert last[name] < first[name]
    assert last["answering_loss"] < 0.6 * first["answering_loss"]


def test_questions_alone_are_enough_and_a_run_goes_on_as_if_never_stopped(tmp_path: Path) -> None:
    bare: dict[str, Any] = {"captions": [[]] * 24, "tags": [[]] * 24}
    config = tiny_config(steps=6)
    whole = writer()
    fit(whole, data(tmp_path / "a", **bare), config, tmp_path / "whole", progress=False)
    first = Trainer(writer(), data(tmp_path / "a", **bare), config, tmp_path / "cut", None)
    first.begin(False, print)
    for _ in range(3):
        first.step()
    first.save()
    second = writer(seed=9)
    fit(second, data(tmp_path / "a", **bare), config, tmp_path / "cut", progress=False)

    for name, value in whole.state_dict().items():
        assert torch.equal(value, second.state_dict()[name]), name


def test_captions_to_be_written_are_others_than_those_that_are_aligned(tmp_path: Path) -> None:
    rows = data(tmp_path, questions=[])
    rows.written = [
        [Caption(f"write {one}", "title", "en")] if n % 2 else [] for n, one in enumerate(rows.ids)
    ]
    model = writer()
    model.processor.fit_tokenizer(rows.texts())
    trainer = Trainer(model, rows, tiny_config(), tmp_path / "run", None)
    assert trainer.batches is not None and model.processor.tokenizer is not None
    batch = trainer.batches.prepare(0, 0.0)
    written, decode = batch.to_write(), model.processor.tokenizer.decode
    numbers = rows.pairs[trainer.batches.sampler.batch(0)]

    assert written.has("text").tolist() == [bool(n % 2) for n in numbers] and written.has("image").all()
    assert written.input_ids is not None
    for ids, number in zip(written.input_ids[written.has("text")], numbers[numbers % 2 == 1], strict=True):
        assert decode(ids.tolist()).strip() == f"write {rows.ids[number]}"
    assert all(not decode(ids.tolist()).strip().startswith("write") for ids in batch.input_ids)
    assert "captioning" in model.row_losses(written)


def test_gradnorm_cannot_weigh_answers(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"captioning, answering does not pass"):
        Trainer(writer(), data(tmp_path), tiny_config(weighting="gradnorm"), tmp_path / "run", None)
