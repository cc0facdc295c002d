"""The threshold is the best there is, and wrong partners are wrong."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openautoglm.tasks.matching import choose_threshold, hardest_partners, match, wrong_partners
from openautoglm.tasks.retrieval import Relevant

scores = st.lists(st.integers(-9, 9).map(lambda n: n / 10), min_size=1, max_size=12).map(np.array)


@settings(max_examples=100, deadline=None)
@given(scores, scores)
def test_no_other_threshold_is_more_accurate(right: np.ndarray, wrong: np.ndarray) -> None:
    chosen = match(right, wrong, choose_threshold(right, wrong)).accuracy
    assert chosen == max(match(right, wrong, cut).accuracy for cut in np.arange(-1.05, 1.1, 0.05))


def test_accuracy_and_f1_are_counted_by_their_definition() -> None:
    right, wrong = np.array([0.9, 0.6, 0.3]), np.array([0.7, 0.2, 0.1])
    found = match(right, wrong, 0.5)
    assert found.accuracy == pytest.approx(4 / 6)
    precision, recall = 2 / 3, 2 / 3
    assert found.f1 == pytest.approx(2 * precision * recall / (precision + recall))


def test_a_threshold_needs_both_kinds() -> None:
    with pytest.raises(ValueError, match="2 right, 0 wrong"):
        choose_threshold(np.array([0.5, 0.6]), np.array([]))


def test_wrong_partners_never_answer_the_query() -> None:
    random = np.random.default_rng(0)
    relevant = Relevant.from_pairs(random.integers(0, 20, 60), random.integers(0, 6, 60), 20)
    partners = wrong_partners(relevant, 6, seed=3)
    assert (wrong_partners(relevant, 6, seed=3) == partners).all()
    queries = np.repeat(np.arange(20), relevant.counts)
    for query, partner in zip(queries, partners, strict=True):
        right = set(relevant.of(query).tolist())
        assert partner not in right if len(right) < 6 else partner == -1


def test_a_gallery_of_right_items_only_has_no_wrong_partner() -> None:
    assert wrong_partners(Relevant.from_pairs(np.zeros(2, int), np.arange(2), 1), 2).tolist() == [-1, -1]


def test_the_hardest_partner_is_the_nearest_that_does_not_answer() -> None:
    random = np.random.default_rng(0)
    relevant = Relevant.from_pairs(random.integers(0, 20, 60), random.integers(0, 6, 60), 20)
    queries, items = random.normal(size=(20, 3)), random.normal(size=(6, 3))
    partners = hardest_partners(relevant, queries, items)
    expected = []
    for query in range(20):
        wrong = [item for item in range(6) if item not in relevant.of(query)]
        nearest = max(wrong, key=lambda item: queries[query] @ items[item]) if wrong else -1
        expected += [nearest] * len(relevant.of(query))
    assert partners.tolist() == expected
