"""The repository's own pictograms with a made-up emojibase: columns, groups, what is left out."""

from __future__ import annotations

import csv
import io
import json
import shutil
import tarfile
from collections import defaultdict
from pathlib import Path

import pytest
from benchmarks.debian import PackageError
from examples.pictograms import build

from benchmarks import pictogram_columns as data

PICTOGRAMS = build.HERE / "pictograms.csv"
FIRST = 40


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Write a table of the first forty concepts of two groups and three of a third, drawn by one house."""
    folder = tmp_path / "pictograms"
    times: defaultdict[str, int] = defaultdict(int)
    wanted = {"people-body": FIRST, "food-drink": FIRST, "flags": 3}
    with PICTOGRAMS.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["house"] == "twemoji"]
    kept = []
    for row in rows:
        times[row["group"]] += 1
        if times[row["group"]] <= wanted.get(row["group"], 0):
            kept.append(row)
            (folder / row["image"]).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(PICTOGRAMS.parent / row["image"], folder / row["image"])
    with (folder / "pictograms.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(kept)
    return folder / "pictograms.csv"


@pytest.fixture
def packages(table: Path, tmp_path: Path) -> Path:
    """Write a tarball of emojibase that knows all concepts of the table but one."""
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))[1:]
    english = [
        {"hexcode": row["concept"], "label": row["label_en"], "version": 1, "group": 0, "order": place}
        for place, row in enumerate(rows)
    ]
    english[0] |= {"tags": ["a", "b"], "emoticon": [":D", "XD"], "skins": [{}] * 5, "type": 1, "gender": 0}
    folder = tmp_path / "packages"
    folder.mkdir()
    with tarfile.open(folder / "emojibase-data-17.0.0.tgz", "w:gz") as archive:
        for language, content in (("en", english), ("zh", [])):
            text = json.dumps(content).encode()
            member = tarfile.TarInfo(f"package/{language}/data.json")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))
    return folder


def test_the_table_has_columns_and_whole_concepts(table: Path, packages: Path, tmp_path: Path) -> None:
    made = data.prepare(packages, tmp_path / "out", table=table)
    assert made.summary.rows == 2 * FIRST - 1
    assert made.summary.dropped == {data.UNKNOWN: 1, data.RARE: 3}
    assert set(made.summary.categories) == {"people-body", "food-drink"}
    with made.table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    first = rows[0]
    names = ("version", "tags_en", "tags_zh", "skins", "emoticons", "gender", "style")
    assert [first[name] for name in names] == ["1", "2", "0", "5", "2", "female", "picture"]
    assert {"order", "subgroup", "concept", "hexcode"}.isdisjoint(first)
    for row in rows:
        assert (made.table.parent / row["image"]).is_file()
        told = [value for name, value in row.items() if name not in ("tags", "category", "group")]
        assert not any(row["category"].split("-")[0] in value for value in told)
    assert "MIT" in (made.table.parent / "PROVENANCE.md").read_text(encoding="utf-8")


def test_what_women_and_men_do_has_one_split(tmp_path: Path) -> None:
    """On all pictograms of one house: runners of all genders, and clock faces, hang together."""
    with PICTOGRAMS.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["house"] == "noto"]
    by_concept = dict(
        zip([row["concept"] for row in rows], data.groups_of(rows, PICTOGRAMS.parent), strict=True)
    )
    assert by_concept["1F3C3"] == by_concept["1F3C3-200D-2640"] == by_concept["1F3C3-200D-2642"]
    assert by_concept["1F468-200D-2695"] == by_concept["1F469-200D-2695"]
    assert by_concept["1F34E"] != by_concept["1F3C3"]
    assert len(set(by_concept.values())) > 0.8 * len(rows)


def test_without_npm_the_tarball_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(PackageError, match=r"emojibase-data-17\.0\.0\.tgz is missing.*npm is missing"):
        data.prepare(tmp_path / "packages", tmp_path / "out")
