"""Low-rank fusion, against the whole tensor that it stands for."""

from __future__ import annotations

from functools import reduce

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fuse.fusing import DIM, built, presences, rows
from torch import Tensor

from openautoglm.fuse.low_rank import LowRank


def outer(vectors: list[Tensor]) -> Tensor:
    """v_1 ⊗ … ⊗ v_M."""
    return reduce(lambda tensor, vector: tensor[..., None] * vector, vectors)


def weight_tensor(fuse: LowRank, modalities: list[int]) -> Tensor:
    """Σ_i w_i ⊗_m W_m⁽ⁱ⁾, (d + 1, …, d + 1, k)."""
    width = fuse.factors.shape[-1]
    each = [
        torch.stack([outer([fuse.factors[m, i, :, k] for m in modalities]) for k in range(width)], dim=-1)
        for i in range(len(fuse.weight))
    ]
    return sum(weight * one for weight, one in zip(fuse.weight, each, strict=True))


@pytest.mark.parametrize("hidden", [None, 3])
@given(present=presences(), seed=st.integers(0, 99))
@settings(deadline=None, max_examples=10)
def test_it_equals_the_fusion_by_the_whole_tensor(hidden: int | None, present: Tensor, seed: int) -> None:
    given = rows(present, seed)
    modalities = list(range(present.shape[1]))
    fuse = built("low_rank", len(modalities), seed, rank=2, **({} if hidden is None else {"hidden": hidden}))
    one = torch.ones(1, dtype=torch.float64)
    found = fuse(*given)
    for row in range(len(present)):
        vectors = [
            torch.cat(
                [given.pooled[row, m] if present[row, m] else torch.zeros(DIM, dtype=torch.float64), one]
            )
            for m in modalities
        ]
        tensor = outer(vectors)
        value = (tensor[..., None] * weight_tensor(fuse, modalities)).flatten(0, -2).sum(0) + fuse.bias
        torch.testing.assert_close(found.embeds[row], value if hidden is None else fuse.out.weight @ value)


def test_training_starts_from_a_sum_in_which_the_absent_is_neutral() -> None:
    torch.manual_seed(0)
    fuse = LowRank(64, 3).double()
    pooled = torch.nn.functional.normalize(torch.randn(20, 3, 64, dtype=torch.float64), dim=-1)
    present = torch.tensor([[True, True, False]]).expand(20, -1)
    linear = torch.einsum("r,bmd,mrdk->bk", fuse.weight, pooled[:, :2], fuse.factors[:2, :, :-1])
    found = fuse(pooled, present).embeds
    assert (found - linear).norm() < 0.2 * linear.norm()
    assert 0.5 < found.norm(dim=1).mean() < 3  # of the size of what came in


def test_every_factor_is_registered() -> None:
    fuse = LowRank(8, 3, rank=5)
    assert {name: tuple(value.shape) for name, value in fuse.named_parameters()} == {
        "factors": (3, 5, 9, 8),
        "weight": (5,),
        "bias": (8,),
    }
    assert fuse.state_dict().keys() == dict(fuse.named_parameters()).keys()


def test_it_learns_a_product_that_no_sum_is() -> None:
    torch.manual_seed(0)
    fuse = LowRank(2, 2, rank=4)
    optimizer = torch.optim.Adam(fuse.parameters(), 1e-2)
    signs = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    pooled, present = signs[..., None].expand(4, 2, 2), torch.ones(4, 2, dtype=torch.bool)
    wanted = signs.prod(1, keepdim=True).expand(4, 2)
    for _ in range(400):
        loss = (fuse(pooled, present).embeds - wanted).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 1e-3
