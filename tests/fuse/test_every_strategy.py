"""What holds for every strategy: presence, gates, gradients, order, precision, and being saved."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import get_args

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from tests.fuse.fusing import DIM, KEEPS_A_LONE_VECTOR, NAMES, Rows, built, presences, rows, whole
from torch import Tensor

from openautoglm.config import FusionStrategy
from openautoglm.fuse.strategies import STRATEGIES

SEEDS = st.integers(0, 99)
every = pytest.mark.parametrize("name", NAMES)
quiet = settings(deadline=None, max_examples=25)


def test_a_configuration_can_name_each_strategy_and_no_other() -> None:
    assert tuple(STRATEGIES) == get_args(FusionStrategy)


@every
@given(present=presences(), seed=SEEDS)
@quiet
def test_gates_sum_to_one_and_are_exactly_zero_for_what_is_absent(
    name: str, present: Tensor, seed: int
) -> None:
    given = rows(present, seed)
    found = built(name, present.shape[1], seed)(*given)
    assert found.embeds.shape == (len(present), DIM)
    assert found.gates.shape == present.shape
    assert (found.gates[~present] == 0).all()
    assert (found.gates >= 0).all()
    torch.testing.assert_close(found.gates.sum(1), torch.ones(len(present), dtype=torch.float64))


def gradients(name: str, given: Rows, seed: int) -> dict[str, Tensor]:
    """Of a loss that every row and feature weighs in, by parameter and input."""
    strategy = built(name, given.present.shape[1], seed, mixer=3)
    inputs = {"pooled": given.pooled.clone().requires_grad_()}
    tokens = []
    for number, one in enumerate(given.tokens):
        if one is not None:
            inputs[f"tokens {number}"] = one[0].clone().requires_grad_()
        tokens.append(None if one is None else (inputs[f"tokens {number}"], one[1]))
    found = strategy(inputs["pooled"], given.present, tokens)
    (found.embeds * torch.linspace(-1, 1, DIM, dtype=torch.float64)).square().sum().backward()
    named = {**dict(strategy.named_parameters()), **inputs}
    return {key: value.grad for key, value in named.items() if value.grad is not None}


@every
@given(present=presences(), seed=SEEDS, value=st.sampled_from([float("nan"), float("inf"), 1e30]))
@quiet
def test_what_stands_in_an_absent_slot_changes_no_bit_of_result_or_gradient(
    name: str, present: Tensor, seed: int, value: float
) -> None:
    given = rows(present, seed)
    strategy = built(name, present.shape[1], seed)
    for clean, spoiled in zip(whole(strategy(*given)), whole(strategy(*given.spoiled(value))), strict=True):
        assert torch.equal(clean, spoiled)
    clean, spoiled = gradients(name, given, seed), gradients(name, given.spoiled(value), seed)
    assert clean.keys() == spoiled.keys()
    for key, gradient in clean.items():
        assert torch.equal(gradient, spoiled[key]), key
    assert not spoiled["pooled"][~present].any()


@every
@given(present=presences(), seed=SEEDS)
@quiet
def test_a_batch_is_its_rows_one_by_one(name: str, present: Tensor, seed: int) -> None:
    given = rows(present, seed)
    strategy = built(name, present.shape[1], seed)
    found = whole(strategy(*given))
    for row in range(len(present)):
        for together, alone in zip(found, whole(strategy(*given.only([row]))), strict=True):
            torch.testing.assert_close(together[row : row + 1], alone)


@every
@pytest.mark.parametrize("modalities", [2, 3])
def test_a_gradient_reaches_every_parameter(name: str, modalities: int) -> None:
    present = torch.tensor([[True] * modalities, [True] + [False] * (modalities - 1)])
    given = rows(torch.cat([present, present.flip(1)]), 1)
    reached = gradients(name, given, 1)
    own = dict(built(name, modalities, mixer=3).named_parameters())
    # Keys' biases move all of a query's scores alike, which a softmax does not feel.
    missing = {key for key in own if not (key in reached and reached[key].abs().max() > 1e-12)}
    assert missing <= {"look.attend.key.bias"}


@pytest.mark.parametrize("name", KEEPS_A_LONE_VECTOR)
@given(present=presences(), seed=SEEDS)
@quiet
def test_a_row_with_a_single_modality_keeps_its_vector(name: str, present: Tensor, seed: int) -> None:
    given = rows(present, seed)
    tokens = None if name == "hierarchical" else given.tokens
    found = built(name, present.shape[1], seed)(given.pooled, present, tokens)
    for row in range(len(present)):
        if present[row].sum() == 1:
            assert torch.equal(found.embeds[row], given.pooled[row][present[row]][0])
            assert torch.equal(found.gates[row], present[row].double())


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(KEEPS_A_LONE_VECTOR)))
def test_other_strategies_do_not(name: str) -> None:
    given = rows(torch.tensor([[True, False]]))
    assert not torch.allclose(built(name, 2)(*given).embeds, given.pooled[:, 0])


@pytest.mark.parametrize("name", ["late", "mean_pool"])
@given(present=presences(), seed=SEEDS, data=st.data())
@quiet
def test_strategies_without_weights_do_not_know_the_order(
    name: str, present: Tensor, seed: int, data: st.DataObject
) -> None:
    order = data.draw(st.permutations(range(present.shape[1])))
    pooled = rows(present, seed).pooled
    strategy = built(name, present.shape[1], mixer=4)
    found, turned = strategy(pooled, present), strategy(pooled[:, order], present[:, order])
    torch.testing.assert_close(turned.embeds, found.embeds)
    torch.testing.assert_close(turned.gates, found.gates[:, order])


@pytest.mark.parametrize("name", [name for name in NAMES if STRATEGIES[name].wants_tokens])
@given(present=presences(), seed=SEEDS)
@quiet
def test_tokens_are_a_set_whose_padding_does_not_count(name: str, present: Tensor, seed: int) -> None:
    given = rows(present, seed)
    strategy = built(name, present.shape[1], seed)
    padded = [
        None
        if one is None
        else (
            torch.cat([one[0], torch.full_like(one[0], torch.nan)], 1).flip(1),
            torch.cat([one[1], torch.zeros_like(one[1])], 1).flip(1),
        )
        for one in given.tokens
    ]
    for expected, found in zip(
        whole(strategy(*given)), whole(strategy(given.pooled, present, padded)), strict=True
    ):
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("name", NAMES)
def test_only_strategies_that_want_tokens_read_them(name: str) -> None:
    given = rows(torch.ones(2, 3, dtype=torch.bool))
    strategy = built(name, 3)
    same = torch.equal(strategy(*given).embeds, strategy(given.pooled, given.present).embeds)
    assert same is not strategy.wants_tokens


@every
@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16])
def test_half_precision_does_not_break_the_sums(name: str, half: torch.dtype) -> None:
    present = torch.tensor([[True, True, True], [True, False, True], [False, True, False]])
    given = rows(present, dtype=half)
    strategy = built(name, 3).float()
    with torch.autocast("cpu", half):
        found = strategy(*given)
    assert found.embeds.dtype == found.gates.dtype == torch.float32
    torch.testing.assert_close(found.gates.sum(1), torch.ones(3), atol=1e-6, rtol=0)
    torch.testing.assert_close(found.embeds, strategy(*given).embeds)
    pooled = given.pooled.clone().requires_grad_()
    with torch.autocast("cpu", half):
        strategy(pooled, *given[1:]).embeds.sum().backward()
    assert pooled.grad.dtype == half
    assert pooled.grad.isfinite().all()


@every
def test_saved_weights_give_the_same_result(name: str, tmp_path: Path) -> None:
    given = rows(torch.tensor([[True, True, False], [True, True, True]]))
    first, second = built(name, 3, seed=1, mixer=4), built(name, 3, seed=2, mixer=4)
    assert not torch.equal(first(*given).embeds, second(*given).embeds)
    save_file(first.state_dict(), tmp_path / "weights.safetensors")
    second.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    for expected, found in zip(whole(first(*given)), whole(second(*given)), strict=True):
        assert torch.equal(found, expected)
    assert torch.equal(copy.deepcopy(first)(*given).embeds, first(*given).embeds)


@every
def test_a_mixer_follows_the_fusion(name: str) -> None:
    given = rows(torch.tensor([[True, True, False], [True, True, True]]))
    strategy = built(name, 3, mixer=4)
    found, mixer = strategy(*given), strategy.mixer
    strategy.mixer = None
    plain = strategy(*given)
    assert torch.equal(found.gates, plain.gates)
    if plain.parts is None:
        torch.testing.assert_close(found.embeds, mixer(plain.embeds))
    else:
        torch.testing.assert_close(found.parts[given.present], mixer(plain.parts)[given.present])
        torch.testing.assert_close(found.embeds, (found.gates[..., None] * found.parts).sum(1))
        assert not found.parts[~given.present].any()


@every
def test_an_empty_batch_has_no_rows(name: str) -> None:
    given = rows(torch.ones(2, 3, dtype=torch.bool)).only(slice(0))
    assert built(name, 3)(*given).embeds.shape == (0, DIM)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"present": torch.tensor([[True, False], [False, False]])}, "row 1 of the batch has no modality"),
        ({"present": torch.ones(2, 2)}, "present is torch.float32"),
        ({"present": torch.ones(2, 3, dtype=torch.bool)}, r"present is torch.bool \(2, 3\)"),
        ({"pooled": torch.zeros(2, 2, 5)}, r"pooled is \(2, 2, 5\); expected \(B, M, d\) = \(2, 2, 6\)"),
        ({"tokens": [None]}, "tokens has 1 entries for 2 modalities"),
        (
            {"tokens": [None, (torch.zeros(2, 3, 5), torch.ones(2, 3))]},
            r"tokens of modality 1 are \(2, 3, 5\), their mask \(2, 3\); expected .* B = 2 and d = 6",
        ),
        ({"tokens": [(torch.zeros(1, 3, 6), torch.ones(1, 3)), None]}, "tokens of modality 0"),
    ],
)
def test_what_cannot_be_fused_is_told(change: dict[str, object], message: str) -> None:
    given = rows(torch.ones(2, 2, dtype=torch.bool), dtype=torch.float32)._asdict() | change
    with pytest.raises(ValueError, match=message):
        built("hierarchical", 2)(**given)
