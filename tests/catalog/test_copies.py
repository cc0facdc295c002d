"""Near copies in a catalogue: found, shown, kept on one side of the splits, kept up to date."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from tests.catalog.scenes import jpeg, photo

from openautoglm.catalog import adding, copies, examine
from openautoglm.catalog.catalog import Catalog
from openautoglm.catalog.copies import settle_copies
from openautoglm.catalog.schema import Roles

Write = Callable[..., Path]


def save(path: Path, image: Image.Image, **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **options)
    return path


def near(shop: Catalog) -> dict[str, str | None]:
    return {row["id"]: row["_near"] for row in shop.read(["id", "_near"]).to_pylist()}


def partition(shop: Catalog) -> set[frozenset[str]]:
    groups = defaultdict(set)
    for key, name in near(shop).items():
        if name is not None:
            groups[name].add(key)
    return {frozenset(group) for group in groups.values()}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Six scenes; of the first there are three more files, of the second one."""
    folder = tmp_path / "photos"
    for seed in range(6):
        save(folder / f"{seed}.png", photo(seed))
    save(folder / "0 small.jpg", photo(0).resize((240, 180)), quality=60)
    save(folder / "0 cropped.jpg", photo(0).crop((8, 6, 470, 352)), quality=80)
    save(folder / "0 again.png", photo(0))
    save(
        folder / "1 dark.webp", photo(1).point([round(0.85 * value) for value in range(256)] * 3), quality=80
    )
    return folder


FIRST = {"photos/0 again.png", "photos/0 cropped.jpg", "photos/0 small.jpg", "photos/0.png"}
SECOND = {"photos/1 dark.webp", "photos/1.png"}


def test_copies_are_found_named_and_shown(shop: Catalog, photos: Path) -> None:
    shop.add(photos)
    assert partition(shop) == {frozenset(FIRST), frozenset(SECOND)}
    assert near(shop)["photos/0.png"] == "photos/0 again.png"
    summary = shop.summary()
    assert (summary.duplicates, summary.near.clusters, summary.near.rows) == (1, 2, 6)
    assert summary.near.largest == [("photos/0 again.png", 4), ("photos/1 dark.webp", 2)]
    assert "near        6 rows in 2 clusters of copies and near copies" in str(summary)
    assert "4 × photos/0 again.png" in str(summary)
    assert json.loads(json.dumps(summary.as_dict()))["near"]["rows"] == 6


def test_blank_pictures_are_no_copies_of_each_other(shop: Catalog, tmp_path: Path) -> None:
    for shade in range(200, 256, 5):
        save(tmp_path / "photos" / f"{shade}.png", Image.new("RGB", (40 + shade, 60), (shade, shade, shade)))
    save(tmp_path / "photos" / "same as 200.png", Image.new("RGB", (240, 60), (200, 200, 200)))
    shop.add(tmp_path / "photos")
    # The very same file is a copy, blank or not.
    assert partition(shop) == {frozenset({"photos/200.png", "photos/same as 200.png"})}


def test_copies_lie_on_one_side_of_the_splits(shop: Catalog, tmp_path: Path) -> None:
    for seed in range(40):
        save(tmp_path / "photos" / f"{seed}.png", photo(seed, (96, 72)))
        save(tmp_path / "photos" / f"{seed}.jpg", photo(seed, (96, 72)), quality=80)
    shop.add(tmp_path / "photos")
    splits = defaultdict(set)
    for row in shop.read(["_near", "_split"], where="_near IS NOT NULL").to_pylist():
        splits[row["_near"]].add(row["_split"])
    assert len(splits) >= 38
    assert all(len(found) == 1 for found in splits.values())
    assert {split for found in splits.values() for split in found} == {"train", "validation", "test"}
    assert shop.summary().near.straddling == 0


def test_a_copy_that_comes_later_takes_the_split_that_is_settled(shop: Catalog, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    for seed in range(40):
        save(folder / f"{seed}.png", photo(seed, (96, 72)))
    shop.add(folder)
    before = {row["id"]: row["_split"] for row in shop.read(["id", "_split"]).to_pylist()}
    assert set(before.values()) == {"train", "validation", "test"}
    for seed in range(40):
        save(folder / f"{seed} later.jpg", photo(seed, (96, 72)), quality=85)
    shop.add(folder)
    rows = shop.read(["id", "_near", "_split"], where="_near IS NOT NULL").to_pylist()
    assert len(rows) >= 76
    for row in rows:
        assert row["_split"] == before[row["_near"].replace(" later.jpg", ".png")]


def test_two_settled_rows_that_turn_out_to_be_copies_go_to_training(
    shop: Catalog, write: Write, tmp_path: Path
) -> None:
    save(tmp_path / "a.png", photo(1))
    save(tmp_path / "b.png", photo(2))
    table = "id,image,title,split\n1,a.png,a,{}\n2,b.png,b,{}\n"
    shop.add(write("t.csv", table.format("train", "test")), roles=Roles(split="split"))
    save(tmp_path / "b.png", photo(1).resize((200, 150)))
    shop.add(write("t.csv", table.format("train", "test")))
    assert shop.summary().near.straddling == 1, "the user's own split is never overruled"
    shop.add(write("t.csv", table.format("", "")))
    assert [row["_split"] for row in shop.read(["_split"]).to_pylist()] == ["train", "train"]


def test_the_same_as_if_all_had_come_at_once(tmp_path: Path) -> None:
    """Adding, changing and removing step by step ends where one look at everything ends."""
    dice = np.random.default_rng(4)
    folder = tmp_path / "photos"
    shop = Catalog(tmp_path / "shop", create=True)
    save(folder / "first.png", photo(0, (96, 72)))
    for _ in range(12):
        for _ in range(3):
            name, seed = folder / f"{dice.integers(12)}.jpg", int(dice.integers(5))
            if dice.random() < 0.3:
                name.unlink(missing_ok=True)
            else:
                save(name, photo(seed, (96, 72)), quality=int(dice.integers(60, 95)))
        shop.add(folder, prune=True)
        stepwise = partition(shop)
        shop.settle_copies()
        assert partition(shop) == stepwise
        fresh = Catalog(tmp_path / f"fresh {dice.integers(1 << 62)}", create=True)
        fresh.add(folder)
        assert partition(fresh) == stepwise


def test_only_what_is_new_is_looked_at(shop: Catalog, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.add(photos)
    looked: list[str] = []
    inspect, see = examine.inspect_image, copies.see
    monkeypatch.setattr(examine, "inspect_image", lambda *given: looked.append("inspect") or inspect(*given))
    monkeypatch.setattr(copies, "see", lambda data: looked.append("see") or see(data))
    monkeypatch.setattr(adding, "see", lambda data: looked.append("adding") or see(data))
    version = shop.dataset.version
    shop.add(photos)
    assert (looked, shop.dataset.version) == ([], version)
    save(photos / "new.png", photo(77))
    shop.add(photos)
    assert looked == ["inspect"]
    save(photos / "1 small.jpg", photo(1).resize((200, 150)), quality=80)
    looked.clear()
    shop.add(photos)
    # Decoded when it came; it and its two candidates once more, to be laid upon each other.
    assert sorted(looked) == ["inspect", "see", "see", "see"]
    assert near(shop)["photos/1 small.jpg"] == near(shop)["photos/1.png"]


def test_a_new_price_leaves_cluster_and_hash(shop: Catalog, write: Write, photos: Path) -> None:
    lines = "id,image,price\n1,photos/0.png,{}\n2,photos/0 small.jpg,4\n"
    shop.add(write("t.csv", lines.format(3)))
    before = shop.read(["_near", "_phash"]).to_pylist()
    assert before[0]["_near"] == "1"
    shop.add(write("t.csv", lines.format(5)))
    assert shop.read(["_near", "_phash"]).to_pylist() == before


def test_a_cluster_falls_apart_with_what_held_it(shop: Catalog, photos: Path) -> None:
    shop.add(photos)
    for name in FIRST - {"photos/0.png"}:
        (photos.parent / name).unlink()
    save(photos / "1.png", photo(9))
    shop.add(photos, prune=True)
    assert partition(shop) == set()


def test_after_a_kill_everything_is_compared(
    shop: Catalog, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(adding, "settle_copies", killed)
    with pytest.raises(KeyboardInterrupt):
        shop.add(photos)
    assert partition(shop) == set()
    monkeypatch.setattr(adding, "settle_copies", settle_copies)
    assert shop.add(photos).unchanged == 10
    assert partition(shop) == {frozenset(FIRST), frozenset(SECOND)}


def test_a_catalogue_of_an_older_version(shop: Catalog, photos: Path) -> None:
    shop.add(photos)
    shop.merge_columns(pa.table({"id": ["photos/0.png"], "_embeds_key": ["k"]}))
    shop.dataset.drop_columns(["_phash", "_near"])
    shop.update_settings(format=1)
    old = Catalog(shop.folder)
    assert (old.summary().near.clusters, old.summary().near.unseen) == (0, 10)
    assert "10 pictures were not compared yet" in str(old.summary())
    (photos / "5.png").unlink()
    other = save(photos.parent / "other" / "5 small.jpg", photo(4).resize((120, 90)))
    report = old.add(other.parent)
    assert (report.added, report.changed) == (1, 0)
    assert partition(old) == {
        frozenset(FIRST),
        frozenset(SECOND),
        frozenset({"photos/4.png", "other/5 small.jpg"}),
    }
    assert old.summary().near.unseen == 1
    assert old.read(["_embeds_key"], where="id = 'photos/0.png'")["_embeds_key"].to_pylist() == ["k"]
    assert old.settings["format"] == 2


@pytest.mark.parametrize(
    ("keys", "other", "found"),
    [
        (["m:1", "m:2"], [1.0, 0.02], True),
        (["m:1", "m:2"], [0.6, 0.8], False),
        (["m:1", "n:2"], [1.0, 0.02], False),
        (["m:1", None], [1.0, 0.02], False),
    ],
)
def test_the_index_decides_what_thumbnails_leave_in_doubt(
    shop: Catalog,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    keys: list[str | None],
    other: list[float],
    found: bool,
) -> None:
    monkeypatch.setattr(copies, "SURE", 0.0)
    for seed in range(4):
        save(tmp_path / "photos" / f"{seed}.png", photo(seed))
    save(tmp_path / "photos" / "0 small.jpg", photo(0).resize((200, 150)), quality=70)
    shop.add(tmp_path / "photos")
    assert partition(shop) == set()
    ids = ["photos/0.png", "photos/0 small.jpg", "photos/1.png", "photos/2.png"]
    vectors = np.array([[1, 0], other, [0, 1], [-1, 0]], np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), 2)
    shop.merge_columns(pa.table({"id": ids, "_image_embeds": column, "_embeds_key": [*keys, "m:3", "m:4"]}))
    shop.settle_copies()
    assert partition(shop) == ({frozenset(ids[:2])} if found else set())


def test_hundreds_of_files_of_one_placeholder_take_few_comparisons(
    shop: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[int] = []
    unlikeness = copies.unlikeness
    monkeypatch.setattr(
        copies, "unlikeness", lambda a, b, limit: compared.append(len(a)) or unlikeness(a, b, limit)
    )
    image = photo(3, (40, 30))
    for number in range(300):
        save(tmp_path / "photos" / f"{number}.png", image, pnginfo=_said(number))
    shop.add(tmp_path / "photos")
    assert [len(group) for group in partition(shop)] == [300]
    assert sum(compared) <= 300 * 8


def _said(number: int) -> object:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("number", str(number))
    return info


def test_one_copy_of_a_jpeg_at_many_qualities(shop: Catalog, tmp_path: Path) -> None:
    for quality in (30, 50, 70, 90):
        save(tmp_path / "photos" / f"{quality}.png", jpeg(photo(8), quality))
    shop.add(tmp_path / "photos")
    assert [len(group) for group in partition(shop)] == [4]
