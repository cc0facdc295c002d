"""A model of hues that is right by construction, and catalogues of coloured squares.

A square's vector is its hue on a circle; a text's is the number that it names ("colour 120"). So the
nearest rows, and every figure, are known without training.
"""

from __future__ import annotations

import colorsys
import csv
import os
import re
import signal
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from openautoglm.catalog.catalog import Catalog
from openautoglm.catalog.schema import Roles


class HueModel:
    """Encodes hues; `name` is its fingerprint; it counts the pictures, and can kill its process."""

    def __init__(self, name: str = "hue", dim: int = 2, stop_after: int | None = None) -> None:
        self.name, self.dim, self.stop_after = name, dim, stop_after
        self.pictures = 0

    def fingerprint(self) -> str:
        return self.name

    def encode(
        self,
        images: Sequence[Image.Image] | None = None,
        texts: Sequence[str] | None = None,
        batch_size: int = 64,
    ) -> np.ndarray:
        if images is not None:
            if self.stop_after is not None and self.pictures >= self.stop_after:
                os.kill(os.getpid(), signal.SIGKILL)
            self.pictures += len(images)
            hues = [hue_of(image) for image in images]
        else:
            hues = [
                float(found.group()) if (found := re.search(r"\d+", text)) else 45.0 for text in texts or ()
            ]
        turns = np.radians(np.array(hues))
        plane = np.stack([np.cos(turns), np.sin(turns)], axis=1)
        return np.pad(plane, ((0, 0), (0, self.dim - 2))).astype(np.float32)


def hue_of(image: Image.Image) -> float:
    red, green, blue = np.asarray(image.convert("RGB"), np.float64).reshape(-1, 3).mean(0) / 255
    return colorsys.rgb_to_hsv(red, green, blue)[0] * 360


def square(hue: float, size: int = 12) -> Image.Image:
    red, green, blue = (round(255 * part) for part in colorsys.hsv_to_rgb(hue / 360, 1, 1))
    return Image.new("RGB", (size, size), (red, green, blue))


def catalogue(folder: Path, rows: Sequence[dict[str, object]]) -> Catalog:
    """Make a catalogue of rows with `hue` (drawn as a picture; None: no picture) and any other columns."""
    pictures = folder / "pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    names = list(dict.fromkeys(name for row in rows for name in row if name != "hue"))
    with (folder / "rows.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["picture", *names], restval="")
        writer.writeheader()
        for row in rows:
            picture = ""
            if row.get("hue") is not None:
                picture = f"pictures/{row['hue']}.png"
                square(float(row["hue"])).save(folder / picture)  # type: ignore[arg-type]
            writer.writerow(
                {"picture": picture, **{k: v for k, v in row.items() if k != "hue" and v is not None}}
            )
    catalog = Catalog(folder / "shop", create=True)
    texts = tuple(name for name in names if name.startswith("title"))
    others = {name: name for name in ("id", "group", "split") if name in names}
    columns = tuple(name for name in names if name not in texts and name not in others)
    report = catalog.add(
        folder / "rows.csv", roles=Roles(image="picture", text=texts, columns=columns, **others)
    )
    if report.skipped:
        raise AssertionError([str(one) for one in report.skipped])
    return catalog
