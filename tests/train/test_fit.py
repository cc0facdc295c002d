"""The loop as its users meet it: what it leaves behind, when it ends, how it goes on."""

from __future__ import annotations

import json
import math
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.train.tiny import tiny_config, tiny_data, tiny_model

from openautoglm.config import ConfigError
from openautoglm.model import OpenAutoGLM
from openautoglm.train.errors import NotFiniteError, StuckLossWarning, TrainingError
from openautoglm.train.fit import FitResult, Trainer, Validate, fit


def train(folder: Path, model: OpenAutoGLM, validate: Validate | None = None, **changes: Any) -> FitResult:
    data = tiny_data(folder / "cache")
    return fit(model, data, tiny_config(**changes), folder / "run", validate=validate, progress=False)


def weights(model: OpenAutoGLM) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.filterwarnings("ignore::openautoglm.train.errors.StuckLossWarning")
def test_it_learns_and_leaves_a_diary_and_curves(tmp_path: Path) -> None:
    model = tiny_model()
    result = train(tmp_path, model, steps=120, schedule="cosine", ema=0.9, image_contrast=0.5, together=2)
    losses = [row["loss"] for row in result.history]
    assert losses[-1] < 0.8 * losses[0]
    assert result.steps == 120 and not result.interrupted and not model.training
    lines = (tmp_path / "run" / "log.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == list(range(10, 121, 10))
    assert {"contrastive_loss", "pictures_loss", "learning_rate", "images_per_second"} <= set(
        json.loads(lines[0])
    )
    assert (tmp_path / "run" / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert str(result).startswith("120 steps in ")
    assert model.processor.tokenizer is not None


def test_the_same_again_has_nothing_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = tiny_model(0), tiny_model(1)
    train(tmp_path, first)
    data = tiny_data(tmp_path / "cache")
    result = fit(second, data, tiny_config(), tmp_path / "run", progress=True)
    assert "finished before, after 8 steps" in " ".join(capsys.readouterr().err.split())
    assert result.steps == 8 and same(weights(first), weights(second))
    assert result.repeated and "finished before (8 steps" in str(result) and "--anew" in str(result)
    anew = fit(second, data, tiny_config(), tmp_path / "run", progress=False, resume=False)
    assert not anew.repeated and "before" not in str(anew)


def test_other_rows_start_anew_and_the_old_state_is_set_aside(tmp_path: Path) -> None:
    train(tmp_path, tiny_model())
    more = tiny_data(tmp_path / "more", rows=30)
    result = fit(tiny_model(), more, tiny_config(), tmp_path / "run", progress=False)
    assert result.steps == 8
    assert (tmp_path / "run" / "checkpoints" / "other-run.pt").exists()
    again = fit(tiny_model(), more, tiny_config(steps=9), tmp_path / "run", progress=False)
    assert again.steps == 9 and len(again.history) == 0


def test_ctrl_c_saves_and_the_same_call_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = tiny_model()
    train(tmp_path / "whole", whole)

    real = Trainer.step

    def step(self: Trainer) -> None:
        real(self)
        if self.steps == 5:
            signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "step", step)
        result = train(tmp_path, tiny_model())
    assert result.interrupted and result.steps == 5 and "goes on from there" in str(result)
    assert signal.getsignal(signal.SIGINT) is before

    resumed = tiny_model(seed=7)
    assert train(tmp_path, resumed).steps == 8
    assert same(weights(whole), weights(resumed))


def scripted(figures: list[float], seen: list[dict[str, torch.Tensor]]) -> Validate:
    left: Iterator[float] = iter(figures)

    def validate(model: OpenAutoGLM) -> dict[str, float]:
        assert not model.training
        seen.append(weights(model))
        return {"recall": next(left), "other": 0.0}

    return validate


def test_the_best_weights_are_handed_back(tmp_path: Path) -> None:
    seen: list[dict[str, torch.Tensor]] = []
    model = tiny_model()
    result = train(tmp_path, model, scripted([0.1, 0.4, 0.3, 0.2], seen), evaluate_every=2, ema=0.5)
    assert result.best == {"recall": 0.4, "other": 0.0, "step": 4}
    assert same(seen[1], weights(model))
    assert "best recall 0.4" in str(result)


def test_patience_ends_it(tmp_path: Path) -> None:
    validate = scripted([0.5, 0.4, 0.5, 0.9], [])
    result = train(tmp_path, tiny_model(), validate, steps=100, evaluate_every=2, patience=2)
    assert result.steps == 6 and result.best is not None and result.best["step"] == 2


@pytest.mark.filterwarnings("ignore::openautoglm.train.errors.StuckLossWarning")
def test_the_clock_ends_it(tmp_path: Path) -> None:
    result = train(tmp_path, tiny_model(), steps=None, minutes=0.02)
    assert result.seconds >= 1.2
    assert result.steps >= 1


def test_epochs_count_whole_passes(tmp_path: Path) -> None:
    assert train(tmp_path, tiny_model(), steps=None, epochs=2.0).steps == 6  # 24 rows, 8 a batch
    assert train(tmp_path / "accumulated", tiny_model(), steps=None, epochs=4.0, accumulate=3).steps == 4


def test_a_batch_larger_than_the_data_is_cut(tmp_path: Path) -> None:
    assert (
        train(tmp_path, tiny_model(), batch_size=1000, micro_batch_size=5, extra_texts=3, proxy=1.0).steps
        == 8
    )


def test_no_number_stops_saves_and_a_lower_rate_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Trainer._backward

    def backward(self: Trainer, batch: Any) -> dict[str, float]:
        losses = real(self, batch)
        return losses if self.steps < 4 else {**losses, "contrastive": math.nan}

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_backward", backward)
        with pytest.raises(NotFiniteError, match="step 4: the loss is nan"):
            train(tmp_path, tiny_model(), checkpoint_every=None)
    saved = torch.load(tmp_path / "run" / "checkpoints" / "last.pt")
    assert saved["steps"] == 4 and not saved["finished"]
    assert train(tmp_path, tiny_model(), learning_rate=0.003).steps == 8


def test_a_model_that_cannot_learn_is_named(tmp_path: Path) -> None:
    with pytest.warns(StuckLossWarning, match=r"ln\(8\)"):
        train(tmp_path, tiny_model(temperature=1.0), steps=60, learning_rate=1e-9, warmup=1.0)


def test_a_folder_that_cannot_be_written_is_said_before_training(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("a file in the way")
    with pytest.raises(TrainingError, match="cannot be written"):
        train(tmp_path, tiny_model())


def test_what_would_have_no_effect_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="small_size 16 is not below"):
        train(tmp_path, tiny_model(), small_size=16)
    with pytest.raises(ConfigError, match="extra_texts 5 would do nothing"):
        tiny_config(extra_texts=5)
