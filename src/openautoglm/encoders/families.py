"""The architectures that a tower can have, and how each is built from its shape or read with its weights.

A family is a `model_type` of transformers, or one of our three small towers. Everything that differs between
architectures stands in this table; whoever uses a tower sees `Encoded` and nothing else.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self, TypeVar

import torch
from torch import nn

from openautoglm.config import ConfigError, nearest
from openautoglm.encoders.image_settings import ImageSettings

Role = Literal["vision_encoder", "text_encoder", "text_decoder", "columns_encoder"]
Pooling = Literal["first", "mean", "pooler"]

Small = TypeVar("Small", bound=nn.Module)

ROLES: dict[str, Role] = {
    "vision": "vision_encoder",
    "text": "text_encoder",
    "decoder": "text_decoder",
    "columns": "columns_encoder",
}
"""A tower's name within a model → the key of the configuration that names what it is."""

SHAPE_KEY: dict[Role, str] = {role: f"{tower}_shape" for tower, role in ROLES.items()}


class Family(NamedTuple):
    """One architecture."""

    role: Role
    config: str
    """Name of its configuration class in transformers; empty for a small tower of ours."""
    model: str
    pooling: Pooling = "pooler"
    """Where its row vector comes from when nothing was trained on another: the first token, the mean of
    the real tokens, or the architecture's own pooled output."""
    optional_pooler: bool = False
    any_size: bool = True
    """A vision tower that takes pictures of other sizes than its own."""


FAMILIES: dict[str, Family] = {
    "small_vision": Family("vision_encoder", "", "SmallVision"),
    "vit": Family("vision_encoder", "ViTConfig", "ViTModel", "first", optional_pooler=True),
    "deit": Family("vision_encoder", "DeiTConfig", "DeiTModel", "first", optional_pooler=True),
    "dinov2": Family("vision_encoder", "Dinov2Config", "Dinov2Model", "first"),
    "resnet": Family("vision_encoder", "ResNetConfig", "ResNetModel"),
    "convnext": Family("vision_encoder", "ConvNextConfig", "ConvNextModel"),
    "clip_vision_model": Family("vision_encoder", "CLIPVisionConfig", "CLIPVisionModel"),
    "chinese_clip_vision_model": Family(
        "vision_encoder", "ChineseCLIPVisionConfig", "ChineseCLIPVisionModel"
    ),
    "siglip_vision_model": Family("vision_encoder", "SiglipVisionConfig", "SiglipVisionModel"),
    "small_text": Family("text_encoder", "", "SmallText"),
    "bert": Family("text_encoder", "BertConfig", "BertModel", "mean", optional_pooler=True),
    "roberta": Family("text_encoder", "RobertaConfig", "RobertaModel", "mean", optional_pooler=True),
    "xlm-roberta": Family(
        "text_encoder", "XLMRobertaConfig", "XLMRobertaModel", "mean", optional_pooler=True
    ),
    "distilbert": Family("text_encoder", "DistilBertConfig", "DistilBertModel", "mean"),
    "clip_text_model": Family("text_encoder", "CLIPTextConfig", "CLIPTextModel"),
    "chinese_clip_text_model": Family(
        "text_encoder", "ChineseCLIPTextConfig", "ChineseCLIPTextModel", "first", optional_pooler=True
    ),
    "siglip_text_model": Family("text_encoder", "SiglipTextConfig", "SiglipTextModel"),
    "small_columns": Family("columns_encoder", "", "ColumnsTower"),
    "glm": Family("text_decoder", "GlmConfig", "GlmForCausalLM", "mean"),
    "glm4": Family("text_decoder", "Glm4Config", "Glm4ForCausalLM", "mean"),
}

DUALS = {
    "clip": "CLIPModel",
    "chinese_clip": "ChineseCLIPModel",
    "siglip": "SiglipModel",
    "vision-text-dual-encoder": "VisionTextDualEncoderModel",
}
"""Complete dual encoders of transformers: a vision tower, a text tower, and (but for SigLIP) projections."""


@dataclass(frozen=True)
class TowerSpec:
    """A tower that is fully decided: what `build` needs, and what a saved model remembers of it."""

    name: str
    """What the configuration called it; of a folder, its last part."""
    family: str
    shape: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of the family's configuration class (or of the small tower's constructor)."""
    pooling: Pooling = "pooler"
    image: ImageSettings | None = None
    pretrained: bool = False
    folder: Path | None = None
    """Where its weights lie; None for fresh ones, and in a saved model, which holds them itself."""
    dual: str | None = None
    """The kind of dual encoder in `folder` that this tower is a part of."""

    @property
    def role(self) -> Role:
        """Which key of the configuration it answers."""
        return FAMILIES[self.family].role

    def reshaped(self, changes: Mapping[str, Any]) -> Self:
        """With some keys of the shape set anew; unknown ones are refused."""
        if not changes:
            return self
        if self.folder is not None:
            raise ConfigError(
                f"{SHAPE_KEY[self.role]} {dict(changes)} would not fit the weights in {self.folder}; "
                "leave it out"
            )
        known = shape_keys(self.family)
        for key, value in changes.items():
            if key not in known:
                raise ConfigError(
                    f"{SHAPE_KEY[self.role]}: {self.name} has no key {key!r} (value {value!r})"
                    f"{nearest(key, known)}"
                )
        return replace(self, shape={**self.shape, **changes})

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values, without the machine's folders."""
        return {
            "name": self.name,
            "family": self.family,
            "shape": dict(self.shape),
            "pooling": self.pooling,
            "pretrained": self.pretrained,
        }


def shape_keys(family: str) -> set[str]:
    """Keys that the shape of a tower of this family may have."""
    if FAMILIES[family].config:
        return set(_config_class(family)().to_dict())
    return set(inspect.signature(_small_class(family)).parameters)


def full_shape(family: str, shape: Mapping[str, Any]) -> dict[str, Any]:
    """`shape` with the family's defaults, so that a later change of a default changes no saved model."""
    if not FAMILIES[family].config:
        parameters = inspect.signature(_small_class(family)).parameters.values()
        defaults = {p.name: p.default for p in parameters if p.default is not p.empty}
        return {**defaults, **shape}
    values = _config_class(family)(**shape).to_dict()
    # Left out: where it came from, and what belongs to a head that is not part of a tower.
    rest = {"transformers_version", "architectures", "id2label", "label2id", "dtype", "model_type"}
    return {key: value for key, value in values.items() if key not in rest and not key.startswith("_")}


def build_small(small: type[Small], spec: TowerSpec) -> Small:
    """One of our small towers, fresh."""
    try:
        return small(**spec.shape)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{SHAPE_KEY[spec.role]} {dict(spec.shape)}: {error}") from None


def build_backbone(spec: TowerSpec) -> nn.Module:
    """The module of transformers for `spec`: fresh, or with the weights in its folder; float32."""
    import transformers

    family = FAMILIES[spec.family]
    model_class = getattr(transformers, family.model)
    options = {"add_pooling_layer": spec.pooling == "pooler"} if family.optional_pooler else {}
    if spec.folder is None:
        try:
            fresh: nn.Module = model_class(_config_class(spec.family)(**spec.shape), **options)
        except (TypeError, ValueError) as error:
            raise ConfigError(
                f"{spec.role} {spec.name!r} cannot have the shape {dict(spec.shape)}: {error}"
            ) from None
        return fresh
    if spec.dual is None:
        return read_weights(model_class, spec.folder, **options)
    whole: Any = read_weights(getattr(transformers, DUALS[spec.dual]), spec.folder)
    part: nn.Module = whole.vision_model if family.role == "vision_encoder" else whole.text_model
    return part


def read_weights(model_class: Any, folder: Path, **options: Any) -> nn.Module:
    """A model of transformers with the weights in `folder`, float32; refused if any weight is missing."""
    try:
        with _quiet_transformers():
            model, told = model_class.from_pretrained(
                folder, local_files_only=True, dtype=torch.float32, output_loading_info=True, **options
            )
    except (OSError, ValueError, RuntimeError) as error:
        raise ConfigError(f"{folder}: its weights cannot be read ({str(error).splitlines()[0]})") from None
    if told["missing_keys"]:
        # transformers would go on with random numbers in their place.
        some = ", ".join(sorted(told["missing_keys"])[:3])
        raise ConfigError(
            f"{folder}: its weights are not those of a {model_class.__name__}: {some} are missing"
        )
    read: nn.Module = model
    return read


@contextmanager
def _quiet_transformers() -> Iterator[None]:
    """Without bars, and without reports of heads that are left out on purpose."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def _config_class(family: str) -> Any:
    import transformers

    return getattr(transformers, FAMILIES[family].config)


def _small_class(family: str) -> type[nn.Module]:
    if family == "small_vision":
        from openautoglm.encoders.small_vision import SmallVision

        return SmallVision
    if family == "small_columns":
        from openautoglm.encoders.columns import ColumnsTower

        return ColumnsTower
    from openautoglm.encoders.small_text import SmallText

    return SmallText
