"""Strategies come out at the size that was asked for."""

from __future__ import annotations

import pytest
import torch
from tests.fuse.fusing import NAMES

from openautoglm.fuse.matched import matched, parameters_of
from openautoglm.fuse.strategies import STRATEGIES


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("dim", "modalities"), [(128, 2), (128, 3), (256, 3), (512, 4)])
@pytest.mark.parametrize("target", ["concat", "adaptive_gating", "cross_attention"])
def test_it_is_within_three_percent(name: str, dim: int, modalities: int, target: str) -> None:
    with torch.device("meta"):
        wanted = parameters_of(STRATEGIES[target](dim, modalities))  # type: ignore[index]
        found = matched(name, dim, modalities, wanted)  # type: ignore[arg-type]
    assert abs(found.off) <= 0.03
    assert found.parameters == parameters_of(found.strategy)
    assert found.off == pytest.approx(found.parameters / wanted - 1)
    assert list(found.settings) == [STRATEGIES[name].size]  # type: ignore[index]


@pytest.mark.parametrize(("name", "others"), [("cross_attention", {"heads": 1}), ("low_rank", {"rank": 1})])
def test_fewer_heads_or_ranks_make_finer_steps(name: str, others: dict[str, int]) -> None:
    def worst(**settings: int) -> float:
        with torch.device("meta"):
            found = [matched(name, 16, 3, size, **settings) for size in range(4000, 6000, 50)]  # type: ignore[arg-type]
        return max(abs(one.off) for one in found)

    assert worst(**others) < 0.015
    assert worst() > 0.015


@pytest.mark.parametrize(("name", "least"), [("cross_attention", 270), ("low_rank", 75 * 3)])
def test_from_the_told_size_on_three_percent_are_sure(name: str, least: int) -> None:
    with torch.device("meta"):
        for size in range(least * 64, least * 64 + 5000, 100):
            assert abs(matched(name, 64, 3, size).off) <= 0.03  # type: ignore[arg-type]


@pytest.mark.parametrize("name", NAMES)
def test_no_other_width_comes_nearer(name: str) -> None:
    found = matched(name, 16, 3, 5000)  # type: ignore[arg-type]
    ((setting, width),) = found.settings.items()
    for other in (width - 1, width + 1):
        if other:
            size = parameters_of(STRATEGIES[name](16, 3, **{setting: other}))  # type: ignore[index,arg-type]
            assert abs(size - 5000) >= abs(found.parameters - 5000)


def test_a_target_below_the_smallest_is_told() -> None:
    found = matched("low_rank", 256, 3, 100)
    assert found.settings == {"hidden": 1}
    assert found.off > 10


@pytest.mark.parametrize("name", NAMES)
def test_what_is_matched_fuses(name: str) -> None:
    strategy = matched(name, 16, 3, 5000).strategy  # type: ignore[arg-type]
    found = strategy(torch.randn(2, 3, 16), torch.tensor([[True, True, True], [False, True, False]]))
    assert found.gates[1].tolist() == [0, 1, 0]
