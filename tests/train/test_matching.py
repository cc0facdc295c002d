"""The matching loss in the training: whole batches through the gradient cache, weights, log, resuming."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from tests.train.tiny import tiny_config, tiny_data, tiny_model

from openautoglm.align.gradient_cache import cached_backward
from openautoglm.config import ConfigError
from openautoglm.model import OpenAutoGLM
from openautoglm.train.batches import Batches
from openautoglm.train.fit import fit
from openautoglm.train.objective import Objective, row_loss_names, views


def matching_model(seed: int = 0) -> OpenAutoGLM:
    return tiny_model(seed, cross_attention_layers=1).enable_multimodal_training()


@pytest.mark.parametrize("size", [None, 8, 3])
def test_the_gradient_cache_gives_the_gradient_of_the_whole_batch(tmp_path: Path, size: int | None) -> None:
    data, config = tiny_data(tmp_path), tiny_config(proxy=1.0, extra_texts=5)
    model = matching_model().eval()  # without dropout, and with the running statistics, pieces are equal
    model.processor.fit_tokenizer(data.texts())
    batch = Batches(data, config, model.processor).prepare(0, 0.5)
    pairs = batch.pairs()
    objective = Objective(config, dim=8, classes=8)

    def loss(image: torch.Tensor, text: torch.Tensor, *tokens: torch.Tensor) -> torch.Tensor:
        torch.manual_seed(3)  # the same wrong partners
        own = [part[: len(pairs)] for part in tokens]
        losses = objective(model, image[: len(pairs)], text, pairs, batch.classes, own)
        assert set(losses) == {"contrastive", "proxy", "matching"}
        return torch.stack(list(losses.values())).sum()

    cached_backward(lambda chunk: views(model, chunk), batch.chunks(size), loss)
    found = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    torch.manual_seed(3)
    sum(model.losses(pairs).values()).backward()
    for name, parameter in model.named_parameters():
        if name.startswith("matcher."):  # the proxies, which `losses` has not, do not reach it
            torch.testing.assert_close(found[name], parameter.grad, rtol=1e-4, atol=1e-6, msg=name)
    whole = {name: p.grad for name, p in model.named_parameters()}
    assert not torch.equal(found["vision.stem.0.weight"], whole["vision.stem.0.weight"])


def test_it_is_logged_weighed_and_drawn(tmp_path: Path) -> None:
    model = matching_model()
    before = model.matcher.answer.weight.clone()
    config = tiny_config(steps=20, micro_batch_size=3, accumulate=2, loss_weights={"matching": 0.5})
    result = fit(model, tiny_data(tmp_path / "cache"), config, tmp_path / "run", progress=False)
    line = json.loads((tmp_path / "run" / "log.jsonl").read_text().splitlines()[0])
    assert line["matching_weight"] == 0.5
    assert line["loss"] == pytest.approx(line["contrastive_loss"] + 0.5 * line["matching_loss"])
    assert (tmp_path / "run" / "curves.png").exists() and len(result.history) == 2
    assert not torch.equal(model.matcher.answer.weight, before)


def test_going_on_from_a_checkpoint_ends_with_the_same_weights(tmp_path: Path) -> None:
    from openautoglm.train.fit import Trainer

    whole, halves = matching_model(), [matching_model(), matching_model(1)]
    data, config = tiny_data(tmp_path / "cache"), tiny_config(steps=6, micro_batch_size=3)
    fit(whole, data, config, tmp_path / "whole", progress=False)
    first = Trainer(halves[0], data, config, tmp_path / "run", None)
    first.begin(resume=True, say=lambda _: None)
    for _ in range(3):
        first.step()
    first.save()
    fit(halves[1], data, config, tmp_path / "run", progress=False)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, halves[1].state_dict()[name]), name


def test_gradnorm_is_refused_and_other_weightings_work(tmp_path: Path) -> None:
    data = tiny_data(tmp_path / "cache")
    with pytest.raises(ConfigError, match=r"gradnorm.*matching does not pass"):
        fit(matching_model(), data, tiny_config(weighting="gradnorm"), tmp_path / "no", progress=False)
    with pytest.raises(ConfigError, match="'mathcing'.*did you mean 'matching'"):
        fit(
            matching_model(),
            data,
            tiny_config(loss_weights={"mathcing": 2.0}),
            tmp_path / "no",
            progress=False,
        )
    fit(matching_model(), data, tiny_config(steps=3, weighting="dwa"), tmp_path / "run", progress=False)


def test_its_name_is_known_where_it_is_learned() -> None:
    assert row_loss_names(matching_model()) == ["matching"]
    assert row_loss_names(tiny_model(cross_attention_layers=1)) == []
