"""The model as a whole: what it computes, what it trains, what it writes and reads back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from openautoglm import OpenAutoGLM
from openautoglm.config import ConfigError, preset_names
from openautoglm.encoders.batch import Batch
from openautoglm.encoders.plan import LONGEST_TEXT
from openautoglm.fuse.strategies import STRATEGIES

REFERENCE = {
    "vision_encoder": "vit_large_patch16_224",
    "text_decoder": "glm-large",
    "cross_attention_layers": 6,
    "fusion_strategy": "adaptive_gating",
}
THIN = {"hidden_size": 32, "num_hidden_layers": 8, "num_attention_heads": 4, "intermediate_size": 48}
TINY_REFERENCE = REFERENCE | {
    "embed_dim": 16,
    "image_size": 32,
    "vocab_size": 280,
    "vision_shape": THIN | {"num_hidden_layers": 2},
    "decoder_shape": THIN | {"num_key_value_heads": 2, "head_dim": 8},
}
SMALL: dict[str, Any] = {
    "vision_encoder": "small_vision",
    "text_encoder": "small_text",
    "embed_dim": 16,
    "image_size": 32,
    "vocab_size": 280,
    "vision_shape": {"widths": [8, 16], "depths": [1, 1]},
    "text_shape": {"dim": 16, "pairs": 32},
}
TEXTS = ["golden ginkgo avenue", "一辆红色的自行车", "tower", "a red bicycle"]


def pictures(count: int = 4) -> list[Image.Image]:
    noise = np.random.default_rng(1)
    return [Image.fromarray(noise.integers(0, 255, (40, 50, 3), dtype=np.uint8)) for _ in range(count)]


def built(config: dict[str, Any], **changes: Any) -> OpenAutoGLM:
    torch.manual_seed(0)
    model = OpenAutoGLM.from_config(config | changes)
    model.processor.fit_tokenizer(TEXTS)
    return model


def mixed(model: OpenAutoGLM) -> Batch:
    """Rows with both, image only, text only."""
    batch = model.processor.batch(pictures(3), TEXTS[:3])
    present = torch.tensor([[True, True], [True, False], [False, True]])
    return Batch(batch.pixel_values, batch.input_ids, batch.attention_mask, present)


def test_the_reference_configuration_builds_without_memory() -> None:
    with torch.device("meta"):
        model = OpenAutoGLM.from_config(REFERENCE)
    assert model.enable_multimodal_training() is model
    assert len(model.looks) == 6
    assert sum(p.numel() for p in model.vision.parameters()) == pytest.approx(303.3e6, rel=1e-3)  # ViT-L/16
    assert 330e6 < sum(p.numel() for p in model.decoder.parameters()) < 370e6


@pytest.mark.parametrize("name", preset_names())
def test_presets_build(name: str) -> None:
    with torch.device("meta"):
        model = OpenAutoGLM.from_config(name)
    assert model.processor.tokenizer is None
    assert model.processor.text.max_length <= LONGEST_TEXT


def test_the_reference_configuration_trains() -> None:
    model = built(TINY_REFERENCE).enable_multimodal_training()
    batch = model.processor.batch(pictures(), TEXTS)
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    course = []
    for _ in range(12):
        losses = model.losses(batch)
        assert set(losses) == {"contrastive", "captioning"}
        sum(losses.values()).backward()
        optimizer.step()
        optimizer.zero_grad()
        course.append({name: loss.item() for name, loss in losses.items()})
    assert course[0]["captioning"] == pytest.approx(np.log(280), rel=0.1)  # knows nothing yet
    assert all(course[-1][name] < course[0][name] for name in course[0])
    assert all(look.gate.item() != 0 for look in model.looks)  # the gates have opened


def test_every_trainable_part_learns_but_the_gates_of_fusion() -> None:
    model = built(TINY_REFERENCE).enable_multimodal_training()
    for look in model.looks:
        look.gate.data.fill_(0.1)  # behind a closed gate nothing has a gradient
    sum(model.losses(model.processor.batch(pictures(), TEXTS)).values()).backward()
    idle = {name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()}
    assert {name for name in idle if not name.startswith("fuse.")} <= {
        name for name in idle if name.endswith(("k_proj.bias", "key.bias", "context_norm.bias"))
    }


def test_captions_are_learned_only_after_multimodal_training_is_enabled() -> None:
    model = built(TINY_REFERENCE)
    batch = model.processor.batch(pictures(), TEXTS)
    assert set(model.losses(batch)) == {"contrastive"}
    assert model.row_losses(batch) == {}
    model.enable_multimodal_training().eval()
    torch.testing.assert_close(model.row_losses(batch)["captioning"], model.losses(batch)["captioning"])


def test_captions_are_read_causally_and_texts_in_both_directions() -> None:
    model = built(TINY_REFERENCE).eval()
    ids, mask = model.processor.tokens(["golden ginkgo avenue"])
    other = ids.clone()
    other[0, -2] = 40
    seen = model.vision(model.processor.pixels(pictures(1)))
    first, second = model.decode(ids, mask, seen), model.decode(other, mask, seen)
    torch.testing.assert_close(first[:, :-2], second[:, :-2])
    assert not torch.allclose(model.decoder(ids, mask).tokens[:, 0], model.decoder(other, mask).tokens[:, 0])


@pytest.mark.parametrize("config", [SMALL, TINY_REFERENCE])
def test_padding_changes_nothing(config: dict[str, Any]) -> None:
    model = built(config).eval()
    ids, mask = model.processor.tokens(TEXTS[2:3])
    longer = torch.nn.functional.pad(ids, (0, 5), value=7)
    with torch.inference_mode():
        expected = model.encode_texts(ids, mask)
        torch.testing.assert_close(
            model.encode_texts(longer, torch.nn.functional.pad(mask, (0, 5))), expected
        )


@pytest.mark.parametrize("config", [SMALL | {"fusion_strategy": "adaptive_gating"}, TINY_REFERENCE])
def test_an_absent_modality_has_a_zero_vector_a_zero_gate_and_no_influence(config: dict[str, Any]) -> None:
    model = built(config).eval()
    batch = mixed(model)
    found = model.embed(batch)
    assert found.gates[1].tolist() == [1, 0]
    assert found.gates[2].tolist() == [0, 1]
    assert found.gates[0].min() > 0
    assert not found.text_embeds[1].any()
    assert not found.image_embeds[2].any()
    torch.testing.assert_close(found.fused_embeds[1], found.image_embeds[1])
    torch.testing.assert_close(found.fused_embeds[2], found.text_embeds[2])
    torch.testing.assert_close(found.fused_embeds.norm(dim=1), torch.ones(3))

    batch.pixel_values[2] = torch.nan
    again = model.embed(batch)
    torch.testing.assert_close(again.fused_embeds, found.fused_embeds)


def test_the_tower_of_an_absent_modality_is_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    model = built(SMALL)
    batch = model.processor.batch(texts=TEXTS)
    monkeypatch.setattr(model.vision, "forward", lambda *_: pytest.fail("the vision tower ran"))
    assert model.embed(batch).image_embeds is None
    nothing = torch.zeros(4, 3, 32, 32)
    present = torch.tensor([[False, True]] * 4)
    assert model.embed(Batch(nothing, batch.input_ids, batch.attention_mask, present)).image_embeds is None

    monkeypatch.undo()
    rows: list[int] = []
    forward = model.vision.forward
    monkeypatch.setattr(model.vision, "forward", lambda x: rows.append(len(x)) or forward(x))
    model.embed(mixed(model))
    assert rows == [2]


def test_only_whole_pairs_are_aligned() -> None:
    model = built(SMALL, positives="mask").eval()
    whole = model.processor.batch(pictures(3), TEXTS[:3])
    present = torch.tensor([[True, True], [True, False], [True, True]])
    keys = torch.tensor([[1, 1, 1], [2, 2, 2], [3, 3, 3]])
    part = Batch(whole.pixel_values, whole.input_ids, whole.attention_mask, present, keys)
    pairs = whole.rows(torch.tensor([0, 2]))
    torch.testing.assert_close(model.losses(part)["contrastive"], model.losses(pairs)["contrastive"])
    with pytest.raises(ValueError, match="no pair to align"):
        model.losses(model.processor.batch(texts=TEXTS))


def test_momentum_and_queue_fill_and_follow() -> None:
    model = built(SMALL, momentum=0.5, queue_size=6)
    batch = model.processor.batch(pictures(), TEXTS)
    before = model.momentum.encoder["project"].into["text"].weight.clone()
    with torch.no_grad():
        model.project.into["text"].weight.add_(1.0)
    model.after_step(batch)
    assert len(model.queue) == 4
    torch.testing.assert_close(model.momentum.encoder["project"].into["text"].weight, before + 0.5)
    model.eval()
    alone = model.contrastive(*model.embed(batch)[:2])
    assert model.losses(batch)["contrastive"] > alone  # the queue brings more negatives
    model.after_step(mixed(model))
    assert len(model.queue) == 5  # one whole pair
    assert not any(name.startswith(("momentum", "queue")) for name in model.lasting_state())
    assert not any(p.requires_grad for p in model.momentum.parameters())


def test_encode_takes_pictures_files_and_texts(tmp_path: Path) -> None:
    model = built(SMALL, fusion_strategy="adaptive_gating").train()
    images = pictures(3)
    files = []
    for number, image in enumerate(images):
        files.append(tmp_path / f"{number}.png")
        image.save(files[-1])
    found = model.encode(images=images, batch_size=2)
    assert model.training
    assert found.dtype == np.float32
    assert found.shape == (3, 16)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(model.encode(images=files, batch_size=2), found)
    np.testing.assert_array_equal(model.encode(images=[str(file) for file in files], batch_size=2), found)
    assert model.encode(images=images, texts=TEXTS[:3]).shape == (3, 16)
    assert model.encode(texts=[]).shape == (0, 16)


def test_a_pair_without_a_strategy_is_the_mean_direction() -> None:
    model = built(SMALL)
    both = model.encode(images=pictures(), texts=TEXTS)
    mean = model.encode(images=pictures()) + model.encode(texts=TEXTS)
    np.testing.assert_allclose(both, mean / np.linalg.norm(mean, axis=1, keepdims=True), atol=1e-6)


def test_encode_says_what_is_wrong() -> None:
    model = OpenAutoGLM.from_config(SMALL)
    with pytest.raises(ConfigError, match="no tokenizer yet"):
        model.encode(texts=["tower"])
    with pytest.raises(TypeError, match=r"texts is a list; for a single one, write texts=\['tower'\]"):
        model.encode(texts="tower")
    with pytest.raises(ValueError, match="images, texts, columns, or several"):
        model.encode()
    with pytest.raises(ValueError, match="1 images and 2 texts are not pairs"):
        model.encode(images=pictures(1), texts=TEXTS[:2])


@pytest.mark.parametrize("config", [SMALL, TINY_REFERENCE])
def test_save_and_load_are_exact(config: dict[str, Any], tmp_path: Path) -> None:
    model = built(config)
    model.save_pretrained(tmp_path / "model")
    state = torch.get_rng_state()
    again = OpenAutoGLM.from_pretrained(tmp_path / "model")
    assert torch.get_rng_state().equal(state)
    np.testing.assert_array_equal(again.encode(images=pictures()), model.encode(images=pictures()))
    np.testing.assert_array_equal(again.encode(texts=TEXTS), model.encode(texts=TEXTS))
    assert again.config == model.config
    assert again.fingerprint() == model.fingerprint()


def test_the_fingerprint_changes_with_whatever_changes_an_embedding() -> None:
    model = built(SMALL)
    seen = {model.fingerprint()}
    with torch.no_grad():
        model.vision.stem[0].weight[0, 0, 0, 0] += 1e-3
    seen.add(model.fingerprint())
    model.vision.stem[1].running_mean += 1e-3
    seen.add(model.fingerprint())
    seen.add(built(SMALL, image_size=16).fingerprint())
    assert len(seen) == 4


def test_the_folder_holds_all_and_its_card_the_figures(tmp_path: Path) -> None:
    model = built(SMALL)
    figures = {"minutes": 9.7, "unseen style": {"recall@1 (en)": 0.4123, "recall@1 (zh)": 0.4401}}
    model.save_pretrained(tmp_path / "model", card=figures)
    names = {file.name for file in (tmp_path / "model").iterdir()}
    assert names == {
        "README.md",
        "config.json",
        "model.safetensors",
        "processor.json",
        "text_tower.json",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    card = (tmp_path / "model" / "README.md").read_text(encoding="utf-8")
    assert "| recall@1 (zh) | 0.4401 |" in card
    assert "| minutes | 9.7 |" in card

    from transformers import AutoTokenizer

    theirs = AutoTokenizer.from_pretrained(tmp_path / "model")
    assert theirs(TEXTS[0])["input_ids"] == model.processor.tokens(TEXTS[:1])[0][0].tolist()
    assert theirs.pad_token_id == model.processor.text.pad_id


def test_saving_replaces_the_model_and_keeps_what_else_is_there(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "checkpoints" / "last.pt").write_bytes(b"state")
    built(SMALL).save_pretrained(folder)
    second = built(SMALL, embed_dim=8)
    second.save_pretrained(folder)
    assert (folder / "checkpoints" / "last.pt").read_bytes() == b"state"
    assert OpenAutoGLM.from_pretrained(folder).fingerprint() == second.fingerprint()
    assert [entry.name for entry in tmp_path.iterdir()] == ["model"]


def test_a_failed_save_leaves_the_old_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = built(SMALL)
    model.save_pretrained(tmp_path / "model")
    full = OSError(28, "No space left on device")
    monkeypatch.setattr("openautoglm.model_files.save_file", lambda *_, **__: (_ for _ in ()).throw(full))
    with pytest.raises(ConfigError, match=r"No space left on device.*what was there before still is"):
        built(SMALL, embed_dim=8).save_pretrained(tmp_path / "model")
    assert OpenAutoGLM.from_pretrained(tmp_path / "model").fingerprint() == model.fingerprint()
    assert [entry.name for entry in tmp_path.iterdir()] == ["model"]


def test_a_damaged_model_folder_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    built(SMALL).save_pretrained(folder)
    weights = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(weights[: len(weights) // 2])
    with pytest.raises(ConfigError, match=r"model\.safetensors: cannot be read"):
        OpenAutoGLM.from_pretrained(folder)
    (folder / "model.safetensors").write_bytes(weights)
    about = json.loads((folder / "config.json").read_text())
    about["model"]["embed_dim"] = 24
    (folder / "config.json").write_text(json.dumps(about))
    with pytest.raises(ConfigError, match=r"holds \(16, \d+\) where config\.json asks for \(24, \d+\)"):
        OpenAutoGLM.from_pretrained(folder)
    about["model"] = {**SMALL, "embed_dims": 24}
    (folder / "config.json").write_text(json.dumps(about))
    with pytest.raises(ConfigError, match=r"written by Open-AutoGLM .*did you mean 'embed_dim'"):
        OpenAutoGLM.from_pretrained(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"vision_encoder": "vit_larg_patch16_224"}, "did you mean 'vit_large_patch16_224'"),
        ({"vision_encoder": "glm-large"}, "that is a text_decoder"),
        ({"vision_encoder": "./photos"}, "there is no folder"),
        ({"cross_attention_layers": 24}, "it has 24 layers and at least one below .* nearest valid: 23"),
        ({"image_size": 225}, "no multiple of vit_large_patch16_224's patch size 16; nearest valid: 224"),
        (
            {"max_text_length": 9000},
            "max_text_length 9000 is above what 'glm-large' reads; nearest valid: 8192",
        ),
        (
            {"decoder_shape": {"hiden_size": 8}},
            "glm-large has no key 'hiden_size'.*did you mean 'hidden_size'",
        ),
    ],
)
def test_towers_that_cannot_be_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message), torch.device("meta"):
        OpenAutoGLM.from_config(REFERENCE | changes)


@pytest.mark.parametrize("config", [SMALL, TINY_REFERENCE])
@pytest.mark.parametrize("name", STRATEGIES)
def test_the_model_works_with_every_strategy(name: str, config: dict[str, Any], tmp_path: Path) -> None:
    model = built(config, fusion_strategy=name).eval()
    batch = mixed(model)
    found = model.embed(batch)
    torch.testing.assert_close(found.fused_embeds.norm(dim=1), torch.ones(3))
    torch.testing.assert_close(found.gates.sum(1), torch.ones(3))
    assert found.gates[1].tolist() == [1, 0]
    assert found.gates[2].tolist() == [0, 1]
    assert (found.parts is not None) is (name == "late")
    if name not in ("concat", "low_rank", "hierarchical"):
        torch.testing.assert_close(found.fused_embeds[1], found.image_embeds[1])
        torch.testing.assert_close(found.fused_embeds[2], found.text_embeds[2])

    batch.pixel_values[2] = torch.nan
    again = model.embed(batch)
    torch.testing.assert_close(again.fused_embeds, found.fused_embeds)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(model.embed(mixed(model)).gates.sum(1), torch.ones(3))

    model.save_pretrained(tmp_path / "model")
    loaded = OpenAutoGLM.from_pretrained(tmp_path / "model")
    np.testing.assert_array_equal(
        loaded.encode(images=pictures(), texts=TEXTS), model.encode(images=pictures(), texts=TEXTS)
    )
    np.testing.assert_allclose(
        model.encode(texts=TEXTS),
        model.embed(model.processor.batch(texts=TEXTS)).text_embeds.detach(),
        atol=1e-6,
    )


@pytest.mark.parametrize("name", ["cross_attention", "hierarchical"])
def test_fusion_reads_tokens(name: str) -> None:
    model = built(SMALL, fusion_strategy=name).eval()
    if name == "cross_attention":
        model.fuse.look.gate.data.fill_(1.0)
    batch = model.processor.batch(pictures(), TEXTS)
    found = model.embed(batch)
    alone = model.fuse(torch.stack([found.image_embeds, found.text_embeds], 1), batch.present[:, :2])
    assert not torch.allclose(
        found.fused_embeds, torch.nn.functional.normalize(alone.embeds, dim=-1), atol=1e-4
    )
    found.fused_embeds.sum().backward()
    assert model.project.into["image"].weight.grad.any()


def test_a_lone_modality_is_not_fused_when_it_is_encoded(monkeypatch: pytest.MonkeyPatch) -> None:
    model = built(SMALL, fusion_strategy="concat")
    expected = built(SMALL).encode(texts=TEXTS)
    monkeypatch.setattr(model.fuse, "forward", lambda *_: pytest.fail("fusion ran"))
    assert model.encode(texts=TEXTS).shape == expected.shape
    assert model.encode(images=pictures()).shape == (4, 16)
