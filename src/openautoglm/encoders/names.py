"""What a tower's name means: a usual name is a shape with fresh weights, a folder or hub id brings weights.

No network is needed for the usual names. GLM-base and GLM-large have the sizes of the GLM paper (Du et al.,
2022, arXiv:2103.10360, table 7: 110 and 335 million parameters) in the form that GLM-4 and transformers have
today: rotary positions, RMS norm, gated MLP.

>>> resolve("vit_large_patch16_224", "vision_encoder").shape["num_hidden_layers"]
24
>>> resolve("vit_larg_patch16_224", "vision_encoder")
Traceback (most recent call last):
openautoglm.config.strict.ConfigError: vision_encoder 'vit_larg_patch16_224' is no known name; did you mean \
'vit_large_patch16_224'? (nor is there a folder of that name)
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from openautoglm.config import ConfigError, nearest
from openautoglm.encoders.families import FAMILIES, Role, TowerSpec, full_shape
from openautoglm.encoders.image_settings import IMAGENET_MEAN, IMAGENET_STD, ImageSettings
from openautoglm.encoders.pretrained import find_folder, tower_in
from openautoglm.encoders.tokenizer import BOS_ID, EOS_ID, PAD_ID


class _Name(NamedTuple):
    family: str
    shape: dict[str, Any]
    image: ImageSettings | None = None


def _vit(hidden: int, layers: int, heads: int, patch: int, size: int) -> _Name:
    shape = _transformer(hidden, layers, heads) | {"patch_size": patch, "image_size": size}
    return _Name("vit", shape, ImageSettings(size, resample=Image.Resampling.BILINEAR.value))


def _resnet(layer_type: str, depths: list[int], sizes: list[int]) -> _Name:
    image = ImageSettings(224, crop="center", shortest=256, mean=IMAGENET_MEAN, std=IMAGENET_STD)
    return _Name("resnet", {"layer_type": layer_type, "depths": depths, "hidden_sizes": sizes}, image)


def _bert(family: str, hidden: int, layers: int, heads: int, vocabulary: int, positions: int = 512) -> _Name:
    shape = _transformer(hidden, layers, heads)
    if family == "distilbert":
        shape = {"dim": hidden, "n_layers": layers, "n_heads": heads, "hidden_dim": 4 * hidden}
    return _Name(family, shape | {"vocab_size": vocabulary, "max_position_embeddings": positions})


def _glm(
    hidden: int, layers: int, heads: int, inner: int, vocabulary: int, kv_heads: int | None = None
) -> _Name:
    shape = _transformer(hidden, layers, heads) | {
        "intermediate_size": inner,
        "num_key_value_heads": kv_heads or heads,
        "head_dim": hidden // heads,
        "vocab_size": vocabulary,
        "max_position_embeddings": 8192,
        "tie_word_embeddings": kv_heads is None,
        "pad_token_id": PAD_ID,
        "bos_token_id": BOS_ID,
        "eos_token_id": EOS_ID,
    }
    return _Name("glm", shape)


def _mini_glm(hidden: int, layers: int, heads: int, inner: int, vocabulary: int) -> _Name:
    name = _glm(hidden, layers, heads, inner, vocabulary)
    # 0.02, the family's own, is for widths of thousands; a narrow decoder with it hardly begins to learn.
    return name._replace(shape=name.shape | {"initializer_range": 0.1})


def _transformer(hidden: int, layers: int, heads: int) -> dict[str, Any]:
    return {
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "intermediate_size": 4 * hidden,
    }


_BASIC, _WIDE = [64, 128, 256, 512], [256, 512, 1024, 2048]

NAMES: dict[str, _Name] = {
    "small_vision": _Name("small_vision", {}, ImageSettings(64)),
    "vit_tiny_patch16_224": _vit(192, 12, 3, 16, 224),
    "vit_small_patch16_224": _vit(384, 12, 6, 16, 224),
    "vit_base_patch16_224": _vit(768, 12, 12, 16, 224),
    "vit_base_patch32_224": _vit(768, 12, 12, 32, 224),
    "vit_base_patch16_384": _vit(768, 12, 12, 16, 384),
    "vit_large_patch16_224": _vit(1024, 24, 16, 16, 224),
    "vit_large_patch16_384": _vit(1024, 24, 16, 16, 384),
    "vit_huge_patch14_224": _vit(1280, 32, 16, 14, 224),
    "resnet18": _resnet("basic", [2, 2, 2, 2], _BASIC),
    "resnet34": _resnet("basic", [3, 4, 6, 3], _BASIC),
    "resnet50": _resnet("bottleneck", [3, 4, 6, 3], _WIDE),
    "resnet101": _resnet("bottleneck", [3, 4, 23, 3], _WIDE),
    "resnet152": _resnet("bottleneck", [3, 8, 36, 3], _WIDE),
    "small_text": _Name("small_text", {"vocab_size": 4096}),
    "bert-base-uncased": _bert("bert", 768, 12, 12, 30522),
    "bert-base-cased": _bert("bert", 768, 12, 12, 28996),
    "bert-base-chinese": _bert("bert", 768, 12, 12, 21128),
    "bert-base-multilingual-cased": _bert("bert", 768, 12, 12, 119547),
    "bert-large-uncased": _bert("bert", 1024, 24, 16, 30522),
    "distilbert-base-uncased": _bert("distilbert", 768, 6, 12, 30522),
    "roberta-base": _bert("roberta", 768, 12, 12, 50265, 514),
    "xlm-roberta-base": _bert("xlm-roberta", 768, 12, 12, 250002, 514),
    "xlm-roberta-large": _bert("xlm-roberta", 1024, 24, 16, 250002, 514),
    "small_columns": _Name("small_columns", {}),
    "glm-mini": _mini_glm(128, 4, 4, 512, 4096),
    "glm-base": _glm(768, 12, 12, 2048, 50304),
    "glm-large": _glm(1024, 24, 16, 2816, 50304),
    "glm-4-9b": _glm(4096, 40, 32, 13696, 151552, kv_heads=2),
}


def names_for(role: Role) -> list[str]:
    """The usual names that a key of the configuration takes."""
    return [name for name, known in NAMES.items() if FAMILIES[known.family].role == role]


def resolve(name: str, role: Role, *, fetch: bool = False) -> TowerSpec:
    """The tower that `name` means for `role`; `fetch` allows a hub id to be downloaded.

    Raises:
        ConfigError: says the nearest known name, or what a folder holds instead.
    """
    if name in NAMES:
        known = NAMES[name]
        family = FAMILIES[known.family]
        if family.role != role:
            raise ConfigError(
                f"{role} {name!r}: that is a {family.role}; valid here: {', '.join(names_for(role))}"
            )
        return TowerSpec(
            name, known.family, full_shape(known.family, known.shape), family.pooling, known.image
        )
    folder = find_folder(name, fetch=fetch)
    if folder is not None:
        # A hub id is a name; of a folder on this machine, only its last part is anyone else's business.
        return tower_in(folder, role, folder.resolve().name if Path(name).expanduser().is_dir() else name)
    if name.startswith((".", "~", "/")) or Path(name).is_absolute():
        raise ConfigError(f"{role} {name!r}: there is no folder {Path(name).expanduser().absolute()}")
    raise ConfigError(
        f"{role} {name!r} is no known name{nearest(name, names_for(role))} "
        "(nor is there a folder of that name)"
    )
