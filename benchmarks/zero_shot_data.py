"""Pictures that no training has seen: Tux Paint's stamps with captions in English and Chinese.

The stamps are Debian's package `tuxpaint-stamps-default` (GPL-2), so they are fetched when the benchmark
runs and never lie in the repository. `prepare` makes a table that `autoglm add` takes:

    autoglm add stamps CACHE/stamps.csv --image image --text caption_en,caption_zh --id id

A stamp is a `.txt` file (first line: the English caption; `zh_CN.utf8=…`: the Chinese one) beside an
`.svg` or `.png` of the same name. Left out, in this order, each with its count:

1. stamps without a picture, and pictures that do not open;
2. twins of a picture of the training set, which would not be unseen;
3. copies of a stamp that has the same caption;
4. captions that several stamps share, which as queries have no single right answer. (A few Chinese
   captions stay shared where the English ones differ; rows of one caption are each a right answer.)

Two pictures are twins when, cropped to what is drawn and laid on white at 16 × 16, their mean squared
difference d is below .006 and below a tenth of what the paler one has on it:

    d(a, b) < min(.006, ink(a) / 10, ink(b) / 10),    ink(a) = mean (1 − a)²

Without the second bound everything pale is a twin of "white small square": of the 33 stamps that
d < .006 alone finds, none shows what its twin shows.
"""

from __future__ import annotations

import csv
import io
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.debian import fetch, unpack

PACKAGE = "tuxpaint-stamps-default"
STAMPS_FOLDER = Path("usr/share/tuxpaint/stamps")
CHINESE = "zh_CN.utf8="
EDGE = 128
"""Longer side of the pictures that are written; no small model looks at more."""
SIGNATURE = 16 * 16 * 3
TWIN_DIFFERENCE = 0.006
TWIN_SHARE_OF_INK = 0.1

NO_PICTURE = "no picture"
NO_CAPTION = "no caption"
BROKEN = "the picture does not open"
TRAINED = "twin of a training picture"
COPY = "copy of a stamp with the same caption"
SHARED = "caption shared with another stamp"


@dataclass(frozen=True)
class Stamps:
    """The table as written, and what was left out of it."""

    table: Path
    rows: int
    chinese: int
    """Rows that have a Chinese caption too."""
    dropped: dict[str, int]
    """How many stamps were left out for each reason, none or more."""


@dataclass(frozen=True)
class Stamp:
    """One captioned drawing."""

    id: str
    caption_en: str
    caption_zh: str
    image: Image.Image = field(repr=False)


def prepare(cache: Path, trained_on: Path) -> Stamps:
    """Fetch the stamps into `cache`, unless they are there, and write the table beside them.

    Args:
        cache: a folder outside the repository's tracked files.
        trained_on: the training set's table; its column `image` is relative to it.

    Raises:
        PackageError: if the package can be neither found in `cache` nor downloaded or unpacked.
    """
    with tempfile.TemporaryDirectory() as folder:
        unpack(fetch(PACKAGE, cache), Path(folder))
        return make_table(Path(folder) / STAMPS_FOLDER, cache, trained_on)


def make_table(tree: Path, out: Path, trained_on: Path) -> Stamps:
    """Write `out`/stamps.csv and its pictures from the stamps under `tree`."""
    dropped = Counter(dict.fromkeys((NO_PICTURE, NO_CAPTION, BROKEN, TRAINED, COPY, SHARED), 0))
    stamps = list(read_stamps(tree, dropped))
    stamps = without_trained(stamps, trained_on, dropped)
    stamps = without_copies(stamps, dropped)
    stamps = with_own_caption(stamps, dropped)

    shutil.rmtree(out / "stamps", ignore_errors=True)
    with (out / "stamps.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["id", "image", "caption_en", "caption_zh"])
        for stamp in stamps:
            path = out / "stamps" / f"{stamp.id}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            stamp.image.save(path)
            writer.writerow([stamp.id, path.relative_to(out), stamp.caption_en, stamp.caption_zh])
    return Stamps(
        table=out / "stamps.csv",
        rows=len(stamps),
        chinese=sum(bool(stamp.caption_zh) for stamp in stamps),
        dropped=dict(dropped),
    )


def read_stamps(tree: Path, dropped: Counter[str]) -> Iterator[Stamp]:
    """Yield the stamps that have a caption and a picture that opens, by path."""
    for text in sorted(tree.rglob("*.txt")):
        pictures = [path for path in (text.with_suffix(".svg"), text.with_suffix(".png")) if path.is_file()]
        lines = text.read_text(encoding="utf-8-sig").splitlines()
        if not pictures:
            dropped[NO_PICTURE] += 1
        elif not lines or not lines[0].strip():
            dropped[NO_CAPTION] += 1
        elif (image := open_first(pictures)) is None:
            dropped[BROKEN] += 1
        else:
            chinese = (line.removeprefix(CHINESE).strip() for line in lines if line.startswith(CHINESE))
            name = text.relative_to(tree).with_suffix("").as_posix()
            yield Stamp(id=name, caption_en=lines[0].strip(), caption_zh=next(chinese, ""), image=image)


def open_first(pictures: Sequence[Path]) -> Image.Image | None:
    """Open the first picture that can be opened, at most `EDGE` wide and high."""
    import cairosvg

    for path in pictures:
        content = path.read_bytes()
        try:
            if path.suffix == ".svg":
                content = cairosvg.svg2png(bytestring=content, output_height=EDGE)
            image = Image.open(io.BytesIO(content)).convert("RGBA")
        # An SVG fails in as many ways as XML, CSS and cairo know; each means the same here.
        except Exception:
            continue
        image.thumbnail((EDGE, EDGE), Image.Resampling.LANCZOS)
        return image
    return None


def without_trained(stamps: Sequence[Stamp], trained_on: Path, dropped: Counter[str]) -> list[Stamp]:
    """Leave out twins of the training set's pictures."""
    with trained_on.open(encoding="utf-8", newline="") as file:
        paths = [trained_on.parent / row["image"] for row in csv.DictReader(file)]
    seen = np.stack([signature(Image.open(path)) for path in paths])
    twin = are_twins(signatures(stamps), seen).any(axis=1)
    dropped[TRAINED] += int(twin.sum())
    return [stamps[place] for place in np.flatnonzero(~twin).tolist()]


def without_copies(stamps: Sequence[Stamp], dropped: Counter[str]) -> list[Stamp]:
    """Of stamps that look and are called the same keep the first."""
    drawn = signatures(stamps)
    kept: list[int] = []
    for place, stamp in enumerate(stamps):
        namesakes = [k for k in kept if stamps[k].caption_en == stamp.caption_en]
        if are_twins(drawn[[place]], drawn[namesakes]).any():
            dropped[COPY] += 1
        else:
            kept.append(place)
    return [stamps[place] for place in kept]


def with_own_caption(stamps: Sequence[Stamp], dropped: Counter[str]) -> list[Stamp]:
    """Leave out stamps whose English caption belongs to others too."""
    times = Counter(stamp.caption_en for stamp in stamps)
    kept = [stamp for stamp in stamps if times[stamp.caption_en] == 1]
    dropped[SHARED] += len(stamps) - len(kept)
    return kept


def signatures(stamps: Sequence[Stamp]) -> NDArray[np.float64]:
    """Stack the stamps' signatures: (N, 768)."""
    return np.array([signature(stamp.image) for stamp in stamps]).reshape(len(stamps), SIGNATURE)


def signature(image: Image.Image) -> NDArray[np.float64]:
    """Return what is drawn, without its margin, on a white square at 16 × 16: (768,), 0 to 1."""
    image = image.convert("RGBA")
    # Faint shadows do not count as drawn: they would make the crop differ between twins.
    drawn = image.getchannel("A").point(lambda alpha: 255 * (alpha > 16)).getbbox()
    image = image.crop(drawn)
    edge = max(image.size)
    square = Image.new("RGBA", (edge, edge), "white")
    square.alpha_composite(image, ((edge - image.width) // 2, (edge - image.height) // 2))
    small = square.convert("RGB").resize((16, 16), Image.Resampling.BOX)
    return np.asarray(small, dtype=np.float64).ravel() / 255


def are_twins(left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which signatures `left` (M, 768) are twins of which `right` (N, 768): (M, N)."""
    # |a − b|² = |a|² + |b|² − 2ab: one product of matrices instead of an (M, N, 768) difference.
    squares = (left**2).sum(axis=1)[:, None] + (right**2).sum(axis=1) - 2 * left @ right.T
    paler = np.minimum(((1 - left) ** 2).mean(axis=1)[:, None], ((1 - right) ** 2).mean(axis=1))
    return squares / SIGNATURE < np.minimum(TWIN_DIFFERENCE, TWIN_SHARE_OF_INK * paler)
