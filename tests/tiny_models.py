"""Tiny random checkpoints in the format of transformers, as a user would find them on disk."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

_HOME = tempfile.TemporaryDirectory(prefix="tiny-models-")

TEXTS = ["golden ginkgo avenue in autumn", "a red bicycle", "金色的银杏大道", "一辆红色的自行车", "tower"] * 2
WIDTH: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
}


@functools.cache
def tiny(kind: str) -> Path:
    """A folder with the checkpoint called `kind`."""
    folder = Path(_HOME.name) / kind
    torch.manual_seed(0)
    _MAKERS[kind](folder)
    return folder


def _bpe(
    folder: Path,
    *,
    pad: str = "<pad>",
    end: str = "</s>",
    names: list[str] | None = None,
    side: str = "right",
) -> int:
    """A tokenizer trained on `TEXTS`; returns the size of its vocabulary."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    marks = list(dict.fromkeys([pad, "<s>", end]))
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=marks,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    ids = [(mark, tokenizer.token_to_id(mark)) for mark in ("<s>", end)]
    tokenizer.post_processor = processors.TemplateProcessing(single=f"<s> $A {end}", special_tokens=ids)
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=pad, bos_token="<s>", eos_token=end, padding_side=side
    )
    if names is not None:
        fast.model_input_names = names
    fast.save_pretrained(folder)
    return len(fast)


def _clip(folder: Path) -> None:
    size = _bpe(folder)
    config = transformers.CLIPConfig(
        text_config=WIDTH
        | {
            "vocab_size": size,
            "max_position_embeddings": 20,
            "eos_token_id": 2,
            "pad_token_id": 0,
            "bos_token_id": 1,
        },
        vision_config=WIDTH | {"image_size": 32, "patch_size": 8},
        projection_dim=24,
    )
    _save(transformers.CLIPModel(config), folder, logit_scale=3.1)
    transformers.CLIPImageProcessorPil(
        size={"shortest_edge": 36}, crop_size={"height": 32, "width": 32}
    ).save_pretrained(folder)


def _chinese_clip(folder: Path) -> None:
    size = _bpe(folder)
    config = transformers.ChineseCLIPConfig(
        text_config=WIDTH | {"vocab_size": size, "max_position_embeddings": 40},
        vision_config=WIDTH | {"image_size": 32, "patch_size": 8},
        projection_dim=24,
    )
    _save(transformers.ChineseCLIPModel(config), folder, logit_scale=4.0)
    transformers.ChineseCLIPImageProcessorPil(
        size={"height": 32, "width": 32}, do_center_crop=False
    ).save_pretrained(folder)


def _siglip(folder: Path) -> None:
    size = _bpe(folder, names=["input_ids"])
    config = transformers.SiglipConfig(
        text_config=WIDTH
        | {
            "vocab_size": size,
            "max_position_embeddings": 16,
            "projection_size": 32,
            "pad_token_id": 0,
            "bos_token_id": 1,
            "eos_token_id": 2,
        },
        vision_config=WIDTH | {"image_size": 32, "patch_size": 8},
    )
    _save(transformers.SiglipModel(config), folder, logit_scale=4.7, logit_bias=-12.9)
    transformers.SiglipImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(folder)


def _vit_bert(folder: Path) -> None:
    size = _bpe(folder)
    config = transformers.VisionTextDualEncoderConfig.from_vision_text_configs(
        transformers.ViTConfig(**WIDTH, image_size=32, patch_size=8),
        transformers.BertConfig(**WIDTH, vocab_size=size, max_position_embeddings=40),
        projection_dim=24,
    )
    _save(transformers.VisionTextDualEncoderModel(config), folder, logit_scale=2.7)
    transformers.ViTImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(folder)


def _vit(folder: Path) -> None:
    _save(transformers.ViTModel(transformers.ViTConfig(**WIDTH, image_size=32, patch_size=8)), folder)
    transformers.ViTImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(folder)


def _dinov2(folder: Path) -> None:
    config = transformers.Dinov2Config(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=4, image_size=32, patch_size=8
    )
    _save(transformers.Dinov2Model(config), folder)
    transformers.ViTImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(folder)


def _resnet(folder: Path) -> None:
    config = transformers.ResNetConfig(
        embedding_size=8, hidden_sizes=[16, 32], depths=[1, 1], layer_type="basic"
    )
    _save(transformers.ResNetForImageClassification(config), folder)
    transformers.ConvNextImageProcessorPil(size={"shortest_edge": 32}, crop_pct=0.875).save_pretrained(folder)


def _bert(folder: Path) -> None:
    config = transformers.BertConfig(**WIDTH, vocab_size=_bpe(folder), max_position_embeddings=40)
    _save(transformers.BertForMaskedLM(config), folder)


def _distilbert(folder: Path) -> None:
    shape = {"dim": 32, "hidden_dim": 48, "n_layers": 2, "n_heads": 4}
    config = transformers.DistilBertConfig(**shape, vocab_size=_bpe(folder), max_position_embeddings=40)
    _save(transformers.DistilBertModel(config), folder)


def _xlm_roberta(folder: Path) -> None:
    config = transformers.XLMRobertaConfig(
        **WIDTH,
        vocab_size=_bpe(folder),
        max_position_embeddings=40,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
    )
    _save(transformers.XLMRobertaModel(config), folder)


def _glm(folder: Path) -> None:
    config = transformers.GlmConfig(**_glm_shape(_bpe(folder, side="left")))
    _save(transformers.GlmForCausalLM(config), folder)


def _glm4(folder: Path) -> None:
    config = transformers.Glm4Config(**_glm_shape(_bpe(folder)))
    _save(transformers.Glm4ForCausalLM(config), folder)


def _glm_shape(vocabulary: int) -> dict[str, Any]:
    rest = {"num_key_value_heads": 2, "head_dim": 8, "vocab_size": vocabulary, "pad_token_id": 0}
    return WIDTH | rest | {"num_hidden_layers": 4, "bos_token_id": 1, "eos_token_id": 2}


def _save(model: Any, folder: Path, **scalars: float) -> None:
    with torch.no_grad():
        for (
            value
        ) in model.state_dict().values():  # zeros and ones of a fresh model would hide a swapped weight
            if value.is_floating_point():
                value.add_(torch.rand_like(value) * 0.1)
        for name, scalar in scalars.items():
            getattr(model, name).fill_(scalar)
    model.save_pretrained(folder)


_MAKERS = {
    "clip": _clip,
    "chinese_clip": _chinese_clip,
    "siglip": _siglip,
    "vision-text-dual-encoder": _vit_bert,
    "vit": _vit,
    "dinov2": _dinov2,
    "resnet": _resnet,
    "bert": _bert,
    "distilbert": _distilbert,
    "xlm-roberta": _xlm_roberta,
    "glm": _glm,
    "glm4": _glm4,
}
