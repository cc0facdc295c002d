from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from openautoglm.align.projections import PROJECTIONS


@pytest.mark.parametrize("name", PROJECTIONS)
def test_every_projection_gives_unit_vectors_and_learns(name: str) -> None:
    project = PROJECTIONS[name]({"image": 7, "text": 5}, dim=4)
    image, text = project("image", torch.randn(3, 7)), project("text", torch.randn(3, 5))
    torch.testing.assert_close(image.norm(dim=1), torch.ones(3))
    (image[:, 0] + text[:, 1]).sum().backward()
    assert all(parameter.grad is not None for parameter in project.parameters())


def test_linear_is_one_matrix_without_bias() -> None:
    project = PROJECTIONS["linear"]({"image": 7}, dim=4)
    pooled = torch.randn(3, 7)
    expected = F.normalize(pooled @ project.into["image"].weight.t(), dim=1)
    torch.testing.assert_close(project("image", pooled), expected)


def test_shared_layers_are_one_for_all_modalities() -> None:
    project = PROJECTIONS["shared"]({"image": 4, "text": 4}, dim=4)
    project.into["text"].load_state_dict(project.into["image"].state_dict())
    pooled = torch.randn(2, 4)
    assert torch.equal(project("image", pooled), project("text", pooled))
    names = [name for name, _ in project.named_parameters()]
    assert sum(name.startswith("shared") for name in names) == 6
    assert len(set(names)) == len(project.state_dict())


def test_unknown_modality_is_named() -> None:
    with pytest.raises(ValueError, match="no projection for 'sound'; this model projects image, text"):
        PROJECTIONS["mlp"]({"image": 7, "text": 5}, dim=4)("sound", torch.zeros(1, 7))
