"""Sections hold the figures that counting by hand gives, in both directions."""

from __future__ import annotations

import numpy as np
import pytest

from openautoglm.evaluate.gallery import Gallery
from openautoglm.evaluate.measure import Ranked, measure_pairs, measure_retrieval, measure_space, score_pairs
from openautoglm.tasks.retrieval import Relevant


def unit(rows: int, seed: int) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(rows, 4))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def space() -> tuple[Gallery, np.ndarray, np.ndarray]:
    """Twelve pictures with two captions each (the last picture has none), and a caption without a picture."""
    captions = np.arange(22)
    gallery = Gallery(
        12,
        [f"p{n}" for n in range(12)],
        [f"c{n}" for n in range(23)],
        {
            ("all", ""): np.arange(23),
            ("field", "odd"): np.arange(1, 23, 2),
            ("language", "none"): np.array([22]),
        },
        Relevant.from_pairs(captions, captions // 2, 23),
    )
    return gallery, unit(12, 0), unit(23, 1)


def section(found: list[Ranked], kind: str, direction: str) -> Ranked:
    return next(one for one in found if (one.section.kind, one.section.direction) == (kind, direction))


def test_both_directions_are_counted_as_by_hand(space: tuple[Gallery, np.ndarray, np.ndarray]) -> None:
    gallery, pictures, captions = space
    scores = captions.astype(np.float64) @ pictures.T.astype(np.float64)
    found = list(measure_retrieval(gallery, pictures, captions))
    forward = section(found, "all", "text→image").section
    ranks = [1 + sum(scores[c, p] >= scores[c, c // 2] for p in range(12) if p != c // 2) for c in range(22)]
    assert (forward.queries, forward.gallery, forward.relevant) == (22, 12, 1.0)
    assert forward.figures["recall@5"].value == np.mean(np.array(ranks) <= 5)
    assert forward.figures["median rank"].value == np.median(ranks)
    assert forward.figures["mAP"].value == pytest.approx(np.mean(1 / np.array(ranks)))
    assert forward.figures["recall@5"].chance == pytest.approx(5 / 12)

    backward = section(found, "all", "image→text").section
    ranks = []
    for picture in range(11):
        best = max(scores[2 * picture, picture], scores[2 * picture + 1, picture])
        ranks.append(1 + sum(scores[c, picture] >= best for c in range(23) if c // 2 != picture or c == 22))
    assert (backward.queries, backward.gallery, backward.relevant) == (11, 23, 2.0)
    assert backward.figures["median rank"].value == np.median(ranks)


def test_a_field_sees_its_own_captions_only(space: tuple[Gallery, np.ndarray, np.ndarray]) -> None:
    found = list(measure_retrieval(*space))
    backward = section(found, "field", "image→text")
    assert (backward.section.queries, backward.section.gallery) == (11, 11)
    assert set(backward.question.items.tolist()) == set(range(1, 23, 2))
    for place, picture in enumerate(backward.question.queries):
        assert backward.question.items[backward.question.relevant.of(place)].tolist() == [2 * picture + 1]


def test_a_language_without_a_pair_has_no_section(space: tuple[Gallery, np.ndarray, np.ndarray]) -> None:
    assert "language" not in {one.section.kind for one in measure_retrieval(*space)}


def test_intervals_hold_their_figure_and_repeat(space: tuple[Gallery, np.ndarray, np.ndarray]) -> None:
    first, second = (list(measure_retrieval(*space, seed=3)) for _ in range(2))
    assert [one.section for one in first] == [one.section for one in second]
    for one in first:
        for figure in one.section.figures.values():
            assert figure.low <= figure.value <= figure.high


def test_pairs_are_right_and_wrong_half_and_half(space: tuple[Gallery, np.ndarray, np.ndarray]) -> None:
    gallery, pictures, captions = space
    pairs = score_pairs(gallery, pictures, captions)
    direct = [float(captions[c] @ pictures[c // 2]) for c in range(22)]
    np.testing.assert_allclose(pairs.right, direct, rtol=1e-5)
    assert len(pairs.wrong) == 22
    figures = measure_pairs(pairs, threshold=0.0)
    hits, quiet = (pairs.right >= 0).sum(), (pairs.wrong < 0).sum()
    assert figures["accuracy"].value == pytest.approx((hits + quiet) / 44)
    assert figures["mean cosine"].value == pytest.approx(np.mean(direct), abs=1e-6)
    assert figures["alignment"].value == pytest.approx(2 - 2 * np.mean(direct), abs=1e-6)
    assert {"accuracy", "F1"}.isdisjoint(measure_pairs(pairs, threshold=None))


def test_one_vector_has_no_uniformity() -> None:
    assert list(measure_space(unit(1, 0), unit(3, 1))) == ["uniformity of captions"]
