"""Thumbnails on disk: the same as in memory, without the memory."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np

from openautoglm.catalog.thumbnails import Thumbnails


def test_they_come_back_as_they_were_and_take_no_memory(tmp_path: Path) -> None:
    count = 2000
    tracemalloc.start()
    with Thumbnails(tmp_path) as kept:
        for number in range(count):
            shown = np.random.default_rng(number).integers(0, 256, (3, 32, 32), np.uint8)
            kept.append(None if number % 7 == 3 else shown)
        assert kept.there.tolist() == [number % 7 != 3 for number in range(count)]
        some = np.array([1999, 0, 4, 4])
        back = kept[some]
        assert not list(tmp_path.iterdir())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    for number, one in zip(some.tolist(), back, strict=True):
        assert (one == np.random.default_rng(number).integers(0, 256, (3, 32, 32), np.uint8)).all()
    assert peak < count * 3072 / 10
