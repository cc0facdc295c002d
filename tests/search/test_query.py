"""A search is exact under any filter, by text, by picture and by both, and its errors say what to do."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.evaluate.stand_in import HueModel, catalogue, square

from openautoglm.catalog.catalog import Catalog
from openautoglm.catalog.errors import CatalogError
from openautoglm.search.errors import SearchError
from openautoglm.search.hit import as_json
from openautoglm.search.index import build_index
from openautoglm.search.query import encode_query, search

ROWS = 60


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """Sixty rows six degrees apart; a third has no picture; `price` is the place of the row."""
    rows: list[dict[str, object]] = [
        {
            "hue": None if place % 3 == 2 else place * 6,
            "id": f"r{place:02}",
            "title": None if place % 3 == 0 else f"colour {place * 6}",
            "price": place,
            "shelf": "left" if place % 2 else "right",
        }
        for place in range(ROWS)
    ]
    found = catalogue(tmp_path_factory.mktemp("search"), rows)
    build_index(HueModel(), found)
    return found


def gap(hue: float, place: int) -> float:
    return abs((place * 6 - hue + 180) % 360 - 180)


@settings(max_examples=40, deadline=None)
@given(
    hue=st.integers(0, 359), k=st.integers(1, 70), bounds=st.tuples(st.integers(0, 59), st.integers(0, 59))
)
def test_exactly_k_when_k_exist_and_they_are_the_nearest(
    shop: Catalog, hue: int, k: int, bounds: tuple[int, int]
) -> None:
    low, high = sorted(bounds)
    hits = search(HueModel(), shop, text=f"colour {hue}", where=f"price >= {low} AND price <= {high}", k=k)
    places = [int(hit.row["price"]) for hit in hits]
    assert len(places) == len(set(places)) == min(k, high - low + 1)
    assert all(low <= place <= high for place in places)
    gaps = [gap(hue, place) for place in places]
    others = [gap(hue, place) for place in range(low, high + 1) if place not in places]
    assert max(gaps) <= min(others, default=360) + 1  # a square's hue is known to half a degree
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)
    np.testing.assert_allclose(scores, np.cos(np.radians(gaps)), atol=0.02)


@pytest.mark.parametrize(
    ("by", "places"),
    [("auto", {9, 10, 11}), ("image", {9, 10, 12}), ("text", {8, 10, 11}), ("fused", {9, 10, 11})],
)
def test_by_says_which_vectors_are_compared(shop: Catalog, by: str, places: set[int]) -> None:
    hits = search(HueModel(), shop, text="colour 60", k=3, by=by)  # type: ignore[arg-type]
    assert {hit.row["price"] for hit in hits} == places


def test_a_picture_finds_its_like_in_every_form(shop: Catalog, tmp_path: Path) -> None:
    file = tmp_path / "query.png"
    square(120).save(file)
    for image in (square(120), file, str(file), file.read_bytes()):
        assert search(HueModel(), shop, image=image, k=1)[0].id == "r20"


def test_text_and_picture_together_meet_halfway(shop: Catalog) -> None:
    query = encode_query(HueModel(), text="colour 60", image=square(120))
    np.testing.assert_allclose(query, [0, 1], atol=0.01)
    assert search(HueModel(), shop, text="colour 60", image=square(120), k=1)[0].id == "r15"


def test_a_hit_shows_the_users_columns_and_no_vectors(shop: Catalog) -> None:
    hit = search(HueModel(), shop, text="颜色 60", k=1)[0]
    assert (hit.id, hit.label) == ("r10", "colour 60")
    assert set(hit.row) == {"title", "price", "shelf", "_image", "_width", "_height", "_split"}
    plain = json.loads(as_json([hit]))[0]
    assert plain["id"] == "r10"
    assert plain["row"]["title"] == "colour 60"


def test_a_filter_that_nothing_passes_finds_nothing(shop: Catalog) -> None:
    assert search(HueModel(), shop, text="colour 60", where="price > 1000") == []


def test_a_filter_is_one_condition_whatever_it_says(shop: Catalog) -> None:
    hits = search(HueModel(), shop, text="colour 60", where="price = 3 OR shelf = 'left'", k=100)
    assert {hit.row["price"] for hit in hits} == set(range(1, ROWS, 2))


@pytest.mark.parametrize("where", ["prize < 3", "price <", "shelf < 3 AND"])
def test_a_bad_filter_lists_the_columns(shop: Catalog, where: str) -> None:
    with pytest.raises(CatalogError, match=r"columns: .*price, shelf"):
        search(HueModel(), shop, text="colour 60", where=where)


def test_a_filter_cannot_reach_outside_itself(shop: Catalog) -> None:
    with pytest.raises(CatalogError, match="parenthesis"):
        search(HueModel(), shop, text="colour 60", where="price < 3) OR (price > 5")


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({}, "give a text, an image, or both"),
        ({"text": "  "}, "the query is empty"),
        ({"text": "red", "k": 0}, "k is the number of results and must be 1 or more, not 0"),
        ({"text": "red", "by": "looks"}, "auto, image, text, fused"),
        ({"image": "nowhere.png"}, r"nowhere\.png: file not found"),
        ({"image": b"not a picture"}, "cannot be read"),
    ],
)
def test_a_query_that_makes_no_sense_is_refused(shop: Catalog, query: dict, says: str) -> None:
    with pytest.raises(SearchError, match=says):
        search(HueModel(), shop, **query)


def test_without_an_index_the_error_says_how_to_get_one(tmp_path: Path, shop: Catalog) -> None:
    fresh = catalogue(tmp_path, [{"hue": 0, "title": "colour 0"}])
    with pytest.raises(SearchError, match="none of the 1 rows is indexed; run `autoglm index`"):
        search(HueModel(), fresh, text="red")
    with pytest.raises(SearchError, match="the catalogue is empty"):
        search(HueModel(), Catalog(tmp_path / "empty", create=True), text="red")
    with pytest.raises(SearchError, match="another model made this index"):
        search(HueModel("other"), shop, text="red")


def test_a_half_made_index_finds_the_half(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [{"hue": hue, "id": f"r{hue}"} for hue in (0, 90)]
    shop = catalogue(tmp_path, rows)
    build_index(HueModel(), shop)
    (tmp_path / "rows.csv").write_text(
        "picture,id\npictures/0.png,r0\npictures/0.png,new\n", encoding="utf-8"
    )
    shop.add(tmp_path / "rows.csv")
    assert [hit.id for hit in search(HueModel(), shop, text="colour 0")] == ["r0", "r90"]
