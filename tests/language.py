"""Small random GLMs whose texts vary, in the format of transformers, and models of ours around them."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from PIL import Image
from tests.tiny_models import TEXTS, tiny

from openautoglm.encoders.tokenizer import save_tokenizer, train_bpe
from openautoglm.model import OpenAutoGLM

_HOME = tempfile.TemporaryDirectory(prefix="tiny-glms-")

SHAPES: dict[str, dict[str, Any]] = {
    "shared-heads": {"kind": "Glm", "num_key_value_heads": 2, "head_dim": 8},
    "own-heads": {"kind": "Glm", "num_key_value_heads": 4, "head_dim": 12, "attention_bias": True},
    "whole-turn": {"kind": "Glm", "num_key_value_heads": 1, "head_dim": 8, "partial_rotary_factor": 1.0},
    "two-norms": {"kind": "Glm4", "num_key_value_heads": 2, "head_dim": 8},
    "two-ends": {"kind": "Glm", "num_key_value_heads": 2, "head_dim": 8, "eos_token_id": [2, 40]},
}


@functools.cache
def glm(name: str) -> Path:
    """A folder with a checkpoint of this shape: its weights are large, so that scores are far apart."""
    shape = {**SHAPES[name]}
    kind = shape.pop("kind")
    folder = Path(_HOME.name) / name
    tokenizer = train_bpe(TEXTS, 290)
    values = {
        "hidden_size": 32,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "intermediate_size": 48,
        "vocab_size": tokenizer.get_vocab_size(),
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "tie_word_embeddings": False,
        **shape,
    }
    torch.manual_seed(sorted(SHAPES).index(name))
    model = getattr(transformers, f"{kind}ForCausalLM")(getattr(transformers, f"{kind}Config")(**values))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(std=0.4)
            else:
                parameter.add_(torch.randn_like(parameter) * 0.1)
        model.lm_head.weight[2] += 0.1  # texts end now and then
    model.save_pretrained(folder)
    save_tokenizer(tokenizer, folder, max_length=64)
    return folder


@functools.cache
def theirs(name: str) -> Any:
    """The model of transformers."""
    return transformers.AutoModelForCausalLM.from_pretrained(glm(name)).eval()


def ours(name: str = "shared-heads", **changes: Any) -> OpenAutoGLM:
    """The same weights in a model of ours, whose gates are open."""
    model = OpenAutoGLM.from_config(
        {
            "vision_encoder": str(tiny("vit")),
            "text_decoder": str(glm(name)),
            "cross_attention_layers": 2,
            **changes,
        }
    ).eval()
    torch.manual_seed(1)
    with torch.no_grad():
        for look in model.looks:
            look.gate.fill_(1.0)
            look.attend.out.weight.normal_(std=0.3)
    return model


def pictures(count: int) -> list[Image.Image]:
    """Noise of several sizes."""
    noise = np.random.default_rng(0)
    return [
        Image.fromarray(noise.integers(0, 255, (40 + number, 50, 3), dtype=np.uint8))
        for number in range(count)
    ]
