"""Folders that hold something else, or only half, are told by what is wrong with them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file
from tests.tiny_models import tiny

from openautoglm.config import ConfigError
from openautoglm.encoders.names import resolve
from openautoglm.encoders.pretrained import find_folder, image_settings_in, read_config, tokenizer_in
from openautoglm.encoders.vision import build_vision


@pytest.fixture
def vit(tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny("vit"), tmp_path / "vit"))


def test_a_folder_without_picture_settings_is_refused(vit: Path) -> None:
    (vit / "preprocessor_config.json").unlink()
    with pytest.raises(ConfigError, match=r"no preprocessor_config\.json; copy it"):
        resolve(str(vit), "vision_encoder")


def test_picture_settings_within_a_processor_are_found(vit: Path) -> None:
    expected = image_settings_in(vit)
    values = json.loads((vit / "preprocessor_config.json").read_text())
    (vit / "preprocessor_config.json").unlink()
    (vit / "processor_config.json").write_text(json.dumps({"image_processor": values}))
    assert image_settings_in(vit) == expected


def test_missing_weights_are_never_made_up(vit: Path) -> None:
    weights = load_file(vit / "model.safetensors")
    weights.pop("layernorm.weight")
    save_file(weights, vit / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ConfigError, match=r"not those of a ViTModel: layernorm\.weight are missing"):
        build_vision(resolve(str(vit), "vision_encoder"))
    (vit / "model.safetensors").unlink()
    with pytest.raises(ConfigError, match="its weights cannot be read"):
        build_vision(resolve(str(vit), "vision_encoder"))


def test_a_shape_cannot_be_changed_under_weights(vit: Path) -> None:
    with pytest.raises(ConfigError, match="would not fit the weights in"):
        resolve(str(vit), "vision_encoder").reshaped({"hidden_size": 8})


def test_broken_configurations_are_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="it holds nothing"):
        read_config(tmp_path)
    for content, message in [("{", "cannot be read"), ("[]", "expected an object, found list")]:
        (tmp_path / "config.json").write_text(content)
        with pytest.raises(ConfigError, match=message):
            read_config(tmp_path)
    with pytest.raises(ConfigError, match="name the folder that it lies in"):
        find_folder(tmp_path / "config.json", fetch=False)


def test_a_folder_without_a_tokenizer_is_told(vit: Path) -> None:
    with pytest.raises(ConfigError, match="no tokenizer can be read there"):
        tokenizer_in(vit)


def test_a_whole_model_of_ours_is_no_tower(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"openautoglm": "0.1.0"}))
    with pytest.raises(ConfigError, match="holds a whole model of ours; load it by"):
        resolve(str(tmp_path), "text_encoder")
