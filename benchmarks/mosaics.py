"""Photographs by the hundred thousand, all different, at the price of writing them: mosaics of `photos.py`'s.

    64 photographs ─ saved with a restart marker after each piece of a row ─▶ pieces of compressed bytes
    24 pieces of any of them, 6 × 4 or 4 × 6, in rows ─▶ header, pieces, markers counted anew ─▶ a JPEG

After a restart marker a JPEG's decoder begins anew (ITU-T T.81, E.1.4), so what lies between two of them
can be put beside any other that was coded with the same tables: no pixel is coded again, and whoever
decodes the file has as much to do as with any other of its size. Saved at quality 80, a megapixel takes
some 200 kB.
"""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

from benchmarks.photos import make_photos

SIDES = 1152, 896
TILES = 6, 4
PHOTOS = 64
FOLDER_HOLDS = 1000
_MCU = 16
"""Pixels along an edge of what is coded together, where colour has half the detail."""
_SCAN = re.compile(rb"\xff\xda(..)", re.DOTALL)
_RESTART = re.compile(rb"\xff[\xd0-\xd7]")
_ADJECTIVES = ["golden", "old", "quiet", "red", "wet", "narrow", "sunny", "broken", "distant", "green"]
_NOUNS = ["avenue", "bridge", "harbour", "roof", "meadow", "market", "stone", "river", "window", "garden"]


class _Pieces(NamedTuple):
    """Tiles, each of some strips, for pictures of one format."""

    header: bytes
    across: int
    tiles: list[list[bytes]]

    def mosaic(self, dice: np.random.Generator) -> bytes:
        """Put tiles drawn by `dice` together."""
        drawn = dice.integers(len(self.tiles), size=TILES[0] * TILES[1]).tolist()
        strips: list[bytes] = []
        for start in range(0, len(drawn), self.across):
            side_by_side = zip(
                *(self.tiles[tile] for tile in drawn[start : start + self.across]), strict=True
            )
            strips += [strip for line in side_by_side for strip in line]
        parts = [self.header, strips[0]]
        for number, strip in enumerate(strips[1:]):
            parts += [_MARKERS[number % 8], strip]
        return b"".join([*parts, b"\xff\xd9"])


_MARKERS = [bytes([0xFF, 0xD0 + number]) for number in range(8)]


class Mosaics:
    """Makes pictures; number n is the same one each time, for one `shrink`.

    Args:
        folder: where the photographs are kept that they are made of.
        shrink: divides the sides, for tests: 1 or 2.
    """

    def __init__(self, folder: Path, *, shrink: int = 1) -> None:
        photos = make_photos(folder, PHOTOS // shrink, shrink=shrink)
        wide = tuple(side // shrink for side in SIDES)
        self._formats = [
            _cut(photos[0::2], (wide[0], wide[1]), TILES),
            _cut(photos[1::2], (wide[1], wide[0]), (TILES[1], TILES[0])),
        ]

    def write(self, folder: Path, number: int, *, edition: int = 0) -> Path:
        """Write picture `number` into `folder`, under a name that says something; editions look different."""
        dice = np.random.default_rng([number, edition])
        data = self._formats[number % 3 % 2].mosaic(dice)  # two of three lie
        words = f"{_ADJECTIVES[number % 10]} {_NOUNS[number // 10 % 10]}"
        path = folder / f"{number // FOLDER_HOLDS:03}" / f"{words} {number:06}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path


def _cut(photos: list[Path], sides: tuple[int, int], tiles: tuple[int, int]) -> _Pieces:
    """Cut photographs into tiles of this format."""
    wide, high = (side // _MCU // count for side, count in zip(sides, tiles, strict=True))
    cut: list[list[bytes]] = []
    for path in photos:
        file = io.BytesIO()
        with Image.open(path) as photo:
            fitted = ImageOps.fit(photo, sides)
        fitted.save(file, "JPEG", quality=80, subsampling="4:2:0", restart_marker_blocks=wide)
        header, strips = _split(file.getvalue())
        for line in range(0, len(strips), high * tiles[0]):
            tile_row = strips[line : line + high * tiles[0]]
            cut += [tile_row[place :: tiles[0]] for place in range(tiles[0])]
    return _Pieces(header, tiles[0], cut)


def _split(data: bytes) -> tuple[bytes, list[bytes]]:
    """Split a JPEG into what stands before its pixels, and the pixels between restart markers."""
    scan = _SCAN.search(data)
    if scan is None:
        raise ValueError("a JPEG without a scan")
    begin = scan.start() + 2 + int.from_bytes(scan[1], "big")
    return data[:begin], _RESTART.split(data[begin:-2])
