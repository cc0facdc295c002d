"""Towers and whole models of transformers, loaded as users have them, give the numbers of transformers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from PIL import Image
from tests.tiny_models import tiny

from openautoglm.config import ConfigError
from openautoglm.encoders.families import DUALS
from openautoglm.model import OpenAutoGLM

TEXTS = ["a red bicycle", "金色的银杏大道", "tower", "golden ginkgo avenue in autumn"]
PROCESSORS = {
    "clip": "CLIPImageProcessorPil",
    "chinese_clip": "ChineseCLIPImageProcessorPil",
    "siglip": "SiglipImageProcessorPil",
    "vision-text-dual-encoder": "ViTImageProcessorPil",
    "vit": "ViTImageProcessorPil",
    "dinov2": "ViTImageProcessorPil",
    "resnet": "ConvNextImageProcessorPil",
}


def pictures() -> list[Image.Image]:
    noise = np.random.default_rng(0)
    sizes = [(50, 40), (40, 70), (32, 32), (200, 90)]
    return [Image.fromarray(noise.integers(0, 255, (h, w, 3), dtype=np.uint8)) for w, h in sizes]


def reference_pixels(kind: str) -> torch.Tensor:
    processor = getattr(transformers, PROCESSORS[kind]).from_pretrained(tiny(kind))
    return processor(pictures(), return_tensors="pt")["pixel_values"]


@pytest.fixture(params=sorted(DUALS))
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


def test_embeddings_equal_those_of_transformers(kind: str) -> None:
    theirs = getattr(transformers, DUALS[kind]).from_pretrained(tiny(kind)).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny(kind))
    padding = {"padding": "max_length", "max_length": 16} if kind == "siglip" else {"padding": True}
    with torch.inference_mode():
        expected = theirs(
            pixel_values=reference_pixels(kind), **tokenizer(TEXTS, return_tensors="pt", **padding)
        )

    ours = OpenAutoGLM.from_pretrained(tiny(kind))
    np.testing.assert_allclose(ours.encode(images=pictures()), expected.image_embeds, atol=1e-5)
    np.testing.assert_allclose(ours.encode(texts=TEXTS), expected.text_embeds, atol=1e-5)
    assert ours.contrastive.logit_scale.item() == pytest.approx(theirs.logit_scale.item())
    if kind == "siglip":
        assert ours.contrastive.logit_bias.item() == pytest.approx(-12.9)


def test_a_loaded_dual_encoder_saves_and_loads_exactly_without_its_origin(kind: str, tmp_path: Path) -> None:
    model = OpenAutoGLM.from_pretrained(tiny(kind))
    model.save_pretrained(tmp_path / "model")
    again = OpenAutoGLM.from_pretrained(tmp_path / "model")
    np.testing.assert_array_equal(again.encode(images=pictures()), model.encode(images=pictures()))
    np.testing.assert_array_equal(again.encode(texts=TEXTS), model.encode(texts=TEXTS))
    assert str(tiny(kind).parent) not in (tmp_path / "model" / "config.json").read_text()
    assert again.contrastive.logit_scale.equal(model.contrastive.logit_scale)


@pytest.mark.parametrize("kind", ["vit", "dinov2", "resnet", "clip", "siglip"])
def test_a_vision_tower_brings_its_weights_and_its_preprocessing(kind: str) -> None:
    model = OpenAutoGLM.from_config({"vision_encoder": str(tiny(kind)), "text_encoder": "small_text"}).eval()
    torch.testing.assert_close(model.processor.pixels(pictures()), reference_pixels(kind), rtol=0, atol=2e-6)
    theirs: Any = transformers.AutoModel.from_pretrained(tiny(kind)).eval()
    theirs = getattr(theirs, "vision_model", theirs)
    with torch.inference_mode():
        expected = theirs(reference_pixels(kind))
        found = model.vision(model.processor.pixels(pictures()))
    last = expected.last_hidden_state
    torch.testing.assert_close(
        found.tokens, last.flatten(2).mT if last.ndim == 4 else last, rtol=1e-4, atol=1e-5
    )
    pooled = last[:, 0] if kind in ("vit", "dinov2") else expected.pooler_output.flatten(1)
    torch.testing.assert_close(found.pooled, pooled, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["bert", "xlm-roberta", "clip"])
def test_a_text_tower_brings_its_weights_and_its_tokenizer(kind: str) -> None:
    model = OpenAutoGLM.from_config(
        {"vision_encoder": "small_vision", "text_encoder": str(tiny(kind))}
    ).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny(kind))
    expected_ids = tokenizer(TEXTS, padding=True, return_tensors="pt")
    ids, mask = model.processor.tokens(TEXTS)
    assert ids.equal(expected_ids["input_ids"])
    assert mask.equal(expected_ids["attention_mask"].bool())
    theirs: Any = transformers.AutoModel.from_pretrained(tiny(kind)).eval()
    theirs = getattr(theirs, "text_model", theirs)
    with torch.inference_mode():
        expected = theirs(input_ids=ids, attention_mask=mask.long()).last_hidden_state
        torch.testing.assert_close(model.text(ids, mask).tokens, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["glm", "glm4"])
def test_cross_attention_leaves_a_pretrained_decoder_unharmed_at_the_start(kind: str) -> None:
    model = OpenAutoGLM.from_config(
        {"vision_encoder": str(tiny("vit")), "text_decoder": str(tiny(kind)), "cross_attention_layers": 2}
    ).eval()
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tiny(kind)).eval()
    ids, mask = model.processor.tokens(TEXTS)
    seen = model.vision(model.processor.pixels(pictures()))
    with torch.inference_mode():
        ours = model.decoder.logits(model.decode(ids, mask, seen))
        expected = theirs(input_ids=ids, attention_mask=mask.long()).logits
    torch.testing.assert_close(ours[mask], expected[mask], rtol=1e-4, atol=1e-5)

    with torch.no_grad():
        model.looks[0].gate.fill_(0.5)
        opened = model.decoder.logits(model.decode(ids, mask, seen))
    assert not torch.allclose(opened[mask], expected[mask], atol=1e-3)


def test_pretrained_towers_are_locked_until_multimodal_training_is_enabled() -> None:
    model = OpenAutoGLM.from_config({"vision_encoder": str(tiny("resnet")), "text_encoder": "small_text"})
    model.train()
    before = {name: value.clone() for name, value in model.vision.state_dict().items()}
    assert not any(parameter.requires_grad for parameter in model.vision.parameters())
    assert all(parameter.requires_grad for parameter in model.text.parameters())
    model.processor.fit_tokenizer(TEXTS)
    batch = model.processor.batch(pictures(), TEXTS)
    sum(model.losses(batch).values()).backward()
    assert all(
        value.equal(before[name]) for name, value in model.vision.state_dict().items()
    )  # batch norm too

    assert model.enable_multimodal_training() is model
    assert all(parameter.requires_grad for parameter in model.vision.parameters())
    assert all(module.training for module in model.vision.modules())


def test_the_lock_survives_saving(tmp_path: Path) -> None:
    config = {"vision_encoder": str(tiny("vit")), "text_encoder": "small_text"}
    OpenAutoGLM.from_config(config).save_pretrained(tmp_path / "locked")
    OpenAutoGLM.from_config(config).enable_multimodal_training().save_pretrained(tmp_path / "open")
    locked, opened = (OpenAutoGLM.from_pretrained(tmp_path / name) for name in ("locked", "open"))
    assert not any(parameter.requires_grad for parameter in locked.vision.parameters())
    assert all(parameter.requires_grad for parameter in opened.vision.parameters())


def test_a_pretrained_tower_takes_pictures_of_another_size() -> None:
    config = {"vision_encoder": str(tiny("vit")), "text_encoder": "small_text", "image_size": 48}
    model = OpenAutoGLM.from_config(config)
    assert model.vision(model.processor.pixels(pictures())).tokens.shape == (4, 1 + 6 * 6, 32)


def test_two_towers_with_different_vocabularies_are_refused(tmp_path: Path) -> None:
    config = {
        "vision_encoder": "small_vision",
        "text_encoder": str(tiny("bert")),
        "cross_attention_layers": 1,
    }
    model = OpenAutoGLM.from_config({**config, "text_decoder": str(tiny("glm"))})
    assert model.text.dim == model.decoder.dim  # the same vocabulary is no problem

    other = tmp_path / "other"
    OpenAutoGLM.from_config("mini").processor.fit_tokenizer(TEXTS)
    for file in tiny("bert").iterdir():
        (other / file.name).parent.mkdir(exist_ok=True)
        (other / file.name).write_bytes(file.read_bytes())
    tokenizer = json.loads((other / "tokenizer.json").read_text())
    first, second = list(tokenizer["model"]["vocab"])[-2:]
    vocabulary = tokenizer["model"]["vocab"]
    vocabulary[first], vocabulary[second] = vocabulary[second], vocabulary[first]
    (other / "tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(ConfigError, match="different vocabularies; leave text_encoder out"):
        OpenAutoGLM.from_config({**config, "text_encoder": str(other), "text_decoder": str(tiny("glm"))})


def test_a_wrong_folder_is_told_by_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_bytes(b"")
    with pytest.raises(ConfigError, match=r"no config\.json; it holds holiday\.jpg"):
        OpenAutoGLM.from_pretrained(tmp_path)
    with pytest.raises(ConfigError, match="no whole model; accepted: a folder that save_pretrained wrote"):
        OpenAutoGLM.from_pretrained(tiny("bert"))
    with pytest.raises(ConfigError, match=r"vision_encoder: .* holds model_type 'bert'; accepted: vit, "):
        OpenAutoGLM.from_config({"vision_encoder": str(tiny("bert")), "text_encoder": "small_text"})
    with pytest.raises(ConfigError, match="there is no folder"):
        OpenAutoGLM.from_pretrained(tmp_path / "nowhere")


def test_nothing_is_fetched_by_from_config(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ConfigError, match="not on this machine, and from_config fetches nothing"):
        OpenAutoGLM.from_config({"vision_encoder": "nobody/nothing-here", "text_encoder": "small_text"})
