"""Full text: BM25 over all words of a row, under any filter, at any moment, for any query."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tests.evaluate.stand_in import HueModel

from openautoglm.catalog.catalog import Catalog
from openautoglm.catalog.errors import CatalogError
from openautoglm.catalog.schema import Roles
from openautoglm.search.errors import SearchError
from openautoglm.search.index import build_index
from openautoglm.search.words import (
    INDEX,
    WordHit,
    build_words,
    find_words,
    is_one_edit,
    matched_words,
)

ENGLISH = ["golden", "ginkgo", "avenues", "run", "running", "café", "the", "of", "iPhone15", "SKU-1234", "15"]
CHINESE = ["银杏", "大道", "金", "秋天", "咖啡", "金色"]
ROWS = 80
ALL = 1000


def rows(seed: int, count: int) -> list[dict[str, object]]:
    rng = random.Random(seed)
    return [
        {
            "id": f"r{place:03}",
            "title": " ".join(rng.choices(ENGLISH, k=rng.randint(1, 7))),
            "title_zh": "".join(rng.choices(CHINESE, k=rng.randint(1, 4))) if place % 3 else None,
            "labels": rng.choices([*ENGLISH, *CHINESE], k=2) if place % 4 else None,
            "price": place,
        }
        for place in range(count)
    ]


def fill(folder: Path, items: list[dict[str, object]], *, prune: bool = False) -> Catalog:
    folder.mkdir(exist_ok=True)
    lines = (json.dumps({k: v for k, v in one.items() if v is not None}, ensure_ascii=False) for one in items)
    (folder / "rows.jsonl").write_text("\n".join(lines), encoding="utf-8")
    shop = Catalog(folder / "shop", create=True)
    texts, tags = (
        tuple(name for name in names if any(name in one for one in items))
        for names in (("title", "title_zh"), ("labels",))
    )
    report = shop.add(
        folder / "rows.jsonl",
        roles=Roles(id="id", text=texts, tags=tags, columns=("price",)),
        prune=prune,
    )
    assert not report.skipped, report.skipped
    return shop


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    found = fill(tmp_path_factory.mktemp("words") / "a", rows(0, ROWS))
    build_words(found)
    return found


@pytest.fixture
def small(tmp_path: Path) -> Catalog:
    found = fill(tmp_path / "a", small_rows())
    build_words(found)
    return found


def small_rows() -> list[dict[str, object]]:
    titles = ["Golden ginkgo avenue", "He runs fast", "iPhone15 case", "Café crème", "a mouse"]
    chinese = ["金色银杏大道", "他跑得快", "手机壳", "咖啡", "老鼠"]
    return [
        {"id": f"SKU-{place}", "title": title, "title_zh": text, "price": place}
        for place, (title, text) in enumerate(zip(titles, chinese, strict=True))
    ]


def ids(hits: list[WordHit]) -> list[str]:
    return [hit.id for hit in hits]


def bm25(documents: dict[str, list[str]], words: list[str]) -> dict[str, float]:
    """Score as the textbooks do: k1 = 1.2, b = 0.75."""
    mean = sum(map(len, documents.values())) / len(documents)
    scores: dict[str, float] = {}
    for word in words:
        have = {key: found.count(word) for key, found in documents.items() if word in found}
        idf = math.log(1 + (len(documents) - len(have) + 0.5) / (len(have) + 0.5))
        for key, count in have.items():
            length = 1 - 0.75 + 0.75 * len(documents[key]) / mean
            scores[key] = scores.get(key, 0) + idf * count * 2.2 / (count + 1.2 * length)
    return scores


QUERIES = st.lists(st.sampled_from([*ENGLISH, *CHINESE, "absent", "杏大道"]), min_size=1, max_size=5).map(
    " ".join
)


TYPOS = ["goldn", "ginkgoo avenu", "absnt runing", "caffés iPhoe"]


@settings(max_examples=40, deadline=None)
@given(query=QUERIES)
def test_the_scores_are_bm25(shop: Catalog, query: str) -> None:
    stored = shop.read(["id", "_words"]).to_pylist()
    documents = {row["id"]: row["_words"].split() for row in stored}
    plain = {
        "golden": ["golden"], "ginkgo": ["ginkgo"], "avenues": ["avenu"], "run": ["run"], "running": ["run"],
        "café": ["cafe"], "the": [], "of": [], "iPhone15": ["iphon", "15", "iphone15"], "15": ["15"],
        "SKU-1234": ["sku", "1234", "sku1234"], "absent": ["absent"], "杏大道": ["杏大", "大道"],
        "秋天": ["秋天"], "咖啡": ["咖啡"], "银杏": ["银杏"], "大道": ["大道"], "金": ["金"],
        "金色": ["金色"],
    }  # fmt: skip
    words = list(dict.fromkeys(word for one in query.split() for word in plain[one]))
    wanted = bm25(documents, words or list(dict.fromkeys(query.split())))
    hits = find_words(shop, query, limit=ALL)
    assert {hit.id: pytest.approx(hit.score, rel=1e-4) for hit in hits} == wanted
    assert ids(hits) == [hit.id for hit in sorted(hits, key=lambda hit: (-hit.score, hit.id))]


@settings(max_examples=40, deadline=None)
@given(query=QUERIES, limit=st.integers(1, 90), low=st.integers(0, ROWS), size=st.integers(0, ROWS))
def test_exactly_as_many_as_match_and_pass(
    shop: Catalog, query: str, limit: int, low: int, size: int
) -> None:
    everywhere = {hit.id: hit.score for hit in find_words(shop, query, limit=ALL)}
    passing = {key: score for key, score in everywhere.items() if low <= int(key[1:]) < low + size}
    hits = find_words(shop, query, where=f"price >= {low} AND price < {low + size}", limit=limit)
    assert len(hits) == min(limit, len(passing))
    assert {hit.id for hit in hits} <= set(passing)
    best = sorted(passing.values(), reverse=True)[: len(hits)]
    np.testing.assert_allclose([hit.score for hit in hits], best, rtol=1e-4)


@settings(max_examples=40, deadline=None)
@given(query=st.one_of(QUERIES, st.sampled_from(TYPOS)))
def test_a_row_that_was_found_has_a_mark(shop: Catalog, query: str) -> None:
    fields = {row["id"]: row for row in shop.read(["id", "title", "title_zh", "labels"]).to_pylist()}
    for hit in find_words(shop, query, limit=ALL):
        row = fields[hit.id]
        texts = [hit.id, row["title"], row["title_zh"] or "", *(row["labels"] or [])]
        assert hit.words
        assert any(matched_words(hit.words, text) for text in texts)
        if query not in TYPOS:
            assert any(matched_words(query, text) for text in texts)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("running", ["SKU-1"]),
        ("银杏", ["SKU-0"]),
        ("杏", ["SKU-0"]),
        ("杏银", []),
        ("CAFE creme", ["SKU-3"]),
        ("iphone 15", ["SKU-2"]),
        ("iphone-15", ["SKU-2"]),
        ("golden 咖啡", ["SKU-0", "SKU-3"]),
        ("the golden", ["SKU-0"]),
        ("a", ["SKU-4"]),
    ],
)
def test_words_are_found_however_they_are_written(small: Catalog, query: str, found: list[str]) -> None:
    assert sorted(ids(find_words(small, query))) == found


def test_the_code_itself_comes_before_its_likes(small: Catalog) -> None:
    for query in ("SKU-3", "sku3", "sku_3", "SKU‑3"):
        assert find_words(small, query)[0].id == "SKU-3"


def test_a_typo_finds_the_word_it_stands_for(small: Catalog) -> None:
    hits = find_words(small, "a goldn avenue")
    assert ids(hits) == ["SKU-0"]
    assert hits[0].words == ("golden", "avenu")
    assert matched_words(hits[0].words, "Golden ginkgo avenue") == [(0, 6), (14, 20)]
    for typo in ("ginko", "ginkgoo", "ginkga", "goldrn 手机"):
        assert "SKU-0" in ids(find_words(small, typo))


def test_what_is_no_typo_finds_nothing_else(small: Catalog) -> None:
    assert find_words(small, "house") == []  # not "mouse": the first letter is meant
    assert find_words(small, "ran") == []  # too short to be told from "run"
    assert find_words(small, "gldn") == []
    assert find_words(small, "iphone16 iPhone17")[0].words == ("iphon",)


def test_a_word_that_some_row_has_is_no_typo(tmp_path: Path) -> None:
    shop = fill(
        tmp_path / "a",
        [{"id": "g", "title": "golden", "price": 1}, {"id": "f", "title": "goldet", "price": 2}],
    )
    build_words(shop)
    assert ids(find_words(shop, "golden")) == ["g"]
    assert find_words(shop, "golden", where="price = 2") == []
    assert sorted(ids(find_words(shop, "goldex"))) == ["f", "g"]


WORD = st.text("abc", max_size=5)


@given(WORD, WORD)
def test_one_edit_is_levenshteins(one: str, other: str) -> None:
    distance = list(range(len(other) + 1))
    for row, left in enumerate(one, 1):
        before, distance[0] = distance[0], row
        for column, right in enumerate(other, 1):
            here = min(distance[column] + 1, distance[column - 1] + 1, before + (left != right))
            before, distance[column] = distance[column], here
    assert is_one_edit(one, other) == (distance[-1] <= 1 and one[:1] == other[:1])


SYNTAX = [*"*\"'()~\\-\x00\ud800🌳", "AND", "NOT", "golden", "^2", "title:"]


@settings(max_examples=60, deadline=None)
@given(st.one_of(st.text(max_size=40), st.lists(st.sampled_from(SYNTAX), max_size=8).map(" ".join)))
def test_no_query_is_an_error(shop: Catalog, query: str) -> None:
    hits = find_words(shop, query, limit=5)
    if "golden" in query:
        assert len(hits) == 5


def test_a_long_query_is_cut_and_an_empty_one_finds_nothing(shop: Catalog) -> None:
    for long in (
        "golden " * 1500,
        "银杏大道" * 2500,
        "x" * 10_000,
        "goldn" + "".join(map(chr, range(0x4E00, 0x7510))),
    ):
        find_words(shop, long)
    assert len(find_words(shop, "golden " * 1500)) == 10
    for empty in ("", "  ", "?!。", "🌳", "()", "\x00"):
        assert find_words(shop, empty) == []


def test_a_bad_condition_or_limit_says_what_to_do(small: Catalog) -> None:
    with pytest.raises(CatalogError, match=r"did you mean 'price'"):
        find_words(small, "golden", where="prize < 3")
    with pytest.raises(SearchError, match="1 or more"):
        find_words(small, "golden", limit=0)
    assert ids(find_words(small, "golden case", where="price = 2 OR price = 9")) == ["SKU-2"]


def test_rows_are_found_as_they_come_change_and_go(small: Catalog, tmp_path: Path) -> None:
    items = small_rows()
    items[1]["title"] = "She swims"
    fill(tmp_path / "a", [*items[:4], {"id": "new", "title": "Golden swim", "price": 9}], prune=True)
    for _ in range(2):
        assert sorted(ids(find_words(small, "golden"))) == ["SKU-0", "new"]
        assert sorted(ids(find_words(small, "swimming"))) == ["SKU-1", "new"]
        assert find_words(small, "mouse") == []
        assert find_words(small, "run") == []
        assert ids(find_words(small, "golden", where="price > 3")) == ["new"]
        build_words(small)


def test_only_what_is_new_is_indexed(small: Catalog, tmp_path: Path) -> None:
    version = small.dataset.version
    report = build_words(small)
    assert (report.rows, report.written, report.indexed) == (5, 0, 0)
    assert small.dataset.version == version
    fill(tmp_path / "a", [*small_rows(), {"id": "new", "title": "Golden swim", "price": 9}])
    report = build_words(small)
    assert (report.rows, report.written, report.indexed) == (6, 0, 1)
    assert small.dataset.stats.index_stats(INDEX)["num_unindexed_rows"] == 0


def test_words_of_rows_that_are_gone_do_not_pile_up(small: Catalog, tmp_path: Path) -> None:
    for turn in range(4):
        fill(tmp_path / "a", [one | {"title": f"turn {turn}"} for one in small_rows()])
        build_words(small)
    known = small.dataset.stats.index_stats(INDEX)["indices"]
    assert sum(one["num_docs"] for one in known) == 5
    assert len(find_words(small, "turn")) == 5
    documents = {row["id"]: row["_words"].split() for row in small.read(["id", "_words"]).to_pylist()}
    scores = {hit.id: pytest.approx(hit.score, rel=1e-4) for hit in find_words(small, "turn")}
    assert scores == bm25(documents, ["turn"])


def test_many_small_additions_stay_one_ranking(tmp_path: Path) -> None:
    items = rows(1, 50)
    shop = fill(tmp_path / "a", items)
    build_words(shop)
    pieces = []
    for place in range(9):
        items.append({"id": f"n{place}", "title": "golden ginkgo", "price": 1})
        fill(tmp_path / "a", items)
        assert build_words(shop).indexed == 1
        pieces.append(len(shop.dataset.stats.index_stats(INDEX)["indices"]))
    assert max(pieces) == 8
    assert pieces[-1] < 8
    documents = {row["id"]: row["_words"].split() for row in shop.read(["id", "_words"]).to_pylist()}
    scores = {hit.id: pytest.approx(hit.score, rel=1e-4) for hit in find_words(shop, "ginkgo", limit=ALL)}
    assert scores == bm25(documents, ["ginkgo"])


def test_texts_written_by_others_are_taken_in(small: Catalog) -> None:
    table = pa.table(
        {"id": ["SKU-2", "SKU-3"], "title": ["silver case", None], "ocr_text": [None, "seen here"]}
    )
    small.merge_columns(table)
    assert build_words(small).written == 2
    assert ids(find_words(small, "silver")) == ["SKU-2"]
    assert ids(find_words(small, "seen")) == ["SKU-3"]
    assert find_words(small, "crème") == []


def test_a_table_made_anew_without_its_index_is_searched_all_the_same(small: Catalog, tmp_path: Path) -> None:
    # A column of whole numbers that becomes one of numbers has Lance write everything again.
    fill(tmp_path / "a", [*small_rows(), {"id": "new", "title": "Golden", "price": 2.5}])
    assert not small.dataset.describe_indices()
    assert sorted(ids(find_words(small, "golden"))) == ["SKU-0", "new"]
    assert ids(find_words(small, "银杏", where="price < 1")) == ["SKU-0"]
    assert build_words(small).indexed == 6
    assert sorted(ids(find_words(small, "goldn"))) == ["SKU-0", "new"]


def test_a_workspace_of_an_earlier_version_says_what_to_do_and_is_mended(small: Catalog) -> None:
    with small.writing():
        small.dataset.drop_columns(["_words", "_words_key"])
    with pytest.raises(SearchError, match="autoglm index"):
        find_words(small, "golden")
    assert build_words(small).written == 5
    assert ids(find_words(small, "golden")) == ["SKU-0"]


def test_nothing_to_search_is_no_error(tmp_path: Path) -> None:
    shop = Catalog(tmp_path / "empty", create=True)
    assert build_words(shop).rows == 0
    assert find_words(shop, "golden") == []


def test_names_of_files_and_folders_are_words(tmp_path: Path) -> None:
    for name in ("pictures/Zürich/IMG_2041.png", "pictures/银杏/blue-door.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (len(name), 0, 0)).save(tmp_path / name)
    shop = Catalog(tmp_path / "shop", create=True)
    shop.add(tmp_path / "pictures")
    assert build_words(shop).written == 0
    for query, name in [
        ("img2041", "IMG_2041"),
        ("2041", "IMG_2041"),
        ("zurich", "IMG_2041"),
        ("银杏 door", "blue"),
    ]:
        assert [name in hit.id for hit in find_words(shop, query)] == [True]


def test_index_brings_the_words_up_to_date(tmp_path: Path) -> None:
    shop = fill(tmp_path / "a", small_rows())
    report = build_index(HueModel(), shop)
    assert report.words.indexed == 5
    assert str(report).endswith("; words of 5 rows indexed")
    again = build_index(HueModel(), shop)
    assert again.words.indexed == 0
    assert "words" not in str(again)


def test_marks_are_the_words_and_nothing_between() -> None:
    text = "SKU-1234: Cafés, das Café; 金色银杏大道 (running)"
    marked = [text[start:end] for start, end in matched_words("cafe RUN 银杏大道 sku-1234", text)]
    assert marked == ["SKU-1234", "Cafés", "Café", "银杏大道", "running"]
    assert matched_words("the", "golden") == matched_words("", text) == matched_words("x", "") == []
    assert matched_words("杏银", "银杏") == []


@given(st.text(max_size=40), st.text(max_size=40))
def test_marks_lie_apart_inside_the_text(query: str, text: str) -> None:
    spans = matched_words(query, query + text)
    edges = [edge for span in spans for edge in span]
    assert edges == sorted(set(edges))
    assert all(0 <= edge <= len(query + text) for edge in edges)
