"""A tiny library of drawings, shaped like Debian's package: what is kept, left out, and kept together."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from benchmarks.clipart import LIBRARY, make_table, name_words, prepare
from benchmarks.debian import PackageError
from benchmarks.drawing import COLUMNS
from PIL import Image

from benchmarks import clipart

EACH = 40


def svg(
    seed: int, *, title: str = "", author: str = "", licence: str = "PublicDomain", note: str = ""
) -> str:
    """Return coloured blocks that differ with the seed; the same ones, moved on the page, with a note."""
    blocks = np.random.default_rng(seed).integers(0, 16, (5, 5, 3))
    moved = 10 if note else 0
    drawn = "".join(
        f'<rect x="{10 * x + moved}" y="{10 * y}" width="10" height="10" fill="#{r:x}{g:x}{b:x}"/>'
        for y, row in enumerate(blocks)
        for x, (r, g, b) in enumerate(row)
    )
    return (
        f'<svg width="80" height="60"><metadata><Work><title>{title}</title><creator><Agent><title>{author}'
        f'</title></Agent></creator><subject><li>animals</li></subject><license resource="http://{licence}"/>'
        f"</Work></metadata>{note}{drawn}</svg>"
    )


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """Forty drawings in each of two categories, and one of everything that is left out."""
    folder = tmp_path / "tree" / LIBRARY
    for place, category in enumerate(("animals/birds", "food")):
        for number in range(EACH):
            # No two names alike: letters, since numbers would make them one series.
            name = f"{'abcdefgh'[number // 8]}{'stuvwxyz'[number % 8]}"
            write(folder / category / f"{name}.svg", svg(1000 * place + number, title=f"{category} {name}"))
    write(folder / "unsorted" / "thing.svg", svg(5000))
    write(folder / "logos" / "rare.svg", svg(5001))
    write(folder / "food" / "broken.svg", "<svg")
    write(folder / "food" / "blank.svg", "<svg width='9' height='9'><defs><path d='M0 0h9v9z'/></defs></svg>")
    write(folder / "food" / "gpl.svg", svg(5002, licence="licenses/GPL/2.0/"))
    write(folder / "food" / "zz_copy.svg", svg(1000, note="<!-- again -->"))
    write(folder / "food" / "cat.svg", svg(5003))
    write(folder / "animals" / "cat.svg", svg(5003, note="<!-- in both -->"))
    write(folder / "food" / "fish.svg", svg(5004))
    (folder / "animals" / "fish.svg").symlink_to("../food/fish.svg")
    (folder / "animals" / "same.svg").symlink_to("birds/as.svg")
    (folder / "unsorted" / "same.svg").symlink_to("../animals/birds/at.svg")
    return folder


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def build(library: Path, out: Path, seed: int = 0) -> tuple[clipart.Summary, list[dict[str, str]]]:
    (out / "images").mkdir(parents=True)
    summary = make_table(library, out, seed)
    with (out / "data.csv").open(encoding="utf-8", newline="") as file:
        return summary, list(csv.DictReader(file))


def test_what_is_left_out_is_counted_by_reason(library: Path, tmp_path: Path) -> None:
    summary, rows = build(library, tmp_path / "out")
    assert summary.dropped == {
        clipart.LINK: 3,
        clipart.NO_CATEGORY: 1,
        clipart.BROKEN: 1,
        clipart.BLANK: 1,
        clipart.LICENCE: 1,
        clipart.TWO: 3,
        clipart.COPY: 1,
        clipart.MORE: 0,
        clipart.RARE: 1,
    }
    assert Counter(row["category"] for row in rows) == {"animals": EACH, "food": EACH}
    assert summary.rows == len({row["id"] for row in rows}) == 2 * EACH
    for row in rows:
        with Image.open(tmp_path / "out" / row["image"]) as image:
            assert image.size == (96, 96)  # 50 × 50 of an 80 × 60 page are drawn on


def test_only_the_title_may_tell_the_category(library: Path, tmp_path: Path) -> None:
    summary, rows = build(library, tmp_path / "out")
    assert set(clipart.FIELDS.columns) >= set(COLUMNS)
    assert summary.naming == {"title": 1.0}
    for row in rows:
        told = [value for name, value in row.items() if name not in ("title", "category")]
        assert not any(word in value for word in ("animal", "bird", "food") for value in told)
    assert summary.missing["title"] == 0
    assert summary.missing["year"] == 1


def test_works_of_one_author_have_one_split(
    library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clipart, "LARGE", 0.05)
    for number, author in enumerate(("Ada Brush", "ada  brush")):
        write(library / "food" / f"{'pq'[number]}.svg", svg(7000 + number, author=author))
    _, rows = build(library, tmp_path / "out")
    groups = Counter(row["group"] for row in rows)
    assert sorted(groups.values())[-2:] == [1, 2]
    splits = {row["group"]: row["split"] for row in rows}
    assert all(splits[row["group"]] == row["split"] for row in rows)


def test_an_author_of_many_works_is_grouped_by_series(library: Path, tmp_path: Path) -> None:
    names = ["pear", "plum_1", "plum_2", "plum_3", "kiwi"]
    for number, name in enumerate(names):
        write(library / "food" / f"{name}.svg", svg(8000 + number, author="Ada Brush"))
    _, rows = build(library, tmp_path / "out")
    assert sorted(Counter(row["group"] for row in rows).values())[-2:] == [1, 3]


def test_what_is_much_alike_has_one_split(library: Path, tmp_path: Path) -> None:
    items = list(clipart.read_items(library, Counter()))[:4]
    alike = [(items[0].id, items[2].id), (items[1].id, "left out")]
    names = clipart.groups_of(items, alike)
    assert names[0] == names[2]
    assert len(set(names)) == 3


def test_of_a_long_series_some_are_kept(library: Path, tmp_path: Path) -> None:
    for number in range(60):
        write(library / "food" / f"star_{number:02}.svg", svg(9000 + number, author="Stars"))
    summary, rows = build(library, tmp_path / "out")
    assert summary.dropped[clipart.MORE] == 60 - clipart.SERIES
    assert summary.rows == len(rows) == 2 * EACH + clipart.SERIES


def test_a_title_of_many_drawings_gives_way_to_the_name(library: Path, tmp_path: Path) -> None:
    for number, name in enumerate(("red_plum_ada_br_01", "pear", "kiwi2")):
        drawing = svg(6000 + number, title="The fruit collection", author="Ada Brush")
        write(library / "food" / f"{name}.svg", drawing)
    write(library / "food" / "some.svg", svg(6100, title="Clipart by Ada Brush - a bowl"))
    _, rows = build(library, tmp_path / "out")
    titles = {row["title"] for row in rows}
    assert titles >= {"red plum", "pear", "kiwi", "a bowl"}
    assert "The fruit collection" not in titles


@pytest.mark.parametrize(
    ("stem", "author", "words"),
    [
        ("tree_moises_rinc_01", "Moisés Rincón Maza", "tree"),
        ("simple_d_k", "John Doe", "simple d k"),
        ("ada_brush", "Ada Brush", "ada brush"),
        ("0815", "Ada Brush", ""),
        ("house", "", "house"),
    ],
)
def test_words_of_a_name(stem: str, author: str, words: str) -> None:
    assert name_words(stem, author) == words


def test_the_same_seed_gives_the_same_table(library: Path, tmp_path: Path) -> None:
    for name in ("one", "other"):
        build(library, tmp_path / name, seed=2)
    one, other = ((tmp_path / name / "data.csv").read_bytes() for name in ("one", "other"))
    assert one == other


def test_without_apt_the_package_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(PackageError, match=r"put openclipart-svg_\*\.deb in"):
        prepare(tmp_path / "packages", tmp_path / "out")
    assert not (tmp_path / "out").exists()
