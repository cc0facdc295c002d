"""The whole catalogue on real files: add, add again, prune, read, filter, copies, splits, odd input."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from openautoglm.catalog.catalog import Catalog
from openautoglm.catalog.errors import CatalogError
from openautoglm.catalog.images import BadImage
from openautoglm.catalog.report import AddReport
from openautoglm.catalog.schema import Roles

Write = Callable[..., Path]
SaveImage = Callable[..., Path]


def counts(report: AddReport) -> tuple[int, int, int, int]:
    return report.added, report.changed, report.removed, report.unchanged


def by_id(shop: Catalog, *columns: str) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in shop.read(["id", *columns]).to_pylist()}


@pytest.fixture
def photos(tmp_path: Path, save_image: SaveImage) -> Path:
    for seed, name in enumerate(["cats/black cat.png", "cats/0001.jpg", "red car.webp"]):
        save_image(tmp_path / "photos" / name, seed)
    return tmp_path / "photos"


def test_a_folder(shop: Catalog, photos: Path) -> None:
    report = shop.add(photos)
    assert str(report) == "+3 ~0 −0"
    rows = shop.read(["id", "caption", "folder", "file", "_width", "_height"]).to_pylist()
    assert [(row["id"], row["caption"]) for row in rows] == [
        ("photos/red car.webp", "red car"),
        ("photos/cats/0001.jpg", "cats"),
        ("photos/cats/black cat.png", "black cat, cats"),
    ]
    assert (rows[0]["_width"], rows[0]["_height"]) == (12, 8)
    assert shop.load_image(rows[0]).size == (12, 8)
    assert [one.name for one in shop.text_fields] == ["caption"]


def test_add_again_touches_only_what_differs(shop: Catalog, photos: Path, save_image: SaveImage) -> None:
    shop.add(photos)
    before = by_id(shop, "_updated_at", "_hash", "_split")
    version = shop.dataset.version
    assert counts(shop.add(photos)) == (0, 0, 0, 3)
    assert shop.dataset.version == version
    kept = shop.dataset.get_fragments()[0]

    save_image(photos / "red car.webp", 77)
    save_image(photos / "new.png", 78)
    (photos / "cats/0001.jpg").unlink()
    report = shop.add(photos)
    assert str(report) == "+1 ~1 −0"
    assert report.gone == 1
    assert "1 rows are gone" in report.notes[0]
    after = by_id(shop, "_updated_at", "_hash", "_split")
    assert after["photos/cats/black cat.png"] == before["photos/cats/black cat.png"]
    assert after["photos/red car.webp"]["_hash"] != before["photos/red car.webp"]["_hash"]
    assert after["photos/red car.webp"]["_updated_at"] > before["photos/red car.webp"]["_updated_at"]
    assert kept.data_files()[0].path == shop.dataset.get_fragments()[0].data_files()[0].path

    assert str(shop.add(photos, prune=True)) == "+0 ~0 −1"
    assert "photos/cats/0001.jpg" not in by_id(shop)


def test_a_row_keeps_its_place(shop: Catalog, write: Write) -> None:
    shop.add(write("a.csv", "id,title\n1,a\n2,b\n3,c\n"))
    shop.add(write("a.csv", "id,title\n1,a\n2,changed\n3,c\n4,d\n"))
    assert shop.read(["title"])["title"].to_pylist() == ["a", "changed", "c", "d"]


def test_a_table_with_chinese_titles_and_missing_pictures(
    shop: Catalog, write: Write, save_image: SaveImage, tmp_path: Path
) -> None:
    save_image(tmp_path / "img/1.jpg")
    (tmp_path / "img/broken.jpg").write_bytes((tmp_path / "img/1.jpg").read_bytes()[:200])
    path = write(
        "a.csv",
        "编号,图片,标题\n1,img/1.jpg,红色汽车\n2,,蓝色汽车\n3,img/no.jpg,绿色汽车\n4,img/broken.jpg,\n",
    )
    report = shop.add(path)
    assert str(report) == "+3 ~0 −0, 2 skipped"
    assert [(one.row, one.field, Path(one.path or "").name) for one in report.skipped] == [
        (4, "图片", "no.jpg"),
        (5, "图片", "broken.jpg"),
    ]
    assert "file not found" in str(report.skipped[0]) and ", line 4, " in str(report.skipped[0])
    assert str(path) in str(report.skipped[0])
    rows = by_id(shop, "标题", "_image")
    assert rows["3"] == {"id": "3", "标题": "绿色汽车", "_image": None}
    assert shop.count("标题 = '红色汽车'") == 1
    with pytest.raises(BadImage, match="the row has no picture"):
        shop.load_image(rows["2"])


def test_the_list_of_errors_as_csv(shop: Catalog, write: Write, tmp_path: Path) -> None:
    report = shop.add(write("a.csv", "image,title\nno.jpg,a\n"))
    report.write_errors(tmp_path / "errors.csv")
    lines = (tmp_path / "errors.csv").read_text().splitlines()
    assert lines[0] == "source,row,field,path,reason,id"
    assert lines[1].endswith(f"a.csv,2,image,{tmp_path}/no.jpg,file not found,")
    with pytest.raises(CatalogError, match="no folder/errors.csv cannot be written"):
        report.write_errors(tmp_path / "no folder" / "errors.csv")


def test_a_picture_that_comes_back_is_taken_in(
    shop: Catalog, write: Write, save_image: SaveImage, tmp_path: Path
) -> None:
    path = write("a.csv", "image,title\nx.png,a\n")
    shop.add(path)
    save_image(tmp_path / "x.png")
    assert str(shop.add(path)) == "+0 ~1 −0"
    assert by_id(shop, "_image")["a:x.png"]["_image"] == str(tmp_path / "x.png")


def test_a_skipped_row_is_not_gone(shop: Catalog, photos: Path) -> None:
    shop.add(photos)
    (photos / "red car.webp").write_bytes(b"broken")
    assert str(shop.add(photos, prune=True)) == "+0 ~0 −0, 1 skipped"
    assert shop.count() == 3


def test_prune_waits_when_rows_cannot_be_read(shop: Catalog, write: Write) -> None:
    shop.add(write("a.jsonl", '{"id": "1", "title": "a"}\n{"id": "2", "title": "b"}\n'))
    report = shop.add(write("a.jsonl", '{"id": "1", "title": "a"}\n{"id": "2", "tit\n'), prune=True)
    assert (report.removed, report.gone) == (0, 1)
    assert "nothing was pruned" in report.notes[0]


def test_prune_concerns_its_own_source_only(shop: Catalog, write: Write, photos: Path) -> None:
    shop.add(photos, write("a.csv", "id,title\n1,a\n2,b\n"))
    assert str(shop.add(write("a.csv", "id,title\n1,a\n"), prune=True)) == "+0 ~0 −1"
    assert shop.count() == 4


def test_a_table_speaks_for_the_pictures_of_its_folder(shop: Catalog, write: Write, photos: Path) -> None:
    report = shop.add(photos, write("a.csv", "image,title\nphotos/red car.webp,A red car\n"))
    assert counts(report) == (3, 0, 0, 0)
    assert "1 pictures are rows of another source already" in report.notes[0]
    assert counts(shop.add()) == (0, 0, 0, 3)


def test_a_table_that_comes_after_its_folder(shop: Catalog, write: Write, photos: Path) -> None:
    shop.add(photos)
    assert counts(shop.add(write("a.csv", "image,title\nphotos/red car.webp,A red car\n"))) == (1, 0, 0, 0)
    assert counts(shop.add(photos, prune=True)) == (0, 0, 1, 2)
    assert sorted(by_id(shop)) == [
        "a:photos/red car.webp",
        "photos/cats/0001.jpg",
        "photos/cats/black cat.png",
    ]


def test_paths_are_kept_plain(shop: Catalog, write: Write, save_image: SaveImage, tmp_path: Path) -> None:
    save_image(tmp_path / "img/a.png")
    save_image(shop.folder / "own" / "b.png", 2)
    shop.add(write("tables/a.csv", "image,title\n../img/a.png,a\n../shop/own/b.png,b\n"))
    assert shop.read(["_image"])["_image"].to_pylist() == [str(tmp_path / "img/a.png"), "own/b.png"]


def test_columns_are_merged_by_id(shop: Catalog, write: Write) -> None:
    shop.add(write("a.csv", "id,title\n1,a\n2,b\n"))
    shop.merge_columns(pa.table({"id": ["2", "unknown"], "score": [0.5, 0.7]}))
    assert shop.read(["id", "score"]).to_pylist() == [{"id": "1", "score": None}, {"id": "2", "score": 0.5}]
    with pytest.raises(CatalogError, match="written by id; the table has only score"):
        shop.merge_columns(pa.table({"score": [1.0]}))


def test_the_same_id_from_two_tables_in_one_add(shop: Catalog, write: Write) -> None:
    one, two = write("a.csv", "id,title\n1,a\n"), write("b.csv", "id,title\n1,b\n2,c\n")
    report = shop.add(one, two)
    assert "the id '1' came from" in report.skipped[0].reason
    assert shop.read(["title"])["title"].to_pylist() == ["a", "c"]
    assert counts(shop.add(one, two))[:2] == (0, 0)


def test_a_renamed_table_takes_its_rows_over(shop: Catalog, write: Write) -> None:
    shop.add(write("old.csv", "id,title\n1,a\n2,b\n"))
    assert counts(shop.add(write("new.csv", "id,title\n1,a\n2,B\n"), prune=True)) == (0, 2, 0, 0)
    assert shop.count() == 2


def test_vectors_of_changed_rows_only_become_stale(shop: Catalog, write: Write) -> None:
    shop.add(write("a.csv", "id,title\n1,a\n2,b\n3,c\n"))
    vectors = pa.FixedSizeListArray.from_arrays(pa.array([1.0, 2.0] * 3, pa.float32()), 2)
    shop.merge_columns(pa.table({"id": ["1", "2", "3"], "_text_embeds": vectors, "_embeds_key": ["k"] * 3}))
    shop.add(write("a.csv", "id,title\n1,a\n2,changed\n3,c\n4,d\n"))
    rows = by_id(shop, "_embeds_key", "_text_embeds")
    assert [rows[one]["_embeds_key"] for one in "1234"] == ["k", None, "k", None]
    assert rows["1"]["_text_embeds"] == [1.0, 2.0]
    assert rows["4"]["_text_embeds"] is None


def test_a_moved_file_keeps_its_vectors(
    shop: Catalog, write: Write, save_image: SaveImage, tmp_path: Path
) -> None:
    save_image(tmp_path / "a.png")
    shop.add(write("t.csv", "id,image,title\n1,a.png,a\n"))
    shop.merge_columns(pa.table({"id": ["1"], "_embeds_key": ["k"]}))
    (tmp_path / "a.png").rename(tmp_path / "b.png")
    assert counts(shop.add(write("t.csv", "id,image,title\n1,b.png,a\n"))) == (0, 1, 0, 0)
    assert by_id(shop, "_embeds_key")["1"]["_embeds_key"] == "k"


def test_a_later_source_brings_new_columns(shop: Catalog, write: Write) -> None:
    shop.add(write("a.csv", "id,title,price\n1,a,3\n2,b,4\n"))
    report = shop.add(write("b.csv", "id,title,price,brand\n3,c,4.5,Acme\n"))
    assert counts(report) == (1, 0, 0, 0)
    assert shop.read(["price", "brand"]).to_pylist() == [
        {"price": 3.0, "brand": None},
        {"price": 4.0, "brand": None},
        {"price": 4.5, "brand": "Acme"},
    ]
    assert shop.count("price < 4.2 AND brand IS NULL") == 2
    assert counts(shop.add()) == (0, 0, 0, 3)


def test_a_conflict_leaves_everything_as_it_was(shop: Catalog, write: Write) -> None:
    shop.add(write("a.csv", "id,title,price\n1,a,3\n"))
    with pytest.raises(CatalogError, match="column 'price' holds texts"):
        shop.add(write("b.csv", "id,title,price\n2,b,cheap\n"))
    assert shop.count() == 1
    assert counts(shop.add(write("c.csv", "id,title\n5,z\n"))) == (1, 0, 0, 0)


def test_roles_are_remembered(shop: Catalog, write: Write) -> None:
    path = write("a.csv", "id,name,remark\n1,x,y\n")
    report = shop.add(path, roles=Roles(text=("remark",), columns=("name",)))
    assert str(report.inferred[str(path)]) == "text=remark columns=name id=id"
    assert str(shop.add(path).inferred[str(path)]) == "text=remark columns=name id=id"
    assert [one.name for one in Catalog(shop.folder).text_fields] == ["remark"]


def test_copies_share_a_cluster_and_a_split(shop: Catalog, tmp_path: Path, save_image: SaveImage) -> None:
    for number in range(40):
        save_image(tmp_path / "photos" / f"{number}.png", number % 10)
    shop.add(tmp_path / "photos")
    rows = shop.read(["_image_hash", "_cluster", "_split"]).to_pylist()
    assert len({(row["_image_hash"], row["_cluster"], row["_split"]) for row in rows}) == 10
    summary = shop.summary()
    assert (summary.duplicates, summary.straddling) == (30, 0)


def test_splits_stay_when_rows_come_and_when_groups_connect(shop: Catalog, write: Write) -> None:
    lines = [f"{n},title {n},g{n}" for n in range(60)]
    path = write("a.csv", "id,title,set\n" + "\n".join(lines) + "\n")
    shop.add(path, roles=Roles(group="set"))
    before = {one: row["_split"] for one, row in by_id(shop, "_split").items()}
    assert set(before.values()) == {"train", "validation", "test"}
    tested = next(one for one, split in before.items() if split == "test")
    trained = next(one for one, split in before.items() if split == "train")

    lines[int(tested)] = f"{tested},title {tested},g{trained}"
    write("a.csv", "id,title,set\n" + "\n".join([*lines, "60,more,g60"]) + "\n")
    assert counts(shop.add(path)) == (1, 1, 0, 59)
    after = by_id(shop, "_split", "_cluster")
    assert after[tested]["_split"] == "train"
    assert after[tested]["_cluster"] == after[trained]["_cluster"]
    assert all(after[one]["_split"] == split for one, split in before.items() if one != tested)


def test_the_users_own_split_is_respected(
    shop: Catalog, write: Write, save_image: SaveImage, tmp_path: Path
) -> None:
    save_image(tmp_path / "a.png")
    shop.add(write("a.csv", "id,image,title,split\n1,a.png,a,train\n2,a.png,b,test\n3,,c,val\n4,,d,\n"))
    rows = by_id(shop, "_split")
    assert [rows[one]["_split"] for one in "123"] == ["train", "test", "validation"]
    assert rows["4"]["_split"] in ("train", "validation", "test")
    assert shop.summary().straddling == 1


def test_embedded_pictures_outlive_their_files(
    shop: Catalog, write: Write, save_image: SaveImage, tmp_path: Path
) -> None:
    save_image(tmp_path / "a.png", 5)
    path = write("t.csv", "id,image,title\n1,a.png,a\n")
    shop.add(path)
    assert str(shop.add(path, embed=True)) == "+0 ~1 −0"
    (tmp_path / "a.png").unlink()
    moved = shutil.move(shop.folder, tmp_path / "elsewhere")
    shop = Catalog(moved)
    assert shop.load_image(shop.read().to_pylist()[0]).size == (12, 8)
    write("t.csv", "id,image,title\n1,a.png,changed\n")
    assert str(shop.add(path)) == "+0 ~1 −0"
    assert shop.load_image({"id": "1"}).size == (12, 8)


def test_pictures_inside_parquet(shop: Catalog, save_image: SaveImage, tmp_path: Path) -> None:
    data = save_image(tmp_path / "a.png", 1).read_bytes()
    table = pa.table(
        {
            "image": [{"bytes": data, "path": "a.png"}, {"bytes": b"broken", "path": None}, None],
            "text": ["one", "two", "three"],
            "tags": [["x", "y"], [], None],
            "score": pa.array([1, 2, 3], pa.int8()),
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    report = shop.add(tmp_path / "t.parquet")
    assert str(report) == "+3 ~0 −0, 1 skipped"
    assert (report.skipped[0].row, report.skipped[0].field) == (2, "image")
    rows = shop.read().to_pylist()
    assert (rows[0]["text"], rows[0]["tags"], rows[0]["score"]) == ("one", ["x", "y"], 1)
    assert shop.load_image(rows[0]).size == (12, 8)
    assert counts(shop.add(tmp_path / "t.parquet")) == (0, 0, 0, 3)


def test_bad_questions_list_the_columns(shop: Catalog, write: Write) -> None:
    shop.add(write("a.csv", "id,title,my price\n1,a,3\n2,b,4\n"))
    for ask in (lambda: shop.read(where="titel = 'a'"), lambda: shop.count("titel = 'a'")):
        with pytest.raises(CatalogError) as caught:
            ask()
        assert "no column 'titel'; did you mean 'title'?" in str(caught.value)
        assert "columns: id, title, `my price`" in str(caught.value)
        assert ".rs" not in str(caught.value)
    for where in ("", "title", "title <", "`my price` = 'x'"):
        with pytest.raises(CatalogError, match="columns: id, title"):
            shop.read(where=where)
    with pytest.raises(CatalogError, match="columns: id, title"):
        shop.read(["nope"])
    assert shop.count("`my price` > 3") == 1


def test_rows_by_id_come_in_the_order_asked(shop: Catalog, write: Write) -> None:
    shop.add(write("a.csv", "id,title\n1,a\nit's,b\n3,c\n"))
    assert shop.read(["title"], ids=["3", "it's", "3"])["title"].to_pylist() == ["c", "b", "c"]
    assert shop.read(["title"], ids=["3", "1"], where="title < 'b'")["title"].to_pylist() == ["a"]
    assert shop.read(["title"], ids=[]).num_rows == 0
    with pytest.raises(CatalogError, match="no row with id 'x'"):
        shop.read(["title"], ids=["1", "x"])


def test_one_row(shop: Catalog, write: Write) -> None:
    shop.add(write("a.csv", "title\na\n"))
    assert shop.count() == 1
    assert shop.summary().as_dict()["rows"] == 1


def test_an_empty_catalogue_can_be_asked(shop: Catalog) -> None:
    assert shop.read().num_rows == 0
    assert shop.summary().as_dict()["rows"] == 0
    assert "0 rows" in str(shop.summary())
    with pytest.raises(CatalogError, match="nothing was ever added"):
        shop.add()


def test_the_summary(shop: Catalog, write: Write, save_image: SaveImage, tmp_path: Path) -> None:
    save_image(tmp_path / "a.png")
    shop.add(
        write(
            "t.csv",
            "id,image,title,title_zh,price,added\n"
            "1,a.png,red car,红车,3,2024-01-02\n2,a.png,,,5,\n3,,blue,,,\n",
        )
    )
    summary = shop.summary()
    assert summary.lacking == {"image": 1, "text": 1, "columns": 1}
    assert summary.languages == {"en": 2, "zh": 1}
    assert summary.duplicates == 1
    assert sum(summary.splits.values()) == 3
    fields = {one["name"]: one for one in summary.as_dict()["fields"]}
    assert (fields["price"]["low"], fields["price"]["high"], fields["price"]["missing"]) == (3, 5, 1)
    assert fields["added"]["low"] == "2024-01-02"
    assert fields["title_zh"]["language"] == "zh"
    assert "  price     column  integer  3 to 5; 1 missing" in str(summary)


def test_a_workspace_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="no workspace at .*autoglm add"):
        Catalog(tmp_path / "shop")
    (tmp_path / "shop").mkdir()
    with pytest.raises(CatalogError, match="no workspace at .*autoglm add"):
        Catalog(tmp_path / "shop")
    (tmp_path / "shop" / "a.jpg").write_bytes(b"")
    # What `add` would refuse is not advised.
    with pytest.raises(CatalogError, match="shop is no workspace, .*autoglm add NEW_FOLDER"):
        Catalog(tmp_path / "shop")


def test_a_folder_with_other_things_does_not_become_a_workspace(photos: Path) -> None:
    with pytest.raises(CatalogError, match="holds other things"):
        Catalog(photos, create=True)
    with pytest.raises(CatalogError, match="is a file"):
        Catalog(photos / "red car.webp", create=True)


@pytest.mark.parametrize("name", ["no.csv", "no folder", "notes.docx"])
def test_sources_that_are_none(shop: Catalog, tmp_path: Path, name: str) -> None:
    (tmp_path / "notes.docx").touch()
    with pytest.raises(CatalogError, match=r"name a folder of pictures or a table|a source is a folder"):
        shop.add(tmp_path / name)
    with pytest.raises(CatalogError, match="is the workspace itself"):
        shop.add(shop.folder)


def test_damaged_settings(shop: Catalog) -> None:
    for text in ("{", "[]", '{"format": 99}'):
        (shop.folder / "workspace.json").write_text(text)
        with pytest.raises(CatalogError, match=r"workspace\.json"):
            Catalog(shop.folder)


def test_other_rooms_keep_their_settings(shop: Catalog, write: Write) -> None:
    shop.update_settings(model="mini")
    shop.add(write("a.csv", "title\na\n"))
    assert Catalog(shop.folder).settings["model"] == "mini"


def test_progress_counts_to_the_end(shop: Catalog, photos: Path) -> None:
    told = []
    shop.add(photos, progress=told.append)
    assert [one.done for one in told] == [1, 2, 3]
    assert {one.total for one in told} == {3}


def test_odd_pictures_and_their_orientation(shop: Catalog, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (30, 10)).save(tmp_path / "photos/turned.jpg", exif=exif)
    (tmp_path / "photos/broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "photos/folder.jpg").mkdir()
    (tmp_path / "photos/empty.gif").touch()
    report = shop.add(tmp_path / "photos")
    assert str(report) == "+1 ~0 −0, 2 skipped"
    row = shop.read().to_pylist()[0]
    assert (row["_width"], row["_height"]) == (10, 30)


def test_a_picture_alone_is_a_source(
    shop: Catalog, write: Write, save_image: SaveImage, tmp_path: Path
) -> None:
    picture = save_image(tmp_path / "photos" / "b.png", 1)
    write("photos/b.png.txt", "a lighthouse")
    assert str(shop.add(picture)) == "+1 ~0 −0"
    row = shop.read().to_pylist()[0]
    assert (row["id"], row["caption"], row["file"]) == ("b.png", "a lighthouse", "b.png")
    assert shop.load_image(row).size == (12, 8)
    assert str(shop.add()) == "+0 ~0 −0"
    broken = write("photos/broken.png", "no picture")
    assert [one.path for one in shop.add(broken).skipped] == [str(broken)]
