"""Ranks, recall and average precision against a plain float64 reference that counts pair by pair."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openautoglm.tasks import retrieval
from openautoglm.tasks.retrieval import TIE, Relevant, rank


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def reference(
    queries: np.ndarray, gallery: np.ndarray, relevant: list[set[int]]
) -> tuple[list[int], list[float]]:
    """Every definition of the module's docstring, in loops and float64."""
    best, precision = [], []
    for query, right in zip(queries.astype(np.float64), relevant, strict=True):
        scores = [sum(a * b for a, b in zip(query, item, strict=True)) for item in gallery.astype(np.float64)]
        order = sorted(right, key=lambda item: -scores[item])
        ranks = []
        for place, item in enumerate(order):
            others = [s for other, s in enumerate(scores) if other not in right and s >= scores[item] - TIE]
            ranks.append(1 + place + len(others))
        best.append(ranks[0])
        precision.append(sum((place + 1) / r for place, r in enumerate(ranks)) / len(ranks))
    return best, precision


@st.composite
def spaces(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, list[set[int]]]:
    """Draw queries and a gallery that repeats some vectors; a query has one relevant item or several."""
    queries, items = draw(st.integers(1, 8)), draw(st.integers(1, 12))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    distinct = unit(random.normal(size=(max(1, items // 2), 6)))
    gallery = distinct[random.integers(0, len(distinct), items)]
    sets = [
        set(random.choice(items, random.integers(1, items + 1), replace=False).tolist())
        for _ in range(queries)
    ]
    return unit(random.normal(size=(queries, 6))), gallery, sets


def as_relevant(sets: list[set[int]]) -> Relevant:
    pairs = np.array([(query, item) for query, items in enumerate(sets) for item in items])
    return Relevant.from_pairs(pairs[:, 0], pairs[:, 1], len(sets))


@settings(max_examples=80, deadline=None)
@given(spaces())
def test_ranks_and_precision_are_those_of_the_reference(
    space: tuple[np.ndarray, np.ndarray, list[set[int]]],
) -> None:
    queries, gallery, sets = space
    found = rank(queries, gallery, as_relevant(sets))
    best, precision = reference(queries, gallery, sets)
    assert found.best.tolist() == best
    np.testing.assert_allclose(found.average_precision, precision, rtol=1e-12)


def test_a_collapsed_model_stands_last() -> None:
    space = unit(np.ones((50, 8)))
    own = Relevant.from_pairs(np.arange(50), np.arange(50), 50)
    assert set(rank(space, space, own).best.tolist()) == {50}


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    queries, gallery = unit(random.normal(size=(40, 8))), unit(random.normal(size=(30, 8)))
    own = Relevant.from_pairs(np.arange(40), random.integers(0, 30, 40), 40)
    whole = rank(queries, gallery, own)
    monkeypatch.setattr(retrieval, "_BLOCK_SCORES", 70)
    for one, other in zip(whole, rank(queries, gallery, own), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)


def test_top_lists_the_nearest_first() -> None:
    gallery = unit(np.random.default_rng(1).normal(size=(30, 4)))
    found = rank(gallery, gallery, Relevant.from_pairs(np.arange(30), np.arange(30), 30))
    np.testing.assert_array_equal(found.top, np.argsort(-(gallery @ gallery.T), axis=1)[:, :10])
    assert (found.margin > 0).all()


def test_margin_is_negative_where_the_top_is_wrong() -> None:
    space = np.eye(2, dtype=np.float32)
    assert rank(space, space[::-1], Relevant.from_pairs(np.arange(2), np.arange(2), 2)).margin.tolist() == [
        -1,
        -1,
    ]


def test_vectors_that_are_not_finite_are_named() -> None:
    space = np.eye(3, dtype=np.float32)
    broken = space.copy()
    broken[1, 0] = np.nan
    own = Relevant.from_pairs(np.arange(3), np.arange(3), 3)
    with pytest.raises(ValueError, match="gallery item 1"):
        rank(space, broken, own)


def test_a_query_without_an_answer_is_refused() -> None:
    space = np.eye(3, dtype=np.float32)
    with pytest.raises(ValueError, match="query 1 has no relevant item"):
        rank(space, space, Relevant.from_pairs(np.array([0, 2]), np.array([0, 1]), 3))


@pytest.mark.parametrize("counts", [[1], [3], [1, 2, 5], [7]])
def test_chance_is_what_shuffled_galleries_give(counts: list[int]) -> None:
    random = np.random.default_rng(0)
    size, trials = 9, 4000
    recalls, precisions, ranks = [], [], []
    for count in counts:
        places = np.sort(np.array([random.permutation(size)[:count] for _ in range(trials)]) + 1, axis=1)
        recalls.append((places[:, 0] <= 2).mean())
        precisions.append((np.arange(1, count + 1) / places).mean())
        ranks.append(places[:, 0])
    given_counts = np.array(counts)
    assert retrieval.chance_recall(size, given_counts, 2) == pytest.approx(np.mean(recalls), abs=0.02)
    assert retrieval.chance_average_precision(size, given_counts) == pytest.approx(
        np.mean(precisions), abs=0.02
    )
    assert retrieval.chance_median_rank(size, given_counts) == pytest.approx(np.median(ranks), abs=1)
