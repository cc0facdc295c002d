"""A layer that is prepared for single tokens, beside the same layer as it is."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import Glm4Config, Glm4Model, GlmConfig, GlmModel

from openautoglm.encoders.attention import WholeText
from openautoglm.encoders.decoder_layer import DecoderLayer, norm, prepared_norm

SHAPE = {
    "hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 1, "num_attention_heads": 4,
    "head_dim": 6, "vocab_size": 11, "pad_token_id": 0,
}  # fmt: skip


def layer(family: str, kv_heads: int, *, bias: bool) -> torch.nn.Module:
    """One with weights that nothing is at its start."""
    configs = {"glm": (GlmConfig, GlmModel), "glm4": (Glm4Config, Glm4Model)}
    config, model = configs[family]
    torch.manual_seed(0)
    found = model(config(**SHAPE, num_key_value_heads=kv_heads, attention_bias=bias)).layers[0]
    for weights in found.parameters():
        torch.nn.init.normal_(weights, 0.3, 0.5)
    return found


@pytest.mark.parametrize("family", ["glm", "glm4"])
@pytest.mark.parametrize(("kv_heads", "bias"), [(4, True), (2, False), (1, True)])
@torch.inference_mode()
def test_a_prepared_layer_gives_what_the_layer_gives(family: str, kv_heads: int, bias: bool) -> None:
    module = layer(family, kv_heads, bias=bias)
    rows, length = 3, 2
    attend = WholeText(
        torch.ones(rows, 1, length, length).bool(), torch.ones(length, 3, dtype=torch.complex64)
    )
    hidden = torch.randn(rows * length, 24)
    shape = torch.Size((rows, length))
    plain = DecoderLayer(module, 6)(0, hidden, shape, attend)
    prepared = DecoderLayer(module, 6, prepared=True)
    assert len(prepared.products) == 1
    torch.testing.assert_close(prepared(0, hidden, shape, attend), plain, rtol=1e-4, atol=1e-4)


@torch.inference_mode()
def test_large_products_are_not_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openautoglm.encoders.decoder_layer._COPIED", 100)
    module = layer("glm", 2, bias=True)
    prepared = DecoderLayer(module, 6, prepared=True)
    assert [weight.data_ptr() for weight, _ in prepared.products] == [
        getattr(module.self_attn, name).weight.data_ptr() for name in ("q_proj", "k_proj", "v_proj")
    ]


@settings(deadline=None, max_examples=40)
@given(st.floats(-30, 15), st.integers(0, 99))
def test_the_prepared_norm_is_the_norm_at_any_size(power: float, seed: int) -> None:
    module = layer("glm", 2, bias=True).input_layernorm
    hidden = torch.randn(2, 24, generator=torch.Generator().manual_seed(seed)) * 10**power
    exact = norm(module.double(), hidden.double()).float()
    module.float()
    torch.testing.assert_close(prepared_norm(module)(hidden), exact)
