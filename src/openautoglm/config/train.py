"""How a model learns: budget, batches, optimizer, losses, and how pictures are varied."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from openautoglm.config.strict import ConfigError, Fraction, PositiveFloat, PositiveInt, Probability, Strict


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
    questions_per_picture: PositiveInt = 4
    """Of each picture that is asked about, questions that a step learns to answer (`fit --questions`)."""
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
