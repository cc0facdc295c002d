"""Configuration: strict, typed, and the same thing as a dict, a JSON or TOML file, or a preset's name.

`ModelConfig` says what the model is, `TrainConfig` how it learns; a preset (`presets/NAME.json`)
is one of each. A key that does not exist, a value of the wrong type, and a value that would have
no effect are all refused by a `ConfigError`, which names the key, the value and the nearest valid one.
What a tower's *name* means is not decided here but in `encoders/names.py`.

>>> ModelConfig.parse({"vision_encoder": "resnet50", "text_encoder": "bert-base-uncased"}).embed_dim
512
>>> ModelConfig.parse({"vision_encoder": "resnet50", "text_encoder": "bert-base-uncased", "fusion": "mean"})
Traceback (most recent call last):
openautoglm.config.strict.ConfigError: unknown key 'fusion' (value 'mean'); did you mean 'fusion_strategy'?
"""

from openautoglm.config.model import FusionStrategy, Loss, ModelConfig, Projection, ShapeValue
from openautoglm.config.presets import Preset, load_preset, preset_names
from openautoglm.config.strict import ConfigError, Strict, nearest
from openautoglm.config.train import AugmentConfig, TrainConfig

__all__ = [
    "AugmentConfig",
    "ConfigError",
    "FusionStrategy",
    "Loss",
    "ModelConfig",
    "Preset",
    "Projection",
    "ShapeValue",
    "Strict",
    "TrainConfig",
    "load_preset",
    "nearest",
    "preset_names",
]
