"""The tensors of a step."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tests.train.tiny import tiny_config, tiny_data, tiny_model

from openautoglm.train.batches import Batches


def batches(folder: Path, **changes: object) -> Batches:
    data, model = tiny_data(folder), tiny_model()
    model.processor.fit_tokenizer(data.texts())
    return Batches(data, tiny_config(**changes), model.processor)


def test_a_batch_is_a_function_of_seed_and_number(tmp_path: Path) -> None:
    one, other = batches(tmp_path), batches(tmp_path)
    other.prepare(0, 0.0)
    first, second = one.prepare(5, 0.5), other.prepare(5, 0.5)
    assert first.columns is None and first.captions is None
    assert all(torch.equal(a, b) for a, b in zip(first[:5], second[:5], strict=True))
    assert not torch.equal(first.pixel_values, batches(tmp_path, seed=1).prepare(5, 0.5).pixel_values)


def test_pictures_grow(tmp_path: Path) -> None:
    made = batches(tmp_path, small_size=12, small_share=0.4)
    assert [made.prepare(0, progress).pixel_values.shape[-1] for progress in (0.0, 0.39, 0.4, 1.0)] == [
        12,
        12,
        16,
        16,
    ]


def test_augmentation_grows(tmp_path: Path) -> None:
    made = batches(tmp_path, augment_ramp=0.5)
    tame, half, full, later = (made.prepare(0, progress).pixel_values for progress in (0.0, 0.25, 0.5, 0.9))
    assert torch.equal(full, later) and not torch.equal(tame, half) and not torch.equal(half, full)
    assert torch.equal(full, batches(tmp_path).prepare(0, 0.0).pixel_values)


@pytest.mark.parametrize("size", [1, 3, 5, 7])
def test_chunks_are_the_whole_in_order(tmp_path: Path, size: int) -> None:
    batch = batches(tmp_path, proxy=1.0, extra_texts=5).prepare(0, 0.0)
    chunks = batch.chunks(size)
    pictures = [chunk.pixel_values for chunk in chunks if chunk.pixel_values is not None]
    assert torch.equal(torch.cat(pictures), batch.pixel_values)
    assert torch.equal(torch.cat([chunk.input_ids for chunk in chunks]), batch.input_ids)
    assert all(len(chunk.input_ids) <= size for chunk in chunks)
    assert all(c.pixel_values is None or len(c.pixel_values) == len(c.input_ids) for c in chunks)
    assert len(batch.pairs()) == 8 and len(batch.input_ids) == 13


def test_one_chunk_when_it_fits(tmp_path: Path) -> None:
    batch = batches(tmp_path, proxy=1.0, extra_texts=5).prepare(0, 0.0)
    for size in (None, 8):
        (chunk,) = batch.chunks(size)
        assert chunk.pixel_values is not None and len(chunk.pixel_values) == 8 and len(chunk.input_ids) == 13
