"""Configuration: strict, typed, and the same thing as a dict, a JSON or TOML file, or a preset's name.

`ModelConfig` says what the model is, `TrainConfig` how it learns; a preset (`presets/NAME.json`)
is one of each. A key that does not exist, a value of the wrong type, and a value that would have
no effect are all refused by a `ConfigError`, which names the key, the value and the nearest valid one.
What a tower's *name* means is not decided here but in `encoders/names.py`.

>>> ModelConfig.parse({"vision_encoder": "resnet50", "text_encoder": "bert-base-uncased"}).embed_dim
512
>>> ModelConfig.parse({"vision_encoder": "resnet50", "text_encoder": "bert-base-uncased", "fusion": "mean"})
Traceback (most recent call last):
openautoglm.config.ConfigError: unknown key 'fusion' (value 'mean'); did you mean 'fusion_strategy'?
"""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from openautoglm.errors import UserError

FusionStrategy = Literal[
    "late", "mean_pool", "concat", "attention", "adaptive_gating", "low_rank",
    "hierarchical", "cross_attention",
]  # fmt: skip
Loss = Literal["infonce", "siglip", "triplet"]
Projection = Literal["linear", "mlp", "shared"]
ShapeValue = int | float | str | list[int]
"""A tower's own key: a size, a rate, a name (`"gelu"`), or sizes stage by stage."""

Fraction = Annotated[float, Field(ge=0, lt=1)]
Probability = Annotated[float, Field(ge=0, le=1)]
PositiveInt = Annotated[int, Field(ge=1)]
PositiveFloat = Annotated[float, Field(gt=0)]


class ConfigError(UserError, ValueError):
    """The configuration cannot be used. `problems` lists each reason as one sentence."""

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems) if len(problems) < 2 else "\n- ".join(("", *problems)))
        self.problems = problems


def nearest(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'X'?` with the known word closest to `word`, else `; valid: A, B, …`.

    >>> nearest("infonec", ["infonce", "siglip"])
    "; did you mean 'infonce'?"
    """
    names = sorted(known)
    if not names:
        return ""
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else f"; valid: {', '.join(names)}"


class Strict(BaseModel):
    """A configuration object: frozen, unknown keys refused, no silent conversion of types."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise ConfigError(*_sentences(type(self), error)) from None

    @classmethod
    def parse(cls, source: Self | Mapping[str, Any] | str | Path) -> Self:
        """Read a mapping, or a `.json` or `.toml` file."""
        if isinstance(source, cls):
            return source
        if isinstance(source, (str, Path)):
            source = _read_file(Path(source))
        if not isinstance(source, Mapping):
            raise ConfigError(f"a configuration is a mapping of keys to values, not {source!r}")
        if strange := [key for key in source if not isinstance(key, str)]:
            raise ConfigError(
                f"key {strange[0]!r} is not a string{nearest(str(strange[0]), cls.model_fields)}"
            )
        return cls(**source)

    def changed(self, **values: Any) -> Self:
        """A copy with some keys set anew, checked as a whole."""
        return type(self).parse({**self.as_dict(), **values})

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values; `parse` reads them back to an equal object."""
        return self.model_dump(mode="json")


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
    """The decoder's top layers that look at the image, each through a gated cross-attention block."""
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
    """Changes to the columns tower's, e.g. `{"layers": 3, "dropout": 0.2}`."""

    @model_validator(mode="after")
    def _no_effect_is_an_error(self) -> Self:
        if self.text_encoder is None and self.text_decoder is None:
            raise ConfigError(
                "text_encoder and text_decoder are both missing; name at least one, "
                "e.g. text_encoder='small_text'"
            )
        if self.cross_attention_layers and self.text_decoder is None:
            raise ConfigError(
                f"cross_attention_layers {self.cross_attention_layers} would do nothing: the blocks sit in "
                "the text_decoder's top layers and there is none; set 0 or name a text_decoder"
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
            return load_preset(source).model  # type: ignore[return-value]
        return super().parse(source)


class AugmentConfig(Strict):
    """How training pictures are varied (`train/augment.py`).

    Each is a standard deviation or a probability; 0 is off. Pictures are never mirrored: left and right
    differ.
    """

    rotation: Annotated[float, Field(ge=0)] = 5.0
    """Degrees."""
    scale: Annotated[float, Field(ge=0)] = 0.07
    """Of the size, natural logarithm."""
    stretch: Annotated[float, Field(ge=0)] = 0.06
    """Of height and width apart, natural logarithm."""
    shear: Annotated[float, Field(ge=0)] = 0.06
    """Slant."""
    shift: Annotated[float, Field(ge=0)] = 0.06
    """Place, in half sides of the picture."""
    perspective: Annotated[float, Field(ge=0)] = 0.05
    """Tilt in depth, in half sides."""
    elastic: Annotated[float, Field(ge=0)] = 0.03
    """A smooth field of shifts, in half sides."""
    hue: Annotated[float, Field(ge=0)] = 0.04
    """Half turns of the colour circle."""
    saturation: Annotated[float, Field(ge=0)] = 0.18
    """Natural logarithm."""
    contrast: Annotated[float, Field(ge=0)] = 0.09
    """Natural logarithm, about middle grey."""
    brightness: Annotated[float, Field(ge=0)] = 0.06
    """Offset of all channels."""
    tint: Annotated[float, Field(ge=0)] = 0.025
    """Offset of each channel."""
    mixture: Annotated[float, Field(ge=0)] = 0.035
    """Of each channel with the others."""
    grey: Probability = 0.06
    """Probability of no colour."""
    thickness: Probability = 0.25
    """Probability of thicker or thinner lines."""
    shading: Annotated[float, Field(ge=0)] = 0.15
    """Light from a side, and a smooth field of light."""
    blur: Probability = 0.15
    """Probability."""
    background: Probability = 0.3
    """Probability of a random colour behind the alpha, instead of the usual background."""
    background_level: Probability = 1.0
    """The usual background, 0 black to 1 white."""
    erasing: Probability = 0.18
    """Probability of one filled rectangle, 15 to 45 % of each side."""


class TrainConfig(Strict):
    """How a model learns. Training ends at the first of `steps`, `epochs` and `minutes` that is reached.

    With `minutes` the schedule follows the clock, so two runs differ; with the others they agree to the bit.
    """

    steps: PositiveInt | None = None
    """Budget in steps of the optimizer."""
    epochs: PositiveFloat | None = None
    """Budget in passes over all pairs, fractions allowed."""
    minutes: PositiveFloat | None = None
    """Budget in minutes of training."""

    batch_size: Annotated[int, Field(ge=2)] = 256
    """Pairs whose loss is taken together."""
    micro_batch_size: PositiveInt | None = None
    """Rows that pass the towers at once; below `batch_size`, the gradient cache makes up the difference."""
    accumulate: PositiveInt = 1
    """Batches a step, whose rows do not see each other."""
    learning_rate: PositiveFloat = 1e-3
    """At the top of the schedule."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.05
    """Of matrices; biases, norms and temperatures have none."""
    warmup: Annotated[float, Field(ge=0)] = 0.05
    """Linear rise. Below 1, a fraction of the whole; from 1 on, a number of steps."""
    schedule: Literal["linear", "cosine", "plateau"] = "linear"
    """After the warm-up: `linear` or `cosine` to 0; `plateau` halves after 2 looks without improvement."""
    clip_norm: PositiveFloat | None = 1.0
    """Largest norm of the gradient; `null` does not clip."""
    ema: Fraction = 0.0
    """Decay of the averaged weights that are kept in the end; 0 keeps the last ones."""
    precision: Literal["32", "bf16"] = "32"
    """`bf16` is mixed: losses stay in float32."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Of fresh weights, order, captions, augmentation and dropout."""

    evaluate_every: PositiveInt | None = None
    """Steps between two looks at the validation split; the weights with the best mAP are kept."""
    patience: PositiveInt | None = None
    """Looks without improvement after which training ends; needs `evaluate_every`, as `plateau` does."""
    checkpoint_every: PositiveInt | None = 200
    """Steps between two checkpoints; `null` only at the start and the end."""

    together: PositiveInt = 1
    """Pictures of one group that are drawn side by side."""
    proxy: Annotated[float, Field(ge=0)] = 0.0
    """Weight of a learned vector a group, which its pictures and captions are drawn to (`align/proxy.py`)."""
    extra_texts: Annotated[int, Field(ge=0)] = 0
    """Captions of other rows that each step shows to `proxy` as well."""
    image_contrast: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the contrast of pictures with pictures (`align/supcon.py`)."""
    loss_weights: dict[str, Annotated[float, Field(ge=0)]] = {}
    """Weights by name of the loss, e.g. `{"captioning": 0.5}`; 1 for those not named. `proxy` and
    `image_contrast` count beside it."""
    weighting: Literal["fixed", "gradnorm", "dwa", "uncertainty"] = "fixed"
    """How the losses are weighed (`train/weights/`): as given, or by a method that learns while training."""
    gradnorm_alpha: Annotated[float, Field(ge=0)] | None = None
    """How much more `gradnorm` lets a slow loss pull: 0 not at all; without a value, 1.5."""
    modality_dropout: Fraction = 0.0
    """Probability with which a labelled row is shown without one of its modalities, never without all."""
    balance: Probability = 0.0
    """How much rare classes of a target are made up for: 0 for the best share of right answers, 1 for each
    class alike."""
    tag_share: Fraction = 0.0
    """Share of captions made of a row's tags, where it has some beside its texts."""
    single_tags: Probability = 0.0
    """Of those captions, the share that shows one tag alone, as people search, instead of all in a row."""
    optimizer: Literal["adamw", "muon"] = "adamw"
    """`muon` moves the kernels of a fresh convolutional tower by `train/muon.py`, all else by AdamW."""
    text_rate: PositiveFloat = 1.0
    """Learning rate of a fresh text tower's matrices over the others'."""
    small_size: PositiveInt | None = None
    """Side of the pictures while the share `small_share` of the training lasts, below the model's own; then
    that."""
    small_share: Fraction = 0.5
    """Share of the training that `small_size` lasts."""
    augment: AugmentConfig = AugmentConfig()
    """How pictures are varied; all its keys at once, what is left out has its default."""
    augment_ramp: Fraction = 0.0
    """Share of the training over which the strength of augmentation grows from 0.3 to its whole."""

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if self.steps is None and self.epochs is None and self.minutes is None:
            raise ConfigError("training has no end: set at least one of steps, epochs, minutes")
        if self.micro_batch_size is not None and self.micro_batch_size > self.batch_size:
            raise ConfigError(
                f"micro_batch_size {self.micro_batch_size} is above batch_size {self.batch_size}; "
                f"nearest valid: {self.batch_size}"
            )
        if self.warmup >= 1 and not self.warmup.is_integer():
            raise ConfigError(
                f"warmup {self.warmup} is neither a fraction below 1 nor a whole number of steps; "
                f"nearest valid: {round(self.warmup)}"
            )
        if self.extra_texts and not self.proxy:
            raise ConfigError(
                f"extra_texts {self.extra_texts} would do nothing: they are for proxy, which is 0"
            )
        if self.loss_weights and self.weighting != "fixed":
            raise ConfigError(
                f"loss_weights {self.loss_weights} would do nothing: weighting {self.weighting!r} finds its "
                "own weights; leave one of the two out"
            )
        if self.gradnorm_alpha is not None and self.weighting != "gradnorm":
            raise ConfigError(
                f"gradnorm_alpha {self.gradnorm_alpha} would do nothing: it is for weighting 'gradnorm', "
                f"which is {self.weighting!r}"
            )
        for key in ("patience",) if self.schedule != "plateau" else ("patience", "schedule"):
            if getattr(self, key) is not None and self.evaluate_every is None:
                raise ConfigError(
                    f"{key} {getattr(self, key)!r} needs evaluate_every: it looks at the validation split"
                )
        return self


class Preset(NamedTuple):
    """A model and the training that suits it."""

    model: ModelConfig
    train: TrainConfig


def preset_names() -> list[str]:
    """Names of the presets that come with the package.

    >>> preset_names()
    ['base', 'large', 'mini', 'two_tower_resnet50_bert']
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


def _read_file(path: Path) -> Any:
    if path.suffix not in (".json", ".toml"):
        raise ConfigError(f"{path}: a configuration file ends in .json or .toml")
    try:
        text = path.read_text(encoding="utf-8")
        return tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    except ValueError as error:  # both parsers' errors, and text that is not UTF-8
        raise ConfigError(f"{path}: not valid {path.suffix[1:].upper()}: {error}") from None


def _sentences(cls: type[BaseModel], error: ValidationError) -> list[str]:
    """Pydantic's findings as sentences, one a key: key, value, nearest valid."""
    found: dict[str, str] = {}
    for item in error.errors(include_url=False):
        # Of a union, pydantic reports every member, each with its own type as the last part of the place.
        key = ".".join(str(part) for part in item["loc"] if str(part) not in _UNION_MEMBERS)
        value, context, kind = item["input"], item.get("ctx", {}), item["type"]
        inner = context.get("error")
        if isinstance(inner, ConfigError):
            for problem in inner.problems:
                found[f"{key}: {problem}"] = f"{key}: {problem}" if key else problem
        elif kind == "extra_forbidden":
            found[key] = f"unknown key {key!r} (value {value!r}){nearest(key, cls.model_fields)}"
        elif kind == "missing":
            found[key] = f"key {key!r} is missing"
        elif kind == "literal_error":
            found[key] = (
                f"{key} {value!r} is not valid{nearest(str(value), _QUOTED.findall(context['expected']))}"
            )
        elif bound := next((name for name in _BOUNDS if name in context), None):
            found[key] = f"{key} {value!r} is out of range; nearest valid: {_BOUNDS[bound]}{context[bound]}"
        else:
            wanted = item["msg"].removeprefix("Input should be ")
            found[key] = (
                f"{found[key]} or {wanted}" if key in found else f"{key} {value!r} should be {wanted}"
            )
    return list(found.values())


_QUOTED = re.compile(r"'([^']*)'")
_BOUNDS = {"ge": "", "le": "", "gt": "above ", "lt": "below "}
_UNION_MEMBERS = {"int", "float", "str", "list[int]"}
