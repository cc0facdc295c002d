"""A usual name has the shape that everybody means by it, and needs no network."""

from __future__ import annotations

import socket

import pytest
import torch

from openautoglm.config import ConfigError
from openautoglm.encoders.families import FAMILIES, build_backbone
from openautoglm.encoders.names import NAMES, names_for, resolve

# Millions of parameters without heads and poolers, as published with the weights.
PUBLISHED = {
    "vit_tiny_patch16_224": 5.52,
    "vit_small_patch16_224": 21.67,
    "vit_base_patch16_224": 85.80,
    "vit_base_patch32_224": 87.46,
    "vit_large_patch16_224": 303.30,
    "vit_huge_patch14_224": 630.76,
    "resnet18": 11.18,
    "resnet34": 21.28,
    "resnet50": 23.51,
    "resnet101": 42.50,
    "resnet152": 58.14,
    "bert-base-uncased": 108.89,
    "bert-base-chinese": 101.68,
    "bert-base-multilingual-cased": 177.26,
    "bert-large-uncased": 334.09,
    "distilbert-base-uncased": 66.36,
    "roberta-base": 124.06,
    "xlm-roberta-base": 277.45,
    "xlm-roberta-large": 558.84,
    "glm-4-9b": 9399.95,
}


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: pytest.fail("the network was asked"))


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_a_name_has_the_published_number_of_parameters(name: str) -> None:
    spec = resolve(name, FAMILIES[NAMES[name].family].role)
    with torch.device("meta"):
        backbone = build_backbone(spec)
    assert sum(p.numel() for p in backbone.parameters()) / 1e6 == pytest.approx(PUBLISHED[name], abs=0.006)


@pytest.mark.parametrize(("name", "millions"), [("glm-base", 110), ("glm-large", 335)])
def test_glm_has_about_the_size_of_its_paper(name: str, millions: float) -> None:
    with torch.device("meta"):
        backbone = build_backbone(resolve(name, "text_decoder"))
    assert sum(p.numel() for p in backbone.parameters()) / 1e6 == pytest.approx(millions, rel=0.15)


def test_every_name_resolves_for_its_role_and_for_no_other() -> None:
    for name, known in NAMES.items():
        right = FAMILIES[known.family].role
        assert name in names_for(right)
        assert not resolve(name, right).pretrained
        for role in {"vision_encoder", "text_encoder", "text_decoder"} - {right}:
            with pytest.raises(ConfigError, match=f"that is a {right}; valid here: "):
                resolve(name, role)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("resnet5", "did you mean 'resnet"),
        ("ViT-L/16 of yesterday", "no known name; "),
        ("/photos/model", "there is no folder /photos/model"),
        ("nobody/nothing-of-the-kind", "as a hub id it is not on this machine"),
    ],
)
def test_an_unknown_name_is_refused_with_a_hint(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        resolve(name, "vision_encoder")
