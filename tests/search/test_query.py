"""A search is exact under any filter, by text, by picture and by both, and its errors say what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.evaluate.stand_in import HueModel, catalogue, square

from openautoglm.catalog.catalog import Catalog
from openautoglm.catalog.errors import CatalogError
from openautoglm.search.background import Background
from openautoglm.search.errors import SearchError
from openautoglm.search.find import search as find
from openautoglm.search.hit import Cursor, Results
from openautoglm.search.index import build_index
from openautoglm.search.query import Part, Query, mixed
from openautoglm.search.wanted import Wanted
from openautoglm.workspace import Workspace

ROWS = 60
ASKED = ("text", "image", "like", "minus", "weight")


def search(model: HueModel, shop: Catalog, **given: Any) -> Results:
    query = Query.of(given.pop("text", None), **{name: given.pop(name) for name in ASKED if name in given})
    return find(model, shop, query, Wanted(**{"by": "vectors", **given}))


def search_words(shop: Catalog, query: Query, **given: Any) -> Results:
    return find(None, shop, query, Wanted(by="words", **given))


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
    [("vectors", {9, 10, 11}), ("image", {9, 10, 12}), ("text", {8, 10, 11}), ("fused", {9, 10, 11})],
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
    query = Query.of("colour 60", image=square(120)).vector(HueModel(), shop, Background.draw(shop, "hue"))
    np.testing.assert_allclose(query, [0, 1], atol=0.02)
    assert search(HueModel(), shop, text="colour 60", image=square(120), k=1)[0].id == "r15"


def test_a_hit_shows_the_users_columns_and_no_vectors(shop: Catalog) -> None:
    hit = search(HueModel(), shop, text="颜色 60", k=1)[0]
    assert (hit.id, hit.label) == ("r10", "colour 60")
    assert set(hit.row) == {"title", "price", "shelf", "_image", "_width", "_height", "_split"}
    plain = json.loads(Results("", (hit,)).as_json())["hits"][0]
    assert plain["id"] == "r10"
    assert plain["row"]["title"] == "colour 60"


def test_a_filter_that_nothing_passes_finds_nothing(shop: Catalog) -> None:
    assert search(HueModel(), shop, text="colour 60", where="price > 1000").hits == ()


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
        ({"text": "red", "by": "looks"}, "auto, vectors, image, text, fused"),
        ({"image": "nowhere.png"}, r"nowhere\.png: file not found"),
        ({"image": b"not a picture"}, "cannot be read"),
        ({"minus": "red"}, "needs something that is wanted"),
        ({"text": "red", "minus": " "}, "the query is empty"),
        ({"text": "red", "weight": 1.5}, r"weight 1\.5 .* choose 0 to 1"),
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


def test_several_texts_and_rows_meet_halfway(shop: Catalog) -> None:
    assert search(HueModel(), shop, text=["colour 60", "colour 120"], k=1)[0].id == "r15"
    hits = search(HueModel(), shop, like=["r10", "r30"], k=3)
    assert hits[0].id == "r20"
    assert search(HueModel(), shop, like="r21", k=2)[0].id in {"r20", "r22"}  # and not r21 itself
    assert "r21" not in {hit.id for hit in search(HueModel(), shop, like="r21", k=ROWS)}


def test_the_weight_moves_the_answer_from_the_words_to_the_picture(shop: Catalog) -> None:
    tops = [
        int(search(HueModel(), shop, text="colour 60", image=square(120), weight=weight, k=1)[0].row["price"])
        for weight in (0, 0.25, 0.5, 0.75, 1)
    ]
    assert tops == sorted(tops)
    assert (tops[0], tops[2], tops[-1]) == (10, 15, 20)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 359), st.integers(0, 359))
def test_what_is_unwanted_is_moved_away_from(shop: Catalog, wanted: int, unwanted: int) -> None:
    plain = search(HueModel(), shop, text=f"colour {wanted}", k=ROWS)
    less = search(HueModel(), shop, text=f"colour {wanted}", minus=f"colour {unwanted}", k=ROWS)
    assert {hit.id for hit in plain} == {hit.id for hit in less}  # unwanted is not excluded
    sign = (unwanted - wanted + 180) % 360 - 180
    if 20 < abs(sign) < 160:  # the answer moves away from what is unwanted
        top = (int(less[0].row["price"]) * 6 - wanted + 180) % 360 - 180
        assert top * sign <= 0


@settings(max_examples=20, deadline=None)
@given(k=st.integers(1, 40), hue=st.integers(0, 359))
def test_pages_are_the_whole_list_in_pieces(shop: Catalog, k: int, hue: int) -> None:
    whole = [hit.id for hit in search(HueModel(), shop, text=f"colour {hue}", k=ROWS)]
    pages: list[str] = []
    after = None
    while True:
        page = search(HueModel(), shop, text=f"colour {hue}", k=k, after=after)
        assert page.start == len(pages)
        pages += [hit.id for hit in page]
        after = page.after
        if after is None:
            break
    assert pages == whole


def test_a_page_is_of_the_catalogue_that_the_first_one_saw(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [{"hue": hue, "id": f"r{hue}"} for hue in range(0, 60, 10)]
    shop = catalogue(tmp_path, rows)
    build_index(HueModel(), shop)
    whole = [hit.id for hit in search(HueModel(), shop, text="colour 0", k=6)]
    first = search(HueModel(), shop, text="colour 0", k=3)
    square(2).save(tmp_path / "pictures" / "2.png")
    lines = [f"pictures/{hue}.png,r{hue}" for hue in (0, 2, 20, 30, 40, 50)]  # one comes, one goes
    (tmp_path / "rows.csv").write_text("picture,id\n" + "\n".join(lines) + "\n", encoding="utf-8")
    shop.add(tmp_path / "rows.csv", prune=True)
    build_index(HueModel(), shop)
    second = search(HueModel(), shop, text="colour 0", k=3, after=first.after)
    assert [hit.id for hit in (*first, *second)] == whole
    assert "r2" in {hit.id for hit in search(HueModel(), shop, text="colour 0", k=6)}
    with pytest.raises(SearchError, match="not where a page begins"):
        search(HueModel(), shop, text="colour 0", after="next")
    with pytest.raises(SearchError, match="not where a page begins"):
        search(HueModel(), shop, text="colour 0", after="")
    # At its first commit the table had no rows: there is no page of it, and none of a later state instead.
    assert search_words(shop, Query.of("r0"), after=str(Cursor(1, 0))).hits == ()
    with pytest.raises(SearchError, match="search anew"):
        search(HueModel(), shop, text="colour 0", after=str(Cursor(10_000, 3)))


def test_a_row_that_is_not_there_or_not_indexed_cannot_be_liked(shop: Catalog, tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="no row with id 'nobody'"):
        search(HueModel(), shop, like="nobody")
    fresh = catalogue(tmp_path, [{"hue": 0, "id": "a", "title": "colour 0"}, {"hue": 9, "id": "b"}])
    build_index(HueModel(), fresh)
    with (tmp_path / "rows.csv").open("a", encoding="utf-8") as file:
        file.write("pictures/9.png,new,\n")
    header, *_ = (tmp_path / "rows.csv").read_text(encoding="utf-8").splitlines()
    assert header == "picture,id,title"
    fresh.add(tmp_path / "rows.csv")
    with pytest.raises(SearchError, match="row 'new' has no vectors of this model; run `autoglm index`"):
        search(HueModel(), fresh, like="new")


def test_the_background_is_the_same_again_and_not_needed_on_disk(shop: Catalog) -> None:
    kept = Background.of(shop, "hue")
    np.testing.assert_array_equal(kept.vectors, Background.draw(shop, "hue").vectors)
    assert len(kept.vectors) == ROWS
    (shop.folder / "cache" / "background-hue.npz").unlink()
    np.testing.assert_array_equal(kept.vectors, Background.of(shop, "hue").vectors)


def test_parts_count_by_their_share_whatever_their_spread() -> None:
    """Along the first axis the catalogue varies a hundred times as much as along the second."""
    dice = np.random.default_rng(0)
    rows = dice.normal(size=(500, 2)).astype(np.float32) * np.array([1, 0.01], np.float32)
    background = Background(rows)
    axes = np.eye(2, dtype=np.float32)
    query = mixed([Part(axes[0], 0.5), Part(axes[1], 0.5)], background)
    parts = rows * query
    assert parts[:, 0].std() == pytest.approx(parts[:, 1].std(), rel=1e-3)
    with pytest.raises(SearchError, match="cancel out"):
        mixed([Part(axes[0], 0.5), Part(-axes[0], 0.5)], background)


def test_by_words_rows_are_found_that_have_them_and_pages_hold(shop: Catalog) -> None:
    assert [hit.id for hit in search_words(shop, Query.of("60"), k=5)] == ["r10"]
    hit = search_words(shop, Query.of("a colour of 60"), k=1)[0]
    assert (hit.id, hit.label, hit.words) == ("r10", "colour 60", ("colour", "60"))
    assert hit.as_dict()["words"] == ["colour", "60"]
    assert set(hit.row) == {"title", "price", "shelf", "_image", "_width", "_height", "_split"}
    whole = search_words(shop, Query.of("colours"), k=ROWS, where="shelf = 'left'")
    assert {hit.row["price"] for hit in whole} == {place for place in range(ROWS) if place % 2 and place % 3}
    first = search_words(shop, Query.of("colours"), k=7, where="shelf = 'left'")
    second = search_words(shop, Query.of("colours"), k=ROWS, where="shelf = 'left'", after=first.after)
    assert [hit.id for hit in (*first, *second)] == [hit.id for hit in whole]
    assert search_words(shop, Query.of("nowhere")).hits == ()
    with pytest.raises(SearchError, match="texts only"):
        search_words(shop, Query.of("colour", minus="60"))
    with pytest.raises(SearchError, match="must be 1 or more"):
        search_words(shop, Query.of("colour"), k=0)
    for nameless in ("", "-"):
        with pytest.raises(SearchError, match="sort by '': there is no such column"):
            search_words(shop, Query.of("colour"), sort=nameless)


def test_what_makes_no_sense_is_told_before_a_model_is_looked_for(shop: Catalog) -> None:
    with pytest.raises(SearchError, match="by='word' is unknown; choose one of"):
        Workspace.open(shop.folder).search("colour", by="word")  # type: ignore[arg-type]
