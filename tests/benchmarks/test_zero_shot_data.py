"""A tiny tree of stamps, shaped like Debian's package: what is kept, what is left out and why."""

from __future__ import annotations

import csv
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from benchmarks import zero_shot_data as data


def drawing(seed: int, *, size: tuple[int, int] = (60, 60), margin: int = 0) -> Image.Image:
    """Return coloured blocks that differ with the seed, on a transparent margin."""
    blocks = np.random.default_rng(seed).integers(0, 200, (4, 4, 3), dtype=np.uint8)
    image = Image.fromarray(blocks).resize(size, Image.Resampling.NEAREST).convert("RGBA")
    framed = Image.new("RGBA", (size[0] + 2 * margin, size[1] + 2 * margin))
    framed.paste(image, (margin, margin))
    return framed


def stamp(
    tree: Path, name: str, caption: str, image: Image.Image | None = None, chinese: str | None = None
) -> None:
    text = tree / f"{name}.txt"
    text.parent.mkdir(parents=True, exist_ok=True)
    lines = [caption, "de.utf8=Ein Bild.", *([f"zh_CN.utf8={chinese}"] if chinese else []), "zh_TW.utf8=圖。"]
    text.write_text("\n".join(lines) + "\n", encoding="utf-8")
    if image:
        image.save(text.with_suffix(".png"))


@pytest.fixture
def trained_on(tmp_path: Path) -> Path:
    """Write a training set of one picture: drawing 0."""
    folder = tmp_path / "trained"
    (folder / "images").mkdir(parents=True)
    drawing(0, size=(64, 64), margin=3).save(folder / "images" / "zero.webp", quality=85)
    (folder / "table.csv").write_text("id,image\nzero,images/zero.webp\n", encoding="utf-8")
    return folder / "table.csv"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree" / data.STAMPS_FOLDER
    stamp(folder, "animals/cat", "A cat.", drawing(1), chinese="猫。")
    stamp(folder, "animals/big", "A whale.", drawing(2, size=(800, 400)))
    stamp(folder, "food/seen", "An apple.", drawing(0, size=(90, 90)), chinese="苹果。")
    stamp(folder, "food/pear", "A pear.", drawing(3), chinese="梨。")
    stamp(folder, "food/pear_again", "A pear.", drawing(3, size=(120, 120), margin=20), chinese="梨。")
    stamp(folder, "people/man_1", "A man.", drawing(4))
    stamp(folder, "people/man_2", "A man.", drawing(5))
    stamp(folder, "people/twin_of_cat", "A sphinx.", drawing(1))
    stamp(folder, "town/none", "A house without a picture.")
    stamp(folder, "town/silent", "", drawing(6))
    stamp(folder, "town/broken", "A broken bridge.")
    (folder / "town" / "broken.svg").write_text("<svg", encoding="utf-8")
    stamp(folder, "town/vector", "A tower.")
    (folder / "town" / "vector.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="10"><rect width="20" height="10"/></svg>',
        encoding="utf-8",
    )
    stamp(folder, "town/rescued", "A gate.", drawing(7))
    (folder / "town" / "rescued.svg").write_text("not a drawing", encoding="utf-8")
    return folder


def read(table: Path) -> dict[str, dict[str, str]]:
    with table.open(encoding="utf-8", newline="") as file:
        return {row["id"]: row for row in csv.DictReader(file)}


def test_only_unseen_stamps_with_a_caption_of_their_own_are_kept(
    tree: Path, trained_on: Path, tmp_path: Path
) -> None:
    stamps = data.make_table(tree, tmp_path, trained_on)
    rows = read(stamps.table)
    assert set(rows) == {
        "animals/cat",
        "animals/big",
        "food/pear",
        "people/twin_of_cat",  # looks like the cat, yet is another query with another answer
        "town/vector",
        "town/rescued",
    }
    assert stamps.rows == 6
    assert stamps.dropped == {
        data.NO_PICTURE: 1,
        data.NO_CAPTION: 1,
        data.BROKEN: 1,
        data.TRAINED: 1,
        data.COPY: 1,
        data.SHARED: 2,
    }


def test_captions_come_from_the_sidecar_in_both_languages(
    tree: Path, trained_on: Path, tmp_path: Path
) -> None:
    stamps = data.make_table(tree, tmp_path, trained_on)
    rows = read(stamps.table)
    assert (rows["food/pear"]["caption_en"], rows["food/pear"]["caption_zh"]) == ("A pear.", "梨。")
    assert rows["animals/big"]["caption_zh"] == ""
    assert stamps.chinese == 2


def test_pictures_lie_beside_the_table_and_are_small(tree: Path, trained_on: Path, tmp_path: Path) -> None:
    rows = read(data.make_table(tree, tmp_path, trained_on).table)
    size = {name: Image.open(tmp_path / row["image"]).size for name, row in rows.items()}
    assert size["animals/big"] == (128, 64)
    assert size["town/vector"] == (128, 64)
    assert size["animals/cat"] == (60, 60)


def test_writing_again_leaves_no_picture_of_an_earlier_table(
    tree: Path, trained_on: Path, tmp_path: Path
) -> None:
    data.make_table(tree, tmp_path, trained_on)
    (tree / "animals" / "cat.txt").unlink()
    data.make_table(tree, tmp_path, trained_on)
    assert not (tmp_path / "stamps" / "animals" / "cat.png").exists()


def test_a_margin_or_another_size_hides_no_twin() -> None:
    small, large = (data.signature(drawing(8, size=(64, 64), margin=m)) for m in (0, 17))
    other = data.signature(drawing(9, size=(64, 64)))
    assert data.are_twins(np.stack([small]), np.stack([large, other])).tolist() == [[True, False]]


def test_two_pale_pictures_are_not_twins_for_being_pale() -> None:
    """Thin strokes differ from white, and so from each other, by less than the absolute bound."""
    strokes = []
    for ends in ((0, 0, 63, 63), (63, 0, 0, 63)):
        image = Image.new("RGBA", (64, 64))
        ImageDraw.Draw(image).line(ends, fill=(200, 200, 200, 255), width=2)
        strokes.append(data.signature(image))
    one, other = strokes
    assert ((one - other) ** 2).mean() < data.TWIN_DIFFERENCE
    assert not data.are_twins(one[None], other[None]).any()
    assert data.are_twins(one[None], one[None]).all()


def test_nothing_is_a_twin_of_nothing() -> None:
    none = np.empty((0, data.SIGNATURE))
    assert data.are_twins(none, np.ones((3, data.SIGNATURE))).shape == (0, 3)


def test_a_package_becomes_a_table(tree: Path, trained_on: Path, tmp_path: Path) -> None:
    if shutil.which("dpkg-deb") is None:
        pytest.skip("there is no dpkg-deb")
    content = tmp_path / "tree"
    (content / "DEBIAN").mkdir()
    control = f"Package: {data.PACKAGE}\nVersion: 1\nArchitecture: all\nMaintainer: T <t@example.org>\n"
    (content / "DEBIAN" / "control").write_text(control + "Description: stamps\n", encoding="utf-8")
    cache = tmp_path / "cache"
    cache.mkdir()
    name = f"{data.PACKAGE}_1_all.deb"
    subprocess.run(["dpkg-deb", "-b", str(content), str(cache / name)], check=True, capture_output=True)
    stamps = data.prepare(cache, trained_on)
    assert stamps.table == cache / "stamps.csv"
    assert stamps.rows == 6
