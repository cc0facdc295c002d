"""Augmentation: what leaves is a picture, the generator decides everything, strength 0 changes nothing."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from openautoglm.config import AugmentConfig
from openautoglm.train.augment import CHUNK, Augment

STILL = AugmentConfig(**{name: 0.0 for name in AugmentConfig.model_fields if name != "background_level"})


def pictures(count: int, size: int = 24, seed: int = 0) -> torch.Tensor:
    return torch.randint(0, 256, (count, 4, size, size), generator=generator(seed), dtype=torch.uint8)


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 4), st.sampled_from([16, 24, 37]), st.sampled_from([8, 16, 32]), st.integers(0, 99))
def test_pictures_of_the_asked_size_within_the_range_of_colours(
    count: int, size: int, out: int, seed: int
) -> None:
    rgb = Augment(AugmentConfig(), out)(pictures(count, size, seed), generator(seed))
    assert rgb.shape == (count, 3, out, out)
    assert rgb.dtype == torch.float32
    assert float(rgb.min()) >= 0
    assert float(rgb.max()) <= 1


def test_the_generator_decides_everything() -> None:
    augment, some = Augment(AugmentConfig(), 16), pictures(5)
    state = torch.get_rng_state()
    first = augment(some, generator(1))
    assert torch.equal(first, augment(some, generator(1)))
    assert not torch.equal(first, augment(some, generator(2)))
    assert torch.equal(state, torch.get_rng_state())


def test_strength_zero_lays_the_picture_on_the_background() -> None:
    rgba = pictures(CHUNK + 3)
    colour, alpha = rgba[:, :3] / 255, rgba[:, 3:] / 255
    expected = colour * alpha + (1 - alpha) * STILL.background_level
    torch.testing.assert_close(Augment(STILL, 24)(rgba, generator(0)), expected, rtol=0, atol=1e-4)


def test_strength_scales_every_change() -> None:
    some = pictures(4)
    still, full = Augment(STILL, 24)(some, generator(0)), Augment(AugmentConfig(), 24)
    torch.testing.assert_close(full(some, generator(0), strength=0.0), still)
    assert (full(some, generator(0), strength=0.5) - still).abs().mean() < (
        full(some, generator(0)) - still
    ).abs().mean()


def test_a_stronger_reduction_averages_what_it_leaves_out() -> None:
    board = (torch.arange(32)[:, None] + torch.arange(32)) % 2 * 255
    rgba = torch.stack([board, board, board, torch.full_like(board, 255)])[None].to(torch.uint8)
    small = Augment(STILL, 8)(rgba, generator(0))
    torch.testing.assert_close(small, torch.full_like(small, 0.5), atol=1e-3, rtol=0)


def test_the_colours_hidden_under_a_clear_alpha_never_show() -> None:
    rgba = pictures(6)
    rgba[:, 3, :, :12] = 0
    other = rgba.clone()
    other[:, :3, :, :12] = 255 - other[:, :3, :, :12]
    augment = Augment(AugmentConfig(), 24)
    torch.testing.assert_close(augment(rgba, generator(3)), augment(other, generator(3)))


@pytest.mark.parametrize("name", [name for name in AugmentConfig.model_fields if name != "background_level"])
def test_each_setting_does_something_by_itself(name: str) -> None:
    rgba = F.interpolate(pictures(8, 6).float(), 24, mode="bilinear").to(torch.uint8)
    changed = Augment(STILL.changed(**{name: 1.0}), 24)(rgba, generator(0))
    assert (changed - Augment(STILL, 24)(rgba, generator(0))).abs().max() > 0.02


def test_grey_takes_the_colours_out() -> None:
    rgb = Augment(STILL.changed(grey=1.0), 24)(pictures(3), generator(0))
    torch.testing.assert_close(rgb[:, 0], rgb[:, 2], atol=1e-5, rtol=0)


def test_pictures_are_not_mirrored() -> None:
    rgba = torch.zeros(64, 4, 16, 16, dtype=torch.uint8)
    rgba[:, 3] = 255
    rgba[:, :3, :, :6] = 255  # bright on the left
    rgb = Augment(STILL.changed(rotation=8.0, shear=0.1, scale=0.1), 16)(rgba, generator(0))
    assert bool((rgb[..., :8].mean((1, 2, 3)) > rgb[..., 8:].mean((1, 2, 3))).all())


@pytest.mark.parametrize("wrong", [torch.zeros(2, 3, 8, 8, dtype=torch.uint8), torch.zeros(2, 4, 8, 8)])
def test_other_tensors_are_refused(wrong: torch.Tensor) -> None:
    with pytest.raises(ValueError, match=r"expected \(B, 4, S, S\) uint8"):
        Augment(AugmentConfig(), 8)(wrong, generator(0))
