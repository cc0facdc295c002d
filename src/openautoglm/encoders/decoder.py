"""A GLM read in two ways: its lower layers as a bidirectional text tower, the whole as a causal writer.

    forward  the layers below the top `looking`, each token seeing every real token     → `Encoded`
    decode   all layers, each token seeing itself and what is before it; before each of the top `looking`
             layers the caller may change the hidden states (this is where the image comes in) → (B, L, d)

Both readings share their weights, as the mixed objectives of GLM (Du et al., 2022, arXiv:2103.10360) and
UniLM (Dong et al., 2019, arXiv:1905.03197) do, and differ only in the attention mask.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from openautoglm.config import ConfigError
from openautoglm.encoders.encoded import Encoded, mean_of_real
from openautoglm.encoders.families import TowerSpec, build_backbone
from openautoglm.encoders.tokenizer import EOS_ID

Look = Callable[[int, Tensor], Tensor]
"""(number of the looking layer from 0, hidden states (B, L, d)) → hidden states."""


class Decoder(nn.Module):
    """Shared layers, two masks.

    Args:
        looking: number of top layers before which `decode` calls back.
        encodes: whether the layers below serve as a text tower; there must then be at least one.
    """

    lm: Any

    def __init__(self, spec: TowerSpec, looking: int, *, encodes: bool) -> None:
        super().__init__()
        self.lm = build_backbone(spec)
        config = self.lm.config
        self.dim: int = config.hidden_size
        self.heads: int = config.num_attention_heads
        most = config.num_hidden_layers - encodes
        if looking > most:
            why = " and at least one below them must remain as the text tower" if encodes else ""
            raise ConfigError(
                f"cross_attention_layers {looking} does not fit text_decoder {spec.name!r}: it has "
                f"{config.num_hidden_layers} layers{why}; nearest valid: {most}"
            )
        ends = config.eos_token_id
        self.end: int = ends[0] if isinstance(ends, list) else EOS_ID if ends is None else ends
        """Id of the mark that ends a text."""
        self.lower = config.num_hidden_layers - looking
        # The decoder's last norm belongs to its top layer; the tower that ends below needs one of its own.
        self.tower_norm = nn.RMSNorm(self.dim, eps=1e-6) if encodes else None

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Encoded:
        """The text tower: (B, L) ids → `Encoded`."""
        if self.tower_norm is None:
            raise ConfigError("this decoder was built beside a text_encoder and has no text tower of its own")
        mask = attention_mask.bool()
        tokens = self._run(
            input_ids, mask[:, None, None, :].expand(-1, 1, input_ids.shape[1], -1), stop=self.lower
        )
        tokens = self.tower_norm(tokens)
        return Encoded(tokens, mean_of_real(tokens, mask), mask)

    def decode(self, input_ids: Tensor, attention_mask: Tensor, look: Look | None = None) -> Tensor:
        """(B, L, d) hidden states after the last norm; `logits` makes words of them."""
        length = input_ids.shape[1]
        earlier = torch.ones(length, length, dtype=torch.bool, device=input_ids.device).tril()
        # A padded query sees itself, so that no row of the softmax is empty.
        itself = torch.eye(length, dtype=torch.bool, device=input_ids.device)
        allowed = (attention_mask.bool()[:, None, None, :] & earlier) | itself
        return self.lm.model.norm(self._run(input_ids, allowed, look=look))

    def logits(self, hidden: Tensor) -> Tensor:
        """(…, d) hidden states → (…, V) scores of the next token."""
        return self.lm.lm_head(hidden)

    def _run(
        self, input_ids: Tensor, allowed: Tensor, stop: int | None = None, look: Look | None = None
    ) -> Tensor:
        """Hidden states after layer `stop`, attention where `allowed` (B, 1, L, L) bool."""
        backbone = self.lm.model
        hidden = backbone.embed_tokens(input_ids)
        positions = torch.arange(input_ids.shape[1], device=input_ids.device).unsqueeze(0)
        rotation = backbone.rotary_emb(hidden, position_ids=positions)
        # Added to the scores: what both the fused and the plain attention of transformers take.
        lowest = torch.finfo(hidden.dtype).min
        mask = torch.zeros(allowed.shape, dtype=hidden.dtype, device=hidden.device).masked_fill(
            ~allowed, lowest
        )
        for number, layer in enumerate(backbone.layers[:stop]):
            if look is not None and number >= self.lower:
                hidden = look(number - self.lower, hidden)
            hidden = layer(hidden, attention_mask=mask, position_ids=positions, position_embeddings=rotation)
        return hidden
