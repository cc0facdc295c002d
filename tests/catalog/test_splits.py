"""No copies on both sides, the same splits for the same rows, and no training row that becomes a test row."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openautoglm.catalog.schema import SPLITS
from openautoglm.catalog.splits import Clusters, keys_of, parse_split, split_of

KEYS = st.lists(st.sampled_from("abcdefghij"), min_size=1, max_size=3)


@given(st.lists(KEYS, min_size=1, max_size=30))
def test_rows_that_share_a_key_share_cluster_and_split(rows: list[list[str]]) -> None:
    clusters = Clusters()
    for row in rows:
        clusters.add(row)
    found = [clusters.find(row[0]) for row in rows]
    for one, here in zip(rows, found, strict=True):
        assert {clusters.find(key) for key in one} == {here}
    # Against the definition: connected components, grown one link at a time.
    for row, (name, _) in zip(rows, found, strict=True):
        reach, before = set(row), set()
        while reach != before:
            before = set(reach)
            reach |= {key for other in rows if reach & set(other) for key in other}
        assert {clusters.find(key)[0] for key in reach} == {name}
        assert all((clusters.find(key)[0] == name) == (key in reach) for other in rows for key in other)


@given(st.lists(st.tuples(KEYS, st.sampled_from(SPLITS)), min_size=1, max_size=20), KEYS)
def test_a_connection_moves_rows_towards_training_only(
    rows: list[tuple[list[str], str]], link: list[str]
) -> None:
    clusters = Clusters()
    for keys, split in rows:
        clusters.add(keys, split)
    before = {keys[0]: clusters.find(keys[0])[1] for keys, _ in rows}
    clusters.add(link)
    for key, split in before.items():
        assert SPLITS.index(clusters.find(key)[1]) <= SPLITS.index(split)


def test_shares_are_80_10_10() -> None:
    found = [split_of(f"image {number}") for number in range(20_000)]
    shares = [found.count(split) / len(found) for split in SPLITS]
    assert shares == pytest.approx([0.8, 0.1, 0.1], abs=0.01)


def test_given_splits_rule_their_cluster() -> None:
    clusters = Clusters()
    clusters.add(["a"], stored="train")
    clusters.add(["a", "b"], given="test")
    clusters.add(["b"])
    assert clusters.find("b") == ("a", "test")


@pytest.mark.parametrize("word", ["train", "Training", " val ", "valid", "dev", "validation", "TEST"])
def test_words_for_splits(word: str) -> None:
    assert parse_split(word) in SPLITS


def test_an_unknown_word_is_refused() -> None:
    with pytest.raises(ValueError, match="'holdout' is not a split; use train"):
        parse_split("holdout")


def test_keys() -> None:
    assert keys_of("abc", [("brand", 3), ("set", None)], "content") == ["group brand=3", "image abc"]
    assert keys_of(None, [], "content") == ["row content"]
