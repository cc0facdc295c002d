"""A model as a folder: written whole or not at all, read back to the same numbers.

    model.safetensors                       weights, float32 as trained
    config.json                             configuration, the towers' exact shapes, what came pretrained
    processor.json                          how pictures and texts become tensors
    columns.json                            how structured columns do, once a columns tower knows them
    targets.json                            what is predicted, and how far predictions can be trusted
    answering.json                          how far answers can be trusted, once questions were learned
    tokenizer.json, tokenizer_config.json   once there is a vocabulary
    README.md                               the model card
    text_tower.json                         how texts are encoded without torch (`numpy_towers/`)

The folder needs nothing else: no name, folder or hub id that the towers once came from is looked up again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from openautoglm.config import ConfigError, ModelConfig
from openautoglm.encoders.families import DUALS, ROLES, SHAPE_KEY
from openautoglm.encoders.plan import Towers, plan
from openautoglm.encoders.pretrained import dual_head_in, find_folder, read_config
from openautoglm.encoders.processor import Processor
from openautoglm.folders import whole_folder
from openautoglm.model_card import model_card
from openautoglm.numpy_towers import text_tower
from openautoglm.tasks import asking
from openautoglm.version import __version__

if TYPE_CHECKING:
    from openautoglm.model import OpenAutoGLM

WEIGHTS = "model.safetensors"

Model = TypeVar("Model", bound="OpenAutoGLM")


def save(model: OpenAutoGLM, folder: Path, figures: Mapping[str, Any]) -> None:
    """Write `model` into `folder`, replacing a model that is there; other files in it stay."""
    # Towers by name only: their weights are in this folder now, wherever they came from.
    config = model.config.as_dict() | {ROLES[tower]: spec.name for tower, spec in model.towers.items()}
    about = {
        "openautoglm": __version__,
        "model": config,
        "towers": model.towers.as_dict(),
        "multimodal": model.multimodal,
        "captions": model.captions,
    }
    parameters = sum(parameter.numel() for parameter in model.parameters())
    weights = {name: value.detach().cpu().contiguous() for name, value in model.lasting_state().items()}
    try:
        with whole_folder(folder) as new:
            save_file(weights, new / WEIGHTS, metadata={"format": "pt"})
            (new / "config.json").write_text(
                json.dumps(about, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
            )
            model.processor.save(new)
            model.heads.save(new)
            if model.decoder is not None:
                asking.save(model.answering, new)
            text_tower.write(model, new)
            learned = {"captions": bool(model.captions), "answers": model.answering is not None}
            card = model_card(config, parameters, figures, **learned)
            (new / "README.md").write_text(card, encoding="utf-8")
    except (OSError, SafetensorError) as error:
        raise ConfigError(
            f"{folder}: the model cannot be written there ({error}); what was there before still is"
        ) from None


def lasting_state(model: OpenAutoGLM) -> dict[str, Tensor]:
    """See `OpenAutoGLM.lasting_state`."""
    kept: dict[int, tuple[str, Tensor]] = {}
    for name, value in model.state_dict().items():
        if name.split(".")[0] not in ("momentum", "queue"):
            # An empty tensor has no address of its own.
            kept.setdefault(value.data_ptr() or -len(kept) - 1, (name, value))
    return dict(kept.values())


def fingerprint(model: OpenAutoGLM) -> str:
    """See `OpenAutoGLM.fingerprint`; the heads have no part in an embedding."""
    tokenizer, columns = model.processor.tokenizer, model.processor.columns
    elsewhere = {*ROLES.values(), SHAPE_KEY["columns_encoder"]}  # told by the towers
    about = {
        "towers": model.towers.as_dict(),
        "config": {key: value for key, value in model.config.as_dict().items() if key not in elsewhere},
        "processor": model.processor.as_dict(),
        "vocabulary": tokenizer.to_str() if tokenizer else "",
    }
    if columns is not None:
        about["columns"] = columns.to_json()
    digest = hashlib.blake2b(json.dumps(about, sort_keys=True).encode(), digest_size=16)
    for name, value in sorted(model.lasting_state().items()):
        if not name.startswith(("heads.", "matcher.")):
            digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
            digest.update(value.cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def load(cls: type[Model], source: ModelConfig | Mapping[str, Any] | str | Path) -> Model:
    """See `OpenAutoGLM.from_pretrained`."""
    if isinstance(source, (ModelConfig, Mapping)):
        config = ModelConfig.parse(source)
        return cls(config, *plan(config, fetch=True))
    folder = find_folder(source, fetch=True)
    if folder is None:
        raise ConfigError(
            f"there is no folder {str(Path(source).expanduser().absolute())!r} to load a model from"
        )
    values = read_config(folder)
    if "openautoglm" in values:
        return _load_own(cls, folder, values)
    kind = values.get("model_type")
    if kind in DUALS:
        return _load_dual(cls, str(source), folder, kind)
    raise ConfigError(
        f"{folder} holds model_type {kind!r}, which is no whole model; accepted: a folder that "
        f"save_pretrained wrote, or one of {', '.join(DUALS)}. A single tower is named in from_config, "
        f"e.g. vision_encoder={str(folder)!r}"
    )


def _load_own(cls: type[Model], folder: Path, values: Mapping[str, Any]) -> Model:
    try:
        config, towers = ModelConfig.parse(values["model"]), Towers.from_dict(values["towers"])
    except (KeyError, TypeError, ConfigError) as error:
        raise ConfigError(
            f"{folder / 'config.json'}: written by Open-AutoGLM {values['openautoglm']}, "
            f"not understood by {__version__}: {error}"
        ) from None
    try:
        weights = load_file(folder / WEIGHTS)
    except (OSError, SafetensorError) as error:
        raise ConfigError(f"{folder / WEIGHTS}: cannot be read ({error})") from None
    with torch.random.fork_rng(devices=[]):  # the fresh weights that are overwritten leave no trace
        model = cls(config, towers, Processor.load(folder))
        model.heads.load(folder)
        model.answering = asking.load(folder)
        model.captions = values.get("captions")
    if "look_columns.weight" not in weights:
        model.look_columns = None  # it learned to write before columns could be looked at, or has none
    expected = model.lasting_state()
    for name in sorted(expected.keys() | weights.keys()):
        if name not in weights or name not in expected or weights[name].shape != expected[name].shape:
            found = tuple(weights[name].shape) if name in weights else "nothing"
            wanted = tuple(expected[name].shape) if name in expected else "nothing"
            raise ConfigError(f"{folder / WEIGHTS}: {name} holds {found} where config.json asks for {wanted}")
    model.load_state_dict(weights, strict=False)  # tied tensors are stored once
    return model.enable_multimodal_training() if values.get("multimodal") else model


def _load_dual(cls: type[Model], source: str, folder: Path, kind: str) -> Model:
    """A dual encoder of transformers: its towers, projections and temperature."""
    head = dual_head_in(folder, kind)
    loss = "siglip" if kind == "siglip" else "infonce"
    towers = {"vision_encoder": source, "text_encoder": source, "loss": loss}
    image = head.image_projection
    if image is None:
        width = read_config(folder).get("vision_config", {}).get("hidden_size", 768)
        image = torch.eye(int(width))  # its towers end in the joint space
    text = image if head.text_projection is None else head.text_projection
    config = ModelConfig.parse({**towers, "embed_dim": len(image)})
    model = cls(config, *plan(config))
    with torch.no_grad():
        for modality, weight in (("image", image), ("text", text)):
            model.project.into[modality].load_state_dict({"weight": weight})
        for name, value in (("logit_scale", head.logit_scale), ("logit_bias", head.logit_bias)):
            if value is not None:
                getattr(model.contrastive, name).copy_(value.reshape(()))
    return model
