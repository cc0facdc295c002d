"""`OpenAutoGLM`: the whole forward pass on one page.

    batch ─ vision tower ──▶ image tokens,  pooled ─ project ─▶ image_embeds   (B, D) ─┬─▶ contrastive loss
    batch ─ text tower ────▶ text tokens,   pooled ─ project ─▶ text_embeds    (B, D) ─┤
    batch ─ columns tower ─▶ column tokens, pooled ─ project ─▶ columns_embeds (B, D) ─┤
                          targets ◀─ heads ◀─ fused_embeds, gates ◀─ fuse ─────────────┘
    image, column tokens ─ cross-attention before each of the decoder's top layers ─▶ next-token loss
    image tokens, text tokens ─ without a decoder, a stack of cross-attention ─▶ match or not (hard negatives)

The text tower is the `text_encoder`, or, without one, the decoder's lower layers read in both directions.
A tower is not run at all for rows that lack its modality; such rows have zero vectors and a gate of
exactly 0.

The fused vector is made of the projected ones. Of a row with a single modality it equals that modality's
own, so that any mixture can be compared with any other by cosine, under every strategy but `concat` and
`low_rank`, whose layers lead elsewhere, and `hierarchical`, which reads projected tokens. What is learned in
fusion learns from whatever head reads `fused_embeds`; until one has, gates are near-equal shares.

Loading and saving lie in `model_files.py`, encoding and predicting in `inference.py`, what a name means in
`encoders/`, each loss in `align/`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from openautoglm.align.cross_attention import CrossAttentionBlock
from openautoglm.align.keys import NO_KEY
from openautoglm.align.losses import LOSSES
from openautoglm.align.momentum import MomentumEncoder
from openautoglm.align.projections import PROJECTIONS
from openautoglm.align.queue import NegativeQueue
from openautoglm.catalog.schema import Kind
from openautoglm.config import ConfigError, ModelConfig
from openautoglm.context.seen import Seen
from openautoglm.encoders.batch import KEYS, Batch, spread
from openautoglm.encoders.column_values import ColumnValues
from openautoglm.encoders.columns import build_columns
from openautoglm.encoders.columns_processor import ColumnsProcessor, Rows
from openautoglm.encoders.decoder import Decoder
from openautoglm.encoders.encoded import Encoded
from openautoglm.encoders.plan import Towers, plan
from openautoglm.encoders.processor import Processor
from openautoglm.encoders.small_text import SmallText
from openautoglm.encoders.text import TextTower, build_text
from openautoglm.encoders.vision import build_vision
from openautoglm.fuse.embeds import Embeds
from openautoglm.fuse.fused import Strategy, Tokens
from openautoglm.fuse.strategies import STRATEGIES
from openautoglm.generating import NO_DECODER, Generating
from openautoglm.tasks.asking import Asking
from openautoglm.tasks.captioning import captioning_loss
from openautoglm.tasks.heads import Heads
from openautoglm.tasks.match_head import MatchHead, tokens_of_pairs

OPEN = 0.5
"""Where the gates of a fresh decoder start; those of a pretrained one are closed."""


class OpenAutoGLM(Generating):
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
        self.decoder: Decoder | None = None
        self.looks = nn.ModuleList()
        if towers.decoder is not None:
            looking = config.cross_attention_layers
            self.decoder = decoder = Decoder(towers.decoder, looking, encodes=self.text is None)
            self.looks.extend(
                CrossAttentionBlock(decoder.dim, decoder.heads, context_dim=self.vision.dim)
                for _ in range(looking)
            )
            if not towers.decoder.pretrained:
                for gate in (gate for name, gate in self.looks.named_parameters() if name.endswith(".gate")):
                    nn.init.constant_(gate, OPEN)  # nothing that was learned is there to be kept as it is
        self.matcher: MatchHead | None = None
        if towers.decoder is None and (layers := config.cross_attention_layers):
            self.matcher = MatchHead(layers, config.embed_dim, self._reader.dim, self.vision.dim)
        self.columns = build_columns(towers.columns, processor.columns) if towers.columns else None
        self.look_columns: nn.Linear | None = None
        """Brings column tokens into the width of the picture's; None in a model that was saved before it."""
        if self.columns is not None and self.looks:
            self.look_columns = nn.Linear(self.columns.dim, self.vision.dim)
        widths = {"image": self.vision.dim, "text": self._reader.dim}
        if self.columns is not None:
            widths["columns"] = self.columns.dim
        self.project = PROJECTIONS[config.projection](widths, config.embed_dim)
        self.contrastive = LOSSES[config.loss](temperature=config.temperature, positives=config.positives)
        self.fuse: Strategy | None = None
        if config.fusion_strategy is not None:
            self.fuse = STRATEGIES[config.fusion_strategy](config.embed_dim, len(widths))
        self.heads = Heads(config.embed_dim)
        self.answering: Asking | None = None
        self.captions: bool | None = None  # whether it learned to write them; None where that is not known
        self.momentum: MomentumEncoder | None = None
        self.queue: NegativeQueue | None = None
        if config.queue_size:
            self.momentum = MomentumEncoder(self._alignment(), config.momentum)
            self.queue = NegativeQueue(config.queue_size, config.embed_dim, len(KEYS))
        self.multimodal = False
        self._lock()

    # ── building, loading, saving ──────────────────────────────────────────────────────────────────────────

    @classmethod
    def from_config(cls, config: ModelConfig | Mapping[str, Any] | str | Path) -> Self:
        """Build from a configuration, a `.json` or `.toml` file, or a preset's name.

        Nothing is fetched: a usual name gives fresh weights; a folder, or a hub id that is on this machine
        already, brings its own.
        """
        config = ModelConfig.parse(config)
        return cls(config, *plan(config))

    @classmethod
    def from_pretrained(cls, source: ModelConfig | Mapping[str, Any] | str | Path) -> Self:
        """Load a whole model from a folder or the hub.

        Args:
            source: a folder that `save_pretrained` wrote; a dual encoder of transformers (CLIP, Chinese-CLIP,
                SigLIP, …); or a configuration, which is built as by `from_config` with the difference that
                towers named by a hub id are fetched where they are missing.
        """
        from openautoglm.model_files import load

        return load(cls, source)

    def save_pretrained(self, folder: str | Path, card: Mapping[str, Any] | None = None) -> None:
        """Write weights, configuration, processor, and a model card with the measured figures in `card`."""
        from openautoglm.model_files import save

        save(self, Path(folder), card or {})

    def fingerprint(self) -> str:
        """Hash all that an embedding depends on: the weights, the towers' shapes, the processor."""
        from openautoglm.model_files import fingerprint

        return fingerprint(self)

    def lasting_state(self) -> dict[str, Tensor]:
        """Return `state_dict` without what only training needs, and each shared tensor once."""
        from openautoglm.model_files import lasting_state

        return lasting_state(self)

    # ── what is trained ────────────────────────────────────────────────────────────────────────────────────

    def enable_multimodal_training(self) -> Self:
        """Make every tower trainable and turn on the losses that the parts allow; return the model.

        Before it, towers that came with trained weights stay as they are (locked-tower tuning).
        """
        self.multimodal = True
        self._lock()
        return self

    def fit_columns(self, rows: Rows, kinds: Mapping[str, Kind]) -> Self:
        """Learn what the columns hold from the training split's rows, and make the tower's vectors for them.

        Args:
            rows: mappings, or a pyarrow table; of the training split alone.
            kinds: what each column holds: "number", "integer", "text" (a category), "boolean", "date",
                "time" or "tags". Ids and targets stay out.

        Raises:
            ConfigError: without a columns_encoder, with one that knows its columns already, or if no column
                tells two rows apart.
        """
        return self.use_columns(ColumnsProcessor.fit(rows, kinds))

    def use_columns(self, columns: ColumnsProcessor) -> Self:
        """Take statistics that are there already, as `fit_columns` does those that it makes."""
        if self.columns is None:
            raise ConfigError("this model has no columns_encoder; set it to 'small_columns'")
        self.columns.fit_features(columns)
        self.processor.columns = columns
        return self

    def train(self, mode: bool = True) -> Self:
        """Set the mode as in torch, but for locked towers: their running statistics must not drift."""
        super().train(mode)
        for name, spec in self.towers.items():
            if spec.pretrained and not self.multimodal:
                getattr(self, name).eval()
        return self

    def _lock(self) -> None:
        for name, spec in self.towers.items():
            getattr(self, name).requires_grad_(self.multimodal or not spec.pretrained)
        if self.decoder is not None and self.decoder.tower_norm is not None:
            self.decoder.tower_norm.requires_grad_(True)  # no decoder brings it
        self.train(self.training)

    @property
    def writes_captions(self) -> bool:
        """Whether captions are learned: by a decoder that looks, after `enable_multimodal_training`."""
        return self.multimodal and len(self.looks) > 0

    @property
    def matches(self) -> bool:
        """Whether matching is learned: by a stack over both towers, after `enable_multimodal_training`."""
        return self.multimodal and self.matcher is not None

    # ── forward ────────────────────────────────────────────────────────────────────────────────────────────

    def encode_images(self, pixel_values: Tensor) -> Tensor:
        """Project (B, 3, H, W) to (B, D) unit vectors."""
        return self.project("image", self.vision(pixel_values).pooled)

    def encode_texts(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Project (B, L) to (B, D) unit vectors."""
        return self.project("text", self._reader(input_ids, attention_mask).pooled)

    def encode_columns(self, values: ColumnValues) -> Tensor:
        """Project B rows of structured columns to (B, D) unit vectors."""
        return self.project("columns", self._read_columns(values).pooled)

    def embed(self, batch: Batch) -> Embeds:
        """Make every vector that the batch's modalities give."""
        return self._join(batch, self._encode(batch, self._see(batch)))

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Return what training minimises the sum of: the losses between rows and those within them."""
        encoded = self._encode(batch, self._see(batch))
        tokens = tokens_of_pairs(encoded, batch) if self.matches else ()
        losses = self.loss_from_embeds(self._join(batch, encoded), batch, tokens)
        return losses | self._captioning(batch, encoded["image"], encoded.get("columns"))

    def loss_from_embeds(
        self, embeds: Embeds, batch: Batch, tokens: Sequence[Tensor] = ()
    ) -> dict[str, Tensor]:
        """Compare rows with each other, which needs the whole batch: `contrastive`, over whole pairs.

        With the towers' tokens and masks, of the images and then of the texts, B rows each, also `matching`;
        a batch without two unrelated pairs has no such loss.
        """
        if embeds.image_embeds is None or embeds.text_embeds is None:
            raise ValueError("a batch without images or without texts has no pair to align")
        whole = batch.paired()
        keys = None if batch.keys is None else batch.keys[whole]
        negatives = None if self.queue is None else self.queue.negatives()
        image, text = embeds.image_embeds[whole], embeds.text_embeds[whole]
        losses = {"contrastive": self.contrastive(image, text, keys, negatives)}
        if self.matcher is not None and tokens:
            scale = self.contrastive.logit_scale.detach().exp()
            losses |= self.matcher.losses(image, text, [part[whole] for part in tokens], scale, keys)
        return losses

    def row_losses(self, batch: Batch) -> dict[str, Tensor]:
        """Return the losses within rows, means that may be taken over parts of a batch: `captioning`."""
        return self._captioning(batch, self._see(batch)) if self.writes_captions else {}

    @torch.no_grad()
    def after_step(self, batch: Batch) -> None:
        """Move the momentum copy and queue its view of `batch` as later negatives.

        To be called after each optimiser step; without `momentum` and `queue_size` there is nothing to do.
        """
        if self.momentum is None or self.queue is None:
            return
        self.momentum.update(self._alignment())
        pairs = batch.pairs()
        pixels, texts = pairs.images(), pairs.texts()
        if pixels is None or texts is None:
            return
        tower: Any = self.momentum.encoder
        image = tower["project"]("image", tower["vision"](pixels).pooled)
        text = tower["project"]("text", tower["text"](*texts).pooled)
        nothing = torch.full((len(pairs), len(KEYS)), NO_KEY, device=image.device)
        self.queue.push(image, text, nothing if pairs.keys is None else pairs.keys)

    def decode(self, input_ids: Tensor, attention_mask: Tensor, seen: Seen | Encoded | None) -> Tensor:
        """Run the causal decoder, its top layers looking at the tokens of `seen`, if any → (k · B, L, d).

        Each of the B rows of `seen` has k texts, those of a row side by side.
        """
        if self.decoder is None:
            raise ConfigError(NO_DECODER)
        if seen is None:
            return self.decoder.decode(input_ids, attention_mask)

        def look(number: int, hidden: Tensor) -> Tensor:
            # Queries do not see each other, so the texts of a row look as one: its keys are made once.
            together = hidden.reshape(len(seen.tokens), -1, hidden.shape[-1])
            looked: Tensor = self.looks[number](together, seen.tokens, seen.mask)
            return looked.view_as(hidden)

        return self.decoder.decode(input_ids, attention_mask, look)

    def look_at(self, batch: Batch) -> Seen | None:
        """Return what the decoder looks at: the tokens of the batch's pictures and then of its columns."""
        return self._seen(batch, self._see(batch))

    @property
    def device(self) -> torch.device:
        """Where the weights lie."""
        return self.contrastive.logit_scale.device

    @property
    def _reader(self) -> SmallText | TextTower | Decoder:
        """The text tower."""
        reader = self.decoder if self.text is None else self.text
        if reader is None:
            raise ConfigError("the model has neither text_encoder nor text_decoder")
        return reader

    def _alignment(self) -> nn.ModuleDict:
        """What the momentum copy follows."""
        return nn.ModuleDict({"vision": self.vision, "text": self._reader, "project": self.project})

    def _see(self, batch: Batch) -> Encoded | None:
        """The vision tower, on the rows that have an image."""
        pixels = batch.images()
        return None if pixels is None else self.vision(pixels)

    def _encode(self, batch: Batch, seen: Encoded | None) -> dict[str, Encoded | None]:
        """What the towers give, each on the rows that have its modality; `seen` is the vision tower's."""
        texts = batch.texts()
        encoded: dict[str, Encoded | None] = {
            "image": seen,
            "text": None if texts is None else self._reader(*texts),
        }
        rows = batch.structured()
        if rows is not None or self.columns is not None:
            encoded["columns"] = None if rows is None else self._read_columns(rows)
        return encoded

    def _seen(self, batch: Batch, image: Encoded | None, columns: Encoded | None = None) -> Seen | None:
        """What the decoder looks at: the picture's tokens, and the columns' in the picture's width.

        Both as their towers gave them; the columns' are encoded where they are not.
        """
        if self.look_columns is not None:
            rows = batch.structured() if columns is None else None
            columns = self._read_columns(rows) if rows is not None else columns
            columns = columns and columns._replace(tokens=self.look_columns(columns.tokens))
        return Seen.joined((image, batch.has("image")), (columns, batch.has("columns")))

    def _join(self, batch: Batch, encoded: Mapping[str, Encoded | None], fuse: bool = True) -> Embeds:
        """Project what the towers give, and, unless told not to, fuse it."""
        own = {
            name: None if one is None else spread(self.project(name, one.pooled), batch.has(name))
            for name, one in encoded.items()
        }
        embeds = Embeds(own["image"], own["text"], None, None, own.get("columns"))
        if self.fuse is None or not fuse:
            return embeds
        nothing = torch.zeros(len(batch), self.config.embed_dim, device=batch.present.device)
        each = [nothing if one is None else one.to(nothing) for one in own.values()]
        tokens = [self._tokens(*one, batch) for one in encoded.items()] if self.fuse.wants_tokens else None
        fused = self.fuse(torch.stack(each, dim=1), batch.present[:, : len(each)], tokens)
        return embeds._replace(
            fused_embeds=functional.normalize(fused.embeds, dim=-1), gates=fused.gates, parts=fused.parts
        )

    def _tokens(self, modality: str, encoded: Encoded | None, batch: Batch) -> Tokens | None:
        """A modality's tokens in the joint space (B, L, D), each of unit length, and their mask (B, L)."""
        if encoded is None:
            return None
        tokens = self.project(modality, encoded.tokens.to(encoded.pooled.dtype))
        there = batch.has(modality)
        return spread(tokens, there), spread(encoded.mask, there)

    def _read_columns(self, values: ColumnValues) -> Encoded:
        """The columns tower, on the rows that have any."""
        if self.columns is None:
            raise ConfigError("this model has no columns_encoder, so it reads no columns")
        return self.columns(values)

    def _captioning(
        self, batch: Batch, image: Encoded | None, columns: Encoded | None = None
    ) -> dict[str, Tensor]:
        """Cross-entropy of each next token, the true ones before it given, in rows that show anything."""
        if not self.writes_captions or self.decoder is None:
            return {}
        seen = self._seen(batch, image, columns)
        if seen is None or batch.input_ids is None or batch.attention_mask is None:
            return {}
        rows = batch.has("text") & seen.mask.any(dim=1)
        if not bool(rows.any()):
            return {}
        ids, mask = batch.input_ids[rows], batch.attention_mask[rows]
        hidden = self.decode(ids, mask, Seen(seen.tokens[rows], seen.mask[rows]))
        return {"captioning": captioning_loss(hidden, ids, mask, self.decoder.logits)}
