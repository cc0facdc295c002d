"""What the model is: its towers, the joint space, fusion and decoder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from openautoglm.config.strict import ConfigError, Fraction, PositiveInt, Strict

FusionStrategy = Literal[
    "late", "mean_pool", "concat", "attention", "adaptive_gating", "low_rank",
    "hierarchical", "cross_attention",
]  # fmt: skip
Loss = Literal["infonce", "siglip", "triplet"]
Projection = Literal["linear", "mlp", "shared"]
ShapeValue = int | float | str | list[int]
"""A tower's own key: a size, a rate, a name (`"gelu"`), or sizes stage by stage."""


class ModelConfig(Strict):
    """What the model is.

    Towers are named by a usual name (`vit_large_patch16_224`, `bert-base-uncased`, `glm-large`, …: a
    shape with fresh weights, no network), by a folder, or by a hub id already on this machine (with weights).
    """

    vision_encoder: str
    """The picture tower: a name, a folder, or a hub id."""
    text_encoder: str | None = None
    """The text tower. Without one, the decoder's lower layers, run in both directions, are the text tower."""
    text_decoder: str | None = None
    """Writes captions about pictures; beside a `text_encoder` it needs `cross_attention_layers`."""
    cross_attention_layers: Annotated[int, Field(ge=0)] = 0
    """Layers in which the text looks at the image. Of a `text_decoder` its top ones, each through a gated
    block, to write captions; without one a stack after both towers, to tell whether a pair matches."""
    columns_encoder: Literal["small_columns"] | None = None
    """The tower of structured columns: numbers, categories, dates, tags (a token each, FT-Transformer)."""
    fusion_strategy: FusionStrategy | None = None
    """How one vector is made of a row's modalities: see `fuse/`, a strategy a file; without one, that of a
    pair is its mean direction."""

    embed_dim: PositiveInt = 512
    """Numbers in a vector."""
    projection: Projection = "linear"
    """Into the joint space: `linear` one matrix a modality, `mlp` two layers a modality, `shared` a matrix
    a modality and then one MLP for all."""
    loss: Loss = "infonce"
    """The contrast of pictures with texts: see `align/`, a loss a file."""
    positives: Literal["match", "mask"] = "match"
    """Rows that share a caption, id or group: share the target's mass (`match`), or leave the denominator
    (`mask`). They are never negatives."""
    temperature: Annotated[float, Field(ge=0.01, le=1)] = 0.07
    """Where the learned temperature starts."""
    momentum: Fraction = 0.0
    """Decay of the slowly following copy whose vectors fill the queue; 0 means no copy and no queue."""
    queue_size: Annotated[int, Field(ge=0)] = 0
    """Earlier pairs that serve as further negatives; above 0 together with `momentum`."""

    image_size: PositiveInt | None = None
    """Side of the square picture in pixels, a multiple of the tower's patch; without one, the tower's own."""
    max_text_length: Annotated[int, Field(ge=2)] | None = None
    """Longest text in tokens, end marks included, longer ones lose their end; without one, 77 or the text
    tower's own if that is less."""
    vocab_size: Annotated[int, Field(ge=259)] | None = None
    """Size of the vocabulary to be trained on the catalogue (256 bytes and 3 marks at least); only for
    fresh text towers, since a pretrained one has its own."""

    vision_shape: dict[str, ShapeValue] = {}
    """Changes to the named vision tower's own shape, e.g. `{"num_hidden_layers": 4}`."""
    text_shape: dict[str, ShapeValue] = {}
    """Changes to the text tower's."""
    decoder_shape: dict[str, ShapeValue] = {}
    """Changes to the decoder's."""
    columns_shape: dict[str, ShapeValue] = {}
    """Changes to the columns tower's, e.g. `{"layers": 3, "dropout": 0.2}`; `{"numbers": "periodic"}` shows
    numbers as waves in place of piecewise-linear bins."""

    @model_validator(mode="after")
    def _no_effect_is_an_error(self) -> Self:
        if self.text_encoder is None and self.text_decoder is None:
            raise ConfigError(
                "text_encoder and text_decoder are both missing; name at least one, "
                "e.g. text_encoder='small_text'"
            )
        if (
            self.text_encoder is not None
            and self.text_decoder is not None
            and not self.cross_attention_layers
        ):
            raise ConfigError(
                f"text_decoder {self.text_decoder!r} would do nothing: beside a text_encoder it only serves "
                "to write about images; set cross_attention_layers to 1 or more"
            )
        for shape, tower in (
            ("text_shape", "text_encoder"),
            ("decoder_shape", "text_decoder"),
            ("columns_shape", "columns_encoder"),
        ):
            if getattr(self, shape) and getattr(self, tower) is None:
                raise ConfigError(f"{shape} {getattr(self, shape)} would do nothing: there is no {tower}")
        if bool(self.momentum) != bool(self.queue_size):
            raise ConfigError(
                f"momentum {self.momentum} with queue_size {self.queue_size}: the queue holds the momentum "
                "copy's vectors, so either both are above 0 (e.g. 0.995 and 4096) or both are 0"
            )
        return self

    @classmethod
    def parse(cls, source: Self | Mapping[str, Any] | str | Path) -> Self:
        """Read a mapping, a `.json` or `.toml` file, or a preset's name."""
        if isinstance(source, str) and not source.endswith((".json", ".toml")):
            from openautoglm.config.presets import load_preset

            return load_preset(source).model  # type: ignore[return-value]
        return super().parse(source)
