"""Weights that exist already: finding their folder, and reading in it what kind of tower they are.

Nothing is fetched unless `fetch=True`. Every refusal says what was found and what is accepted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tokenizers import Tokenizer
from torch import Tensor

from openautoglm.config import ConfigError
from openautoglm.encoders.families import DUALS, FAMILIES, Role, TowerSpec, full_shape, read_weights
from openautoglm.encoders.image_settings import ImageSettings

_HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
_FETCHED = ["*.json", "*.safetensors", "*.txt", "*.model", "pytorch_model*.bin"]


def find_folder(source: str | Path, *, fetch: bool) -> Path | None:
    """The local folder that `source` means, of a hub id the downloaded copy; None when it is neither.

    Raises:
        ConfigError: for a hub id that is not on this machine, or cannot be fetched.
    """
    folder = Path(source).expanduser()
    if folder.is_dir():
        return folder
    if folder.is_file():
        raise ConfigError(f"{folder} is a file; name the folder that it lies in")
    if isinstance(source, Path) or not _HUB_ID.fullmatch(source):
        return None
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(source, local_files_only=not fetch, allow_patterns=_FETCHED))
    except LocalEntryNotFoundError:
        remedy = (
            "and the hub could not be reached"
            if fetch
            else "and from_config fetches nothing; use from_pretrained"
        )
        raise ConfigError(
            f"{source!r} is no folder here; as a hub id it is not on this machine, {remedy}"
        ) from None
    except (HfHubHTTPError, OSError) as error:
        raise ConfigError(f"hub id {source!r} could not be fetched: {str(error).splitlines()[0]}") from None


def read_config(folder: Path) -> dict[str, Any]:
    """The folder's `config.json`."""
    path = folder / "config.json"
    if not path.is_file():
        held = sorted(entry.name for entry in folder.iterdir())
        shown = ", ".join(held[:6]) + (f" and {len(held) - 6} more" if len(held) > 6 else "")
        raise ConfigError(
            f"{folder} is no model folder: it has no config.json; it holds {shown or 'nothing'}"
        )
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: cannot be read ({error})") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: expected an object, found {type(values).__name__}")
    return values


def tower_in(folder: Path, role: Role, name: str) -> TowerSpec:
    """The tower for `role` among the weights in `folder`, alone or as a part of a dual encoder."""
    values = read_config(folder)
    if "openautoglm" in values:
        raise ConfigError(
            f"{role}: {folder} holds a whole model of ours; load it by OpenAutoGLM.from_pretrained"
        )
    kind = values.get("model_type")
    dual = kind if kind in DUALS and role != "text_decoder" else None
    if dual is not None:
        values = values.get("vision_config" if role == "vision_encoder" else "text_config", {})
        kind = values.get("model_type") or f"{dual}_{'vision' if role == 'vision_encoder' else 'text'}_model"
    if kind not in FAMILIES or FAMILIES[kind].role != role:
        accepted = [name for name, family in FAMILIES.items() if family.role == role and family.config]
        accepted += [] if role == "text_decoder" else DUALS
        raise ConfigError(f"{role}: {folder} holds model_type {kind!r}; accepted: {', '.join(accepted)}")
    known = {key: value for key, value in values.items() if key not in ("model_type", "transformers_version")}
    # A dual encoder of two free towers was trained on their poolers' outputs.
    pooling = "pooler" if dual == "vision-text-dual-encoder" else FAMILIES[kind].pooling
    return TowerSpec(
        name=name,
        family=kind,
        shape=full_shape(kind, known),
        pooling=pooling,
        image=image_settings_in(folder) if role == "vision_encoder" else None,
        pretrained=True,
        folder=folder,
        dual=dual,
    )


def image_settings_in(folder: Path) -> ImageSettings:
    """What the folder says about its pictures."""
    for name, key in (("preprocessor_config.json", None), ("processor_config.json", "image_processor")):
        path = folder / name
        if path.is_file():
            values: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            values = values if key is None else values.get(key, {})
            if values:
                return ImageSettings.from_transformers(values, str(path))
    raise ConfigError(
        f"{folder} does not say how its pictures are prepared: there is no preprocessor_config.json; "
        "copy it from where the weights came from"
    )


class OwnTokenizer(NamedTuple):
    """A pretrained tower's tokenizer and how it pads."""

    tokenizer: Tokenizer
    pad_id: int
    pad_left: bool
    gives_mask: bool


def tokenizer_in(folder: Path) -> OwnTokenizer:
    """The tokenizer in `folder`, in any form that transformers reads."""
    from transformers import AutoTokenizer

    try:
        found = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise ConfigError(
            f"{folder}: no tokenizer can be read there ({str(error).splitlines()[0]})"
        ) from None
    backend = getattr(found, "backend_tokenizer", None)
    if backend is None:
        raise ConfigError(
            f"{folder}: its tokenizer has no tokenizer.json form; convert it with transformers first"
        )
    return OwnTokenizer(
        tokenizer=backend,
        pad_id=found.pad_token_id or 0,
        pad_left=found.padding_side == "left",
        gives_mask="attention_mask" in found.model_input_names,
    )


class DualHead(NamedTuple):
    """What a dual encoder has beside its towers."""

    image_projection: Tensor | None
    """(D, d) weights; None where the towers end in the joint space already."""
    text_projection: Tensor | None
    logit_scale: Tensor
    logit_bias: Tensor | None


def dual_head_in(folder: Path, kind: str) -> DualHead:
    """Projections and learned temperature of the dual encoder in `folder`."""
    import transformers

    whole: Any = read_weights(getattr(transformers, DUALS[kind]), folder)
    image, text = getattr(whole, "visual_projection", None), getattr(whole, "text_projection", None)
    bias = getattr(whole, "logit_bias", None)
    return DualHead(
        image_projection=None if image is None else image.weight.detach(),
        text_projection=None if text is None else text.weight.detach(),
        logit_scale=whole.logit_scale.detach(),
        logit_bias=None if bias is None else bias.detach(),
    )
