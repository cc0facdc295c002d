"""Looks and words in one ranking: exact, in pages that agree, near copies folded, sorted and counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tests.evaluate.stand_in import HueModel, catalogue, square

from openautoglm.catalog.catalog import Catalog
from openautoglm.search.errors import SearchError
from openautoglm.search.facets import Facet
from openautoglm.search.find import search
from openautoglm.search.hit import Results
from openautoglm.search.index import build_index
from openautoglm.search.nearest import DEPTH
from openautoglm.search.query import Query
from openautoglm.search.rank import (
    LIFT,
    POWER,
    Ranked,
    best_first,
    distinct,
    lifted,
    relevant_first,
    together,
)
from openautoglm.search.wanted import Wanted

SHELVES = ("left", "right")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """Forty squares nine degrees apart; every fifth is called a lamp; some have no price."""
    rows: list[dict[str, object]] = [
        {
            "hue": place * 9,
            "id": f"r{place:02}",
            "title": f"{'lamp' if place % 5 == 0 else 'chair'} model{place}",
            "price": None if place % 7 == 3 else place,
            "shelf": SHELVES[place % 2],
        }
        for place in range(40)
    ]
    found = catalogue(tmp_path_factory.mktemp("rank"), rows)
    build_index(HueModel(), found)
    return found


def ask(shop: Catalog, query: Query, **wanted: Any) -> Results:
    return search(HueModel(), shop, query, Wanted(**wanted))


def test_a_row_with_the_words_rises_above_those_that_look_as_near(shop: Catalog) -> None:
    looks = ask(shop, Query.of("chair lamp 90"), by="vectors", k=40)
    both = ask(shop, Query.of("lamp 90"), k=40)
    assert {hit.id for hit in looks} == {hit.id for hit in both}
    lamps = [hit for hit in both if "lamp" in hit.words]
    assert {hit.id for hit in lamps} == {f"r{place:02}" for place in range(0, 40, 5)}
    assert both[0].id == "r10" and set(both[0].words) == {"lamp", "90"}  # its file is 90.png
    for hit in both:
        assert hit.cosine is not None
        assert (hit.score > hit.cosine + 1e-6) == bool(hit.words)
    scores = [hit.score for hit in both]
    assert scores == sorted(scores, reverse=True)


@settings(max_examples=25, deadline=None)
@given(hue=st.integers(0, 359), size=st.integers(1, 9))
def test_pages_of_both_are_pieces_of_one_list(shop: Catalog, hue: int, size: int) -> None:
    query = Query.of(f"lamp {hue}")
    whole = [hit.id for hit in ask(shop, query, k=40)]
    paged: list[str] = []
    after = None
    for _ in range(4):
        page = ask(shop, query, k=size, after=after)
        paged += [hit.id for hit in page]
        if (after := page.after) is None:
            break
    assert paged == whole[: len(paged)] and len(paged) == min(4 * size, 40)


@settings(deadline=None)
@given(
    cosines=st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=30),
    covered=st.dictionaries(st.integers(0, 29), st.floats(0.01, 1), max_size=10),
    n=st.integers(1, 30),
)
def test_both_is_the_sum_sorted_however_few_are_asked_for(
    cosines: list[float], covered: dict[int, float], n: int
) -> None:
    rows = [Ranked(f"{place:02}", place, None, score, score) for place, score in enumerate(cosines)]
    having = [
        Ranked(f"{place:02}", place, None, part, None, ("word",), part)
        for place, part in covered.items()
        if place < len(rows)
    ]
    known = np.array([cosines[row.address] for row in having])
    named = lifted(having, known, lift=LIFT, mean=0.0)
    ranking = together(lambda many: best_first(rows)[:many], named)
    truth = {row.id: row.score + LIFT * covered.get(row.address, 0.0) ** POWER for row in rows}
    wanted = sorted(truth.items(), key=lambda item: (-item[1], item[0]))[:n]
    found = ranking(n)
    assert [row.id for row in found] == [name for name, _ in wanted]
    np.testing.assert_allclose([row.score for row in found], [score for _, score in wanted])


@given(clusters=st.lists(st.sampled_from([None, "a", "b", "c"]), max_size=40), n=st.integers(1, 40))
def test_of_each_cluster_the_best_stays_and_n_come_while_there_are(
    clusters: list[str | None], n: int
) -> None:
    rows = [Ranked(f"{place:02}", place, near, -place) for place, near in enumerate(clusters)]
    kept = distinct(lambda many: rows[:many], n)
    alone = [row for row in rows if row.near is None or row.near not in clusters[: row.address]]
    assert kept[:n] == alone[:n]


def test_what_is_relevant_comes_first(shop: Catalog) -> None:
    rows = [Ranked(f"{place}", place, None, -place) for place in range(6)]
    ranking = relevant_first(lambda n: rows[:n], [rows[4], rows[1]])
    assert [row.address for row in ranking(6)] == [1, 4, 0, 2, 3, 5]
    assert [row.address for row in ranking(3)] == [1, 4, 0]


@given(relevant=st.sets(st.integers(0, 299)), n=st.integers(1, 250))
def test_no_more_of_the_others_are_asked_for_than_are_reached(relevant: set[int], n: int) -> None:
    rows = [Ranked(f"{place:03}", place, None, -place) for place in range(300)]
    asked: list[int] = []

    def others(many: int) -> list[Ranked]:
        asked.append(many)
        return rows[:many]

    found = relevant_first(others, [rows[place] for place in relevant])(n)
    assert [row.address for row in found] == [*sorted(relevant), *sorted(set(range(300)) - relevant)][:n]
    within = len([place for place in range(DEPTH) if place not in relevant]) + len(relevant)
    assert max(asked, default=0) <= (0 if n <= len(relevant) else DEPTH if n <= within else n)


def test_words_alone_tell_where_the_relevant_rows_end(shop: Catalog) -> None:
    found = search(None, shop, Query.of("lamp model10"), Wanted(by="words", k=20))
    assert (found[0].id, found.relevant, len(found)) == ("r10", 1, 20)
    assert found[0].score == pytest.approx(1) and found[0].cosine is None
    assert search(None, shop, Query.of("nowhere"), Wanted(by="words")).relevant == 0


def test_a_row_that_was_not_indexed_yet_is_found_by_its_words(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"hue": hue, "id": f"r{hue}", "title": f"colour {hue}"} for hue in (0, 90)
    ]
    shop = catalogue(tmp_path, rows)
    build_index(HueModel(), shop)
    (tmp_path / "more.csv").write_text("id,title\nnew,a zeppelin\n", encoding="utf-8")
    shop.add(tmp_path / "more.csv")
    hit = next(hit for hit in ask(shop, Query.of("zeppelin 5")) if hit.words)
    assert (hit.id, hit.cosine) == ("new", None)


def test_near_copies_are_folded_into_the_best(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    noise = np.random.default_rng(0).integers(0, 255, (8, 8, 3), np.uint8)
    original = Image.fromarray(noise).resize((256, 256), Image.Resampling.BICUBIC)
    original.save(folder / "original.png")
    original.resize((200, 200)).save(folder / "smaller.jpg", quality=80)
    square(200).save(folder / "other.png")
    shop = Catalog(tmp_path / "shop", create=True)
    shop.add(folder)
    build_index(HueModel(), shop)
    assert shop.read(["_near"])["_near"].drop_null().to_pylist() != []
    query = Query.of(image=folder / "original.png")
    folded = ask(shop, query)
    assert len(folded) == 2
    assert {folded[0].id, *folded[0].copies} == {"pictures/original.png", "pictures/smaller.jpg"}
    assert json.loads(folded.as_json())["hits"][0]["copies"] == list(folded[0].copies)
    assert len(ask(shop, query, fold=False)) == 3
    alone = ask(shop, query, where="id <> 'pictures/smaller.jpg'")
    assert (alone[0].id, alone[0].copies) == ("pictures/original.png", ())


def test_the_matching_rows_are_sorted_and_counted(shop: Catalog) -> None:
    lamps = Wanted(by="words", sort="-price", facets=("shelf", "price"), k=3)
    found = search(None, shop, Query.of("lamp"), lamps)
    assert [hit.row["price"] for hit in found] == [35, 30, 25] and found.among == found.relevant == 8
    assert found.facets["shelf"].counts == {"left": 4, "right": 4}
    assert (found.facets["price"].low, found.facets["price"].high, found.facets["price"].none) == (0, 35, 1)
    rest = search(None, shop, Query.of("lamp"), Wanted(by="words", sort="-price", k=9, after=found.after))
    assert [hit.row["price"] for hit in rest] == [20, 15, 5, 0, None]  # a row without a price comes last
    assert rest.after is None


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (Wanted(sort="prize"), "did you mean 'price'"),
        (Wanted(facets=("shelfs",)), "did you mean 'shelf'"),
        (Wanted(sort="_near"), "no such column"),
    ],
)
def test_a_column_that_is_not_there_is_named(shop: Catalog, wanted: Wanted, said: str) -> None:
    with pytest.raises(SearchError, match=said):
        search(HueModel(), shop, Query.of("lamp 3"), wanted)


def test_a_facet_of_many_numbers_has_round_ranges() -> None:
    facet = Facet.of("price", [*range(0, 100, 3), None])
    assert list(facet.counts)[:2] == ["0 – 10", "10 – 20"] and sum(facet.counts.values()) == 34
    tags = Facet.of("tags", [["a", "b"], ["a"], [], None])
    assert tags.counts == {"a": 2, "b": 1} and tags.none == 2


@given(st.lists(st.one_of(st.none(), st.integers(-(10**9), 10**9), st.floats(-1e9, 1e9)), max_size=60))
def test_a_facet_counts_each_row_once(values: list[float | None]) -> None:
    facet = Facet.of("x", values)
    assert sum(facet.counts.values()) + facet.none == len(values)
