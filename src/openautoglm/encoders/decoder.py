"""A GLM read in two ways: its lower layers as a bidirectional text tower, the whole as a causal writer.

    forward  the layers below the top `looking`, each token seeing every real token     → `Encoded`
    decode   all layers, each token seeing itself and what is before it; before each of the top `looking`
             layers the caller may change the hidden states (this is where the image comes in) → (B, L, d)

Both readings share their weights, as the mixed objectives of GLM (Du et al., 2022, arXiv:2103.10360) and
UniLM (Dong et al., 2019, arXiv:1905.03197) do, and differ only in the attention.

The layers are those of transformers, of which `decoder_layer.py` takes the weights and not the forward pass:
it leaves open what the attention sees (`Attend`), so that the same few lines read whole texts and write token
by token from a cache (`context/`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from openautoglm.config import ConfigError
from openautoglm.encoders.attention import Attend, WholeText
from openautoglm.encoders.decoder_layer import DecoderLayer, norm
from openautoglm.encoders.encoded import Encoded, mean_of_real
from openautoglm.encoders.families import TowerSpec, build_backbone

Look = Callable[[int, Tensor], Tensor]
"""(number of the looking layer from 0, hidden states (B, L, d)) → hidden states."""


class Decoder(nn.Module):
    """Shared layers, two readings.

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
        self.kv_heads: int = config.num_key_value_heads
        self.head_dim: int = config.head_dim
        self.layers: int = config.num_hidden_layers
        most = config.num_hidden_layers - encodes
        if looking > most:
            why = " and at least one below them must remain as the text tower" if encodes else ""
            raise ConfigError(
                f"cross_attention_layers {looking} does not fit text_decoder {spec.name!r}: it has "
                f"{config.num_hidden_layers} layers{why}; nearest valid: {most}"
            )
        self.lower = config.num_hidden_layers - looking
        # The decoder's last norm belongs to its top layer; the tower that ends below needs one of its own.
        self.tower_norm = nn.RMSNorm(self.dim, eps=1e-6) if encodes else None

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Encoded:
        """The text tower: (B, L) ids → `Encoded`."""
        if self.tower_norm is None:
            raise ConfigError("this decoder was built beside a text_encoder and has no text tower of its own")
        mask = attention_mask.bool()
        tokens = self.run(input_ids, self._whole(mask[:, None, None, :]), stop=self.lower)
        tokens = self.tower_norm(tokens)
        return Encoded(tokens, mean_of_real(tokens, mask), mask)

    def decode(self, input_ids: Tensor, attention_mask: Tensor, look: Look | None = None) -> Tensor:
        """(B, L, d) hidden states after the last norm; `logits` makes words of them."""
        length = input_ids.shape[1]
        earlier = torch.ones(length, length, dtype=torch.bool, device=input_ids.device).tril()
        allowed = attention_mask.bool()[:, None, None, :] & earlier
        return self.normed(self.run(input_ids, self._whole(allowed), look))

    def normed(self, hidden: Tensor) -> Tensor:
        """The last norm, over what `run` gives."""
        return norm(self.lm.model.norm, hidden)

    def logits(self, hidden: Tensor) -> Tensor:
        """(…, d) hidden states after the last norm → (…, V) scores of the next token."""
        return self.lm.lm_head(hidden)

    def rotations(self, length: int) -> Tensor:
        """Complex (length, head_dim / 2): the turn of each position from 0, for `rotate`.

        What a decoder leaves as it is turns by 1: one product is faster than cutting and joining.
        """
        backbone = self.lm.model
        like = backbone.embed_tokens.weight
        positions = torch.arange(length, device=like.device).unsqueeze(0)
        real, imaginary = backbone.rotary_emb(like.to(_real(like.dtype)), position_ids=positions)
        half = real.shape[-1] // 2
        turned = torch.complex(real[0, :, :half], imaginary[0, :, :half])
        return torch.cat([turned, turned.new_ones(length, self.head_dim // 2 - half)], dim=-1)

    def run(
        self,
        input_ids: Tensor,
        attend: Attend,
        look: Look | None = None,
        stop: int | None = None,
        layers: Sequence[DecoderLayer] | None = None,
    ) -> Tensor:
        """Hidden states (B, T, d) after layer `stop` (the last one, unless given), before any norm.

        `layers` are those that `read_layers` gave, for who runs them often.
        """
        shape = input_ids.shape
        hidden = self.lm.model.embed_tokens(input_ids).flatten(0, 1)
        for number, layer in enumerate(self.read_layers(stop=stop) if layers is None else layers):
            if look is not None and number >= self.lower:
                hidden = look(number - self.lower, hidden.view(*shape, self.dim)).flatten(0, 1)
            hidden = layer(number, hidden, shape, attend)
        return hidden.view(*shape, self.dim)

    def read_layers(self, *, stop: int | None = None, prepared: bool = False) -> list[DecoderLayer]:
        """The layers as functions; `prepared` for single tokens (`decoder_layer.py`)."""
        return [DecoderLayer(one, self.head_dim, prepared=prepared) for one in self.lm.model.layers[:stop]]

    def _whole(self, allowed: Tensor) -> WholeText:
        """Attention within whole texts where `allowed` (B, 1, T or 1, T)."""
        dropout = self.lm.config.attention_dropout if self.training else 0.0
        return WholeText(allowed, self.rotations(allowed.shape[-1]), dropout)


def _real(dtype: torch.dtype) -> torch.dtype:
    """The precision of the turns: there are no complex numbers of bfloat16."""
    return dtype if dtype in (torch.float32, torch.float64) else torch.float32
