"""Open Clip Art as a table: drawing + title + columns of the SVG → the folder that librarians put it in.

    python -m benchmarks.clipart        fetches, builds runs/clipart/, prints the summary

The drawings are Debian's package `openclipart-svg` (public domain), so they are fetched when the benchmark
runs and never lie in the repository. The category is the top folder. Left out, in this order, each counted:

1. links (the categories that they stand in are kept in mind), and drawings in `unsorted`, which is none;
2. drawings that cannot be read or drawn, that show nothing, or that say another licence;
3. drawings that stand in two categories, by a link or as copies (unlikeness ≤ 0.6, `catalog/copies.py`);
4. copies of another drawing, the first by path is kept;
5. of a series of more than 25 all but 25, evenly chosen (one program made 1,375 stars);
6. categories of fewer than 30 drawings.

A *series* has one author (one folder where none is known) and names that are equal but for their numbers,
as `arrow08_4` and `arrow08_5`.

Splits are by group: what is much alike (unlikeness ≤ 0.8), of one series, or of one author has one split. The
exception are authors of more than 2 % of the drawings, whose works are grouped by likeness and series only:
kept whole, a few icon sets would be most of a split.

The picture is the drawing cropped to what is drawn, at most 96 px, transparent where nothing is. The text is
the title as given (`dc:title`) or, where more than two drawings have that title, so that it names a
collection, the words of the file's name without its author's. `sources.csv` says for each id where the
package has it and who drew it; that is for people, since the folder is the category.
"""

from __future__ import annotations

import csv
import io
import re
import sys
import tempfile
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from itertools import pairwise
from pathlib import Path

from PIL import Image

from benchmarks import debian, drawing, grouped_splits
from benchmarks.drawing import BrokenDrawing, Drawing, read_drawing
from benchmarks.figures import RUNS
from benchmarks.fusion_data import Fields, FusionData, Summary, key_of, once, write_table
from benchmarks.grouped_splits import near_copies, split_groups
from openautoglm.catalog.copies import DOUBTFUL, SURE
from openautoglm.catalog.hashing import content_hash
from openautoglm.catalog.look import Look, look_at
from openautoglm.catalog.splits import Clusters
from openautoglm.catalog.svg import packaged_font
from openautoglm.catalog.svg_child import Refused, draw

PACKAGE = "openclipart-svg"
LIBRARY = Path("usr/share/openclipart/svg")
UNSORTED = "unsorted"
FIELDS = Fields(texts=("title",), numbers=(*drawing.NUMBERS, "covered"), words=drawing.WORDS)
SIDE, CANVAS = 96, 192
"""Longest side of the pictures; of the page they are cropped from."""
COLLECTION, SERIES, LEAST, LARGE = 2, 25, 30, 0.02
"""Drawings of one title; of one series; of a category; share of an author. See above."""

LINK = "link to another drawing"
NO_CATEGORY = "in no category"
BROKEN = "cannot be read or drawn"
BLANK = "shows nothing"
LICENCE = "another licence than public domain"
TWO = "in two categories"
COPY = "copy of another drawing"
MORE = "one of a long series"
RARE = "of a category of few drawings"
REASONS = (LINK, NO_CATEGORY, BROKEN, BLANK, LICENCE, TWO, COPY, MORE, RARE)

_WORD = re.compile(r"[^\W\d_]+")
_CLIPART_BY = re.compile(r"^clipart by .*? - ", re.IGNORECASE)


@dataclass(frozen=True)
class Item:
    """One drawing on its way into the table."""

    path: Path
    """Relative to the library."""
    categories: frozenset[str]
    said: Drawing = field(repr=False)
    image: Image.Image = field(repr=False)
    look: Look = field(repr=False)
    covered: float
    """Share of the page that is drawn on."""
    id: str

    @property
    def category(self) -> str:
        """The folder that it lies in."""
        return self.path.parts[0]

    @property
    def author(self) -> str:
        """The author in one spelling, empty when not known."""
        return " ".join(_plain_words(self.said.author))

    @property
    def series(self) -> str:
        """Author, or else the folder, and the name without its numbers; a mere number is none."""
        name = " ".join(_WORD.findall(self.path.stem.casefold()))
        return f"{self.author or self.path.parent} / {name or self.id}"


def prepare(packages: Path = RUNS / "packages", out: Path = RUNS / "clipart", seed: int = 0) -> FusionData:
    """Fetch the package into `packages` and build the table in `out`, each unless it is there.

    Raises:
        PackageError: if the package can be neither found nor downloaded or unpacked.
    """
    package = debian.fetch(PACKAGE, packages)
    code = [Path(str(module.__file__)) for module in (drawing, grouped_splits)]
    key = key_of([package, Path(__file__), *code], seed)

    def make(folder: Path) -> Summary:
        with tempfile.TemporaryDirectory() as tree:
            debian.unpack(package, Path(tree))
            summary = make_table(Path(tree) / LIBRARY, folder, seed)
        (folder / "PROVENANCE.md").write_text(provenance(package, summary), encoding="utf-8")
        return summary

    return once(out, key, FIELDS, make)


def make_table(library: Path, out: Path, seed: int) -> Summary:
    """Write data.csv, sources.csv and images/ into `out` from the folders of `library`, one a category."""
    dropped = Counter(dict.fromkeys(REASONS, 0))
    items = list(read_items(library, dropped))
    pairs = list(near_copies([item.look for item in items], DOUBTFUL))
    alike = [(items[one].id, items[other].id) for one, other, _ in pairs]
    copies = [(items[one].id, items[other].id) for one, other, unlike in pairs if unlike <= SURE]
    items = without_copies(items, copies, dropped)
    items = without_long_series(items, dropped)
    items = without_rare(items, dropped)
    titles = titles_of(items)
    groups = groups_of(items, alike)
    splits = split_groups(groups, [item.category for item in items], seed)
    rows = []
    for item, title, split, group in zip(items, titles, splits, groups, strict=True):
        image = f"images/{item.id}.webp"
        item.image.save(out / image, "WEBP", quality=85)
        row = {"id": item.id, "image": image, "title": title, "category": item.category}
        row |= {name: str(value) for name, value in item.said.columns.items()}
        rows.append(row | {"covered": f"{item.covered:.3f}", "split": split, "group": group})
    with (out / "sources.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["id", "path", "author"])
        writer.writerows([item.id, item.path.as_posix(), item.said.author] for item in items)
    return write_table(rows, FIELDS, dropped, out)


def read_items(library: Path, dropped: Counter[str]) -> Iterator[Item]:
    """Yield the drawings of the library that can be drawn and show something, by path."""
    library = library.resolve()
    files = sorted(library.rglob("*.svg"))
    linked: defaultdict[Path, set[str]] = defaultdict(set)
    for path in files:
        if path.is_symlink():
            dropped[LINK] += 1
            linked[path.resolve()].add(path.relative_to(library).parts[0])
    seen: set[str] = set()
    for path in files:
        if path.is_symlink():
            continue
        name = path.relative_to(library)
        categories = frozenset({name.parts[0], *linked[path]} - {UNSORTED})
        if name.parts[0] == UNSORTED or len(name.parts) == 1:
            dropped[NO_CATEGORY] += 1
            continue
        data = path.read_bytes()
        try:
            said = read_drawing(data)
            page = Image.open(io.BytesIO(draw(data, CANVAS, *packaged_font()))).convert("RGBA")
        except (BrokenDrawing, Refused):
            dropped[BROKEN] += 1
            continue
        # Faint shadows are not what is drawn: they would make the crop of copies differ.
        opaque = page.getchannel("A").point(lambda alpha: 255 * (alpha > 16))
        box = opaque.getbbox()
        if box is None:
            dropped[BLANK] += 1
        elif said.columns["licence"] == "other":
            dropped[LICENCE] += 1
        else:
            image = page.crop(box)
            image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
            covered = opaque.histogram()[255] / (page.width * page.height)
            # Files may be the same to the byte; their ids must not.
            key = content_hash(data)[:12]
            while key in seen:
                key = content_hash(key.encode())[:12]
            seen.add(key)
            yield Item(name, categories, said, image, look_at(image), covered, key)


def without_copies(
    items: Sequence[Item], copies: Sequence[tuple[str, str]], dropped: Counter[str]
) -> list[Item]:
    """Of each cluster of copies keep the first, and none when they stand in two categories."""
    clusters = Clusters()
    for item in items:
        # A pale picture has no look to compare; its pixels, to the last, still tell the same one.
        clusters.add([item.id, f"pixels {content_hash(item.image.tobytes())} {item.image.size}"])
    for pair in copies:
        clusters.add(pair)
    members: defaultdict[str, list[Item]] = defaultdict(list)
    for item in items:
        members[clusters.find(item.id)[0]].append(item)
    kept = []
    for cluster in members.values():
        if len(frozenset[str]().union(*(item.categories for item in cluster))) > 1:
            dropped[TWO] += len(cluster)
        else:
            dropped[COPY] += len(cluster) - 1
            kept.append(cluster[0])
    return kept


def without_long_series(items: Sequence[Item], dropped: Counter[str]) -> list[Item]:
    """Of a series keep at most `SERIES` drawings, evenly chosen."""
    members: defaultdict[str, list[Item]] = defaultdict(list)
    for item in items:
        members[item.series].append(item)
    kept: set[str] = set()
    for series in members.values():
        count = min(SERIES, len(series))
        kept.update(series[place * len(series) // count].id for place in range(count))
    dropped[MORE] += len(items) - len(kept)
    return [item for item in items if item.id in kept]


def without_rare(items: Sequence[Item], dropped: Counter[str]) -> list[Item]:
    """Leave out the categories of fewer than `LEAST` drawings."""
    times = Counter(item.category for item in items)
    kept = [item for item in items if times[item.category] >= LEAST]
    dropped[RARE] += len(items) - len(kept)
    return kept


def groups_of(items: Sequence[Item], alike: Sequence[tuple[str, str]]) -> list[str]:
    """Name each drawing's group: what has one split with it."""
    works = Counter(item.author for item in items if item.author)
    clusters = Clusters()
    for item in items:
        keys = [item.id, f"series {item.series}"]
        if 0 < works[item.author] <= LARGE * len(items):
            keys.append(f"author {item.author}")
        clusters.add(keys)
    here = {item.id for item in items}
    for pair in alike:
        if here.issuperset(pair):
            clusters.add(pair)
    return [clusters.find(item.id)[0] for item in items]


def titles_of(items: Sequence[Item]) -> list[str]:
    """Give each drawing its own title, or the words of its name where the title is a collection's."""
    times = Counter(item.said.title for item in items)
    return [
        _CLIPART_BY.sub("", item.said.title)
        if item.said.title and times[item.said.title] <= COLLECTION
        else name_words(item.path.stem, item.said.author)
        for item in items
    ]


def name_words(stem: str, author: str) -> str:
    """Read a file's name: words without numbers, and without the author's name that is cut off at its end.

    >>> name_words("signorina_architetto_fra_01", "Architetto Francesco Rollandin")
    'signorina'
    >>> name_words("closed_box_juliane_krug_r", "Juliane Krug")
    'closed box'
    """
    words = _plain_words(stem)
    name = " ".join(_plain_words(author))
    # A last letter alone tells variants apart, and may follow the author's name.
    for end in (len(words), len(words) - 1 if words and len(words[-1]) == 1 else len(words)):
        for start, _ in enumerate(pairwise(words[:end]), start=1):
            tail = " ".join(words[start:end])
            if len(tail) > 1 and name.startswith(tail):
                return " ".join(words[:start])
    return " ".join(words)


def _plain_words(text: str) -> list[str]:
    """Lower-case words without accents."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return _WORD.findall("".join(letter for letter in plain if not unicodedata.combining(letter)))


def provenance(package: Path, summary: Summary) -> str:
    """Tell what the set is made of."""
    return (
        f"# Provenance\n\nWritten by `benchmarks/clipart.py`; do not edit.\n\n"
        f"Drawings of the Open Clip Art Library (openclipart.org), release 0.18, from Debian's package\n"
        f"`{package.name}` ({debian.digest(package)}). Their authors dedicated them to the public domain\n"
        f"(Creative Commons Public Domain Dedication); a drawing whose metadata say otherwise is left out.\n"
        f"Drawn by resvg_py {metadata.version('resvg_py')}; the rules stand in `benchmarks/clipart.py`.\n\n"
        f"```\n{summary}\n```\n"
    )


def main() -> None:
    """Build the set, or find it built, and print its summary."""
    try:
        data = prepare()
    except debian.PackageError as error:
        sys.exit(str(error))
    print(data.summary)
    print(data.table)


if __name__ == "__main__":
    main()
