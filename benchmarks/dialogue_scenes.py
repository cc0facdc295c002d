"""Scenes of pictograms: a 4 × 4 grid, 16 pixels a cell, each object drawn by one of three houses.

    concepts   names of at most two words, eight of each of four kinds, whose colour is the same in all houses
    scene      12 of the 16 places taken, each by another concept, so that a name means one object
    picture    (3, 64, 64), the objects moved by up to a pixel, on a pale ground of any tint

A concept's colour is measured: each pixel that is drawn on is put in one of eight colour words by its hue,
saturation and brightness; the word with the largest share is the house's, and counts where it has two
fifths of the drawing. What a person would call by another word in one house than in the other is left out.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import cache
from typing import NamedTuple

import numpy as np
import pyarrow.csv
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from benchmarks.figures import ROOT

PICTOGRAMS = ROOT / "examples" / "pictograms"
HOUSES = ("noto", "twemoji", "fluent")
SIDE, CELL = 4, 16
PLACES = SIDE * SIDE
OBJECTS = 12
EACH = 8
"""Concepts of a kind."""
KINDS = {
    "animal": (
        "animal-mammal",
        "animal-bird",
        "animal-reptile",
        "animal-marine",
        "animal-bug",
        "animal-amphibian",
    ),
    "food": ("food-fruit", "food-vegetable", "food-prepared", "food-sweet", "food-asian"),
    "transport": ("transport-ground", "transport-water", "transport-air"),
    "object": (
        "clothing",
        "tool",
        "music",
        "musical-instrument",
        "household",
        "game",
        "sport",
        "science",
        "mail",
    ),
}
CLEAR = 0.4
HUES = (14, 39, 68, 165, 255, 340)
"""Where red, orange, yellow, green, blue and purple end, in degrees; above it is red again."""
COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "brown", "grey")


class Concept(NamedTuple):
    """One kind of object."""

    name: str
    kind: str
    colour: str
    pictures: tuple[NDArray[np.float32], ...]
    """(4, CELL, CELL) premultiplied colour and coverage, 0 … 1, one a house."""


@cache
def concepts() -> tuple[Concept, ...]:
    """The 32 that are used, by kind; colours in turn, so that none is of one kind alone."""
    table = pyarrow.csv.read_csv(PICTOGRAMS / "pictograms.csv").to_pylist()
    rows: dict[str, dict[str, dict[str, str]]] = defaultdict(dict)
    for row in table:
        rows[row["concept"]][row["house"]] = row
    found: dict[str, dict[str, list[Concept]]] = {kind: defaultdict(list) for kind in KINDS}
    for houses in rows.values():
        row = next(iter(houses.values()))
        kind = next((kind for kind, subgroups in KINDS.items() if row["subgroup"] in subgroups), None)
        if kind is None or row["label_en"].count(" ") > 1 or not set(HOUSES) <= set(houses):
            continue
        full = [_read(houses[house]["image"]) for house in HOUSES]
        words = {_colour(picture) for picture in full}
        if len(words) == 1 and (colour := words.pop()) is not None:
            pictures = tuple(_small(picture) for picture in full)
            found[kind][colour].append(Concept(row["label_en"], kind, colour, pictures))
    chosen: list[Concept] = []
    for kind, by_colour in found.items():
        taken: list[Concept] = []
        while len(taken) < EACH:
            rest = [colour for colour in by_colour if by_colour[colour]]
            if not rest:
                raise ValueError(f"only {len(taken)} pictograms of the kind {kind!r} have a clear colour")
            used = Counter(concept.colour for concept in (*taken, *chosen))
            colour = min(rest, key=lambda colour: (used[colour], COLOURS.index(colour)))
            taken.append(by_colour[colour].pop(0))
        chosen += taken
    return tuple(chosen)


def scene(draw: np.random.Generator) -> NDArray[np.int64]:
    """(16,) the concept at each place, row by row; −1 where there is none."""
    places = np.full(PLACES, -1)
    taken = draw.permutation(PLACES)[:OBJECTS]
    places[taken] = draw.permutation(len(concepts()))[:OBJECTS]
    return places


@cache
def _drawn() -> Tensor:
    """(concepts + 1, houses, 4, CELL, CELL); the last concept is nothing."""
    drawn = torch.tensor(np.array([concept.pictures for concept in concepts()]))
    return torch.cat((drawn, torch.zeros_like(drawn[:1])))


def pictures(scenes: Tensor, generator: torch.Generator) -> Tensor:
    """Draw (B, 16) scenes → (B, 3, 64, 64), −1 … 1; houses, offsets and grounds by the generator."""
    count = len(scenes)
    house = torch.randint(len(HOUSES), scenes.shape, generator=generator)
    cells = _drawn()[scenes, house].unflatten(1, (SIDE, SIDE))
    image = cells.permute(0, 3, 1, 4, 2, 5).reshape(count, 4, SIDE * CELL, SIDE * CELL)
    shift = torch.randint(-1, 2, (2,), generator=generator).tolist()
    image = image.roll(shift, (2, 3))
    ground = 0.75 + 0.25 * torch.rand(count, 3, 1, 1, generator=generator)
    return 2 * (image[:, :3] + ground * (1 - image[:, 3:])) - 1


def _read(path: str) -> NDArray[np.float32]:
    with Image.open(PICTOGRAMS / path) as image:
        return np.asarray(image.convert("RGBA"), np.float32) / np.float32(255)


def _small(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """Premultiplied, so that what is not drawn gives no colour to what is."""
    channels = np.concatenate((picture[..., :3] * picture[..., 3:], picture[..., 3:]), 2, dtype=np.float32)
    small = [
        np.asarray(Image.fromarray(channel).resize((CELL, CELL), Image.Resampling.BOX))
        for channel in channels.transpose(2, 0, 1)
    ]
    return np.array(small, np.float32)


def _colour(picture: NDArray[np.float32]) -> str | None:
    """The word for a pictogram's colour, None where no word has enough of it."""
    drawn = picture[picture[..., 3] > 0.5][:, :3]
    value, spread = drawn.max(1), np.ptp(drawn, 1)
    saturation = spread / np.maximum(value, 1e-6)
    red, green, blue = drawn.T
    hue = np.select(
        [value == red, value == green],
        [(green - blue) / np.maximum(spread, 1e-6) % 6, 2 + (blue - red) / np.maximum(spread, 1e-6)],
        4 + (red - green) / np.maximum(spread, 1e-6),
    )
    words = np.searchsorted(HUES, hue * 60, side="right") % len(HUES)
    words[(hue * 60 < 45) & (value < 0.72) & ~((hue * 60 < 12) & (saturation > 0.7))] = COLOURS.index("brown")
    words[(saturation < 0.22) | (value < 0.22)] = COLOURS.index("grey")
    times = np.bincount(words, minlength=len(COLOURS))
    return COLOURS[int(times.argmax())] if times.max() >= CLEAR * times.sum() else None
