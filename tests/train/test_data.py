"""Rows of a real catalogue, with all that may be missing or broken, become pairs; the rest is counted."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.train.tiny import tiny_data

from openautoglm.catalog.catalog import Catalog
from openautoglm.catalog.schema import Roles
from openautoglm.encoders.image_settings import ImageSettings
from openautoglm.train.data import TrainingData
from openautoglm.train.errors import TrainingError
from openautoglm.train.sampler import derive

COLUMNS = ("id", "image", "title", "title_zh", "tags", "price", "series", "split")
ROLES = Roles(
    image="image",
    text=("title", "title_zh"),
    tags=("tags",),
    columns=("price",),
    id="id",
    group="series",
    split="split",
)


def catalog(folder: Path, rows: list[dict[str, str]]) -> Catalog:
    for number, row in enumerate(rows):
        if row.get("image"):
            Image.new("RGB", (40, 20), (10 * number, 100, 50)).save(folder / row["image"])
    with (folder / "rows.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows({"split": "train", **row} for row in rows)
    made = Catalog(folder / "shop", create=True)
    made.add(folder / "rows.csv", roles=ROLES)
    return made


def read(shop: Catalog, **options: object) -> TrainingData:
    return TrainingData.from_catalog(shop, shop.folder / "cache", ImageSettings(size=12), **options)  # type: ignore[arg-type]


ROWS = [
    {"id": "a", "image": "a.png", "title": "red tree", "title_zh": "红树", "price": "5", "series": "x"},
    {"id": "b", "image": "b.png", "title": "blue tree", "tags": "sky;water", "price": "50", "series": "x"},
    {"id": "c", "image": "c.png", "price": "5"},
    {"id": "d", "title": "no picture", "price": "5"},
    {"id": "e", "image": "e.png", "title": "broken", "price": "5"},
    {"id": "f", "image": "f.png", "tags": "only;tags", "price": "5"},
    {"id": "g", "image": "g.png", "title": "held out", "price": "5", "split": "test"},
]


def test_what_is_missing_or_broken_is_left_out_and_said(tmp_path: Path) -> None:
    shop = catalog(tmp_path, ROWS)
    (tmp_path / "e.png").write_bytes(b"no longer a picture")
    data = read(shop)
    assert [data.ids[row] for row in data.pairs] == ["a", "b", "f"]
    assert [data.ids[row] for row in data.with_text] == ["a", "b", "d", "e", "f"]
    assert len(data.broken) == 1 and "e.png" in data.broken[0].reason
    assert data.summary() == ("3 pairs from 6 rows, 2 without a picture, 1 without a text, 1 broken pictures")
    assert [(one.text, one.language) for one in data.captions[0]] == [("red tree", "en"), ("红树", "zh")]
    assert data.group_numbers[0] == data.group_numbers[1] != data.group_numbers[2]


def test_a_condition_fields_and_a_split_choose(tmp_path: Path) -> None:
    shop = catalog(tmp_path, ROWS)
    assert read(shop, where="price < 10").ids == ["a", "c", "d", "e", "f"]
    assert read(shop, split="test").ids == ["g"]
    assert len(read(shop, split=None)) == 7
    only_zh = read(shop, fields=["title_zh"])
    assert [only_zh.ids[row] for row in only_zh.pairs] == ["a"] and not any(only_zh.tags)
    with pytest.raises(TrainingError, match=r"'titel'; there are: title, title_zh, tags"):
        read(shop, fields=["titel"])


def test_columns_come_along_row_by_row(tmp_path: Path) -> None:
    shop = catalog(tmp_path, ROWS)
    names = [one.name for one in shop.column_fields]
    assert names == ["price"]  # no id, group or split
    data = read(shop, columns=names)
    assert data.kinds == {"price": "integer"}
    assert dict(zip(data.ids, data.columns["price"].to_pylist(), strict=True)) == {
        row["id"]: int(row["price"]) for row in ROWS if row.get("split") != "test"
    }
    assert data.fingerprint() != read(shop).fingerprint()


def test_pictures_are_decoded_once_and_larger_than_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = catalog(tmp_path, ROWS)
    assert read(shop).store.size == 16  # 4/3 of 12

    def refuse(self: Catalog, row: object) -> Image.Image:
        raise AssertionError("decoded again")

    monkeypatch.setattr(Catalog, "load_image", refuse)
    picture = read(shop).draw(np.array([0]), seed=0).rgba
    assert picture.shape == (1, 4, 16, 16)
    assert picture[0, :, 8, 8].tolist() == [0, 100, 50, 255]


def test_a_draw_follows_from_its_seed(tmp_path: Path) -> None:
    data = tiny_data(tmp_path)
    rows = np.array([3, 5, 8])
    draws = [data.draw(rows, derive(0, step, "captions"), extra_texts=4) for step in (0, 0, 1)]
    assert draws[0].texts == draws[1].texts != draws[2].texts
    assert all(len(draw.texts) == 7 and len(draw.rgba) == 3 for draw in draws)
    shown = {text for draw in draws for text in draw.texts[:1]}
    assert shown <= {caption.text for caption in data.captions[3]}


def test_further_texts_are_of_other_rows_and_never_too_many(tmp_path: Path) -> None:
    data = tiny_data(tmp_path, rows=6)
    draw = data.draw(np.arange(4), seed=1, extra_texts=100)
    assert len(draw.texts) == 6
    assert len({row[0] for row in draw.keys.tolist()}) == 6
    assert draw.classes.tolist()[:4] == [0, 0, 0, 1]


def test_keys_tell_relatives(tmp_path: Path) -> None:
    data = tiny_data(tmp_path)
    keys = data.draw(np.array([0, 1, 3]), seed=0).keys
    same = keys[:, None] == keys[None]
    assert same[0, 1].tolist() == [False, True, False]  # one group, different id and caption
    assert not same[0, 2].any()
    assert (keys >= 0).all()


def test_tags_serve_by_share_or_where_there_is_nothing_else(tmp_path: Path) -> None:
    data = read(catalog(tmp_path, ROWS))
    texts = {
        share: {data.draw(np.arange(3), s, tag_share=share).texts[1] for s in range(20)}
        for share in (0.0, 0.5)
    }
    assert texts == {0.0: {"blue tree"}, 0.5: {"blue tree", "sky;water"}}
    assert data.draw(np.arange(4), 0).texts[3] == "only;tags"


def test_tags_are_shown_alone_by_share(tmp_path: Path) -> None:
    data = read(catalog(tmp_path, ROWS))

    def shown(row: int, **shares: float) -> set[str]:
        return {data.draw(np.arange(4), seed, **shares).texts[row] for seed in range(60)}

    assert shown(1, tag_share=0.5, single_tags=1.0) == {"blue tree", "sky", "water"}
    assert shown(1, tag_share=0.9, single_tags=0.5) == {"blue tree", "sky;water", "sky", "water"}
    assert shown(3, single_tags=0.5) == {"only;tags", "only", "tags"}


def test_the_fingerprint_names_the_rows(tmp_path: Path) -> None:
    shop = catalog(tmp_path, ROWS)
    first = read(shop).fingerprint()
    assert first == read(shop).fingerprint()
    assert first != read(shop, where="price < 10").fingerprint()
    assert first != read(shop, fields=["title"]).fingerprint()


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (ROWS[:1], "at least 2 rows .* here are 1 pairs from 1 rows"),
        (ROWS[:2], "all 2 rows are of one group"),
        (ROWS[2:4], "here are 0 pairs from 2 rows, 1 without a picture, 1 without a text"),
    ],
)
def test_too_little_is_refused_in_words(tmp_path: Path, rows: list[dict[str, str]], said: str) -> None:
    with pytest.raises(TrainingError, match=said):
        read(catalog(tmp_path, rows)).check()
