"""What was said about pictures as one page, `.png` or `.html`: each picture with where the decoder looked."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from openautoglm.catalog import lettering
from openautoglm.catalog.errors import writing_file
from openautoglm.evaluate.explain.heat import draw_heat, fitted

NOTE = "Red is where the decoder looked while it wrote: a hint, no proof of what the words rest on."
_SIDE, _PAD, _COLUMNS = 360, 24, 3
_TITLE, _TEXT, _SOFT = 30, 22, "#71757d"
_LEADING = 1.4
_STYLE = """
:root { color-scheme: light dark; --page: #f6f6f3; --card: #fff; --ink: #22252a; --soft: #71757d; }
@media (prefers-color-scheme: dark) {
  :root { --page: #17181b; --card: #212327; --ink: #e8e8e6; --soft: #9a9ea6; } }
body { margin: 0; padding: 1.5rem; background: var(--page); color: var(--ink);
  font: 16px/1.45 system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif; }
main { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 16rem), 1fr)); }
figure { margin: 0; padding: 1rem; background: var(--card); border-radius: 12px; overflow-wrap: anywhere; }
img { display: block; width: 100%; border-radius: 6px; }
figcaption { margin-top: .6rem; } strong { display: block; font-size: 1.15rem; }
small, p { color: var(--soft); }
"""


class Shown(Protocol):
    """What the page tells of a picture."""

    @property
    def picture(self) -> str:
        """The row's id, or the file."""

    @property
    def question(self) -> str | None:
        """None for a caption."""

    @property
    def answer(self) -> str:
        """What was said."""

    @property
    def note(self) -> str:
        """How sure it is, and the like."""

    @property
    def patches(self) -> NDArray[np.float32] | None:
        """(G, G)."""

    @property
    def image(self) -> Image.Image | None:
        """What the grid covers."""


def draw(said: Sequence[Shown], calibration: str, path: Path) -> None:
    """Write the page; its folder is made when it is missing.

    Raises:
        CatalogError: if the file cannot be written.
    """
    with writing_file(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix.lower() == ".html":
            path.write_text(_html(said, calibration), encoding="utf-8")
        else:
            _png(said, calibration).save(path)


def _heat(one: Shown, room: int) -> Image.Image | None:
    if one.image is None:
        return None
    size = fitted(one.image, room)
    if one.patches is None:
        return one.image.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    # What every patch gets anyway is no place that was looked at.
    return draw_heat(one.image, np.clip(one.patches - 1 / one.patches.size, 0, None), size)


def _html(said: Sequence[Shown], calibration: str) -> str:
    cards = []
    for one in said:
        held = io.BytesIO()
        picture = ""
        if (heat := _heat(one, 2 * _SIDE)) is not None:
            heat.save(held, "WEBP", quality=88)
            data = base64.b64encode(held.getvalue()).decode("ascii")
            alt = escape(f"where the decoder looked in {one.picture}", quote=True)
            picture = f'<img alt="{alt}" src="data:image/webp;base64,{data}">'
        question = "" if one.question is None else f"{escape(one.question)}"
        cards.append(
            f"<figure>{picture}<figcaption>{question}<strong>{escape(one.answer)}</strong>"
            f"<small>{escape(one.picture)} · {escape(one.note)}</small></figcaption></figure>"
        )
    return (
        '<!doctype html>\n<html>\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>What the model says</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<main>{''.join(cards)}</main>\n<p>{NOTE} Confidence: {escape(calibration)}.</p>\n</body>\n</html>\n"
    )


def _png(said: Sequence[Shown], calibration: str) -> Image.Image:
    cards = [_card(one) for one in said]
    # Of many pictures the sheet grows to both sides: a column of some hundred is too tall to be opened.
    columns = min(max(_COLUMNS, math.isqrt(len(cards))), len(cards))
    rows = [cards[start : start + columns] for start in range(0, len(cards), columns)]
    width = _PAD + columns * (_SIDE + _PAD)
    foot = lettering.wrap(f"{NOTE} Confidence: {calibration}.", _TEXT, width - 2 * _PAD, 6)
    heights = [max(card.height for card in row) + _PAD for row in rows]
    sheet = Image.new("RGB", (width, _PAD + sum(heights) + int(len(foot) * _TEXT * _LEADING) + _PAD), "white")
    y = _PAD
    for row, height in zip(rows, heights, strict=True):
        for place, card in enumerate(row):
            sheet.paste(card, (_PAD + place * (_SIDE + _PAD), y))
        y += height
    _lines(ImageDraw.Draw(sheet), [(one, _TEXT, _SOFT) for one in foot], _PAD, y)
    return sheet


def _card(one: Shown) -> Image.Image:
    heat = _heat(one, _SIDE)
    lines = []
    for text, size, ink in (
        (one.question or "", _TEXT, "black"),
        (one.answer, _TITLE, "black"),
        (f"{one.picture} · {one.note}", _TEXT, _SOFT),
    ):
        lines += [(line, size, ink) for line in lettering.wrap(text, size, _SIDE, 6) if line]
    top = 0 if heat is None else heat.height + 12
    height = top + sum(int(size * _LEADING) for _, size, _ in lines)
    card = Image.new("RGB", (_SIDE, height), "white")
    if heat is not None:
        card.paste(heat, (0, 0))
    _lines(ImageDraw.Draw(card), lines, 0, top)
    return card


def _lines(pen: ImageDraw.ImageDraw, lines: Sequence[tuple[str, int, str]], x: int, y: int) -> None:
    for text, size, ink in lines:
        lettering.write(pen, (x, y + size), text, size, ink)
        y += int(size * _LEADING)
