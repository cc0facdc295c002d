"""Where relevance ends is learned, kept, and told by searches in words; a filter does not move it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from tests.evaluate.stand_in import HueModel, catalogue, square

from openautoglm.catalog.catalog import Catalog
from openautoglm.search.calibration import FALSE_FOUND, Lists, build_relevance, learn, lists_of, measured
from openautoglm.search.find import search
from openautoglm.search.index import build_index
from openautoglm.search.query import Query
from openautoglm.search.relevance import DEPTH, FEATURES, HEADS, End, heads, likeness, places
from openautoglm.search.wanted import Wanted

HUES = 150


class Unsure(HueModel):
    """A model of hues in which only the nearest hues are alike at all."""

    def encode(self, images=None, texts=None, batch_size=64):  # type: ignore[no-untyped-def]
        plane = super().encode(images, texts, batch_size)
        turns = np.degrees(np.arctan2(plane[:, 1], plane[:, 0])) % 360
        apart = np.abs((turns[:, None] - np.arange(0, 360, 3)[None] + 180) % 360 - 180)
        bumps = np.exp(-((apart / 4) ** 2)).astype(np.float32) + 0.01
        return bumps / np.linalg.norm(bumps, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """Each of many hues twice, the pictures all different; a fifth is for validation."""
    rows: list[dict[str, object]] = [
        {
            "hue": place * 360 / HUES + copy * 0.7,
            "id": f"r{place:03}-{copy}",
            "title": f"colour {place * 360 / HUES:.1f}",
            "group": f"g{place}",
            "split": "validation",
            "copy": copy,
        }
        for place in range(HUES)
        for copy in range(2)
    ]
    found = catalogue(tmp_path_factory.mktemp("relevance"), rows)
    build_index(Unsure(), found)
    return found


def lists(dice: np.random.Generator, queries: int, *, absent: bool) -> Lists:
    """Lists whose relevant rows, one to ten, lie clearly above the others."""
    counts = dice.integers(1, 11, queries)
    scores = dice.normal(0.0, 0.1, (queries, DEPTH)).astype(np.float32)
    relevant = np.zeros((queries, DEPTH), bool)
    if not absent:
        for row, count in enumerate(counts):
            relevant[row, :count] = True
            scores[row, :count] = dice.normal(0.7, 0.05, count)
    order = np.argsort(-scores, axis=1)
    zeros = np.zeros(queries, np.float32)
    flat = np.zeros((queries, DEPTH, likeness(np.ones((1, 1))).shape[1]), np.float32)
    return Lists(
        np.take_along_axis(scores, order, 1),
        np.take_along_axis(relevant, order, 1),
        counts * (not absent),
        zeros,
        zeros + 0.1,
        flat,
    )


@given(
    arrays(np.float64, st.integers(0, 150), elements=st.floats(-1, 1)),
    st.floats(-0.5, 0.5),
    st.floats(1e-4, 0.5),
    st.integers(0, 9),
)
def test_an_end_lies_in_its_list_and_its_shape_only_counts(
    scores: np.ndarray, mean: float, spread: float, seed: int
) -> None:
    dice = np.random.default_rng(seed)
    hidden = tuple(map(tuple, dice.normal(size=(FEATURES + 1, 3)).tolist()))
    end = End(hidden, tuple(dice.normal(size=4)), tuple(dice.normal(size=HEADS + 1)), {})
    scores = np.sort(scores)[::-1]
    pictures = dice.normal(size=(len(scores), 5)).astype(np.float32)
    assert end.matches(scores, mean, spread) == end.matches(scores[:DEPTH], mean, spread)
    if not len(scores):
        assert not end.matches(scores, mean, spread)
    else:
        size = end.of(scores, mean, spread, pictures)
        assert 1 <= size <= min(len(scores), DEPTH)
        assert size == end.of(scores[:DEPTH], mean, spread, pictures[:DEPTH])
        shape = places(scores[None], np.array([mean]), np.array([spread]))
        assert shape.shape[:2] == (1, len(scores))
        assert shape.shape[2] + likeness(pictures).shape[1] == FEATURES
        assert heads(scores[None], np.array([mean]), np.array([spread])).shape == (1, HEADS)


def test_clear_lists_are_learned_and_the_check_tells_what_new_lists_give() -> None:
    dice = np.random.default_rng(0)
    end, check = learn(lists(dice, 400, absent=False), lists(dice, 400, absent=True))
    fresh = measured(end, lists(dice, 200, absent=False), lists(dice, 200, absent=True))
    for one in (check, fresh):
        assert one.precision > 0.97
        assert one.recall > 0.97
        assert one.f1_of_best > 0.97
        assert one.false_nothing < 0.02
    assert 0 < check.false_found <= FALSE_FOUND
    assert fresh.false_found < 0.15


def test_what_cannot_be_told_apart_is_let_through_as_seldom_as_promised() -> None:
    dice = np.random.default_rng(1)
    _, check = learn(lists(dice, 400, absent=True), lists(dice, 400, absent=True))
    assert 0 < check.false_found <= FALSE_FOUND
    assert check.false_nothing > 0.85


def test_what_was_learned_is_read_again_for_its_own_model_only(tmp_path: Path) -> None:
    hidden = tuple(map(tuple, np.ones((FEATURES + 1, 2)).tolist()))
    end = End(hidden, (1.0, 2.0, 3.0), tuple(np.arange(HEADS + 1.0)), {"texts": 3})
    end.save(tmp_path, "one")
    assert End.read(tmp_path, "one") == end
    assert End.read(tmp_path, "another") is None
    file = tmp_path / "cache" / "relevance.json"
    for broken in ("", "[]", "{}", '{"fingerprint": "one", "cut": [1], "found": [1], "checked": {}}'):
        file.write_text(broken)
        assert End.read(tmp_path, "one") is None


def test_lists_hold_the_nearest_pictures_and_hide_those_that_have_the_text(shop: Catalog) -> None:
    both = lists_of(Unsure(), shop)
    assert both is not None
    present, absent = both
    assert present.counts.tolist() == [2] * HUES
    assert present.relevant[:, :4].sum() > 1.9 * HUES
    assert not absent.relevant.any()
    others = np.where(present.relevant, -np.inf, present.scores).max(axis=1)
    assert absent.scores[:, 0] == pytest.approx(others, abs=1e-6)
    assert (np.diff(present.scores, axis=1) <= 0).all()


def test_likeness_is_what_its_plain_form_gives() -> None:
    """Five pictures; each figure written out."""
    dice = np.random.default_rng(3)
    pictures = dice.normal(size=(5, 4))
    pictures /= np.linalg.norm(pictures, axis=1, keepdims=True)
    cosine = [[float(one @ other) for other in pictures] for one in pictures]
    before = [1.0] + [sum(cosine[i][:i]) / i for i in range(1, 5)]
    for i, found in enumerate(likeness(pictures)):
        wanted = [
            cosine[i][0],
            sum(cosine[i][:3]) / 3,
            max(cosine[i][:4]),
            before[i],
            before[min(i + 1, 4)] - before[i],
            cosine[i][min(i + 1, 4)],
            sum(cosine[i]) / 5,
            sum(sum(row[:4]) for row in cosine[:4]) / 16,
            sum(map(sum, cosine)) / 25,
        ]
        assert found == pytest.approx(wanted)


def test_pictures_of_one_thing_end_where_another_begins(shop: Catalog) -> None:
    """Scores that fall evenly tell nothing; the pictures do."""
    dice = np.random.default_rng(5)
    queries = 300
    counts = dice.integers(2, 9, queries)
    scores = np.tile(np.linspace(0.6, 0.1, DEPTH, dtype=np.float32), (queries, 1))
    relevant = np.arange(DEPTH)[None] < counts[:, None]
    alike = []
    for count in counts:
        pictures = dice.normal(size=(DEPTH, 32))
        pictures[:count] += 4 * dice.normal(size=32)
        alike.append(likeness(pictures / np.linalg.norm(pictures, axis=1, keepdims=True)))
    zeros = np.zeros(queries, np.float32)
    present = Lists(scores, relevant, counts, zeros, zeros + 0.1, np.array(alike, np.float32))
    nothing = Lists(scores - 0.5, relevant & False, 0 * counts, zeros, zeros + 0.1, 0 * present.likeness)
    _, check = learn(present, nothing)
    assert check.f1_of_best > 0.97


def test_a_search_in_words_tells_where_its_relevant_rows_end(shop: Catalog) -> None:
    def found(query: Query, **wanted: object) -> int | None:
        return search(Unsure(), shop, query, Wanted(**{"by": "image", **wanted})).relevant  # type: ignore[arg-type]

    asked = [Query.of(f"colour {place * 360 / HUES:.1f}") for place in range(0, HUES, 5)]
    ends = [found(query) for query in asked]
    assert np.mean([end is not None and 1 <= end <= 5 for end in ends]) > 0.8
    assert found(Query.of(image=square(120))) is None
    assert found(asked[0], by="text") is None
    for query, end in zip(asked[:5], ends, strict=False):
        both = [found(query, where=f"copy = {copy}") for copy in range(2)]
        assert sum(part or 0 for part in both) == end


def test_it_is_learned_again_when_many_rows_changed_and_not_for_a_few(shop: Catalog) -> None:
    file = shop.folder / "cache" / "relevance.json"
    before = file.stat().st_mtime_ns
    report = build_index(Unsure(), shop)
    assert report.relevance is not None
    assert f"{report.relevance.texts} validation texts" in str(report)
    assert file.stat().st_mtime_ns == before
    file.unlink()
    assert search(Unsure(), shop, Query.of("colour 12"), Wanted(by="image")).relevant is None
    build_index(Unsure(), shop)
    assert file.is_file()


def test_few_texts_teach_nothing(tmp_path: Path) -> None:
    shop = catalogue(
        tmp_path, [{"hue": hue, "title": f"colour {hue}", "split": "validation"} for hue in range(9)]
    )
    assert build_index(HueModel(), shop).relevance is None
    assert build_relevance(HueModel(), shop, renew=True) is None
    assert search(HueModel(), shop, Query.of("colour 3"), Wanted(by="image")).relevant is None
