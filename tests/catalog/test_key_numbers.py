"""Numbers of texts are those of a dictionary, in a few bytes, while other threads read them."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openautoglm.catalog import key_numbers
from openautoglm.catalog.images import ImageFacts
from openautoglm.catalog.key_numbers import KeyNumbers
from openautoglm.catalog.proven import Proven

KEYS = st.sampled_from(["", "\0", "a", "\0a", "红", "\ud800"]) | st.text(max_size=3)


@pytest.mark.parametrize("least", [4, 1 << 10])
def test_they_are_those_of_a_dictionary(monkeypatch: pytest.MonkeyPatch, least: int) -> None:
    monkeypatch.setattr(key_numbers, "_LEAST", least)

    @given(st.lists(st.tuples(KEYS, st.integers(0, 2**32 - 1))), KEYS)
    def check(pairs: list[tuple[str, int]], other: str) -> None:
        ours, plain = KeyNumbers(), dict[str, int]()
        for key, number in pairs:
            ours[key] = plain[key] = number
        assert len(ours) == len(plain)
        assert all(ours.get(key) == number for key, number in plain.items())
        assert ours.get(other) == plain.get(other)

    check()


def test_a_text_takes_less_than_sixty_bytes() -> None:
    ours = KeyNumbers()
    for number in range(50_000):
        ours[f"key {number}"] = number
    assert sum(len(column) * column.itemsize for column in ours._columns[1:]) <= 60 * 50_000
    assert all(ours.get(f"key {number}") == number for number in range(50_000))
    assert not any(ours.get(f"other {number}") is not None for number in range(50_000))


def test_a_thread_that_reads_never_misses_what_was_set() -> None:
    ours, keys = KeyNumbers(), [str(number) for number in range(20_000)]
    done: list[str] = []

    def read(seed: int) -> int:
        draw, missed = random.Random(seed), 0
        while len(done) < len(keys):
            if done:
                key = draw.choice(done)
                missed += ours.get(key) != int(key)
        return missed

    with ThreadPoolExecutor(3) as pool:
        readers = [pool.submit(read, seed) for seed in range(3)]
        for number, key in enumerate(keys):
            ours[key] = number
            done.append(key)
        assert [reader.result() for reader in readers] == [0, 0, 0]


@given(
    st.lists(
        st.builds(
            ImageFacts,
            st.integers(0, 9).map(lambda one: f"{one:032x}"),
            st.integers(1, 2**31 - 1),
            st.integers(1, 2**31 - 1),
            st.none() | st.integers(0, 2**64 - 1),
        )
    )
)
def test_facts_come_back_as_they_were(facts: list[ImageFacts]) -> None:
    proven = Proven()
    for one in facts:
        proven.add(one)
    assert dict(proven) == {one.hash: one for one in facts}
