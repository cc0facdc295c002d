"""What one SVG says about itself: its metadata, and the columns that a table of drawings could have.

    metadata    title, author, year, licence     Dublin Core in RDF, as Open Clip Art writes it
    columns     size, unit, counts of elements, colours, share of strokes, editor, …     `COLUMNS`

Nothing is taken from where the file lies, from its name, or from its keywords (`dc:subject`): in a library
that is sorted by subject those are the category in other words.

The file is read with expat and without namespaces, since a quarter of the drawings declare none.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from xml.parsers import expat

from PIL import ImageColor

NUMBERS = (
    "width",
    "height",
    "aspect",
    "paths",
    "points",
    "shapes",
    "texts",
    "images",
    "groups",
    "depth",
    "gradients",
    "colours",
    "stroked",
    "log_bytes",
    "described",
    "year",
)
WORDS = ("unit", "editor", "licence")
COLUMNS = NUMBERS + WORDS
"""Columns read from the file, numbers first; an empty string is a missing value."""

_SHAPES = {"rect", "circle", "ellipse", "line", "polyline", "polygon"}
_DRAWN = _SHAPES | {"path", "text", "use", "image"}
_GRADIENTS = {"linearGradient", "radialGradient"}
_ASIDE = {"defs", "pattern", "clipPath", "marker", "symbol", "mask"}
"""Elements whose content is drawn only where something refers to it."""
_LENGTH = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(px|mm|cm|in|pt|pc)?\s*$")
_PIXELS = {"": 1.0, "px": 1.0, "mm": 96 / 25.4, "cm": 96 / 2.54, "in": 96.0, "pt": 96 / 72, "pc": 16.0}
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
_COMMAND = re.compile(r"[MLHVCSQTAZ]", re.IGNORECASE)
_EDITORS = ("inkscape", "sodipodi", "illustrator", "coreldraw")
_PUBLIC = re.compile(r"public-?domain|zero", re.IGNORECASE)


class BrokenDrawing(ValueError):  # noqa: N818 - what it is
    """A file that is no well-formed SVG."""


@dataclass(frozen=True)
class Drawing:
    """What an SVG says."""

    title: str
    author: str
    licence: str
    """The licence's address, as given."""
    columns: dict[str, float | str]
    """A value for each of `COLUMNS`."""


def read_drawing(data: bytes) -> Drawing:
    """Read an SVG's metadata and columns.

    Raises:
        BrokenDrawing: if it is not well-formed XML, or not an SVG.

    >>> svg = b'<svg width="2cm" height="1cm"><rect fill="red"/><rect style="fill:none;stroke:#f00"/></svg>'
    >>> columns = read_drawing(svg).columns
    >>> [columns[name] for name in ("width", "unit", "aspect", "shapes", "colours", "stroked", "year")]
    [75.6, 'cm', 2.0, 2, 1, 0.5, '']
    """
    reader = _Reader()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.CommentHandler = reader.comment
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise BrokenDrawing(f"its XML is broken ({error})") from error
    return reader.drawing(len(data))


class _Reader:
    """Counts while expat reads."""

    def __init__(self) -> None:
        self.path: list[str] = []
        self.styles: list[tuple[str, str]] = []
        """Fill and stroke at each depth, inherited."""
        self.root: dict[str, str] = {}
        self.counts: Counter[str] = Counter()
        self.colours: set[object] = set()
        self.said: dict[str, str] = {}
        self.notes = ""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(":")[2]
        if not self.path:
            if local != "svg":
                raise BrokenDrawing(f"its first element is {local!r}, not 'svg'")
            self.root = attributes
        if local == "license":
            address = next((value for key, value in attributes.items() if key.endswith("resource")), "")
            self.said.setdefault("licence", address)
        self.path.append(local)
        self.styles.append(self._style(attributes))
        if "metadata" not in self.path:
            self._count(local, attributes)

    def end(self, _name: str) -> None:
        self.path.pop()
        self.styles.pop()

    def text(self, text: str) -> None:
        if "Work" in self.path and (text := text.strip()):
            # The people's names stand in an element between: creator/Agent/title.
            key = "/".join(part for part in self.path[self.path.index("Work") + 1 :] if part != "Agent")
            self.said[key] = f"{self.said.get(key, '')} {text}".strip()

    def comment(self, text: str) -> None:
        self.notes += text.lower()

    def drawing(self, size: int) -> Drawing:
        year = _YEAR.search(self.said.get("date", ""))
        licence = self.said.get("licence", "")
        drawn = max(1, self.counts["drawn"])
        columns: dict[str, float | str] = {
            **self._size(),
            **{name: self.counts[name] for name in NUMBERS[3:11]},
            "colours": len(self.colours),
            "stroked": round(self.counts["stroked"] / drawn, 3),
            "log_bytes": round(math.log10(size), 3),
            "described": len(self.said.get("description", "").split()),
            "year": int(year[0]) if year else "",
            "editor": self._editor(),
            "licence": "public domain" if _PUBLIC.search(licence) else "other" if licence else "",
        }
        return Drawing(
            title=" ".join(self.said.get("title", "").split()),
            author=" ".join(self.said.get("creator/title", "").split()),
            licence=licence,
            columns={name: columns[name] for name in COLUMNS},
        )

    def _style(self, attributes: dict[str, str]) -> tuple[str, str]:
        inherited = self.styles[-1] if self.styles else ("black", "none")
        rules = {
            name.strip(): value.strip()
            for name, _, value in (rule.partition(":") for rule in attributes.get("style", "").split(";"))
        }
        fill, stroke = (
            rules.get(name) or attributes.get(name) or usual
            for name, usual in zip(("fill", "stroke"), inherited, strict=True)
        )
        return fill, stroke

    def _count(self, local: str, attributes: dict[str, str]) -> None:
        counts = self.counts
        counts["gradients"] += local in _GRADIENTS
        if _ASIDE.intersection(self.path):
            return
        counts["groups"] += local == "g"
        counts["depth"] = max(counts["depth"], len(self.path) - 1)
        if local not in _DRAWN:
            return
        counts["drawn"] += 1
        counts["paths"] += local == "path"
        counts["shapes"] += local in _SHAPES
        counts["texts"] += local == "text"
        counts["images"] += local == "image"
        counts["points"] += len(_COMMAND.findall(attributes.get("d", "")))
        fill, stroke = self.styles[-1]
        counts["stroked"] += stroke != "none"
        for colour in (fill, stroke):
            try:
                self.colours.add(ImageColor.getrgb(colour)[:3])
            except ValueError:  # none, a gradient, or a word that is no colour
                continue

    def _size(self) -> dict[str, float | str]:
        """Width and height in pixels, as stated or else of the view box; what is not told is missing."""
        stated = [_LENGTH.match(self.root.get(side, "")) for side in ("width", "height")]
        box = self.root.get("viewBox", "").replace(",", " ").split()
        sides = []
        for place, found in enumerate(stated, start=2):
            length = f"{found[1]} {found[2] or ''}" if found else ""
            length = length or (box[place] if len(box) == 4 else "")
            number, _, unit = length.partition(" ")
            try:
                sides.append(float(number) * _PIXELS[unit])
            except ValueError:
                sides.append(0.0)
        width, height = (round(side, 1) if side > 0 else "" for side in sides)
        aspect = round(sides[0] / sides[1], 3) if min(sides) > 0 else ""
        unit = stated[0][2] or "none" if stated[0] else ""
        return {"width": width, "height": height, "aspect": aspect, "unit": unit}

    def _editor(self) -> str:
        marks = " ".join(self.root).lower()
        if "inkscape:version" in marks or "sodipodi:version" in marks:
            return "inkscape" if "inkscape:version" in marks else "sodipodi"
        return next((name for name in _EDITORS if name in self.notes), "")
