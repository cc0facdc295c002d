"""Text towers in numpy give the vectors that torch gives, or say why they cannot; and only while they may."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.tiny_models import TEXTS, tiny

from openautoglm.model import OpenAutoGLM
from openautoglm.numpy_towers import text_tower
from openautoglm.numpy_towers.arithmetic import gelu, gelu_tanh, layer_norm, rms_norm
from openautoglm.numpy_towers.text_tower import FILE, TextTower, write

SMALL = {"vision_encoder": "small_vision", "text_encoder": "small_text", "embed_dim": 32, "image_size": 32}
QUERIES = ["a red bicycle", "金色的银杏大道", "x", "one two three " * 40]


def dual(kind: str) -> OpenAutoGLM:
    return OpenAutoGLM.from_pretrained(tiny(kind))


def with_text(kind: str, **more: Any) -> OpenAutoGLM:
    role = "text_decoder" if kind.startswith("glm") else "text_encoder"
    config = {"vision_encoder": str(tiny("vit")), role: str(tiny(kind)), "embed_dim": 16, **more}
    return OpenAutoGLM.from_pretrained(config)


def small(**more: Any) -> OpenAutoGLM:
    torch.manual_seed(0)
    model = OpenAutoGLM.from_config({**SMALL, **more})
    model.processor.fit_tokenizer(TEXTS)
    with torch.no_grad():
        for value in model.parameters():  # fresh zeros and ones would hide what is left out
            value.add_(torch.rand_like(value) * 0.1)
    return model


MODELS = {
    "small": small,
    "small, mlp": lambda: small(projection="mlp"),
    "clip": lambda: dual("clip"),
    "chinese_clip": lambda: dual("chinese_clip"),
    "siglip": lambda: dual("siglip"),
    "bert of a dual": lambda: dual("vision-text-dual-encoder"),
    "bert": lambda: with_text("bert", projection="shared"),
    "distilbert": lambda: with_text("distilbert"),
    "xlm-roberta": lambda: with_text("xlm-roberta"),
    "glm": lambda: with_text("glm", cross_attention_layers=1),
    "glm4": lambda: with_text("glm4", cross_attention_layers=2),
}


@pytest.mark.parametrize("kind", MODELS)
def test_it_agrees_with_torch(kind: str, tmp_path: Path) -> None:
    model = MODELS[kind]()
    model.save_pretrained(tmp_path)
    tower = TextTower.load(tmp_path)
    assert tower is not None, json.loads((tmp_path / FILE).read_text())
    assert tower.fingerprint() == model.fingerprint()
    found = tower.encode(texts=QUERIES)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, model.encode(texts=QUERIES), atol=2e-5)


def test_a_model_from_elsewhere_gets_a_copy_of_its_text_side(tmp_path: Path) -> None:
    source, folder = tmp_path / "clip", tmp_path / "cache"
    shutil.copytree(tiny("clip"), source)
    folder.mkdir()
    model = OpenAutoGLM.from_pretrained(source)
    assert write(model, folder, source) is None
    tower = TextTower.load(folder, source)
    assert tower is not None
    np.testing.assert_allclose(tower.encode(texts=QUERIES), model.encode(texts=QUERIES), atol=2e-5)
    size = sum(file.stat().st_size for file in folder.iterdir())
    assert size < sum(file.stat().st_size for file in source.iterdir())

    changed = load_file(source / "model.safetensors")
    changed["text_projection.weight"] += 0.1
    save_file(changed, source / "model.safetensors", metadata={"format": "pt"})
    assert TextTower.load(folder, source) is None


@pytest.mark.parametrize("name", ["project.into.text.weight", "text.token.weight", "vision.stem.0.weight"])
def test_a_description_of_other_weights_is_not_used(name: str, tmp_path: Path) -> None:
    model = small()
    model.save_pretrained(tmp_path)
    kept = (tmp_path / FILE).read_bytes()
    weights = model.state_dict()
    changed = next(value for key, value in weights.items() if key.startswith(name.rpartition(".")[0]))
    with torch.no_grad():
        changed.add_(0.01)
    model.save_pretrained(tmp_path)
    renewed = TextTower.load(tmp_path)
    assert renewed is not None and renewed.fingerprint() == model.fingerprint()
    (tmp_path / FILE).write_bytes(kept)
    assert TextTower.load(tmp_path) is None


@pytest.mark.parametrize("file", ["tokenizer.json", "processor.json", "config.json"])
def test_a_changed_setting_or_vocabulary_counts_too(file: str, tmp_path: Path) -> None:
    small().save_pretrained(tmp_path)
    content = json.loads((tmp_path / file).read_text())
    (tmp_path / file).write_text(json.dumps({**content, "extra": 1}))
    assert TextTower.load(tmp_path) is None


def test_a_copied_folder_still_has_its_tower(tmp_path: Path) -> None:
    small().save_pretrained(tmp_path / "model")
    shutil.copytree(tmp_path / "model", tmp_path / "copy", copy_function=shutil.copyfile)
    assert TextTower.load(tmp_path / "copy") is not None


def test_what_differs_from_torch_is_refused_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_tower, "small_text", lambda weights, shape, ids: weights["token.weight"][ids[0]])
    model = small()
    model.save_pretrained(tmp_path)
    assert TextTower.load(tmp_path) is None
    assert "its vectors differ by" in json.loads((tmp_path / FILE).read_text())["why_not"]


def test_without_a_tokenizer_there_is_a_reason(tmp_path: Path) -> None:
    OpenAutoGLM.from_config(SMALL).save_pretrained(tmp_path)
    assert TextTower.load(tmp_path) is None
    assert json.loads((tmp_path / FILE).read_text())["why_not"] == "the model has no tokenizer yet"


def test_pictures_are_refused(tmp_path: Path) -> None:
    small().save_pretrained(tmp_path)
    tower = TextTower.load(tmp_path)
    assert tower is not None and tower.encode(texts=[]).shape == (0, 32)
    with pytest.raises(ValueError, match="whole model"):
        tower.encode(images=[object()])


def test_the_operations_are_those_of_torch() -> None:
    x = torch.linspace(-6, 6, 1001)
    assert np.abs(gelu(x.numpy()) - torch.nn.functional.gelu(x).numpy()).max() < 1e-6
    tanh = torch.nn.functional.gelu(x, approximate="tanh").numpy()
    assert np.abs(gelu_tanh(x.numpy()) - tanh).max() < 1e-6
    rows, scale, shift = torch.randn(3, 8), torch.rand(8), torch.rand(8)
    weights = {"n.weight": scale.numpy(), "n.bias": shift.numpy()}
    expected = torch.nn.functional.layer_norm(rows, (8,), scale, shift, 1e-5).numpy()
    np.testing.assert_allclose(layer_norm(rows.numpy(), weights, "n", 1e-5), expected, atol=1e-6)
    expected = torch.nn.functional.rms_norm(rows, (8,), scale, 1e-6).numpy()
    np.testing.assert_allclose(rms_norm(rows.numpy(), weights, "n", 1e-6), expected, atol=1e-6)
