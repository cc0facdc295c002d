"""A layer of GLM over the weights of transformers' module.

    h ← h + W_o attend(W_q n, W_k n, W_v n),  n = norm(h);    h ← h + W_down (act(gate) ∘ up),
    [gate; up] = W_gu norm(h)                                 (GLM-4 normalises both summands once more)

    norm(h) = h w / √(|h|² / d + ε)

A token that is written alone costs a small decoder more in calls than in products. A layer that is `prepared`
for it computes queries, keys and values by one product and its norms by four operations in place of ten: the
same numbers from copies of a few weights.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from openautoglm.encoders.attention import Attend

_COPIED = 1 << 20
"""Most entries of weights that are copied into one product: larger ones take longer to read than to call."""


class DecoderLayer:
    """A layer as a function of hidden states.

    Args:
        module: of transformers.
        head_dim: size of a head.
        prepared: for single tokens, with the weights as they are now.
    """

    def __init__(self, module: Any, head_dim: int, *, prepared: bool = False) -> None:
        self.head_dim = head_dim
        attention, mlp = module.self_attn, module.mlp
        products = attention.q_proj, attention.k_proj, attention.v_proj
        self.heads = [one.out_features // head_dim for one in products]
        self.products = [(one.weight, one.bias) for one in products]
        if prepared and sum(weight.numel() for weight, _ in self.products) <= _COPIED:
            weights, biases = zip(*self.products, strict=True)
            self.products = [(torch.cat(weights), None if biases[0] is None else torch.cat(biases))]
        self.out, self.gate_up, self.down = (
            one.weight for one in (attention.o_proj, mlp.gate_up_proj, mlp.down_proj)
        )
        self.activation = mlp.activation_fn
        made = prepared_norm if prepared else plain_norm
        self.norm, self.norm_fed = made(module.input_layernorm), made(module.post_attention_layernorm)
        self.after, self.after_fed = (
            made(getattr(module, name)) if hasattr(module, name) else None
            for name in ("post_self_attn_layernorm", "post_mlp_layernorm")
        )

    def __call__(self, number: int, hidden: Tensor, shape: torch.Size, attend: Attend) -> Tensor:
        """Hidden states (B · T, d) of `shape` (B, T) → (B · T, d); `number` is the layer's, for `attend`."""
        mixed = attend(number, *self._by_head(self.norm(hidden), shape))
        mixed = functional.linear(mixed.transpose(1, 2).reshape(len(hidden), self.out.shape[1]), self.out)
        hidden = hidden + (mixed if self.after is None else self.after(mixed))
        gate, up = functional.linear(self.norm_fed(hidden), self.gate_up).chunk(2, dim=-1)
        fed = functional.linear(self.activation(gate) * up, self.down)
        return hidden + (fed if self.after_fed is None else self.after_fed(fed))

    def _by_head(self, normed: Tensor, shape: torch.Size) -> list[Tensor]:
        """Queries, keys and values, each (B, heads, T, head_dim)."""
        by_head = (len(weight) // self.head_dim for weight, _ in self.products)
        found = [
            functional.linear(normed, weight, bias).view(*shape, heads, self.head_dim).transpose(1, 2)
            for (weight, bias), heads in zip(self.products, by_head, strict=True)
        ]
        return found if len(found) > 1 else list(found[0].split(self.heads, dim=1))


def norm(module: Any, hidden: Tensor) -> Tensor:
    """RMS norm with the weights of transformers' module, in one call."""
    return functional.rms_norm(hidden, module.weight.shape, module.weight, module.variance_epsilon)


def plain_norm(module: Any) -> Callable[[Tensor], Tensor]:
    """`norm` of one module."""
    return partial(norm, module)


def prepared_norm(module: Any) -> Callable[[Tensor], Tensor]:
    """The same norm as h (w √d) / √(|h|² + d ε) where one call of `rms_norm` is ten small operations."""
    weight = module.weight
    if weight.device.type != "cpu" or weight.dtype != torch.float32:
        return plain_norm(module)
    scaled = weight * len(weight) ** 0.5
    least = weight.new_tensor((len(weight) * module.variance_epsilon) ** 0.5)
    length = partial(torch.linalg.vector_norm, dim=-1, keepdim=True)
    return lambda hidden: hidden * scaled / torch.hypot(length(hidden), least)
