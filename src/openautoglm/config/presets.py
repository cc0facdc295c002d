"""Models with the training that suits them, by name: `presets/NAME.json`."""

from __future__ import annotations

import json
from importlib import resources
from typing import NamedTuple

from openautoglm.config.model import ModelConfig
from openautoglm.config.strict import ConfigError, nearest
from openautoglm.config.train import TrainConfig


class Preset(NamedTuple):
    """A model and the training that suits it."""

    model: ModelConfig
    train: TrainConfig


def preset_names() -> list[str]:
    """Names of the presets that come with the package.

    >>> preset_names()
    ['base', 'large', 'mini', 'mini_glm', 'two_tower_resnet50_bert']
    """
    files = resources.files("openautoglm").joinpath("presets").iterdir()
    return sorted(file.name.removesuffix(".json") for file in files if file.name.endswith(".json"))


def load_preset(name: str) -> Preset:
    """The preset of that name.

    >>> load_preset("large").model.text_decoder
    'glm-large'
    """
    if name not in preset_names():
        hint = "; for a file, give a path that ends in .json or .toml" if "/" in name else ""
        raise ConfigError(f"no preset is called {name!r}{nearest(name, preset_names())}{hint}")
    text = resources.files("openautoglm").joinpath("presets", f"{name}.json").read_text(encoding="utf-8")
    parts = json.loads(text)
    return Preset(ModelConfig.parse(parts["model"]), TrainConfig.parse(parts["train"]))
