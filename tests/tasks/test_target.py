"""A target learns what its values are from the training rows, and refuses what cannot be predicted."""

from __future__ import annotations

import json
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from openautoglm.tasks.target import Target, TargetError


def test_kinds_follow_the_values() -> None:
    assert Target.fit("a", ["x", "y"], "text").kind == "class"
    assert Target.fit("a", [True, False], "boolean").classes == ("false", "true")
    assert Target.fit("a", [1, 2, 1], "integer").classes == ("1", "2")
    assert Target.fit("a", list(range(50)), "integer").kind == "number"
    assert Target.fit("a", [1.5, 2.5], "number").kind == "number"
    assert Target.fit("a", [["x", "y"], ["x"], None], "tags").counts == (2, 1)
    assert Target.fit("a", list(range(50)) * 2, "integer", "class").outputs == 50


def test_labels_that_are_missing_or_new_are_none() -> None:
    classes = Target.fit("a", ["x", "y", None, ""], "text")
    assert classes.encode(["y", None, "new", "", " x "]).tolist() == [1, -1, -1, -1, 0]
    tags = Target.fit("a", [["x"], ["y"]], "tags")
    rows = tags.encode([["y", "new"], None, ["x", "y"]])
    assert rows[0].tolist() == [0.0, 1.0]
    assert rows[1].isnan().all()
    assert rows[2].tolist() == [1.0, 1.0]


@given(st.lists(st.floats(-1e6, 1e6), min_size=2).filter(lambda all_: len({round(x, 3) for x in all_}) > 1))
def test_numbers_are_standardised_by_the_training_rows(values: list[float]) -> None:
    target = Target.fit("price", [*values, None, math.nan, math.inf], "number")
    encoded = target.encode([*values, None, math.nan, math.inf])
    assert encoded[-3:].isnan().all()
    assert encoded[:-3].double().mean().item() == pytest.approx(0, abs=1e-4)
    back = encoded[:-3].double() * target.std + target.mean
    assert torch.allclose(back, torch.tensor(values, dtype=torch.float64), atol=1e-5 * target.std + 1e-3)


@pytest.mark.parametrize(
    ("values", "type_", "kind", "says"),
    [
        ([None, None], "text", None, "no value"),
        (["x", "x", None], "text", None, "one class only, 'x'"),
        ([f"title {n}" for n in range(40)], "text", None, "free text"),
        ([3.0, 3.0], "number", None, "in every labelled"),
        (["a", "b"], "text", "number", "no column of numbers"),
    ],
)
def test_what_cannot_be_learned_is_refused_with_the_reason(
    values: list[object], type_: str, kind: str | None, says: str
) -> None:
    with pytest.raises(TargetError, match=says):
        Target.fit("column", values, type_, kind)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "target",
    [
        Target.fit("a", ["x", "银杏"], "text"),
        Target.fit("b", [1.0, 2.0], "number"),
        Target.fit("c", [["x"]], "tags"),
    ],
)
def test_a_round_trip_through_json_is_equal(target: Target) -> None:
    assert Target.from_dict(json.loads(json.dumps(target.as_dict()))) == target
