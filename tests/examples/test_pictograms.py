"""The committed set keeps what its table promises, and building from packages follows the rules."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import tarfile
from collections import Counter
from pathlib import Path

import pytest
from examples.pictograms import build
from PIL import Image

SET = Path(build.__file__).parent
COLUMNS = ["id", "image", "concept", "label_en", "label_zh", "tags_en", "tags_zh"]
COLUMNS += ["group", "subgroup", "house", "split"]


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    return read_table(SET)


def read_table(folder: Path) -> list[dict[str, str]]:
    with (folder / "pictograms.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_house_draws_every_concept_except_fluents_flags(rows: list[dict[str, str]]) -> None:
    drawn = {house.name: {r["concept"] for r in rows if r["house"] == house.name} for house in build.HOUSES}
    flags = {r["concept"] for r in rows if r["group"] == "flags"}
    assert len(drawn["noto"]) == 1852
    assert drawn["noto"] == drawn["twemoji"] == drawn["openmoji"]
    assert drawn["fluent"] == drawn["noto"] - flags
    assert len(drawn["fluent"]) == 1599
    assert len(rows) == len({r["id"] for r in rows}) == 3 * 1852 + 1599


@pytest.mark.parametrize("label", ["label_en", "label_zh"])
def test_a_label_names_one_picture_of_a_house(rows: list[dict[str, str]], label: str) -> None:
    assert all(r[label].strip() for r in rows)
    assert max(Counter((r["house"], r[label]) for r in rows).values()) == 1


def test_the_unseen_house_is_the_only_one_in_the_test_split(rows: list[dict[str, str]]) -> None:
    assert {(r["house"], r["split"]) for r in rows} == {
        ("noto", "train"),
        ("twemoji", "train"),
        ("openmoji", "train"),
        ("fluent", "test"),
    }


def test_every_picture_opens_at_its_houses_size(rows: list[dict[str, str]]) -> None:
    size = {house.name: (house.size, house.size) for house in build.HOUSES}
    for r in rows:
        with Image.open(SET / r["image"]) as image:
            image.load()
            assert (image.format, image.mode, image.size) == ("WEBP", "RGBA", size[r["house"]]), r["id"]


def test_the_folders_hold_exactly_the_tables_pictures(rows: list[dict[str, str]]) -> None:
    there = {path.relative_to(SET).as_posix() for path in SET.glob("images*/*/*.webp")}
    assert there == {r["image"] for r in rows}


def test_the_share_alike_house_lies_apart(rows: list[dict[str, str]]) -> None:
    assert {r["house"] for r in rows if r["image"].startswith("images-cc-by-sa/")} == {"openmoji"}
    assert {r["house"] for r in rows if r["image"].startswith("images/")} == {"noto", "twemoji", "fluent"}


@pytest.mark.parametrize(
    ("file", "phrase"),
    [
        ("licences/noto-Apache-2.0.txt", "Apache License"),
        ("licences/twemoji-CC-BY-4.0.txt", "Attribution 4.0 International"),
        ("licences/fluent-MIT.txt", "Copyright (c) Microsoft Corporation"),
        ("licences/emojibase-MIT.txt", "Copyright (c) 2017-2019 Miles Johnson"),
        ("images-cc-by-sa/LICENSE.txt", "Attribution-ShareAlike 4.0 International"),
    ],
)
def test_the_full_licence_text_lies_beside_the_set(file: str, phrase: str) -> None:
    assert phrase in (SET / file).read_text(encoding="utf-8")


def test_provenance_names_every_package_with_its_pictures(rows: list[dict[str, str]]) -> None:
    text = (SET / "PROVENANCE.md").read_text(encoding="utf-8")
    for house in build.HOUSES:
        files = [SET / r["image"] for r in rows if r["house"] == house.name]
        size = sum(path.stat().st_size for path in files)
        assert f"{house.package} {house.version} | {house.licence}" in text
        assert f"| {len(files):,} | {size:,} |" in text
    assert text.count(".tgz") == len(build.packages())


# Building, from packages that hold a few small drawings.

DOG, CAT, ZERO, FLAG, WAVE, LOST = "1F415", "1F408", "0030-FE0F-20E3", "1F1EB-1F1F7", "1F44B", "1FAE8"
WAVE_DARK, LETTER = "1F44B-1F3FF", "1F1E6"


@pytest.fixture
def tarballs(tmp_path: Path) -> Path:
    """Tiny stand-ins for the packages; `LOST` is not drawn by Twemoji."""
    drawn = [DOG, CAT, ZERO, FLAG, WAVE, WAVE_DARK, LETTER, LOST]
    folder = tmp_path / "packages"
    folder.mkdir()
    for house in build.HOUSES:
        files = {}
        for number, code in enumerate(code for code in drawn if (house.name, code) != ("twemoji", LOST)):
            name = code if house.name == "openmoji" else code.lower().removeprefix("00")
            files[f"{house.pictures}/{name}{SUFFIX[house.name]}"] = picture(house.name, number)
        write_tarball(folder, house.package, house.version, files)
    write_tarball(folder, *build.LABELS, files=labels())
    return folder


SUFFIX = {"noto": ".png", "twemoji": ".png", "openmoji": ".svg", "fluent": ".webp"}


def picture(house: str, number: int) -> bytes:
    """Draw a half-filled square in the format the house publishes; each number has its own colour."""
    if house == "openmoji":
        shape = f'<rect width="36" height="72" fill="rgb({20 * number}, 90, 200)"/>'
        return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 72 72">{shape}</svg>'.encode()
    size = 256 if house == "fluent" else 64
    image = Image.new("RGBA", (size, size))
    image.paste((20 * number, 200, 90, 255), (0, 0, size // 2, size))
    written = io.BytesIO()
    image.save(written, "WEBP" if house == "fluent" else "PNG")
    return written.getvalue()


def labels(**other: str) -> dict[str, bytes]:
    """Return emojibase's files; `dog_zh="猫"` and the like replace one label."""

    def entry(code: str, label: str, order: int, group: int, tags: list[str]) -> dict[str, object]:
        return {
            "hexcode": code,
            "label": label,
            "order": order,
            "group": group,
            "subgroup": group,
            "tags": tags,
        }

    dark = {"hexcode": WAVE_DARK, "label": "waving hand: dark skin tone", "tone": 5}
    letter = {"hexcode": LETTER, "label": "regional indicator A"}
    english = [
        letter,
        entry(FLAG, "flag: France", 9, 9, ["FR"]),
        entry(DOG, "dog", 3, 3, ["animal", "pet"]),
        entry(CAT, "cat", 4, 3, ["animal"]),
        entry(ZERO, "keycap: 0", 7, 8, []),
        entry(WAVE, "waving hand", 1, 1, ["hello"]) | {"skins": [dark]},
        entry(LOST, "shaking face", 0, 0, []),
    ]
    chinese = [
        letter,
        entry(DOG, other.get("dog_zh", "狗"), 3, 3, ["动物", "宠物"]),
        entry(CAT, "猫", 4, 3, ["动物"]),
        entry(ZERO, "键帽：0", 7, 8, []),
        entry(FLAG, "旗：法国", 9, 9, ["法国"]),
        entry(WAVE, "挥手", 1, 1, ["你好"]),
        entry(LOST, "颤抖", 0, 0, []),
    ]
    names = {"0": "smileys", "1": "people-body", "3": "animals-nature", "8": "symbols", "9": "flags"}
    groups = {"groups": names, "subgroups": {number: f"some-{name}" for number, name in names.items()}}
    content = {"en/data.json": english, "zh/data.json": chinese, "meta/groups.json": groups}
    return {name: json.dumps(value).encode() for name, value in content.items()}


def write_tarball(folder: Path, package: str, version: str, files: dict[str, bytes]) -> None:
    path = folder / f"{package.removeprefix('@').replace('/', '-')}-{version}.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def test_building_keeps_what_all_houses_draw(tarballs: Path, tmp_path: Path) -> None:
    out = tmp_path / "set"
    assert build.main(["--packages", str(tarballs), "--out", str(out)]) == 0

    rows = read_table(out)
    kept = [WAVE, DOG, CAT, "0030-20E3", FLAG]  # in Unicode's order; no skin tone, letter or lost one
    for house in build.HOUSES:
        expected = [code for code in kept if house.flags or code != FLAG]
        assert [r["concept"] for r in rows if r["house"] == house.name] == expected
        for r in rows:
            if r["house"] == house.name:
                with Image.open(out / r["image"]) as image:
                    assert (image.mode, image.size) == ("RGBA", (house.size, house.size))
                    # The right half of every drawing is empty and must stay so.
                    assert image.getpixel((house.size - 4, 4))[3] == 0  # type: ignore[index]
                    assert image.getpixel((4, 4))[3] == 255  # type: ignore[index]
    assert rows[1] == {
        "id": "noto/1F415",
        "image": "images/noto/1F415.webp",
        "concept": DOG,
        "label_en": "dog",
        "label_zh": "狗",
        "tags_en": "animal, pet",
        "tags_zh": "动物、宠物",
        "group": "animals-nature",
        "subgroup": "some-animals-nature",
        "house": "noto",
        "split": "train",
    }
    assert list(rows[0]) == COLUMNS


def test_building_twice_gives_the_same_bytes_and_leaves_nothing_old(tarballs: Path, tmp_path: Path) -> None:
    out = tmp_path / "set"
    build.build(tarballs, out)
    first = checksums(out)
    (out / "images" / "noto" / "0041.webp").write_bytes(b"of an earlier build")
    build.build(tarballs, out)
    assert checksums(out) == first


def checksums(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_a_shared_label_stops_the_build(
    tarballs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_tarball(tarballs, *build.LABELS, files=labels(dog_zh="猫"))
    assert build.main(["--packages", str(tarballs), "--out", str(tmp_path / "set")]) == 1
    assert "label_zh '猫' stands for 2 concepts (1F415, 1F408)" in capsys.readouterr().err
    assert not (tmp_path / "set").exists()


def test_a_missing_package_is_named_with_the_command_that_gets_it(
    tarballs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tarballs / "lobehub-fluent-emoji-3d-1.1.0.tgz").unlink()
    assert build.main(["--packages", str(tarballs), "--out", str(tmp_path / "set")]) == 1
    assert "npm pack @lobehub/fluent-emoji-3d@1.1.0" in capsys.readouterr().err


def test_a_package_without_its_pictures_is_refused(tarballs: Path, tmp_path: Path) -> None:
    write_tarball(tarballs, "openmoji", "17.0.0", {"black/svg/1F415.svg": b"<svg/>"})
    with pytest.raises(build.BuildError, match=r"openmoji-17\.0\.0\.tgz has no files in color/svg"):
        build.build(tarballs, tmp_path / "set")
