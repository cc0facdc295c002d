"""A batch keeps its parts together, and refuses parts that do not belong together."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from openautoglm.encoders.batch import Batch
from openautoglm.encoders.column_values import ColumnValues

PRESENT = torch.tensor([[True, True], [True, False], [False, True], [False, False]])


def batch() -> Batch:
    ids = torch.arange(12).view(4, 3)
    keys = torch.arange(12).view(4, 3)
    return Batch(torch.randn(4, 3, 2, 2), ids, torch.ones(4, 3, dtype=torch.bool), PRESENT, keys)


def columns() -> ColumnValues:
    """Of four rows, the first and the last have a number."""
    values = ColumnValues.empty(4, numbers=1)
    return replace(values, number_missing=torch.tensor([[False], [True], [True], [False]]))


def test_columns_are_a_modality_that_no_pair_needs() -> None:
    whole = replace(
        batch(), columns=columns(), present=torch.cat([PRESENT, columns().there()[:, None]], dim=1)
    )
    assert whole.has("columns").tolist() == [True, False, False, True]
    assert len(whole.structured()) == 2 and len(whole.pairs()) == 1
    assert len(whole.rows(slice(1, 3)).columns) == 2 and whole.rows(slice(1, 3)).structured() is None
    assert whole.to("meta").columns.device.type == "meta"
    given = Batch.of(torch.zeros(4, 3, 2, 2), columns=columns())
    assert given.present.tolist() == [[True, False, there] for there in (True, False, False, True)]
    assert Batch.of(columns=columns()).present[:, 2].tolist() == [True, False, False, True]


def test_what_present_does_not_reach_is_absent() -> None:
    assert batch().present.tolist() == [[*row, False] for row in PRESENT.tolist()]
    with pytest.raises(ValueError, match="modality 'columns', but the batch holds none"):
        Batch(None, None, None, torch.tensor([[False, False, True]]))
    with pytest.raises(ValueError, match="different numbers of rows"):
        Batch.of(torch.zeros(3, 3, 2, 2), columns=columns())


def test_rows_are_taken_from_every_part() -> None:
    whole = batch()
    for index in (slice(1, 3), torch.tensor([1, 2]), torch.tensor([False, True, True, False])):
        part = whole.rows(index)
        assert len(part) == 2
        assert part.keys.equal(whole.keys[1:3])
        assert part.pixel_values.equal(whole.pixel_values[1:3])


def test_modalities_are_given_without_the_rows_that_lack_them() -> None:
    whole = batch()
    assert whole.images().equal(whole.pixel_values[:2])
    ids, mask = whole.texts()
    assert ids.equal(whole.input_ids[[0, 2]])
    assert mask.shape == (2, 3)
    assert len(whole.pairs()) == 1
    bare = whole.rows(slice(3, 4))
    assert bare.images() is None
    assert bare.texts() is None


def test_it_moves_as_one() -> None:
    moved = batch().to("meta")
    assert {
        part.device.type for part in (moved.pixel_values, moved.input_ids, moved.present, moved.keys)
    } == {"meta"}


def test_parts_that_do_not_belong_together_are_refused() -> None:
    with pytest.raises(ValueError, match="different numbers of rows"):
        Batch(torch.zeros(3, 3, 2, 2), None, None, torch.tensor([[True, False]] * 4))
    with pytest.raises(ValueError, match="modality 'text', but the batch holds none"):
        Batch(torch.zeros(4, 3, 2, 2), None, None, PRESENT)
    with pytest.raises(ValueError, match="give both or neither"):
        Batch(None, torch.zeros(1, 2), None, torch.tensor([[False, True]]))
    with pytest.raises(ValueError, match="pixel_values, input_ids, columns"):
        Batch.of()
