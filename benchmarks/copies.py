"""make bench-copies: which distorted copies the catalogue finds, and what it takes for a copy that is none.

Into one catalogue go the originals, all of them, and copies of some, each distorted in one of fifteen ways.
A copy is *found* when it lies in one cluster with its original. The clusters' *precision* is the share of
originals beside a copy that are its own or drawn alike to the pixel (a house often draws two concepts alike).

Pictograms are the hard case: 64 or 96 pixels, and a house draws its 200 people alike. Tux Paint stamps are
photographs and drawings of things.
"""

from __future__ import annotations

import csv
import io
import random
import shutil
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from examples.pictograms.demo import HERE
from PIL import Image, ImageEnhance

from benchmarks.debian import PackageError
from benchmarks.figures import RUNS, figure, write
from benchmarks.zero_shot_data import prepare
from openautoglm.catalog.catalog import Catalog
from openautoglm.catalog.look import look_at

COPIED = 600
ALIKE = 2.0
"""Root mean square difference of two thumbnails below which they show the same drawing."""

Distortion = Callable[[Image.Image, random.Random], Image.Image]


def main() -> None:
    """Measure both sets and write the figures."""
    quick = "--quick" in sys.argv[1:]
    rows = [measure("pictograms", pictograms(), 40 if quick else COPIED, limit=200 if quick else None)]
    try:
        stamps = prepare(RUNS / "stamps", HERE / "pictograms.csv").table
        rows.append(measure("stamps", listed(stamps), 40 if quick else COPIED, limit=200 if quick else None))
    except PackageError as error:
        print(f"without the stamps: {error}")
    figures = {}
    for row in rows:
        for key in ("recall", "precision"):
            note = f"{row['originals']:,} originals, {row['copies']:,} copies"
            figures[f"{key}_{row['set']}"] = figure(row[key], "fraction", note=note)
    write("copies", figures, rows, quick=quick)


def measure(
    name: str, originals: Iterator[tuple[str, Path]], copied: int, *, limit: int | None
) -> dict[str, Any]:
    """Add originals and copies to a new catalogue; count what its clusters hold."""
    folder = RUNS / "copies" / name
    shutil.rmtree(folder, ignore_errors=True)
    shop = Catalog(folder / "shop", create=True)
    dice = random.Random(0)
    pictures = list(originals)[:limit]
    names: dict[str, str] = {}
    for number, (_, path) in enumerate(pictures):
        names[f"pictures/{number}.webp"] = str(number)
        _save(on_white(path), folder / "pictures" / f"{number}.webp")
    copies: dict[str, tuple[str, str]] = {}
    for place, number in enumerate(dice.sample(range(len(pictures)), min(copied, len(pictures)))):
        kind = sorted(DISTORTIONS)[place % len(DISTORTIONS)]
        _save(
            DISTORTIONS[kind](on_white(pictures[number][1]), dice),
            folder / "pictures" / f"{number} {kind}.webp",
        )
        copies[f"pictures/{number} {kind}.webp"] = (f"pictures/{number}.webp", kind)
    began = time.monotonic()
    print(shop.add(folder / "pictures"))
    seconds = time.monotonic() - began
    clusters = defaultdict(list)
    for row in shop.read(["id", "_near"], where="_near IS NOT NULL").to_pylist():
        clusters[row["_near"]].append(row["id"])
    beside = {key: group for group in clusters.values() for key in group}
    thumbnails = {
        key: _thumbnail(folder / key) for group in clusters.values() for key in group if key in names
    }
    found: dict[str, list[bool]] = defaultdict(list)
    right = wrong = 0
    for key, (original, kind) in copies.items():
        group = beside.get(key, ())
        found[kind].append(original in group)
        for other in (one for one in group if one in names):
            same = other == original or _apart(thumbnails[other], _thumbnail(folder / original)) < ALIKE
            right, wrong = right + same, wrong + (not same)
    everything = [one for kind in found.values() for one in kind]
    return {
        "set": name,
        "originals": len(pictures),
        "copies": len(copies),
        "recall": float(np.mean(everything)),
        "precision": right / max(1, right + wrong),
        "by_distortion": {kind: round(float(np.mean(hits)), 3) for kind, hits in sorted(found.items())},
        "seconds": round(seconds, 1),
    }


def pictograms() -> Iterator[tuple[str, Path]]:
    """Name and file of each pictogram."""
    return listed(HERE / "pictograms.csv")


def listed(table: Path) -> Iterator[tuple[str, Path]]:
    """Name and file of each row of a table with a column `image`."""
    with table.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            yield row["image"], table.parent / row["image"]


def on_white(path: Path) -> Image.Image:
    """Open a picture as it is seen on a white page."""
    image = Image.open(path).convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


def _save(image: Image.Image, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, lossless=True, method=0)


def _thumbnail(path: Path) -> np.ndarray[Any, Any]:
    return look_at(on_white(path)).thumbnail.astype(np.float32)


def _apart(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> float:
    return float(np.sqrt(np.square(one - other).mean()))


def _resized(image: Image.Image, by: float) -> Image.Image:
    width, height = (max(8, round(edge * by)) for edge in image.size)
    return image.resize((width, height), Image.Resampling.LANCZOS)


def _jpeg(image: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


def _cropped(image: Image.Image, share: float, dice: random.Random) -> Image.Image:
    width, height = image.size
    left, right, top, bottom = (share * dice.random() for _ in range(4))
    return image.crop(
        (round(left * width), round(top * height), round((1 - right) * width), round((1 - bottom) * height))
    )


DISTORTIONS: dict[str, Distortion] = {
    "half the size": lambda image, _: _resized(image, 0.5),
    "0.77 of the size": lambda image, _: _resized(image, 0.77),
    "twice the size": lambda image, _: _resized(image, 2),
    "JPEG 75": lambda image, _: _jpeg(image, 75),
    "JPEG 30": lambda image, _: _jpeg(image, 30),
    "cropped by up to 3 % an edge": lambda image, dice: _cropped(image, 0.03, dice),
    "cropped by up to 6 % an edge": lambda image, dice: _cropped(image, 0.06, dice),
    "20 % brighter": lambda image, _: ImageEnhance.Brightness(image).enhance(1.2),
    "20 % darker": lambda image, _: ImageEnhance.Brightness(image).enhance(0.8),
    "20 % more contrast": lambda image, _: ImageEnhance.Contrast(image).enhance(1.2),
    "20 % less contrast": lambda image, _: ImageEnhance.Contrast(image).enhance(0.8),
    "25 % less colour": lambda image, _: ImageEnhance.Color(image).enhance(0.75),
    "gamma 0.8": lambda image, _: image.point(
        [round(255 * (value / 255) ** 0.8) for value in range(256)] * 3
    ),
    "cropped 3 %, 0.6 of the size, JPEG 60": lambda image, dice: _jpeg(
        _resized(_cropped(image, 0.03, dice), 0.6), 60
    ),
    "cropped 3 %, 10 % brighter, 0.7 of the size, JPEG 70": lambda image, dice: _jpeg(
        _resized(ImageEnhance.Brightness(_cropped(image, 0.03, dice)).enhance(1.1), 0.7), 70
    ),
}


if __name__ == "__main__":
    main()
