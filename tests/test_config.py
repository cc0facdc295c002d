"""A configuration means what it says, or is refused with the key, the value and the nearest valid one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openautoglm.align.losses import LOSSES
from openautoglm.align.projections import PROJECTIONS
from openautoglm.config import (
    ConfigError,
    FusionStrategy,
    Loss,
    ModelConfig,
    Projection,
    TrainConfig,
    load_preset,
    preset_names,
)
from openautoglm.errors import UserError
from openautoglm.fuse.strategies import STRATEGIES

TOWERS = {"vision_encoder": "small_vision", "text_encoder": "small_text"}


def test_the_worked_example_is_understood() -> None:
    config = ModelConfig.parse(
        {
            "vision_encoder": "vit_large_patch16_224",
            "text_decoder": "glm-large",
            "cross_attention_layers": 6,
            "fusion_strategy": "adaptive_gating",
        }
    )
    assert config.cross_attention_layers == 6
    assert config.text_encoder is None


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"fusion_stategy": "adaptive_gating"},
            "unknown key 'fusion_stategy' (value 'adaptive_gating'); did you mean 'fusion_strategy'?",
        ),
        (
            {"fusion_strategy": "adaptive_gatin"},
            "fusion_strategy 'adaptive_gatin' is not valid; did you mean 'adaptive_gating'?",
        ),
        ({"loss": "cosface"}, "loss 'cosface' is not valid; valid: infonce, siglip, triplet"),
        ({"embed_dim": "512"}, "embed_dim '512' should be a valid integer"),
        ({"embed_dim": 512.0}, "embed_dim 512.0 should be a valid integer"),
        ({"embed_dim": True}, "embed_dim True should be a valid integer"),
        ({"embed_dim": 0}, "embed_dim 0 is out of range; nearest valid: 1"),
        ({"temperature": 0}, "temperature 0 is out of range; nearest valid: 0.01"),
        ({"temperature": float("nan")}, "temperature nan should be a finite number"),
        ({"momentum": 1}, "momentum 1 is out of range; nearest valid: below 1.0"),
        ({"vocab_size": 100}, "vocab_size 100 is out of range; nearest valid: 259"),
        ({"cross_attention_layers": -1}, "cross_attention_layers -1 is out of range; nearest valid: 0"),
        ({"text_decoder": "glm-base"}, "text_decoder 'glm-base' would do nothing"),
        ({"decoder_shape": {"hidden_size": 8}}, "would do nothing: there is no text_decoder"),
        ({"momentum": 0.99}, "either both are above 0"),
        ({"queue_size": 64}, "either both are above 0"),
        ({"text_encoder": None}, "text_encoder and text_decoder are both missing"),
        ({"vision_shape": {"depth": None}}, "vision_shape.depth None should be a valid integer"),
    ],
)
def test_what_cannot_be_is_refused_with_a_way_out(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        ModelConfig.parse({**TOWERS, **values})
    assert message in str(refusal.value)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "training has no end: set at least one of steps, epochs, minutes"),
        ({"steps": 0}, "steps 0 is out of range; nearest valid: 1"),
        (
            {"steps": 9, "batch_size": 8, "micro_batch_size": 16},
            "micro_batch_size 16 is above batch_size 8; nearest valid: 8",
        ),
        ({"steps": 9, "warmup": 1.5}, "nearest valid: 2"),
        ({"steps": 9, "schedule": "plateau"}, "schedule 'plateau' needs evaluate_every"),
        ({"steps": 9, "patience": 3}, "patience 3 needs evaluate_every"),
        ({"steps": 9, "loss_weights": {"proxy": -1.0}}, "loss_weights.proxy -1.0 is out of range"),
        (
            {"steps": 9, "weighting": "dwa", "loss_weights": {"proxy": 2.0}},
            "loss_weights {'proxy': 2.0} would do nothing: weighting 'dwa' finds its own weights",
        ),
        ({"steps": 9, "gradnorm_alpha": 1.5}, "gradnorm_alpha 1.5 would do nothing"),
        ({"steps": 9, "weighting": "gradnrom"}, "did you mean 'gradnorm'?"),
        ({"steps": 9, "precision": "fp16"}, "precision 'fp16' is not valid; did you mean 'bf16'?"),
        (
            {"steps": 9, "augment": {"rotaton": 3.0}},
            "augment: unknown key 'rotaton' (value 3.0); did you mean 'rotation'?",
        ),
    ],
)
def test_a_training_that_cannot_be_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        TrainConfig.parse(values)
    assert message in str(refusal.value)


def test_every_problem_is_told_at_once() -> None:
    with pytest.raises(ConfigError) as refusal:
        ModelConfig.parse({**TOWERS, "embed_dim": 0, "loss": "infonec", "colour": 1})
    assert len(refusal.value.problems) == 3
    assert isinstance(refusal.value, UserError)


@pytest.mark.parametrize("name", preset_names())
def test_presets_are_read_and_survive_json(name: str, tmp_path: Path) -> None:
    preset = load_preset(name)
    assert ModelConfig.parse(name) == preset.model
    assert ModelConfig.parse(preset.model.as_dict()) == preset.model
    file = tmp_path / "train.json"
    file.write_text(json.dumps(preset.train.as_dict()))
    assert TrainConfig.parse(file) == preset.train


def test_a_misspelt_preset_gets_the_nearest() -> None:
    with pytest.raises(ConfigError, match="no preset is called 'lagre'; did you mean 'large'"):
        load_preset("lagre")


def test_files_are_read_by_their_ending(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('vision_encoder = "small_vision"\ntext_encoder = "small_text"\n')
    assert ModelConfig.parse(tmp_path / "a.toml") == ModelConfig.parse(TOWERS)
    (tmp_path / "b.json").write_text("{")
    for name, message in [
        ("b.json", "not valid JSON"),
        ("none.json", "cannot be read"),
        ("c.yaml", "ends in"),
    ]:
        with pytest.raises(ConfigError, match=message):
            ModelConfig.parse(tmp_path / name)


def test_changed_checks_the_whole() -> None:
    config = ModelConfig.parse(TOWERS)
    assert config.changed(embed_dim=64).embed_dim == 64
    with pytest.raises(ConfigError, match="did you mean 'embed_dim'"):
        config.changed(embed_dims=64)


@given(
    st.dictionaries(
        st.text(max_size=12), st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    )
)
def test_nothing_but_a_config_error_comes_of_any_mapping(values: dict[str, Any]) -> None:
    for kind in (ModelConfig, TrainConfig):
        try:
            config = kind.parse(values)
        except ConfigError:
            continue
        assert kind.parse(config.as_dict()) == config


def test_names_of_the_configuration_are_those_of_the_rooms() -> None:
    assert set(get_args(Loss)) == set(LOSSES)
    assert set(get_args(FusionStrategy)) == set(STRATEGIES)
    assert set(get_args(Projection)) == set(PROJECTIONS)


def test_importing_the_package_costs_no_torch() -> None:
    code = (
        "import sys, openautoglm; openautoglm.ModelConfig; "
        "print(*({'torch', 'transformers', 'lance'} & {*sys.modules}))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == ""


def test_an_unknown_name_of_the_package_is_an_attribute_error() -> None:
    import openautoglm

    with pytest.raises(AttributeError, match="has no attribute 'OpenGLM'"):
        _ = openautoglm.OpenGLM
    assert {"OpenAutoGLM", "Workspace"} <= set(dir(openautoglm))
