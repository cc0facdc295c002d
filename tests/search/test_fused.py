"""Rows as a whole: indexed by the model's own fusion, made again exactly when what it reads has changed."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.evaluate.stand_in import catalogue
from tests.test_model import SMALL, built

from openautoglm import OpenAutoGLM
from openautoglm.catalog.catalog import Catalog
from openautoglm.catalog.schema import Roles
from openautoglm.evaluate.run import evaluate
from openautoglm.search.background import Background
from openautoglm.search.errors import SearchError
from openautoglm.search.find import search
from openautoglm.search.index import build_index
from openautoglm.search.query import Query
from openautoglm.search.vectors import FUSED, IMAGE, KEY, TEXT
from openautoglm.search.wanted import Wanted
from openautoglm.tasks.target import Target

KINDS: dict[str, Any] = {"price": "integer", "shelf": "text"}
TOWER = {"columns_encoder": "small_columns", "columns_shape": {"dim": 16, "heads": 2, "layers": 1}}


def goods(count: int = 24) -> list[dict[str, object]]:
    """Every third row lacks its picture, every fourth its text; r00 and r12 have columns alone, r01 none."""
    return [
        {
            "hue": None if place % 3 == 0 else place * 15,
            "id": f"r{place:02}",
            "title": None if place % 4 == 0 else f"colour {place * 15}",
            "title_zh": None if place % 4 == 0 else f"颜色 {place * 15}",
            "price": None if place == 1 else place * 10,
            "shelf": None if place == 1 else ("left", "right")[place % 2],
            "stock": place,
            "split": ("test", "train")[place % 2],
        }
        for place in range(count)
    ]


@pytest.fixture
def shop(tmp_path: Path) -> Catalog:
    return catalogue(tmp_path, goods())


def reads_columns(fusion: str = "attention", targets: bool = True) -> OpenAutoGLM:
    torch.manual_seed(0)
    model = built(SMALL, **TOWER, fusion_strategy=fusion)
    model.fit_columns([{"price": one["price"], "shelf": one["shelf"]} for one in goods()], KINDS)
    if targets:
        model.heads.learn([Target.fit("stock", list(range(30)), "integer")])
    return model


def stored(shop: Catalog) -> dict[str, dict[str, Any]]:
    rows = shop.read(["id", KEY, IMAGE, TEXT, FUSED]).to_pylist()
    return {row.pop("id"): row for row in rows}


def test_the_index_holds_the_models_own_fusion(shop: Catalog) -> None:
    model = reads_columns()
    assert build_index(model, shop).encoded == 24
    rows = stored(shop)
    columns = rows["r00"]
    assert columns[IMAGE] is None and columns[TEXT] is None
    own = model.encode(columns=[{"price": 0, "shelf": "left"}])[0]
    np.testing.assert_allclose(columns[FUSED], own, atol=1e-6)
    whole = rows["r05"]
    picture = shop.load_image({"id": "r05"})
    assert np.dot(whole[IMAGE], model.encode(images=[picture])[0]) == pytest.approx(1, abs=1e-5)
    vectors = [np.array(whole[name], np.float32) for name in (IMAGE, TEXT)]
    vectors.append(model.encode(columns=[{"price": 50, "shelf": "right"}])[0])
    with torch.no_grad():
        fused = model.fuse(torch.tensor(np.array(vectors))[None], torch.ones(1, 3, dtype=torch.bool)).embeds[
            0
        ]
    np.testing.assert_allclose(whole[FUSED], fused / fused.norm(), atol=1e-5)
    hit = search(model, shop, Query.of(columns={"price": 0, "shelf": "left"}), Wanted(k=1))[0]
    assert (hit.id, hit.score) == ("r00", pytest.approx(1, abs=1e-4))


@pytest.mark.parametrize(("fusion", "targets"), [("concat", True), ("low_rank", True), ("attention", False)])
def test_a_fusion_that_cannot_be_compared_or_never_learned_leaves_the_mean(
    shop: Catalog, fusion: str, targets: bool
) -> None:
    model = reads_columns(fusion, targets)
    assert build_index(model, shop).encoded == 22  # r00 and r12 have columns alone
    row = stored(shop)["r05"]
    mean = np.add(row[IMAGE], row[TEXT])
    np.testing.assert_allclose(row[FUSED], mean / np.linalg.norm(mean), atol=1e-6)
    shop.merge_columns(_one("r05", price=1))
    assert build_index(model, shop).reused == 22
    with pytest.raises(SearchError, match=r'cannot search by columns \(price\).*--where "price = 20"'):
        search(model, shop, Query.of("colour", columns={"price": 20}))


def _one(name: str, **values: Any) -> Any:
    import pyarrow as pa

    return pa.table({"id": [name], **{key: [value] for key, value in values.items()}})


def test_a_row_is_fused_anew_exactly_when_a_column_changed_that_is_read(shop: Catalog) -> None:
    model = reads_columns()
    build_index(model, shop)
    before = stored(shop)
    shop.merge_columns(_one("r05", stock=99))
    report = build_index(model, shop)
    assert (report.encoded, report.fused, report.reused) == (0, 0, 24)
    model.vision.forward = model.text.forward = None  # type: ignore[assignment, union-attr]
    shop.merge_columns(_one("r05", price=99))
    report = build_index(model, shop)
    assert (report.encoded, report.fused, report.reused) == (0, 1, 23)
    assert "1 fused anew" in str(report)
    after = stored(shop)
    assert after["r05"][IMAGE] == before["r05"][IMAGE] and after["r05"][TEXT] == before["r05"][TEXT]
    assert not np.allclose(after["r05"][FUSED], before["r05"][FUSED], atol=1e-4)
    assert {name for name in after if after[name] != before[name]} == {"r05"}


def test_a_row_that_loses_its_columns_and_had_nothing_else_loses_its_vector(shop: Catalog) -> None:
    model = reads_columns()
    build_index(model, shop)
    shop.merge_columns(_one("r00", price=None, shelf=None).cast(_types(shop, "id", "price", "shelf")))
    assert build_index(model, shop).removed == 1
    assert stored(shop)["r00"][FUSED] is None


def _types(shop: Catalog, *names: str) -> Any:
    import pyarrow as pa

    return pa.schema([shop.dataset.schema.field(name).with_nullable(True) for name in names])


def test_a_table_that_is_added_again_with_another_price_keeps_pictures_and_texts(
    shop: Catalog, tmp_path: Path
) -> None:
    model = reads_columns()
    build_index(model, shop)
    table = tmp_path / "rows.csv"
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    rows[5]["price"], rows[7]["stock"], rows[11]["title"] = "7", "70", "colour 8"
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    columns = ("price", "shelf", "stock")
    roles = Roles(image="picture", text=("title", "title_zh"), columns=columns, id="id", split="split")
    shop.add(table, roles=roles)
    report = build_index(model, shop)
    assert (report.encoded, report.fused, report.reused) == (1, 1, 22)


def test_every_mixture_is_one_query(shop: Catalog, tmp_path: Path) -> None:
    model = reads_columns()
    build_index(model, shop)
    picture = shop.load_image({"id": "r05"})
    columns = {"price": 50, "shelf": "right"}
    for given in (
        {"text": "colour 75"},
        {"image": picture},
        {"text": "colour 75", "image": picture},
        {"like": "r07", "minus": "colour 30"},
        {"like": "r07", "text": "colour 75"},
        {},
    ):
        found = search(model, shop, Query.of(**given, columns=columns), Wanted(k=5))  # type: ignore[arg-type]
        assert len(found) == 5 and found.by == "fused"
        assert "price=50 shelf=right" in found.query
        assert [hit.score for hit in found] == sorted((hit.score for hit in found), reverse=True)
        again = search(model, shop, Query.of(**given, columns=columns), Wanted(k=3, where="stock < 12"))  # type: ignore[arg-type]
        assert len(again) == 3 and all(hit.row["stock"] < 12 for hit in again)
    assert search(model, shop, Query.of("colour 75", columns=columns), Wanted(by="image")).by == "image"
    assert search(model, shop, Query.of("colour 75")).by == "auto"


def test_like_this_but_with_another_price_is_the_row_that_it_would_be(shop: Catalog) -> None:
    model = reads_columns()
    build_index(model, shop)
    background = Background.of(shop, model.fingerprint()).of_rows
    same = Query.of(like="r05").vector(model, shop, background, fused=True)
    np.testing.assert_allclose(same, stored(shop)["r05"][FUSED], atol=1e-6)
    changed = Query.of(like="r05", columns={"price": 230}).vector(model, shop, background, fused=True)
    assert not np.allclose(changed, same, atol=1e-4)
    shop.merge_columns(_one("r05", price=230))
    build_index(model, shop)
    np.testing.assert_allclose(changed, stored(shop)["r05"][FUSED], atol=1e-5)


def test_fused_vectors_are_judged_by_fused_vectors(shop: Catalog) -> None:
    model = reads_columns()
    build_index(model, shop)
    kept = Background.of(shop, model.fingerprint())
    drawn = Background.draw(shop, model.fingerprint())
    assert kept.fused is not None and drawn.fused is not None
    assert np.array_equal(kept.fused, drawn.fused) and len(kept.fused) == 24
    assert np.array_equal(kept.vectors, drawn.vectors) and kept.of_rows.judge(kept.fused[0])[1] > 1e-4
    plain = reads_columns("concat")
    build_index(plain, shop)
    alone = Background.of(shop, plain.fingerprint())
    assert alone.fused is None and alone.of_rows is alone


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        (
            {"prise": 3},
            r"no column 'prise' that the model reads; did you mean 'price'\?",
        ),
        ({"stock": 3}, r'is what the model predicts.*--where "stock = 3"'),
        ({"title": "it's"}, r"""not read by the model.*--where "title = 'it''s'\""""),
        ({"price": "dear"}, "price='dear' is no number"),
        ({"shelf": "rigth"}, r"met no such value.*did you mean 'right'"),
        ({"shelf": "§"}, r"met no such value.*; valid: left, right$"),
        ({"price": None}, "is no value"),
    ],
)
def test_errors_say_what_is_wrong_with_a_column(shop: Catalog, columns: dict[str, Any], says: str) -> None:
    model = reads_columns()
    build_index(model, shop)
    with pytest.raises(SearchError, match=says):
        search(model, shop, Query.of("colour 5", columns=columns))


def test_words_alone_take_no_columns(shop: Catalog) -> None:
    with pytest.raises(SearchError, match="takes texts only"):
        search(None, shop, Query.of("colour", columns={"price": 3}), Wanted(by="words"))
    assert Query.of(columns={"price": 3}).share == 0


def test_rows_as_a_whole_are_measured_without_the_text_that_asks(shop: Catalog) -> None:
    model = reads_columns()
    report = evaluate(model, shop)
    assert {(one.direction, one.name) for one in report.whole_rows} == {
        (way, field) for way in ("text→row", "row→text") for field in ("title", "title_zh")
    }
    row, picture = report.find("text→row", field="title"), report.find(field="title")
    assert (row.queries, row.gallery) == (picture.queries, picture.gallery)
    assert report.as_dict()["whole_rows"] and "row" in report.as_dict()["definitions"]
    assert "## Retrieval of whole rows" in report.as_markdown() and "text→row  title" in str(report)
    plain = evaluate(reads_columns("concat"), shop)
    assert not plain.whole_rows and "whole_rows" not in plain.as_dict()
    assert "row" not in plain.as_dict()["definitions"]
