"""A mapping on the disk does what a dictionary does, and threads may read it; a filter forgets no key."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openautoglm.catalog import disk_map
from openautoglm.catalog.bloom import Bloom
from openautoglm.catalog.disk_map import FILE, DiskMap, Scratch
from openautoglm.catalog.errors import CatalogError
from openautoglm.catalog.splits import Clusters, Node


class Pair(NamedTuple):
    number: int | None
    text: str


KEYS = st.sampled_from(["", "a", "b", "红", "\ud800", "a\0b"]) | st.text(max_size=3)
VALUES = st.builds(Pair, st.none() | st.integers(0, 2**64), st.text())
STEPS = st.lists(st.tuples(st.sampled_from(["set", "delete", "get", "all", "count"]), KEYS, VALUES))
NAMES = st.integers(0, 8).map(str)
JOINED = st.lists(
    st.tuples(
        st.lists(NAMES, min_size=1, max_size=3),
        st.sampled_from([None, "train", "test"]),
        st.sampled_from([None, None, "validation"]),
    )
)


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Scratch]:
    with Scratch(tmp_path) as opened:
        yield opened


@pytest.mark.parametrize("waiting", [1, 3, 1000])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_it_does_what_a_dictionary_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, waiting: int, steps: list[tuple[str, str, Pair]]
) -> None:
    monkeypatch.setattr(disk_map, "_AT_ONCE", waiting)
    plain: dict[str, Pair] = {}
    with Scratch(tmp_path) as scratch:
        ours = scratch.table("pairs", Pair)
        for action, key, value in steps:
            if action == "set":
                ours[key] = plain[key] = value
            elif action == "delete":
                assert ours.pop(key, None) == plain.pop(key, None)
            elif action == "get":
                assert ours.get(key) == plain.get(key)
                assert (key in ours) == (key in plain)
            elif action == "count":
                assert len(ours) == len(plain)
            else:
                assert dict(ours.pairs()) == plain


@given(JOINED)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_clusters_on_the_disk_are_those_in_memory(
    tmp_path: Path, joined: list[tuple[list[str], str | None, str | None]]
) -> None:
    with Scratch(tmp_path) as scratch:
        plain, kept = Clusters(), Clusters(scratch.table("clusters", Node))
        for keys, stored, told in joined:
            for clusters in (plain, kept):
                clusters.add(keys, stored, told)
        for name in map(str, range(9)):
            assert kept.find(name) == plain.find(name)
            assert kept.settled(name) == plain.settled(name)
            assert (name in kept) == (name in plain)


def test_keys_that_another_mapping_lacks(scratch: Scratch) -> None:
    known, seen = scratch.table("known", str), scratch.table("seen", str)
    known.update((str(number), "x") for number in range(2500))
    seen.update((str(number), "y") for number in range(0, 2500, 2))
    assert {key for key, _ in known.pairs(lacking=seen)} == {str(number) for number in range(1, 2500, 2)}


def test_a_thread_that_reads_never_misses_what_was_set(scratch: Scratch) -> None:
    known: DiskMap[str] = scratch.table("known", str)
    keys = [str(number) for number in range(20_000)]
    done: list[str] = []

    def read(seed: int) -> int:
        draw = random.Random(seed)
        missed = 0
        while len(done) < len(keys):
            if done:
                missed += known.get(draw.choice(done)) is None
        return missed

    with ThreadPoolExecutor(3) as pool:
        readers = [pool.submit(read, seed) for seed in range(3)]
        for key in keys:
            known[key] = key
            done.append(key)
        assert [reader.result() for reader in readers] == [0, 0, 0]


def test_nothing_is_left_and_what_a_kill_left_is_no_matter(tmp_path: Path) -> None:
    left = tmp_path / FILE
    left.parent.mkdir()
    left.write_bytes(b"half a file")
    with Scratch(tmp_path) as scratch:
        names = scratch.table("names", str)
        names["a"] = "b"
        assert dict(names) == {"a": "b"}
    assert not left.exists()


def test_a_full_disk_is_told(scratch: Scratch) -> None:
    names = scratch.table("names", str)
    scratch.run("PRAGMA max_page_count = 8")
    with pytest.raises(CatalogError, match="disk is full.*free some space"):
        names.update((str(number), "x" * 100) for number in range(5000))


@given(st.sets(st.text(), min_size=1))
def test_no_key_is_forgotten(keys: set[str]) -> None:
    filled = Bloom()
    for key in keys:
        filled.add(key)
    assert all(key in filled for key in keys)


def test_most_other_keys_are_told_apart() -> None:
    filled = Bloom()
    for number in range(50_000):
        filled.add(f"in {number}")
    wrong = sum(f"out {number}" in filled for number in range(20_000))
    assert wrong < 0.03 * 20_000
