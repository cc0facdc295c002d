"""`OpenAutoGLM`: the whole forward pass on one page.

    batch ─ vision tower ─▶ image tokens, pooled ─ projection ─▶ image_embeds (B, D) ┐
    batch ─ text tower ───▶ text tokens,  pooled ─ projection ─▶ text_embeds  (B, D) ┤─▶ contrastive loss
                                                                                     └─ fuse ─▶ fused_embeds, gates
    image tokens ─ cross-attention before each of the decoder's top layers ─▶ next-token loss (captions)

The text tower is the `text_encoder`, or, without one, the decoder's lower layers read in both directions.
A tower is not run at all for rows that lack its modality; such rows have zero vectors and a gate of exactly 0.

The fused vector is made of the projected ones, in the one space of all vectors: of a row with a single
modality it equals that modality's own, so any mixture can be compared with any other by cosine.

Loading and saving lie in `checkpoint.py`, what a name means in `encoders/`, each loss in `align/`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from openautoglm.align.cross_attention import CrossAttentionBlock
from openautoglm.align.losses import LOSSES
from openautoglm.align.momentum import MomentumEncoder
from openautoglm.align.projections import PROJECTIONS
from openautoglm.align.queue import NegativeQueue
from openautoglm.config import ConfigError, ModelConfig
from openautoglm.encoders.batch import KEYS, MODALITIES, Batch
from openautoglm.encoders.decoder import Decoder
from openautoglm.encoders.encoded import Encoded
from openautoglm.encoders.plan import Towers, plan
from openautoglm.encoders.processor import Processor
from openautoglm.encoders.text import build_text
from openautoglm.encoders.vision import build_vision
from openautoglm.fuse.strategies import STRATEGIES

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image


class Embeds(NamedTuple):
    """A batch in the joint space; unit vectors, zero for a row that lacks the modality."""

    image_embeds: Tensor | None
    """(B, D); None when no row has an image."""
    text_embeds: Tensor | None
    fused_embeds: Tensor | None
    """(B, D); None without a fusion strategy."""
    gates: Tensor | None
    """(B, M) share of each modality in `fused_embeds`, order of `MODALITIES`."""


class OpenAutoGLM(nn.Module):
    """Towers, joint space, fusion, and a decoder that looks at pictures, as far as the configuration asks.

    >>> model = OpenAutoGLM.from_config({"vision_encoder": "small_vision", "text_encoder": "small_text"})
    >>> model.embed(Batch.of(pixel_values=torch.zeros(2, 3, 32, 32))).image_embeds.shape
    torch.Size([2, 512])
    """

    def __init__(self, config: ModelConfig, towers: Towers, processor: Processor) -> None:
        super().__init__()
        self.config = config
        self.towers = towers
        self.processor = processor
        self.vision = build_vision(towers.vision)
        self.text = build_text(towers.text) if towers.text else None
        looking = config.cross_attention_layers
        self.decoder = Decoder(towers.decoder, looking, encodes=self.text is None) if towers.decoder else None
        self.looks = nn.ModuleList(
            CrossAttentionBlock(self.decoder.dim, self.decoder.heads, context_dim=self.vision.dim)
            for _ in range(looking if self.decoder else 0)
        )
        widths = {"image": self.vision.dim, "text": self._reader.dim}
        self.project = PROJECTIONS[config.projection](widths, config.embed_dim)
        self.contrastive = LOSSES[config.loss](temperature=config.temperature, positives=config.positives)
        strategy = STRATEGIES[config.fusion_strategy] if config.fusion_strategy else None
        self.fuse = strategy(config.embed_dim, len(MODALITIES)) if strategy else None
        self.momentum = MomentumEncoder(self._alignment(), config.momentum) if config.momentum else None
        self.queue = NegativeQueue(config.queue_size, config.embed_dim, len(KEYS)) if config.queue_size else None
        self.multimodal = False
        self._lock()

    # ── building, loading, saving ──────────────────────────────────────────────────────────────────────────────

    @classmethod
    def from_config(cls, config: ModelConfig | Mapping[str, Any] | str | Path) -> Self:
        """Build from a configuration, a `.json`/`.toml` file or a preset's name. Nothing is fetched:
        usual names give fresh weights, a folder or a hub id that is on this machine brings its own."""
        config = ModelConfig.parse(config)
        return cls(config, *plan(config))

    @classmethod
    def from_pretrained(cls, source: ModelConfig | Mapping[str, Any] | str | Path) -> Self:
        """Load a whole model: a folder that `save_pretrained` wrote, or a dual encoder of transformers (CLIP,
        Chinese-CLIP, SigLIP, …) in a folder or on the hub. A configuration is built as by `from_config`,
        with the towers it names by hub id fetched where they are missing."""
        from openautoglm.checkpoint import load

        return load(cls, source)

    def save_pretrained(self, folder: str | Path, card: Mapping[str, Any] | None = None) -> None:
        """Write weights, configuration, processor and a model card with the measured figures in `card`."""
        from openautoglm.checkpoint import save

        save(self, Path(folder), card or {})

    def enable_multimodal_training(self) -> Self:
        """Make every tower trainable and turn on the losses that the parts allow; returns the model.

        Before it, towers that came with trained weights stay as they are (locked-tower tuning).
        """
        self.multimodal = True
        self._lock()
        return self

    def _lock(self) -> None:
        for name, spec in self.towers._asdict().items():
            if spec is not None:
                getattr(self, name).requires_grad_(self.multimodal or not spec.pretrained)
        self.train(self.training)

    def train(self, mode: bool = True) -> Self:
        """As in torch; locked towers stay in evaluation mode, so that their running statistics do not drift."""
        super().train(mode)
        for name, spec in self.towers._asdict().items():
            if spec is not None and spec.pretrained and not self.multimodal:
                getattr(self, name).eval()
        return self

    # ── forward ────────────────────────────────────────────────────────────────────────────────────────────────

    def encode_images(self, pixel_values: Tensor) -> Tensor:
        """(B, 3, H, W) → (B, D) unit vectors."""
        return self.project("image", self.vision(pixel_values).pooled)

    def encode_texts(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """(B, L) → (B, D) unit vectors."""
        return self.project("text", self._reader.encode(input_ids, attention_mask).pooled)

    def embed(self, batch: Batch) -> Embeds:
        """Every vector that the batch's modalities give."""
        return self._join(batch, self._see(batch))

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """What training minimises the sum of: `loss_from_embeds` and `row_losses`, sharing one look at the images."""
        seen = self._see(batch)
        return self.loss_from_embeds(self._join(batch, seen), batch) | self._caption_loss(batch, seen)

    def loss_from_embeds(self, embeds: Embeds, batch: Batch) -> dict[str, Tensor]:
        """The losses between rows, which need the whole batch: `contrastive`, over rows that have both modalities."""
        if embeds.image_embeds is None or embeds.text_embeds is None:
            raise ValueError("a batch without images or without texts has no pair to align")
        pairs = batch.present.all(dim=1)
        keys = None if batch.keys is None else _rows(batch.keys, pairs)
        more = {"queue": self.queue.negatives()} if self.queue is not None else {}
        image, text = _rows(embeds.image_embeds, pairs), _rows(embeds.text_embeds, pairs)
        return {"contrastive": self.contrastive(image, text, keys, **more)}

    def row_losses(self, batch: Batch) -> dict[str, Tensor]:
        """The losses within a row, means over rows or tokens, which may be summed over parts of a batch."""
        return self._caption_loss(batch, self._see(batch)) if self.writes_captions else {}

    @property
    def writes_captions(self) -> bool:
        """Whether captions are learned: a decoder that looks at images, after `enable_multimodal_training`."""
        return self.multimodal and bool(self.config.cross_attention_layers)

    def _see(self, batch: Batch) -> Encoded | None:
        """The vision tower on the rows that have an image."""
        if batch.pixel_values is None:
            return None
        seen: Encoded = self.vision(_rows(batch.pixel_values, batch.has("image")))
        return seen

    def _join(self, batch: Batch, seen: Encoded | None) -> Embeds:
        image = text = None
        if seen is not None:
            image = _spread(self.project("image", seen.pooled), batch.has("image"))
        if batch.input_ids is not None and batch.attention_mask is not None:
            there = batch.has("text")
            text = _spread(self.encode_texts(_rows(batch.input_ids, there), _rows(batch.attention_mask, there)), there)
        if self.fuse is None:
            return Embeds(image, text, None, None)
        either = [torch.zeros_like(other) if one is None else one for one, other in ((image, text), (text, image))]
        fused = self.fuse(torch.stack(either, dim=1), batch.present)
        return Embeds(image, text, functional.normalize(fused.embeds, dim=-1), fused.gates)

    def _caption_loss(self, batch: Batch, seen: Encoded | None) -> dict[str, Tensor]:
        """Cross-entropy of each next token, the true ones before it given (teacher forcing)."""
        pairs = batch.present.all(dim=1)
        if not self.writes_captions or seen is None or not bool(pairs.any()):
            return {}
        ids, mask = _rows(batch.input_ids, pairs), _rows(batch.attention_mask, pairs)
        looked_at = pairs[batch.has("image")]
        hidden = self.decode(ids, mask, Encoded(*(_rows(part, looked_at) for part in seen)))
        real = mask[:, 1:].bool() & mask[:, :-1].bool()
        # Only real tokens: the scores of a whole vocabulary are the largest tensor here.
        return {"captioning": functional.cross_entropy(self.decoder.logits(hidden[:, :-1][real]), ids[:, 1:][real])}

    def decode(self, input_ids: Tensor, attention_mask: Tensor, seen: Encoded | None) -> Tensor:
        """(B, L, d) hidden states of the causal decoder that looks at image tokens, or at nothing."""
        if seen is None:
            return self.decoder.decode(input_ids, attention_mask)
        return self.decoder.decode(
            input_ids, attention_mask, lambda number, hidden: self.looks[number](hidden, seen.tokens, seen.mask)
        )

    # ── use ────────────────────────────────────────────────────────────────────────────────────────────────────

    @torch.inference_mode()
    def encode(
        self,
        images: Sequence[Image.Image | str | Path] | None = None,
        texts: Sequence[str] | None = None,
        batch_size: int = 64,
    ) -> np.ndarray:
        """(N, D) float32 unit vectors of pictures (or their files), of texts, or, with both, of pairs fused.

        >>> model = OpenAutoGLM.from_config({"vision_encoder": "small_vision", "text_encoder": "small_text"})
        >>> model.processor.fit_tokenizer(["golden ginkgo"])
        >>> model.encode(texts=["golden", "ginkgo", "银杏"]).shape
        (3, 512)
        """
        images, texts = _listed("images", images), _listed("texts", texts)
        if images is None and texts is None:
            raise ValueError("encode needs images, texts, or both")
        if images is not None and texts is not None:
            if len(images) != len(texts):
                raise ValueError(f"{len(images)} images and {len(texts)} texts are not pairs")
            if self.fuse is None:
                raise ConfigError("one vector of image and text needs a fusion_strategy; this model has none")
        count = len(images if images is not None else texts or [])
        device, was_training = next(self.parameters()).device, self.training
        self.eval()
        try:
            parts = [torch.empty(0, self.config.embed_dim)]
            for start in range(0, count, batch_size):
                part = slice(start, start + batch_size)
                batch = self.processor.batch(
                    None if images is None else [_opened(image) for image in images[part]],
                    None if texts is None else texts[part],
                )
                embeds = self.embed(batch.to(device))
                both = embeds.fused_embeds if images is not None and texts is not None else None
                single = embeds.image_embeds if texts is None else embeds.text_embeds
                parts.append((both if both is not None else single).float().cpu())
        finally:
            self.train(was_training)
        return torch.cat(parts).numpy()

    def fingerprint(self) -> str:
        """Hash of all that an embedding depends on: weights, configuration, processor."""
        digest = hashlib.blake2b(digest_size=16)
        vocabulary = self.processor.tokenizer.to_str() if self.processor.tokenizer else ""
        about = {"config": self.config.as_dict(), "processor": self.processor.as_dict(), "vocabulary": vocabulary}
        digest.update(json.dumps(about, sort_keys=True).encode())
        for name, value in sorted(self.lasting_state().items()):
            digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
            digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
        return digest.hexdigest()

    def lasting_state(self) -> dict[str, Tensor]:
        """`state_dict` without what only training needs (momentum copy, queue) and without repeated tensors."""
        seen: set[int] = set()
        kept = {}
        for name, value in self.state_dict().items():
            if name.split(".")[0] in ("momentum", "queue") or (value.numel() and value.data_ptr() in seen):
                continue
            seen.add(value.data_ptr())
            kept[name] = value
        return kept


def _rows(values: Tensor, index: Tensor) -> Tensor:
    return values if bool(index.all()) else values[index]


def _spread(values: Tensor, there: Tensor) -> Tensor:
    """Back to all rows of the batch; 0 where there is nothing."""
    if bool(there.all()):
        return values
    return values.new_zeros(len(there), *values.shape[1:]).index_put((there,), values)


def _listed(name: str, values: Any) -> list[Any] | None:
    """A list, since a lone string would be taken for a sequence of letters."""
    if values is None:
        return None
    if isinstance(values, (str, Path)) or not isinstance(values, Iterable):
        raise TypeError(f"{name} is a list; for one, write {name}=[{values!r}]")
    return list(values)


def _opened(image: Any) -> Image.Image:
    if isinstance(image, (str, Path)):
        from openautoglm.catalog.images import decode_image

        return decode_image(Path(image))
    return image
