"""The encoders of transformers in numpy: CLIP, Chinese-CLIP, SigLIP, BERT, RoBERTa, DistilBERT, GLM.

    CLIP, SigLIP   x += attention(norm(x));  x += mlp(norm(x));  a norm at the end      (norm first)
    BERT & kin     x = norm(x + attention(x));  x = norm(x + mlp(x))                    (norm last)
    GLM            norm first, with RMS norms, rotated queries and keys, and a gated mlp

They differ in these three forms, in the names of their tensors, and in where the row's vector is taken.
Checked against torch when a tower is written (`text_tower.py`), so that a version of transformers that
names or computes something else is noticed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from openautoglm.numpy_towers.arithmetic import (
    ACTIVATIONS,
    Floats,
    Weights,
    attention,
    layer_norm,
    linear,
    rms_norm,
)

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


class Names(NamedTuple):
    """Where a layer's tensors are."""

    layer: str
    query: str
    key: str
    value: str
    out: str
    norm: str
    up: str
    down: str
    last_norm: str


CLIP = Names(
    layer="encoder.layers",
    query="self_attn.q_proj",
    key="self_attn.k_proj",
    value="self_attn.v_proj",
    out="self_attn.out_proj",
    norm="layer_norm1",
    up="mlp.fc1",
    down="mlp.fc2",
    last_norm="layer_norm2",
)
BERT = Names(
    layer="encoder.layer",
    query="attention.self.query",
    key="attention.self.key",
    value="attention.self.value",
    out="attention.output.dense",
    norm="attention.output.LayerNorm",
    up="intermediate.dense",
    down="output.dense",
    last_norm="output.LayerNorm",
)
DISTILBERT = Names(
    layer="transformer.layer",
    query="attention.q_lin",
    key="attention.k_lin",
    value="attention.v_lin",
    out="attention.out_lin",
    norm="sa_layer_norm",
    up="ffn.lin1",
    down="ffn.lin2",
    last_norm="output_layer_norm",
)


def norm_first(weights: Weights, shape: Mapping[str, Any], ids: Ints, mask: Bools, *, causal: bool) -> Floats:
    """(L, d) of CLIP's and SigLIP's text towers; CLIP's tokens see only what is before them."""
    length, eps = len(ids), float(shape["layer_norm_eps"])
    x = weights["embeddings.token_embedding.weight"][ids]
    x = x + weights["embeddings.position_embedding.weight"][:length]
    allowed = mask & np.tri(length, dtype=bool) if causal else mask[None]
    for number in range(int(shape["num_hidden_layers"])):
        names = _within(CLIP, number)
        x = x + _attend(layer_norm(x, weights, names.norm, eps), weights, names, _heads(shape), allowed)
        x = x + _mlp(layer_norm(x, weights, names.last_norm, eps), weights, names, str(shape["hidden_act"]))
    return layer_norm(x, weights, "final_layer_norm", eps)


def norm_last(
    weights: Weights, shape: Mapping[str, Any], ids: Ints, mask: Bools, names: Names, first_position: int
) -> Floats:
    """(L, d) of BERT and its kin, whose positions are counted from `first_position`."""
    eps = float(shape.get("layer_norm_eps", 1e-12))
    x = weights["embeddings.word_embeddings.weight"][ids]
    x = x + weights["embeddings.position_embeddings.weight"][first_position : first_position + len(ids)]
    if "embeddings.token_type_embeddings.weight" in weights:
        x = x + weights["embeddings.token_type_embeddings.weight"][0]
    x = layer_norm(x, weights, "embeddings.LayerNorm", eps)
    heads, activation = _heads(shape), str(shape.get("hidden_act") or shape["activation"])
    for number in range(int(shape.get("num_hidden_layers") or shape["n_layers"])):
        here = _within(names, number)
        x = layer_norm(x + _attend(x, weights, here, heads, mask[None]), weights, here.norm, eps)
        x = layer_norm(x + _mlp(x, weights, here, activation), weights, here.last_norm, eps)
    return x


def glm(weights: Weights, shape: Mapping[str, Any], ids: Ints, mask: Bools, layers: int) -> Floats:
    """(L, d) of GLM's lower layers, read in both directions; the caller norms."""
    eps, size = float(shape["rms_norm_eps"]), int(shape["head_dim"])
    act = ACTIVATIONS[str(shape["hidden_act"])]
    turn = _rotation(len(ids), size, shape["rope_parameters"])
    x = weights["embed_tokens.weight"][ids]

    def normed(x: Floats, name: str) -> Floats:  # GLM-4 has two norms more than GLM
        return rms_norm(x, weights, name, eps) if f"{name}.weight" in weights else x

    for number in range(layers):
        layer = f"layers.{number}"
        y = normed(x, f"{layer}.input_layernorm")
        q, k, v = (
            linear(y, weights, f"{layer}.self_attn.{name}_proj").reshape(len(ids), -1, size) for name in "qkv"
        )
        y = attention(_rotated(q, *turn), _rotated(k, *turn), v, mask[None])
        x = x + normed(linear(y, weights, f"{layer}.self_attn.o_proj"), f"{layer}.post_self_attn_layernorm")
        y = normed(x, f"{layer}.post_attention_layernorm")
        gate, up = np.split(linear(y, weights, f"{layer}.mlp.gate_up_proj"), 2, axis=-1)
        y = linear(act(gate) * up, weights, f"{layer}.mlp.down_proj")
        x = x + normed(y, f"{layer}.post_mlp_layernorm")
    return x


def _within(names: Names, number: int) -> Names:
    return Names(names.layer, *(f"{names.layer}.{number}.{name}" for name in names[1:]))


def _heads(shape: Mapping[str, Any]) -> int:
    return int(shape.get("num_attention_heads") or shape["n_heads"])


def _attend(x: Floats, weights: Weights, names: Names, heads: int, allowed: Bools) -> Floats:
    q, k, v = (
        linear(x, weights, name).reshape(len(x), heads, -1) for name in (names.query, names.key, names.value)
    )
    return linear(attention(q, k, v, allowed), weights, names.out)


def _mlp(x: Floats, weights: Weights, names: Names, activation: str) -> Floats:
    return linear(ACTIVATIONS[activation](linear(x, weights, names.up)), weights, names.down)


def _rotation(length: int, size: int, about: Mapping[str, Any]) -> tuple[Floats, Floats]:
    """Cosines and sines (L, 1, r / 2) of rotary positions (Su et al., 2021, arXiv:2104.09864)."""
    if about["rope_type"] != "default":
        raise KeyError(f"rotary positions of type {about['rope_type']!r}")
    turned = int(size * about.get("partial_rotary_factor", 1.0))
    speeds = about["rope_theta"] ** -(np.arange(0, turned, 2, dtype=np.float32) / turned)
    angles = (np.arange(length, dtype=np.float32)[:, None] * speeds)[:, None]
    return np.cos(angles), np.sin(angles)


def _rotated(x: Floats, cos: Floats, sin: Floats) -> Floats:
    """Turn neighbouring pairs of the first numbers of each head (L, H, d); the rest stays."""
    turned = x.copy()
    size = 2 * cos.shape[-1]
    even, odd = x[..., 0:size:2], x[..., 1:size:2]
    turned[..., 0:size:2], turned[..., 1:size:2] = even * cos - odd * sin, odd * cos + even * sin
    return turned
