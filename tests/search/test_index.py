"""The index is incremental, resumable, and survives broken pictures and other models."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from tests.evaluate.stand_in import HueModel, catalogue, square

from openautoglm.catalog.catalog import Catalog
from openautoglm.evaluate.encoding import unit_mean
from openautoglm.search.index import build_index
from openautoglm.search.vectors import ALONE, indexed_rows

VECTORS = ["_image_embeds", "_text_embeds", "_fused_embeds"]


def rows(hues: range) -> list[dict[str, object]]:
    return [{"hue": hue, "id": f"r{hue}", "title": f"colour {hue}", "price": hue} for hue in hues]


@pytest.fixture
def shop(tmp_path: Path) -> Catalog:
    extra: list[dict[str, object]] = [
        {"hue": None, "id": "words", "title": "colour 7", "price": 1},
        {"hue": 8, "id": "picture"},
    ]
    return catalogue(tmp_path, rows(range(0, 100, 10)) + extra)


def vectors(shop: Catalog, id: str) -> list[np.ndarray | None]:  # noqa: A002
    row = shop.read(VECTORS, ids=[id]).to_pylist()[0]
    return [None if row[name] is None else np.array(row[name]) for name in VECTORS]


def on_circle(hue: float) -> np.ndarray:
    return np.array([np.cos(np.radians(hue)), np.sin(np.radians(hue))])


def test_each_row_has_the_vectors_of_what_it_has(shop: Catalog) -> None:
    report = build_index(HueModel(), shop)
    assert (report.encoded, report.reused, report.removed, report.broken) == (12, 0, 0, [])
    for one in vectors(shop, "r30"):
        np.testing.assert_allclose(one, on_circle(30), atol=0.02)
    image, text, fused = vectors(shop, "words")
    assert image is None
    np.testing.assert_allclose(text, on_circle(7), atol=1e-6)
    np.testing.assert_allclose(fused, text, atol=1e-6)
    image, text, fused = vectors(shop, "picture")
    assert text is None
    np.testing.assert_allclose(fused, image, atol=1e-6)


def test_rows_that_only_their_texts_find_are_told(shop: Catalog) -> None:
    build_index(HueModel(), shop)

    def alone() -> dict[str, bool | None]:
        table = shop.read(["id", ALONE])
        return dict(zip(table["id"].to_pylist(), table[ALONE].to_pylist(), strict=True))

    assert [name for name, only in alone().items() if only] == ["words"]
    shop.drop_columns([ALONE])  # an index of an earlier version
    build_index(HueModel(), shop)
    assert ALONE not in shop.dataset.schema.names  # nothing was to be done
    shop.merge_columns(pa.table({"id": ["r30"], "title": ["colour 31"]}))
    build_index(HueModel(), shop)
    assert [name for name, only in alone().items() if only] == ["words"]
    assert alone()["picture"] is False


def test_several_texts_become_their_unit_mean(tmp_path: Path) -> None:
    shop = catalogue(tmp_path, [{"hue": None, "id": "a", "title": "colour 0", "title_zh": "颜色 90"}])
    build_index(HueModel(), shop)
    np.testing.assert_allclose(vectors(shop, "a")[1], on_circle(45), atol=1e-6)


def test_opposite_vectors_do_not_cancel_into_nothing() -> None:
    one = np.array([1, 0], np.float32)
    assert np.linalg.norm(unit_mean([one, -one])) == pytest.approx(1)


def test_only_what_is_new_or_changed_is_encoded(shop: Catalog, tmp_path: Path) -> None:
    build_index(HueModel(), shop)
    model = HueModel()
    again = build_index(model, shop)
    assert (again.encoded, again.reused, model.pictures) == (0, 12, 0)
    square(200).save(tmp_path / "pictures" / "30.png")
    table = (tmp_path / "rows.csv").read_text(encoding="utf-8").replace("colour 50", "colour 55")
    (tmp_path / "rows.csv").write_text(table + "\npictures/90.png,new,colour 90,1\n", encoding="utf-8")
    shop.add(tmp_path / "rows.csv")
    report = build_index(model, shop)
    assert (report.encoded, report.reused) == (3, 10)
    np.testing.assert_allclose(vectors(shop, "r30")[0], on_circle(200), atol=0.02)


def test_another_model_encodes_everything_again_even_of_another_size(shop: Catalog) -> None:
    build_index(HueModel(), shop)
    report = build_index(HueModel("wide", dim=5), shop)
    assert (report.encoded, report.reused) == (12, 0)
    assert indexed_rows(shop) == {"wide": 12}
    assert len(vectors(shop, "r30")[0]) == 5


def test_a_row_that_lost_everything_loses_its_vectors(shop: Catalog) -> None:
    build_index(HueModel(), shop)
    shop.merge_columns(pa.table({"id": ["words"], "title": pa.array([None], pa.string())}))
    report = build_index(HueModel(), shop)
    assert (report.encoded, report.removed) == (0, 1)
    assert all(one is None for one in vectors(shop, "words"))
    assert indexed_rows(shop) == {"hue": 11}


def test_a_new_price_costs_no_encoding(shop: Catalog) -> None:
    build_index(HueModel(), shop)
    shop.merge_columns(pa.table({"id": ["r30"], "price": pa.array([1], pa.int64())}))
    assert build_index(HueModel(), shop).encoded == 0


def test_a_broken_picture_is_listed_and_tried_again(shop: Catalog, tmp_path: Path) -> None:
    picture = tmp_path / "pictures" / "30.png"
    whole = picture.read_bytes()
    picture.write_bytes(b"no picture any more")
    report = build_index(HueModel(), shop)
    assert [one.id for one in report.broken] == ["r30"]
    image, text, _ = vectors(shop, "r30")
    assert image is None
    assert text is not None
    picture.write_bytes(whole)
    again = build_index(HueModel(), shop)
    assert (again.encoded, again.reused, again.broken) == (1, 11, [])
    assert vectors(shop, "r30")[0] is not None


def test_a_killed_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    shop = catalogue(tmp_path, rows(range(0, 300, 10)))
    script = (
        "from openautoglm.catalog.catalog import Catalog; from openautoglm.search.index import build_index\n"
        "from tests.evaluate.stand_in import HueModel\n"
        f"build_index(HueModel(stop_after=12), Catalog({str(shop.folder)!r}), commit_rows=5)"
    )
    killed = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True)
    assert killed.returncode == -9, killed.stderr.decode()
    model = HueModel()
    report = build_index(model, shop)
    assert (report.encoded, report.reused, model.pictures) == (15, 15, 15)


def test_progress_counts_rows(shop: Catalog) -> None:
    told: list[tuple[str, int, int]] = []
    build_index(HueModel(), shop, commit_rows=5, tell=lambda *one: told.append(one))
    assert told == [("rows", 5, 12), ("rows", 10, 12), ("rows", 12, 12)]


def test_the_report_reads_as_a_sentence(shop: Catalog) -> None:
    assert str(build_index(HueModel(), shop)).startswith("12 rows encoded, 0 reused in ")


def test_an_empty_catalogue_has_nothing_to_index(tmp_path: Path) -> None:
    shop = Catalog(tmp_path / "empty", create=True)
    assert build_index(HueModel(), shop).encoded == 0
    assert indexed_rows(shop) == {}
