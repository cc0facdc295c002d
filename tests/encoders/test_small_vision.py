"""The small picture tower: shapes, what training changes, and what it must not look at."""

from __future__ import annotations

import pytest
import torch

from openautoglm.encoders.small_vision import SmallVision, StyleMix


def tower(**changes: object) -> SmallVision:
    torch.manual_seed(0)
    return SmallVision(**{"widths": (8, 16), "depths": (1, 1), **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [16, 31, 48])
def test_any_size_gives_one_vector_a_picture(size: int) -> None:
    encoded = tower().eval()(torch.rand(3, 3, size, size))
    assert encoded.pooled.shape == (3, 16)
    assert encoded.tokens.shape[0] == 3
    assert encoded.tokens.shape[2] == 16
    assert encoded.mask.shape == encoded.tokens.shape[:2]
    assert bool(encoded.mask.all())


def test_in_use_a_picture_does_not_depend_on_its_neighbours() -> None:
    model, pictures = tower().eval(), torch.rand(4, 3, 32, 32)
    torch.testing.assert_close(model(pictures).pooled[1:2], model(pictures[1:2]).pooled)


def test_gradients_reach_every_parameter_after_one_step() -> None:
    model = tower()
    step = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(
        2
    ):  # the residual branches start at zero, so their convolutions learn from the second step on
        step.zero_grad()
        model(torch.rand(4, 3, 16, 16)).pooled.pow(3).sum().backward()
        step.step()
    assert [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_style_mix_keeps_what_is_drawn() -> None:
    torch.manual_seed(0)
    found = torch.randn(6, 4, 8, 8) * torch.rand(6, 4, 1, 1) + torch.randn(6, 4, 1, 1)
    mixed = StyleMix(1.0).train()(found)

    def plain(x: torch.Tensor) -> torch.Tensor:
        return (x - x.mean((2, 3), keepdim=True)) / x.std((2, 3), keepdim=True)

    torch.testing.assert_close(plain(mixed), plain(found), rtol=1e-3, atol=1e-3)
    assert not torch.allclose(mixed.mean((2, 3)), found.mean((2, 3)), atol=1e-2)


def test_style_mix_rests_in_use_and_at_zero() -> None:
    found = torch.rand(3, 2, 4, 4)
    assert StyleMix(1.0).eval()(found) is found
    assert StyleMix(0.0).train()(found) is found


def test_the_same_seed_gives_the_same_training_pass() -> None:
    model, pictures = tower(style_mix=1.0), torch.rand(4, 3, 16, 16)
    torch.manual_seed(3)
    first = model(pictures).pooled
    torch.manual_seed(3)
    assert torch.equal(first, model(pictures).pooled)


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="one entry a stage"):
        SmallVision(widths=(8, 16), depths=(1,))
    with pytest.raises(ValueError, match="not a probability"):
        SmallVision(style_mix=1.5)


def test_a_lone_picture_can_be_trained_on() -> None:
    """A batch of rows of which one has a picture."""
    tower = SmallVision((4, 8), (1, 1), style_mix=0.5)
    for _ in range(50):
        tower(torch.rand(8, 3, 16, 16))
    before = tower.norm.running_mean.clone()
    alone = tower(torch.rand(1, 3, 16, 16)).pooled
    alone.sum().backward()
    assert alone.isfinite().all() and tower.stem[0].weight.grad.isfinite().all()
    assert tower.norm.running_mean.equal(before)
