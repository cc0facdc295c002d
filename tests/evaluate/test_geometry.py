"""Alignment and uniformity against the formulas of the paper in float64."""

from __future__ import annotations

import numpy as np
import pytest

from openautoglm.evaluate import geometry
from openautoglm.evaluate.geometry import pair_cosines, squared_distances, uniformity


def space(rows: int, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(rows, 16))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def test_squared_distances_are_those_of_the_vectors() -> None:
    left, right = space(30), space(30, seed=1)
    direct = ((left.astype(np.float64) - right) ** 2).sum(1)
    np.testing.assert_allclose(squared_distances(pair_cosines(left, right)), direct, atol=1e-6)


def test_uniformity_is_that_of_the_paper(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = space(60)
    wide = vectors.astype(np.float64)
    terms = [
        np.exp(-2 * ((a - b) ** 2).sum()) for i, a in enumerate(wide) for j, b in enumerate(wide) if i != j
    ]
    monkeypatch.setattr(geometry, "_BLOCK_ROWS", 7)
    assert uniformity(vectors) == pytest.approx(np.log(np.mean(terms)), abs=1e-5)


def test_a_collapsed_space_scores_zero() -> None:
    assert uniformity(np.repeat(space(1), 9, axis=0)) == pytest.approx(0, abs=1e-5)


def test_a_large_space_is_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = space(900)
    exact = uniformity(vectors)
    monkeypatch.setattr(geometry, "SAMPLE", 400)
    assert uniformity(vectors, seed=2) == pytest.approx(exact, abs=0.02)
    assert uniformity(vectors, seed=2) == uniformity(vectors, seed=2)


def test_one_vector_has_no_uniformity() -> None:
    with pytest.raises(ValueError, match="two vectors"):
        uniformity(space(1))
