"""Build the pictogram set: the same concepts drawn by four houses, labelled in two languages.

    python examples/pictograms/build.py                     # npm pack of the pinned versions
    python examples/pictograms/build.py --packages FOLDER   # tarballs that are already at hand

What it makes, beside this file or under `--out`:

    pictograms.csv                      one row per picture, the table that `autoglm add` takes
    images/HOUSE/HEX.webp               Noto, Twemoji (64 px), Fluent 3D (96 px)
    images-cc-by-sa/openmoji/HEX.webp   OpenMoji (96 px), apart because its licence is share-alike
    PROVENANCE.md                       packages, checksums, counts, sizes, licences

A concept is a Unicode hexcode without the presentation selector FE0F. It is kept when all four
houses draw it and emojibase labels it in English and Chinese; skin tones are variants of a concept
and are left out. Fluent's flags are left out too: that package draws them as Noto does, so that they
would not be an unseen style. The same tarballs, Pillow and cairosvg give the same bytes.

Needs: Pillow; cairosvg (only here, for OpenMoji's SVG); npm, unless `--packages` is given.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import metadata
from itertools import repeat
from pathlib import Path, PurePosixPath
from typing import Any

import PIL
from PIL import Image, features

HERE = Path(__file__).resolve().parent
LABELS = ("emojibase-data", "17.0.0")
"""Package and version of the labels, tags and groups."""
FLAGS = "flags"
WEBP_QUALITY = 85
WEBP_METHOD = 6
"""libwebp's most thorough search: 2 % smaller than its usual one, for which a build takes minutes."""


class BuildError(ValueError):
    """A package is missing or does not hold what the set is made of."""


@dataclass(frozen=True)
class House:
    """One drawing style and where its pictures lie in its npm package."""

    name: str
    package: str
    version: str
    pictures: str
    """Folder of the package that holds one file per hexcode."""
    size: int
    """Edge of the square pictures that are written."""
    split: str
    licence: str
    credit: str
    """Who drew it, as its licence asks to be told."""
    flags: bool = True
    images: str = "images"

    def path(self, concept: str) -> str:
        """Where the picture of `concept` lies, relative to the table."""
        return f"{self.images}/{self.name}/{concept}.webp"


HOUSES = (
    House(
        name="noto",
        package="emoji-datasource-google",
        version="16.0.0",
        pictures="img/google/64",
        size=64,
        split="train",
        licence="Apache-2.0",
        credit="Noto Emoji, Google",
    ),
    House(
        name="twemoji",
        package="emoji-datasource-twitter",
        version="16.0.0",
        pictures="img/twitter/64",
        size=64,
        split="train",
        licence="CC-BY-4.0",
        credit="Twemoji, Twitter, Inc and other contributors",
    ),
    House(
        name="openmoji",
        package="openmoji",
        version="17.0.0",
        pictures="color/svg",
        size=96,
        split="train",
        licence="CC-BY-SA-4.0",
        credit="OpenMoji, the open-source emoji and icon project (openmoji.org)",
        images="images-cc-by-sa",
    ),
    House(
        name="fluent",
        package="@lobehub/fluent-emoji-3d",
        version="1.1.0",
        pictures="assets",
        size=96,
        split="test",
        licence="MIT",
        credit="Fluent Emoji, Microsoft Corporation",
        flags=False,
    ),
)


@dataclass(frozen=True)
class Concept:
    """What is drawn, in words."""

    hexcode: str
    group: str
    subgroup: str
    label: Mapping[str, str]
    tags: Mapping[str, str]


def main(arguments: Sequence[str] | None = None) -> int:
    """Build from the command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="Build the pictogram set from public npm packages.")
    parser.add_argument("--packages", type=Path, help="folder of tarballs as `npm pack` names them")
    parser.add_argument("--out", type=Path, default=HERE, help="where the set is written (default: here)")
    options = parser.parse_args(arguments)
    try:
        if options.packages:
            rows = build(options.packages, options.out)
        else:
            with tempfile.TemporaryDirectory() as folder:
                pack(Path(folder), packages())
                rows = build(Path(folder), options.out)
    except BuildError as error:
        print(f"build.py: {error}", file=sys.stderr)
        return 1
    print(f"{len(rows):,} pictures of {len({row['concept'] for row in rows}):,} concepts in {options.out}")
    return 0


def pack(folder: Path, wanted: Sequence[tuple[str, str]]) -> None:
    """Fetch packages, by name and version, into `folder` with npm's own client."""
    names = [f"{name}@{version}" for name, version in wanted]
    if shutil.which("npm") is None:
        raise BuildError(f"npm is missing; pass --packages FOLDER with the tarballs of {', '.join(names)}")
    done = subprocess.run(["npm", "pack", "--silent", *names], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise BuildError(f"npm pack failed; pass --packages FOLDER instead. It said: {done.stderr.strip()}")


def packages() -> list[tuple[str, str]]:
    """Name and version of every package the set is made of."""
    return [(house.package, house.version) for house in HOUSES] + [LABELS]


def build(tarballs: Path, out: Path) -> list[dict[str, str]]:
    """Write the whole set under `out` and return the rows of its table."""
    concepts = read_concepts(tarball(tarballs, *LABELS))
    drawn = {house: read_pictures(tarball(tarballs, house.package, house.version), house) for house in HOUSES}
    concepts = [concept for concept in concepts if all(concept.hexcode in of for of in drawn.values())]
    require_unique_labels(concepts)

    rows = []
    for house in HOUSES:
        # Pictures of an earlier build that the table no longer names must not stay behind.
        shutil.rmtree(out / house.images / house.name, ignore_errors=True)
        (out / house.images / house.name).mkdir(parents=True)
        kept = [concept for concept in concepts if house.flags or concept.group != FLAGS]
        # Threads suffice: Pillow lets go of the interpreter while libwebp searches.
        with ThreadPoolExecutor() as pool:
            pictures = pool.map(render, (drawn[house][c.hexcode] for c in kept), repeat(house.size))
            for concept, picture in zip(kept, pictures, strict=True):
                (out / house.path(concept.hexcode)).write_bytes(picture)
        rows += [row(concept, house) for concept in kept]
    write_table(rows, out / "pictograms.csv")
    (out / "PROVENANCE.md").write_text(provenance(rows, tarballs, out), encoding="utf-8")
    return rows


def tarball(folder: Path, package: str, version: str) -> Path:
    """Find the file that `npm pack` makes of a package."""
    path = folder / f"{package.lstrip('@').replace('/', '-')}-{version}.tgz"
    if not path.is_file():
        raise BuildError(f"{path} is missing; run `npm pack {package}@{version}` in {folder}")
    return path


def members(path: Path, folder: str) -> Iterator[tuple[PurePosixPath, bytes]]:
    """Files right under `folder` of an npm tarball, with their content, in the archive's order."""
    with tarfile.open(path) as archive:
        for member in archive:
            name = PurePosixPath(member.name)
            if member.isfile() and name.parent == PurePosixPath("package", folder):
                content = archive.extractfile(member)
                if content is not None:
                    yield name, content.read()


def normal(hexcode: str) -> str:
    """One spelling for all houses: upper case, four digits or more, without FE0F.

    >>> normal("23-fe0f-20e3")
    '0023-20E3'
    """
    return "-".join(part.zfill(4) for part in hexcode.upper().split("-") if part != "FE0F")


def read_concepts(path: Path) -> list[Concept]:
    """Labelled concepts in Unicode's order; those without a group are parts, not pictograms."""
    names = read_json(path, "meta", "groups.json")
    english, chinese = (read_json(path, language, "data.json") for language in ("en", "zh"))
    translated = {entry["hexcode"]: entry for entry in chinese}
    return [
        Concept(
            hexcode=normal(entry["hexcode"]),
            group=names["groups"][str(entry["group"])],
            subgroup=names["subgroups"][str(entry["subgroup"])],
            label={"en": entry["label"], "zh": translated[entry["hexcode"]]["label"]},
            tags={
                "en": ", ".join(entry.get("tags", [])),
                "zh": "、".join(translated[entry["hexcode"]].get("tags", [])),
            },
        )
        for entry in sorted(english, key=lambda entry: entry.get("order", 0))
        if "group" in entry and entry["hexcode"] in translated
    ]


def read_json(path: Path, folder: str, file: str) -> Any:
    """Parse one JSON file of a package."""
    for name, content in members(path, folder):
        if name.name == file:
            return json.loads(content)
    raise BuildError(f"{path.name} has no {folder}/{file}; is it the pinned version?")


def read_pictures(path: Path, house: House) -> dict[str, bytes]:
    """File contents by concept, as the house published them."""
    pictures = {normal(name.stem): content for name, content in members(path, house.pictures)}
    if not pictures:
        raise BuildError(f"{path.name} has no files in {house.pictures}; is it the pinned version?")
    return pictures


def render(picture: bytes, size: int) -> bytes:
    """One published picture (PNG, WebP or SVG) as a square RGBA WebP of the wanted size."""
    if picture.lstrip().startswith(b"<"):
        import cairosvg

        picture = cairosvg.svg2png(bytestring=picture, output_width=size, output_height=size)
    image = Image.open(io.BytesIO(picture)).convert("RGBA")
    if image.size != (size, size):
        image = image.resize((size, size), Image.Resampling.LANCZOS)
    written = io.BytesIO()
    image.save(written, "WEBP", quality=WEBP_QUALITY, method=WEBP_METHOD)
    return written.getvalue()


def require_unique_labels(concepts: Sequence[Concept]) -> None:
    """Refuse labels that two concepts share: a label is a query with one right answer per house."""
    for language in ("en", "zh"):
        for label, times in Counter(concept.label[language] for concept in concepts).items():
            if times > 1:
                same = ", ".join(c.hexcode for c in concepts if c.label[language] == label)
                raise BuildError(f"label_{language} {label!r} stands for {times} concepts ({same})")


def row(concept: Concept, house: House) -> dict[str, str]:
    """One line of the table: `concept` as `house` drew it."""
    return {
        "id": f"{house.name}/{concept.hexcode}",
        "image": house.path(concept.hexcode),
        "concept": concept.hexcode,
        "label_en": concept.label["en"],
        "label_zh": concept.label["zh"],
        "tags_en": concept.tags["en"],
        "tags_zh": concept.tags["zh"],
        "group": concept.group,
        "subgroup": concept.subgroup,
        "house": house.name,
        "split": house.split,
    }


def write_table(rows: Sequence[Mapping[str, str]], path: Path) -> None:
    """Write the rows as UTF-8 CSV, in their order."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def provenance(rows: Sequence[Mapping[str, str]], tarballs: Path, out: Path) -> str:
    """Tell what is in the set, from where, under which licence; no date, so that builds stay equal."""
    lines = []
    for house in HOUSES:
        files = [out / entry["image"] for entry in rows if entry["house"] == house.name]
        cells = [house.name, f"{house.package} {house.version}", house.licence, house.credit, house.split]
        cells += [f"{house.size} px", f"{len(files):,}", f"{sum(file.stat().st_size for file in files):,}"]
        lines.append(f"| {' | '.join(cells)} |")
    checksums = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}"
        for path in (tarball(tarballs, *package) for package in packages())
    ]
    concepts = {entry["concept"]: entry["group"] for entry in rows}
    return PROVENANCE.format(
        concepts=len(concepts),
        without_flags=sum(group != FLAGS for group in concepts.values()),
        lines="\n".join(lines),
        checksums="\n".join(checksums),
        labels=" ".join(LABELS),
        quality=WEBP_QUALITY,
        pillow=PIL.__version__,
        webp=features.version("webp"),
        cairosvg=metadata.version("cairosvg"),
    )


PROVENANCE = """# Provenance

Written by `build.py`; do not edit. {concepts:,} concepts in four houses, {without_flags:,} without flags.

| House | Package | Licence | Credit | Split | Edge | Pictures | Bytes |
|---|---|---|---|---|--:|--:|--:|
{lines}

Labels, tags and groups: {labels} (MIT), which compiles them from Unicode's CLDR.

The full texts are in `licences/`, that of the share-alike house in `images-cc-by-sa/LICENSE.txt`, so
that a copy without the folder `images-cc-by-sa/` (and without the rows of the house `openmoji`)
carries no share-alike duty.

## What was done to the pictures

- Noto and Twemoji: the package's 64-px PNG, unchanged in size.
- OpenMoji: the package's colour SVG, drawn by cairosvg {cairosvg} on a transparent 96-px square.
- Fluent 3D: the package's 256-px WebP, made smaller to 96 px (Lanczos). Its flags are left out,
  because they look like Noto's.
- All: RGBA, written as WebP of quality {quality} by Pillow {pillow} with libwebp {webp}; other
  versions of these tools may give other bytes.
- Left out everywhere: skin tones, and concepts that one of the houses does not draw.

## Checksums (SHA-256) of the packages, as the npm registry serves them

```
{checksums}
```
"""


if __name__ == "__main__":
    sys.exit(main())
