"""Weights between losses inside the loop: what they change there, and what they leave alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tests.train.tiny import tiny_config, tiny_data, tiny_model
from torch import nn

from openautoglm.config import ConfigError
from openautoglm.model import OpenAutoGLM
from openautoglm.train.fit import FitResult, fit
from openautoglm.train.weights.gradnorm import GradNorm

MORE: dict[str, Any] = {"proxy": 1.0, "image_contrast": 0.5, "together": 2, "checkpoint_every": None}


def train(folder: Path, model: OpenAutoGLM | None = None, **changes: Any) -> tuple[FitResult, torch.Tensor]:
    model = model or tiny_model()
    config = tiny_config(**{**MORE, **changes})
    result = fit(model, tiny_data(folder / "cache"), config, folder / "run", progress=False)
    return result, torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def test_weights_of_one_change_nothing_and_others_do(tmp_path: Path) -> None:
    _, plain = train(tmp_path / "plain")
    _, ones = train(tmp_path / "ones", loss_weights={"contrastive": 1.0, "proxy": 1.0, "pictures": 1.0})
    _, other = train(tmp_path / "other", loss_weights={"proxy": 0.0})
    assert torch.equal(plain, ones) and not torch.equal(plain, other)


def test_a_weight_in_the_configuration_is_that_of_the_objective(tmp_path: Path) -> None:
    _, weighted = train(tmp_path / "weighted", loss_weights={"proxy": 0.5, "pictures": 2.0})
    _, scaled = train(tmp_path / "scaled", proxy=0.5, image_contrast=1.0)
    torch.testing.assert_close(weighted, scaled, rtol=1e-4, atol=1e-5)


@pytest.mark.filterwarnings("ignore::openautoglm.train.errors.StuckLossWarning")
@pytest.mark.parametrize("method", ["gradnorm", "dwa", "uncertainty"])
def test_the_diary_tells_weights_that_move(tmp_path: Path, method: str) -> None:
    result, _ = train(tmp_path, weighting=method, steps=20, micro_batch_size=3, accumulate=2)
    weights = [{name: row[f"{name}_weight"] for name in ("contrastive", "proxy", "pictures")}
               for row in result.history]  # fmt: skip
    assert len(weights) == 2 and weights[0] != weights[-1]
    if method != "uncertainty":
        assert all(sum(row.values()) == pytest.approx(3, abs=1e-6) for row in weights)
    assert (tmp_path / "run" / "curves.png").stat().st_size > 0


def test_plain_training_tells_no_weights(tmp_path: Path) -> None:
    result, _ = train(tmp_path, steps=10)
    assert not [name for name in result.history[0] if name.endswith("_weight")]
    told = result.history[0]
    assert told["loss"] == pytest.approx(
        sum(told[f"{name}_loss"] for name in ("contrastive", "proxy", "pictures"))
    )


def test_gradients_are_the_same_in_one_pass_and_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[dict[str, float]] = []
    monkeypatch.setattr(GradNorm, "after_step", lambda self, losses, norms: seen.append(dict(norms)))
    for size in (None, 3):
        model = tiny_model()
        # Batch norm would see a piece at a time.
        monkeypatch.setattr(model, "train", lambda mode=True, model=model: nn.Module.train(model, False))
        train(tmp_path / str(size), model, weighting="gradnorm", steps=1, micro_batch_size=size)
    whole, pieces = seen
    assert whole == pytest.approx(pieces, rel=1e-4)
    assert whole.keys() == {"contrastive", "proxy", "pictures"} and min(whole.values()) > 0


def test_what_cannot_work_is_refused_before_training(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="captioning.*this training has: contrastive, proxy, pictures"):
        train(tmp_path, loss_weights={"captioning": 1.0})
    with pytest.raises(ConfigError, match="there is one loss, contrastive"):
        train(tmp_path, weighting="gradnorm", proxy=0.0, image_contrast=0.0)
