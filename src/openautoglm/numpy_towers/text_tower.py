"""A model's text tower without torch: what a search by words in a fresh process waits for.

Importing torch takes longer than the search itself; a sentence of ten tokens needs neither it nor threads.
So a saved model says, in `text_tower.json` beside its weights, how its text tower is computed:

    fingerprint, mark    of the model that was checked, and of the files that it lies in
    family, pooling, …   which form of `transformer.py` or `small_text.py`, and how the joint space is entered
    why_not              instead: why torch is needed, in words

The weights are those of the model itself, read where they lie; a model from elsewhere gets a copy of its
text side. `write` computes a few texts by torch and here, and keeps the tower only where both agree. A
file whose `mark` is not that of the model's folder belongs to other weights and is never used.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from openautoglm.encoders.text_settings import TextSettings
from openautoglm.encoders.tokenizer import load_tokenizer
from openautoglm.numpy_towers.arithmetic import Floats, Weights, gelu, layer_norm, linear
from openautoglm.numpy_towers.small_text import small_text
from openautoglm.numpy_towers.transformer import BERT, DISTILBERT, glm, norm_first, norm_last
from openautoglm.numpy_towers.weights import Tensors, mark

if TYPE_CHECKING:
    from openautoglm.model import OpenAutoGLM

FILE = "text_tower.json"
WEIGHTS = "model.safetensors"
FORMAT = 1
TOLERANCE = 1e-4
"""Largest 1 − cosine between this tower's vector of a text and torch's."""
PROBES = (
    "a",
    "golden ginkgo avenue in autumn",
    "a red bicycle leaning against an old brick wall, seen from below at night",
    "金色的银杏大道",
    "IMG_2041 (2).jpg — Größe: 10 × 15 cm, 25 €!",
    "one two three four five six seven eight nine ten " * 12,
)
"""Short and long, several scripts; the last is cut off by most towers."""
_BERT_KIN = {"bert": BERT, "chinese_clip_text_model": BERT, "distilbert": DISTILBERT}
_COUNTED_AFTER_PADDING = {"roberta": BERT, "xlm-roberta": BERT}


class Refused(Exception):  # noqa: N818 - it says why a tower stays with torch, which is no fault
    """Why this text tower is not computed here."""


class Texts(Protocol):
    """What encodes texts."""

    def encode(self, *, texts: Sequence[str]) -> Floats:
        """(N, D) unit vectors."""
        ...


class TextTower:
    """Texts → unit vectors, by a model that was saved with its text tower described.

    Args:
        about: the content of `text_tower.json`.
        folder: where it lies, with the weights and the tokenizer.
    """

    def __init__(self, about: Mapping[str, Any], folder: Path) -> None:
        self._about = about
        self._text = TextSettings(**about["text"])
        self._tokenizer = load_tokenizer(folder)
        self._tower: Weights = Tensors(folder / WEIGHTS, about["prefix"])
        self._whole: Weights = Tensors(folder / WEIGHTS)

    @classmethod
    def load(cls, folder: Path, source: Path | None = None) -> Self | None:
        """Read the tower that was written into `folder`; None if it is not that of the model there now.

        Args:
            folder: where `write` wrote.
            source: the model's folder, where that is another.
        """
        about = read(folder)
        try:
            if about is None or "why_not" in about or about["mark"] != mark(source or folder):
                return None
            return cls(about, folder)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def fingerprint(self) -> str:
        """The model's."""
        return str(self._about["fingerprint"])

    def encode(
        self, images: Sequence[Any] | None = None, texts: Sequence[str] | None = None, batch_size: int = 1
    ) -> Floats:
        """(N, D) unit vectors of texts, one by one."""
        if images is not None or texts is None:
            raise ValueError("this is a text tower; pictures are encoded by the whole model")
        if not texts:
            return np.zeros((0, int(self._about["dim"])), np.float32)
        return np.stack([self._vector(*self._text.ids(self._tokenizer, [text])) for text in texts])

    def _vector(self, ids: NDArray[np.int64], mask: NDArray[np.bool_]) -> Floats:
        joined = _projected(self._pooled(ids[0], mask[0]), self._whole, str(self._about["projection"]))
        return np.asarray(joined / max(float(np.linalg.norm(joined)), 1e-12), np.float32)

    def _pooled(self, ids: NDArray[np.int64], mask: NDArray[np.bool_]) -> Floats:
        """(d,) of one text."""
        family, shape, weights = self._about["family"], self._about["shape"], self._tower
        if family == "small_text":
            return small_text(weights, shape, ids[mask])
        if family == "clip_text_model":
            tokens = norm_first(weights, shape, ids, mask, causal=True)
            end = shape["eos_token_id"]
            # Of old checkpoints the configuration names another mark than the one that ends a text.
            return tokens[int(np.argmax(ids) if end == 2 else np.argmax(ids == end))]
        if family == "siglip_text_model":
            return linear(norm_first(weights, shape, ids, mask, causal=False)[-1], weights, "head")
        if family in ("glm", "glm4"):
            tokens = glm(weights, shape, ids, mask, int(self._about["layers"]))
            scaled = tokens / np.sqrt((tokens * tokens).mean(-1, keepdims=True) + np.float32(1e-6))
            return np.asarray((scaled * self._whole["decoder.tower_norm.weight"])[mask].mean(0), np.float32)
        names = (_BERT_KIN | _COUNTED_AFTER_PADDING)[family]
        first = int(shape["pad_token_id"]) + 1 if family in _COUNTED_AFTER_PADDING else 0
        tokens = norm_last(weights, shape, ids, mask, names, first)
        if self._about["pooling"] == "pooler":
            return np.tanh(linear(tokens[0], weights, "pooler.dense"))
        return tokens[0] if self._about["pooling"] == "first" else tokens[mask].mean(0)


def read(folder: Path) -> dict[str, Any] | None:
    """`text_tower.json`, if there is one of this format."""
    try:
        about: dict[str, Any] = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return about if isinstance(about, dict) and about.get("format") == FORMAT else None


def write(model: OpenAutoGLM, folder: Path, source: Path | None = None) -> str | None:
    """Describe the text tower of `model` in `folder`, if what is computed here agrees with torch.

    Args:
        model: whose weights are already in `folder`, or lie in `source` in a form of their own.
        folder: where the description goes, and, with `source`, the tokenizer and the text side's weights.
        source: the folder of a model from elsewhere.

    Returns:
        None, or why a search by words in a fresh process has to load torch; this is then written, too.

    Raises:
        OSError: if `folder` cannot be written.
    """
    common = {"format": FORMAT, "fingerprint": model.fingerprint()}
    try:
        about = common | _description(model)
        if source is not None:
            _copy_weights(model, folder)
        about["mark"] = mark(source or folder)
        _check(model, TextTower(about, folder))
        why = None
    except (Refused, KeyError, ValueError, IndexError) as error:
        why = (
            str(error)
            if isinstance(error, Refused)
            else f"the text tower has another form than expected ({error})"
        )
        about = common | {"mark": mark(source or folder), "why_not": why}
    text = json.dumps(about, indent=2, ensure_ascii=False) + "\n"
    (folder / FILE).write_text(text, encoding="utf-8")
    return why


def _description(model: OpenAutoGLM) -> dict[str, Any]:
    """What `TextTower` needs to know."""
    spec = model.towers.text or model.towers.decoder
    known = {"small_text", "clip_text_model", "siglip_text_model", "glm", "glm4"}
    known |= {*_BERT_KIN, *_COUNTED_AFTER_PADDING}
    if spec is None or spec.family not in known:
        raise Refused(f"a text tower of the kind {spec and spec.family!r} is computed by torch only")
    if model.processor.tokenizer is None:
        raise Refused("the model has no tokenizer yet")
    shape = json.loads(json.dumps(dict(spec.shape)))
    about = {"family": spec.family, "shape": shape, "pooling": spec.pooling, "dim": model.config.embed_dim}
    about |= {"text": asdict(model.processor.text), "projection": model.config.projection}
    if model.towers.text is not None:
        return about | {"prefix": "text." if spec.family == "small_text" else "text.backbone."}
    assert model.decoder is not None
    return about | {"prefix": "decoder.lm.model.", "layers": model.decoder.lower}


def _copy_weights(model: OpenAutoGLM, folder: Path) -> None:
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    from openautoglm.encoders.tokenizer import save_tokenizer

    starts = ("text.", "decoder.", "project.into.text.", "project.shared.")
    text_side = {
        name: value.detach().cpu().contiguous()
        for name, value in model.lasting_state().items()
        if name.startswith(starts)
    }
    try:
        save_file(text_side, folder / WEIGHTS, metadata={"format": "pt"})
    except SafetensorError as error:  # so it calls what the system refuses, too
        (folder / WEIGHTS).unlink(missing_ok=True)
        raise OSError(str(error)) from error
    assert model.processor.tokenizer is not None
    save_tokenizer(model.processor.tokenizer, folder, max_length=model.processor.text.max_length)


def _check(model: Texts, tower: TextTower) -> None:
    """Compare both on texts.

    Raises:
        Refused: if they differ.
    """
    cosines = (model.encode(texts=list(PROBES)) * tower.encode(texts=PROBES)).sum(axis=1)
    worst = 1 - float(cosines.min())
    if not worst <= TOLERANCE:  # NaN is worse than anything
        raise Refused(f"computed without torch its vectors differ by {worst:.1e} (1 − cosine)")


def _projected(pooled: Floats, weights: Weights, kind: str) -> Floats:
    """Enter the joint space, as `align/projections.py`."""
    into = "project.into.text"
    if kind == "mlp":
        hidden = gelu(linear(layer_norm(pooled, weights, f"{into}.0", 1e-5), weights, f"{into}.1"))
        return linear(hidden, weights, f"{into}.3")
    entered = linear(pooled, weights, into)
    if kind == "shared":
        shared = layer_norm(entered, weights, "project.shared.0", 1e-5)
        return entered + linear(
            gelu(linear(shared, weights, "project.shared.1")), weights, "project.shared.3"
        )
    return entered
