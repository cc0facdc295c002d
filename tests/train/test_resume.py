"""Killed at any moment and started again, a run ends with the same weights, bit for bit."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.train.tiny import tiny_config, tiny_data, tiny_model

from openautoglm.model import OpenAutoGLM
from openautoglm.train import checkpoint
from openautoglm.train import fit as loop

FULL: dict[str, Any] = {
    "ema": 0.9,
    "evaluate_every": 4,
    "schedule": "cosine",
    "precision": "bf16",
    "accumulate": 2,
}
RECIPE: dict[str, Any] = {
    "optimizer": "muon",
    "proxy": 1.0,
    "extra_texts": 6,
    "image_contrast": 0.5,
    "together": 2,
    "small_size": 12,
    "augment_ramp": 0.5,
}
CACHED: dict[str, Any] = {"micro_batch_size": 3}
WEIGHED: dict[str, Any] = {**CACHED, "weighting": "gradnorm", "proxy": 1.0, "accumulate": 2}


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def at_step(number: int) -> None:
    """Die in the middle of that step, after the backward pass."""
    real = loop.Trainer._check

    def check(self: Any, *args: Any) -> None:
        if self.steps == number:
            die()
        real(self, *args)

    loop.Trainer._check = check  # type: ignore[method-assign]


def while_saving(number: int) -> None:
    """Die with the `number`-th checkpoint half written."""
    saves = []

    def save(state: Any, file: Any) -> None:
        saves.append(1)
        file.write(b"half of a checkpoint")
        if len(saves) > number:
            file.flush()
            die()
        file.seek(0)
        torch_save(state, file)

    torch_save, checkpoint.torch.save = torch.save, save


def run(
    folder: Path,
    config: dict[str, Any],
    model: dict[str, Any],
    seed: int,
    trap: Callable[[int], None] | None = None,
    at: int = 0,
) -> None:
    """One process. `seed` makes its first weights, which a checkpoint, where there is one, replaces."""
    torch.set_num_threads(1)
    if trap:
        trap(at)
    one = tiny_model(seed, **model)
    result = loop.fit(
        one,
        tiny_data(folder / "cache"),
        tiny_config(**config),
        folder,
        validate=scale if "evaluate_every" in config else None,
        progress=False,
    )
    (folder / "digest").write_text(f"{digest(one.state_dict())} {result.steps}")


def scale(model: OpenAutoGLM) -> dict[str, float]:
    return {"scale": float(model.contrastive.logit_scale)}


def digest(weights: dict[str, torch.Tensor]) -> str:
    hashed = hashlib.sha256()
    for name, value in weights.items():
        hashed.update(name.encode() + value.contiguous().numpy().tobytes())
    return hashed.hexdigest()


@pytest.fixture(scope="module")
def processes() -> Iterator[ForkServerContext]:
    """Real processes that share only the time of importing torch."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["openautoglm.train.fit", "tests.train.tiny"])
    yield context


def spawn(processes: ForkServerContext, *args: Any) -> int | None:
    process = processes.Process(target=run, args=args)
    process.start()
    process.join(120)
    return process.exitcode


@pytest.mark.parametrize(
    ("config", "model"),
    [({}, {}), (FULL, {}), (RECIPE, {}), (CACHED, {"momentum": 0.9, "queue_size": 20}), (WEIGHED, {})],
    ids=[
        "plain",
        "average, validation, bf16, accumulation",
        "the recipe of mini",
        "gradient cache, momentum queue",
        "learned weights between losses",
    ],
)
def test_killed_and_resumed_is_bit_identical(
    processes: ForkServerContext, tmp_path: Path, config: dict[str, Any], model: dict[str, Any]
) -> None:
    assert spawn(processes, tmp_path / "whole", config, model, 0) == 0
    expected = (tmp_path / "whole" / "digest").read_text()

    for trap, at in [(at_step, 0), (at_step, 4), (at_step, 7), (while_saving, 1)]:
        folder = tmp_path / f"{trap.__name__}-{at}"
        assert spawn(processes, folder, config, model, 0, trap, at) == -signal.SIGKILL
        assert not (folder / "digest").exists()
        assert spawn(processes, folder, config, model, 1) == 0
        assert (folder / "digest").read_text() == expected, (trap.__name__, at)


def test_killed_again_and_again(processes: ForkServerContext, tmp_path: Path) -> None:
    assert spawn(processes, tmp_path / "whole", {}, {}, 0) == 0
    for seed, at in enumerate((0, 2, 3, 7)):
        assert spawn(processes, tmp_path / "killed", {}, {}, seed, at_step, at) == -signal.SIGKILL
    assert spawn(processes, tmp_path / "killed", {}, {}, 9) == 0
    assert (tmp_path / "killed" / "digest").read_text() == (tmp_path / "whole" / "digest").read_text()
