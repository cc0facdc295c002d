"""The pictograms as a table: picture + tags + columns of emojibase → the group that Unicode puts them in.

    python -m benchmarks.pictogram_columns      builds runs/pictogram-columns/, prints the summary

Pictures, tags and groups are those of `examples/pictograms/` (its PROVENANCE.md says from where); one row a
picture, so three or four a concept. The columns come from emojibase's own table, fetched as an npm package:

    version         of Emoji that brought it in
    tags, tags_zh   how many keywords it has, in English and in Chinese
    label_words, label_letters      length of its English name; the name itself is no field of the benchmark
    code_points     how many it is written with
    skins           how many skin tones it can have
    emoticons       how many, like :-), stand for it; nearly always none
    gender          of the person that is shown, where told
    joined          whether it is put together of others (zero-width joiner)
    style           whether it is shown as text or picture when nobody asks

What orders pictograms by group is left out: `order`, `subgroup`, and the hexcode itself, whose values go by
blocks. The tags of flags all have "flag" among them; `naming` in the summary says how common that is.

Splits are by concept, where persons, women and men who do the same are one, and concepts that a house draws
alike (unlikeness ≤ 0.6, `catalog/copies.py`: clock faces, some flags) are one.
"""

from __future__ import annotations

import csv
import shutil
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from examples.pictograms import build
from PIL import Image

from benchmarks import grouped_splits
from benchmarks.debian import PackageError, digest
from benchmarks.figures import RUNS
from benchmarks.fusion_data import Fields, FusionData, Summary, key_of, once, write_table
from benchmarks.grouped_splits import near_copies, split_groups
from openautoglm.catalog.copies import SURE
from openautoglm.catalog.hashing import content_hash
from openautoglm.catalog.images import decode_image
from openautoglm.catalog.look import look_at
from openautoglm.catalog.splits import Clusters

FIELDS = Fields(
    texts=("tags",),
    numbers=(
        "version",
        "tags_en",
        "tags_zh",
        "label_words",
        "label_letters",
        "code_points",
        "skins",
        "emoticons",
    ),
    words=("gender", "joined", "style"),
)
LEAST = 30
RARE = "of a group of few concepts"
UNKNOWN = "not in emojibase"

_JOINER = "200D"
_GENDERS = {"2640", "2642"}
_PEOPLE = {"1F468", "1F469", "1F9D1"}
_SIDE = 96


def prepare(
    packages: Path = RUNS / "packages",
    out: Path = RUNS / "pictogram-columns",
    seed: int = 0,
    table: Path = build.HERE / "pictograms.csv",
) -> FusionData:
    """Fetch emojibase into `packages` and build the table in `out`, each unless it is there.

    Raises:
        PackageError: if emojibase can be neither found nor downloaded.
    """
    labels = fetch(packages)
    inputs = [labels, table, Path(__file__), Path(build.__file__), Path(str(grouped_splits.__file__))]

    def make(folder: Path) -> Summary:
        summary = make_table(table, labels, folder, seed)
        (folder / "PROVENANCE.md").write_text(provenance(labels, summary), encoding="utf-8")
        return summary

    return once(out, key_of(inputs, seed), FIELDS, make)


def fetch(packages: Path) -> Path:
    """Return emojibase's tarball in `packages`, fetched by npm when it is not there."""
    packages.mkdir(parents=True, exist_ok=True)
    try:
        return build.tarball(packages, *build.LABELS)
    except build.BuildError as missing:
        try:
            build.pack(packages, [build.LABELS])
            return build.tarball(packages, *build.LABELS)
        except build.BuildError as error:
            raise PackageError(f"{missing}: npm could not fetch it ({error})") from error


def make_table(table: Path, labels: Path, out: Path, seed: int) -> Summary:
    """Write data.csv and images/ into `out`, from the pictograms' table and emojibase's tarball."""
    facts = read_facts(labels)
    with table.open(encoding="utf-8", newline="") as file:
        pictures = list(csv.DictReader(file))
    dropped = Counter({UNKNOWN: sum(row["concept"] not in facts for row in pictures), RARE: 0})
    pictures = [row for row in pictures if row["concept"] in facts]
    concepts: defaultdict[str, set[str]] = defaultdict(set)
    for row in pictures:
        concepts[row["group"]].add(row["concept"])
    kept = [row for row in pictures if len(concepts[row["group"]]) >= LEAST]
    dropped[RARE] = len(pictures) - len(kept)
    groups = groups_of(kept, table.parent)
    splits = split_groups(groups, [row["group"] for row in kept], seed)
    rows = []
    for row, split, group in zip(kept, splits, groups, strict=True):
        # Neither a name nor an order of names may tell the group, which hexcodes nearly do.
        key = content_hash(row["id"].encode())[:12]
        image = f"images/{key}.webp"
        shutil.copyfile(table.parent / row["image"], out / image)
        entry = {"id": key, "image": image, "tags": row["tags_en"], "category": row["group"]}
        rows.append(entry | facts[row["concept"]] | {"house": row["house"], "split": split, "group": group})
    return write_table(rows, FIELDS, dropped, out)


def read_facts(labels: Path) -> dict[str, dict[str, str]]:
    """The columns of each concept, from emojibase's tables in English and Chinese."""
    english, chinese = (build.read_json(labels, language, "data.json") for language in ("en", "zh"))
    translated = {entry["hexcode"]: entry for entry in chinese}
    return {
        build.normal(entry["hexcode"]): columns_of(entry, translated.get(entry["hexcode"], {}))
        for entry in english
    }


def columns_of(entry: Mapping[str, Any], chinese: Mapping[str, Any]) -> dict[str, str]:
    """Columns of one entry of emojibase, as the table has them.

    >>> runner = {"hexcode": "1F3C3-200D-2642-FE0F", "label": "man running", "version": 4, "gender": 1}
    >>> list(columns_of(runner, {}).values())
    ['4', '0', '0', '2', '11', '4', '0', '0', 'male', 'yes', 'text']
    """
    emoticons = entry.get("emoticon", [])
    columns = {
        "version": entry["version"],
        "tags_en": len(entry.get("tags", [])),
        "tags_zh": len(chinese.get("tags", [])),
        "label_words": len(entry["label"].split()),
        "label_letters": len(entry["label"]),
        "code_points": len(entry["hexcode"].split("-")),
        "skins": len(entry.get("skins", [])),
        "emoticons": 1 if isinstance(emoticons, str) else len(emoticons),
        "gender": {0: "female", 1: "male"}.get(entry.get("gender", -1), ""),
        "joined": "yes" if _JOINER in entry["hexcode"].split("-") else "no",
        "style": "picture" if entry.get("type") else "text",
    }
    return {name: str(value) for name, value in columns.items()}


def groups_of(rows: list[dict[str, str]], folder: Path) -> list[str]:
    """Name each picture's group: what has one split with it."""
    clusters = Clusters()
    for row in rows:
        clusters.add([f"concept {row['concept']}", f"shows {shown(row['concept'])}"])
    for house in {row["house"]: None for row in rows}:
        drawn = [row for row in rows if row["house"] == house]
        looks = []
        for row in drawn:
            image = decode_image(folder / row["image"])
            image.thumbnail((_SIDE, _SIDE), Image.Resampling.LANCZOS)
            looks.append(look_at(image))
        for one, other, _ in near_copies(looks, SURE):
            clusters.add([f"concept {drawn[place]['concept']}" for place in (one, other)])
    return [clusters.find(f"concept {row['concept']}")[0] for row in rows]


def shown(concept: str) -> str:
    """Name what is shown, whoever does it.

    >>> shown("1F3C3-200D-2642") == shown("1F3C3"), shown("1F469-200D-2695") == shown("1F9D1-200D-2695")
    (True, True)
    """
    parts = [part for part in concept.split("-") if part not in _GENDERS]
    parts = ["1F9D1" if part in _PEOPLE else part for part in parts]
    return "-".join(parts).strip("-").removesuffix(f"-{_JOINER}")


def provenance(labels: Path, summary: Summary) -> str:
    """Tell what the set is made of."""
    return (
        f"# Provenance\n\nWritten by `benchmarks/pictogram_columns.py`; do not edit.\n\n"
        f"Pictures, tags and groups: `examples/pictograms/`, whose PROVENANCE.md names the houses and their\n"
        f"licences (OpenMoji's is share-alike, CC BY-SA 4.0). Columns: {' '.join(build.LABELS)} (MIT),\n"
        f"`{labels.name}` ({digest(labels)}).\n\n```\n{summary}\n```\n"
    )


def main() -> None:
    """Build the set, or find it built, and print its summary."""
    try:
        data = prepare()
    except PackageError as error:
        sys.exit(str(error))
    print(data.summary)
    print(data.table)


if __name__ == "__main__":
    main()
