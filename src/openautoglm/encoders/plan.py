"""From a configuration to towers that are fully decided, and the processor that fits them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple, Self

from openautoglm.config import ConfigError, ModelConfig
from openautoglm.encoders.families import TowerSpec
from openautoglm.encoders.image_settings import ImageSettings
from openautoglm.encoders.names import resolve
from openautoglm.encoders.pretrained import OwnTokenizer, tokenizer_in
from openautoglm.encoders.processor import Processor, TextSettings
from openautoglm.encoders.tokenizer import BOS_ID, EOS_ID, PAD_ID

LONGEST_TEXT = 77
"""Default limit in tokens: CLIP's, and long enough for captions; less where the tower reads less."""


class Towers(NamedTuple):
    """The towers of one model."""

    vision: TowerSpec
    text: TowerSpec | None
    decoder: TowerSpec | None
    columns: TowerSpec | None = None

    def items(self) -> list[tuple[str, TowerSpec]]:
        """The towers that there are, by their names within a model."""
        return [(name, spec) for name, spec in zip(self._fields, self, strict=True) if spec is not None]

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {name: spec.as_dict() for name, spec in self.items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Mapping[str, Any]]) -> Self:
        """Read what `as_dict` wrote."""
        specs = {key: TowerSpec(**values[key]) if key in values else None for key in cls._fields}
        return cls(**specs)  # type: ignore[arg-type]


def plan(config: ModelConfig, *, fetch: bool = False) -> tuple[Towers, Processor]:
    """Decide every tower of `config`, and how rows become its tensors."""
    vision = resolve(config.vision_encoder, "vision_encoder", fetch=fetch).reshaped(config.vision_shape)
    text = decoder = columns = None
    if config.text_encoder is not None:
        text = resolve(config.text_encoder, "text_encoder", fetch=fetch).reshaped(config.text_shape)
    if config.text_decoder is not None:
        decoder = resolve(config.text_decoder, "text_decoder", fetch=fetch).reshaped(config.decoder_shape)
    if config.columns_encoder is not None:
        columns = resolve(config.columns_encoder, "columns_encoder").reshaped(config.columns_shape)

    vision, image = _sized(vision, config.image_size)
    readers = [spec for spec in (text, decoder) if spec is not None]
    own = _own_tokenizer(readers)
    if own is not None and config.vocab_size is not None:
        raise ConfigError(
            f"vocab_size {config.vocab_size} would do nothing: {readers[0].name!r} brings its own tokenizer"
        )
    vocabulary = _vocabulary(config, readers, own)
    text, decoder = (spec and _worded(spec, vocabulary, own) for spec in (text, decoder))
    settings = TextSettings(
        max_length=_max_length(config, [spec for spec in (text, decoder) if spec is not None]),
        vocab_size=vocabulary,
        lowercase=decoder is None,
        pad_id=own.pad_id if own else PAD_ID,
        pad_left=own is not None and own.pad_left and decoder is None,
        fixed_length=text is not None and text.family == "siglip_text_model",
        padding_is_text=own is not None and not own.gives_mask,
    )
    towers = Towers(vision, text, decoder, columns)
    return towers, Processor(image, settings, own.tokenizer if own else None)


def _sized(vision: TowerSpec, size: int | None) -> tuple[TowerSpec, ImageSettings]:
    """The tower and its picture settings, for another size than its own if one is asked for."""
    if vision.image is None:
        raise ConfigError(f"vision_encoder {vision.name!r} does not say how its pictures are prepared")
    wanted = size or vision.image.size
    shape = dict(vision.shape)
    if "image_size" in shape and not vision.pretrained:
        # A fresh tower is made for the size; one with weights interpolates its positions.
        shape["image_size"] = wanted
    patch = int(shape.get("patch_size", 1))
    if wanted % patch:
        near = max(patch, round(wanted / patch) * patch)
        raise ConfigError(
            f"image_size {wanted} is no multiple of {vision.name}'s patch size {patch}; nearest valid: {near}"
        )
    shortest = vision.image.shortest and round(vision.image.shortest * wanted / vision.image.size)
    return replace(vision, shape=shape), replace(vision.image, size=wanted, shortest=shortest)


def _own_tokenizer(readers: list[TowerSpec]) -> OwnTokenizer | None:
    """The tokenizer that pretrained text towers bring; two towers must bring the same one."""
    found = [(spec, tokenizer_in(spec.folder)) for spec in readers if spec.folder is not None]
    if len(found) == 2 and found[0][1].tokenizer.get_vocab() != found[1][1].tokenizer.get_vocab():
        raise ConfigError(
            f"text_encoder {found[0][0].name!r} and text_decoder {found[1][0].name!r} were trained with "
            "different vocabularies; leave text_encoder out, and the decoder's lower layers read"
        )
    return found[0][1] if found else None


def _vocabulary(config: ModelConfig, readers: list[TowerSpec], own: OwnTokenizer | None) -> int:
    """Rows of the embedding tables."""
    if own is not None:
        return max(int(spec.shape["vocab_size"]) for spec in readers if spec.pretrained)
    return config.vocab_size or min(int(spec.shape["vocab_size"]) for spec in readers)


def _worded(spec: TowerSpec, vocabulary: int, own: OwnTokenizer | None) -> TowerSpec:
    """A fresh tower gets a table of `vocabulary` rows, and learns which ids are marks."""
    if spec.pretrained:
        return spec
    shape = {**spec.shape, "vocab_size": vocabulary}
    if spec.family != "small_text":
        ours = {"pad_token_id": PAD_ID, "bos_token_id": BOS_ID, "eos_token_id": EOS_ID}
        theirs = {"pad_token_id": own.pad_id if own else PAD_ID, "bos_token_id": None, "eos_token_id": None}
        shape |= ours if own is None else theirs
    return replace(spec, shape=shape)


def _max_length(config: ModelConfig, readers: list[TowerSpec]) -> int:
    """Longest text in tokens."""
    limits = []
    for spec in readers:
        positions = spec.shape.get("max_position_embeddings")
        if positions is not None:
            # RoBERTa numbers its positions from the padding id on.
            offset = int(spec.shape.get("pad_token_id") or 0) + 1 if "roberta" in spec.family else 0
            limits.append((int(positions) - offset, spec.name))
    limit, name = min(limits, default=(None, ""))
    wanted = config.max_text_length
    if wanted is None:
        return min(LONGEST_TEXT, limit or LONGEST_TEXT)
    if limit is not None and wanted > limit:
        raise ConfigError(f"max_text_length {wanted} is above what {name!r} reads; nearest valid: {limit}")
    return wanted
