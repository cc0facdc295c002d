"""A model of two towers and a matching head: what it learns from, what it says of pairs, what it keeps."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.test_model import SMALL, TEXTS, TINY_REFERENCE, built, mixed, pictures
from torch.nn import functional as F

from openautoglm import OpenAutoGLM
from openautoglm.config import ConfigError
from openautoglm.encoders.batch import Batch
from openautoglm.evaluate.geometry import pair_cosines
from openautoglm.tasks import matching
from openautoglm.tasks.classification import auroc
from openautoglm.tasks.match_head import Side
from openautoglm.tasks.retrieval import Relevant

MATCHING = SMALL | {"cross_attention_layers": 2}


def test_matching_is_learned_where_it_is_asked_for_and_enabled() -> None:
    model = built(MATCHING)
    batch = model.processor.batch(pictures(), TEXTS)
    assert not model.matches and set(model.losses(batch)) == {"contrastive"}
    assert model.enable_multimodal_training().matches
    assert set(model.losses(batch)) == {"contrastive", "matching"}
    assert set(built(SMALL).enable_multimodal_training().losses(batch)) == {"contrastive"}


def test_a_decoders_layers_look_for_captions_and_match_nothing() -> None:
    model = built(TINY_REFERENCE).enable_multimodal_training()
    assert len(model.looks) == 6 and not model.matches
    with pytest.raises(ConfigError, match="no matching head.*cross_attention_layers"):
        model.match(pictures(1), TEXTS[:1])


def test_every_part_of_the_head_learns_and_the_towers_with_it() -> None:
    model = built(MATCHING).enable_multimodal_training()
    model.losses(model.processor.batch(pictures(), TEXTS))["matching"].backward()
    moved = {name for name, p in model.named_parameters() if p.grad is not None and p.grad.any()}
    head = {f"matcher.{name}" for name, _ in model.matcher.named_parameters()}
    # A key's bias shifts all scores of a row alike, which a softmax does not see.
    assert {name for name in head - moved if not name.endswith("key.bias")} == set()
    assert {"vision.stem.0.weight", "text.token.weight", "project.into.image.weight"} <= moved


def test_rows_that_are_no_pair_have_no_part_in_it() -> None:
    model = built(MATCHING, positives="mask").enable_multimodal_training().eval()
    whole = model.processor.batch(pictures(4), TEXTS)
    present = torch.tensor([[True, True], [True, False], [True, True], [False, True]])
    keys = torch.arange(4)[:, None].expand(4, 3)
    pixels, ids = whole.pixel_values.clone(), whole.input_ids.clone()
    pixels[3], ids[1] = float("nan"), 0  # of what is absent the values are arbitrary
    part = Batch(pixels, ids, whole.attention_mask, present, keys)
    pairs = replace(whole.rows(torch.tensor([0, 2])), keys=keys[[0, 2]])  # each the other's only negative
    torch.testing.assert_close(model.losses(part)["matching"], model.losses(pairs)["matching"])


def test_a_batch_without_two_unrelated_pairs_has_no_such_loss() -> None:
    model = built(MATCHING).enable_multimodal_training()
    assert set(model.losses(mixed(model))) == {"contrastive"}
    batch = model.processor.batch(pictures(), TEXTS)
    assert set(model.losses(replace(batch, keys=torch.zeros(4, 3).long()))) == {"contrastive"}


def test_longer_padding_changes_nothing() -> None:
    model = built(MATCHING).enable_multimodal_training().eval()
    batch = model.processor.batch(pictures(2), TEXTS[:2])
    longer = replace(
        batch,
        input_ids=F.pad(batch.input_ids, (0, 5), value=7),
        attention_mask=F.pad(batch.attention_mask, (0, 5)),
    )
    torch.testing.assert_close(model.losses(longer)["matching"], model.losses(batch)["matching"])


def test_probabilities_are_of_the_pairs_that_were_asked_for() -> None:
    model = built(MATCHING).train()
    images = pictures()
    found = model.match(images, TEXTS)
    assert found.shape == (4,) and ((found > 0) & (found < 1)).all() and model.training
    pairs = [(image, text) for image in range(4) for text in range(4)]
    grid = model.match(images, TEXTS, pairs, batch_size=3).reshape(4, 4)
    np.testing.assert_allclose(np.diag(grid), found, atol=1e-5)
    assert len(np.unique(grid.round(7))) > 12
    np.testing.assert_allclose(model.match([images[2]], TEXTS, [(0, 1)]), grid[2, 1], atol=1e-5)
    assert model.match([], []).shape == model.match(images, TEXTS, []).shape == (0,)
    with pytest.raises(ValueError, match="4 images and 1 texts"):
        model.match(images, TEXTS[:1])
    with pytest.raises(TypeError, match="texts is a list"):
        model.match(images, TEXTS[0], [(0, 0)])


def test_it_is_saved_and_read_back(tmp_path: Path) -> None:
    model = built(MATCHING, projection="mlp").enable_multimodal_training()
    torch.nn.init.normal_(model.matcher.agreement)
    model.save_pretrained(tmp_path / "model")
    again = OpenAutoGLM.from_pretrained(tmp_path / "model")
    assert again.matches
    assert np.array_equal(again.match(pictures(), TEXTS), model.match(pictures(), TEXTS))


def test_the_head_has_no_part_in_an_embedding() -> None:
    model = built(MATCHING)
    before = model.fingerprint()
    torch.nn.init.normal_(model.matcher.agreement)
    assert model.fingerprint() == before


# ── what it is for ─────────────────────────────────────────────────────────────────────────────────────

COLOURS = {
    "red": (1, 0, 0),
    "green": (0, 1, 0),
    "blue": (0, 0, 1),
    "white": (1, 1, 1),
    "black": (0, 0, 0),
    "yellow": (1, 1, 0),
}
STEPS = 250
SCENES = list(combinations(COLOURS, 2))


def scenes(seed: int, copies: int) -> tuple[torch.Tensor, list[str], torch.Tensor]:
    """Noisy pictures of two colours, (N, 3, 16, 16), their captions, and which scene each is."""
    made = SCENES * copies
    generator = torch.Generator().manual_seed(seed)
    pixels = 0.3 * torch.randn(len(made), 3, 16, 16, generator=generator)
    for row, (above, below) in enumerate(made):
        pixels[row, :, :8] += torch.tensor(COLOURS[above])[:, None, None]
        pixels[row, :, 8:] += torch.tensor(COLOURS[below])[:, None, None]
    return pixels, [" and ".join(pair) for pair in made], torch.arange(len(made)) % len(SCENES)


def test_trained_it_tells_hard_wrong_pairs_that_the_cosine_confuses() -> None:
    """Of two numbers a vector, the space is too small for fifteen scenes; the tokens are not."""
    torch.manual_seed(0)
    shape: dict[str, Any] = {"text_shape": {"dim": 32, "pairs": 32}, "vision_shape": {"widths": [8, 32]}}
    shape["vision_shape"]["depths"] = [1, 1]
    model = OpenAutoGLM.from_config(MATCHING | shape | {"embed_dim": 2, "image_size": 16, "vocab_size": 300})
    model.enable_multimodal_training()
    pixels, texts, which = scenes(0, copies=6)
    model.processor.fit_tokenizer(texts)
    ids, mask = model.processor.tokens(texts)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-2)
    course = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda n: min(1, (n + 1) / 20) * (1 - n / STEPS))
    for _ in range(STEPS):
        rows = torch.randperm(len(pixels))[:45]
        batch = Batch.of(pixels[rows], ids[rows], mask[rows], which[rows, None].expand(-1, 3))
        optimizer.zero_grad()
        sum(model.losses(batch).values()).backward()
        optimizer.step()
        course.step()

    model.eval()
    fresh, texts, _ = scenes(1, copies=1)
    with torch.inference_mode():
        seen, read = model.vision(fresh), model.text(*model.processor.tokens(texts))
        image, text = model.encode_images(fresh), model.encode_texts(*model.processor.tokens(texts))
        sides = Side(image, seen.tokens, seen.mask), Side(text, read.tokens, read.mask)
        relevant = Relevant.from_pairs(np.arange(len(SCENES)), np.arange(len(SCENES)), len(SCENES))
        hard = matching.hardest_partners(relevant, text.numpy(), image.numpy())
        asked = [
            *((row, row) for row in range(len(SCENES))),
            *((int(hard[row]), row) for row in range(len(SCENES))),
        ]
        said = model.matcher.probabilities(*sides, asked, batch_size=64).numpy().astype(np.float64)
    truth = np.repeat([True, False], len(SCENES))
    images, captions = np.array(asked).T
    cosines = pair_cosines(image.numpy()[images], text.numpy()[captions]).astype(np.float64)
    head, cosine = auroc(said, truth), auroc(cosines, truth)
    assert head > 0.9 and head > cosine + 0.05
