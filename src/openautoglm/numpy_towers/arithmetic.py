"""The few operations of which text towers are made, in numpy and float32, on one text: (L, d).

`gelu` needs the error function, which numpy lacks; its rational approximation (Abramowitz and Stegun,
1964, 7.1.26) errs by 1.5e-7 at most, about as much as float32 does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Weights = Mapping[str, Floats]


def linear(x: Floats, weights: Weights, name: str) -> Floats:
    """X Wᵀ + b; without b where there is none."""
    product: Floats = x @ weights[f"{name}.weight"].T
    bias = f"{name}.bias"
    return product + weights[bias] if bias in weights else product


def layer_norm(x: Floats, weights: Weights, name: str, eps: float) -> Floats:
    """Centre and scale each row, then apply the learned scale and shift."""
    centred = x - x.mean(-1, keepdims=True)
    scaled = centred / np.sqrt((centred * centred).mean(-1, keepdims=True) + eps)
    return np.asarray(scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"], np.float32)


def rms_norm(x: Floats, weights: Weights, name: str, eps: float) -> Floats:
    """Scale each row to mean square 1, then apply the learned scale."""
    scaled = x / np.sqrt((x * x).mean(-1, keepdims=True) + eps)
    return np.asarray(scaled * weights[f"{name}.weight"], np.float32)


def softmax(x: Floats) -> Floats:
    """Over the last axis; −∞ gets exactly 0.

    >>> softmax(np.array([0, 0, -np.inf], np.float32)).tolist()
    [0.5, 0.5, 0.0]
    """
    powers = np.exp(x - x.max(-1, keepdims=True))
    return np.asarray(powers / powers.sum(-1, keepdims=True), np.float32)


def attention(queries: Floats, keys: Floats, values: Floats, allowed: NDArray[np.bool_]) -> Floats:
    """softmax(q kᵀ / √d) v by head.

    Args:
        queries: (L, H, d).
        keys: (L, G, d), G groups of heads that share keys and values; H is a multiple of it.
        values: (L, G, d).
        allowed: (L, L), or (1, L): which tokens each token sees.

    Returns:
        (L, H · d)
    """
    shared = queries.shape[1] // keys.shape[1]
    q, k, v = (one.transpose(1, 0, 2) for one in (queries, keys, values))
    k, v = (one.repeat(shared, axis=0) if shared > 1 else one for one in (k, v))
    scores = q @ k.transpose(0, 2, 1) / np.float32(np.sqrt(q.shape[-1]))
    seen = softmax(np.where(allowed, scores, np.float32(-np.inf))) @ v
    return seen.transpose(1, 0, 2).reshape(len(queries), -1)


def gelu(x: Floats) -> Floats:
    """X Φ(x).

    >>> gelu(np.array([-1, 0, 1], np.float32)).round(4).tolist()
    [-0.15870000422000885, 0.0, 0.8413000106811523]
    """
    z = np.abs(x) * np.float32(0.5**0.5)
    t = 1 / (1 + np.float32(0.3275911) * z)
    tail = np.zeros_like(t)
    for factor in (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592):
        tail = (tail + np.float32(factor)) * t
    half = np.float32(0.5) * tail * np.exp(-z * z)  # Φ(−|x|)
    return np.asarray(x * np.where(x > 0, 1 - half, half), np.float32)


def gelu_tanh(x: Floats) -> Floats:
    """Approximate `gelu` as GPT and SigLIP were trained with."""
    inner = np.float32(np.sqrt(2 / np.pi)) * (x + np.float32(0.044715) * x * x * x)
    return np.asarray(np.float32(0.5) * x * (1 + np.tanh(inner)), np.float32)


def quick_gelu(x: Floats) -> Floats:
    """Approximate it as OpenAI's CLIP was trained with: x σ(1.702 x)."""
    return np.asarray(x / (1 + np.exp(np.float32(-1.702) * x)), np.float32)


def silu(x: Floats) -> Floats:
    """X σ(x)."""
    return np.asarray(x / (1 + np.exp(-x)), np.float32)


def relu(x: Floats) -> Floats:
    """max(x, 0)."""
    return np.maximum(x, np.float32(0))


ACTIVATIONS: dict[str, Callable[[Floats], Floats]] = {
    "gelu": gelu,
    "gelu_new": gelu_tanh,
    "gelu_pytorch_tanh": gelu_tanh,
    "quick_gelu": quick_gelu,
    "relu": relu,
    "silu": silu,
    "swish": silu,
}
"""By the names that transformers gives them."""
