"""Contact sheets: pictures in a grid, each with its score, its labels and whether it is right.

One call, two forms by the file's suffix: a PNG for reports and READMEs, or one HTML file that
holds its pictures in itself, follows the reader's light or dark mode, and lets text be copied.
Transparent pictures lie on a pale checker. A tile without a picture shows its lines as a card:
so are queries drawn, and rows that have no picture. Labels in any script are drawn by
`lettering`, wrapped to two lines each and cut with an ellipsis.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from PIL import Image, ImageDraw

from openautoglm.catalog import lettering
from openautoglm.catalog.errors import writing_file

Mark = Literal["right", "wrong", "query"]

_SCALE = 2  # drawn for screens of two pixels a point
_TILE, _PAD, _GAP, _MARGIN, _RADIUS = (points * _SCALE for points in (160, 10, 12, 28, 10))
_PICTURE = _TILE - 2 * _PAD
_ENLARGE = 4.0  # a 64-pixel icon fills its tile; a 16-pixel one is not blown up to mush

_PAGE, _CARD, _EDGE = "#f6f6f3", "#ffffff", "#e6e4df"
_INK, _SOFT, _FAINT = "#22252a", "#71757d", "#eceae5"
_QUERY, _BAR = "#eef2f8", "#9db2cf"
_MARKS = {"right": "#3c9a6c", "wrong": "#cf6a5d", "query": "#7d97bd"}

_TITLE, _SUBTITLE, _CARD_LABEL, _LABEL, _DETAIL = (points * _SCALE for points in (20, 12, 15, 12, 10))
_LEADING = 1.42
_LINES_PER_LABEL = 2


@dataclass(frozen=True)
class Tile:
    """One place of the grid."""

    image: Image.Image | None
    """The picture; none makes a card of the lines."""
    lines: Sequence[str] = field(default=())
    """The label first, then details in smaller grey letters."""
    mark: Mark | None = None
    """`right` and `wrong` get a frame and a sign, `query` a tinted card."""
    score: float | None = None
    """Drawn as a number with a bar from 0 to 1."""


@dataclass(frozen=True)
class Line:
    """A line across the sheet, behind which tiles begin a row."""

    text: str


def draw_sheet(tiles: Sequence[Tile | Line], path: Path | str, *, title: str = "", columns: int = 6) -> Path:
    """Draw the tiles, row by row, into `path` (`.png` or `.html`) and return it.

    Args:
        tiles: in reading order, at least one; and lines between them.
        path: the file to write; its folder is made when it is missing.
        title: its first line is set large, further ones small.
        columns: tiles a row.

    Raises:
        ValueError: if there is no tile, no column, or the suffix is another.
        CatalogError: if the file cannot be written.
    """
    path = Path(path)
    if not any(isinstance(tile, Tile) for tile in tiles):
        raise ValueError(f"{path.name}: there is nothing to draw; a sheet needs at least one tile")
    if columns < 1:
        raise ValueError(f"{path.name}: columns must be 1 or more, not {columns}")
    if path.suffix.lower() not in (".png", ".html"):
        raise ValueError(
            f"{path.name}: a sheet is written as .png or .html, not {path.suffix or 'without suffix'}"
        )
    with writing_file(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix.lower() == ".html":
            from openautoglm.catalog.contact_page import render_page

            path.write_text(render_page(tiles, title=title, columns=columns), encoding="utf-8")
        else:
            render_sheet(tiles, title=title, columns=columns).save(path)
    return path


def render_sheet(tiles: Sequence[Tile | Line], *, title: str, columns: int) -> Image.Image:
    """Draw the sheet as one picture."""
    columns = min(columns, sum(isinstance(tile, Tile) for tile in tiles))
    rows = _rows(tiles, columns)
    labels = [[] if isinstance(row, Line) else [_labels(tile) for tile in row] for row in rows]
    heights = [
        int(_LABEL * _LEADING) if isinstance(row, Line) else _row_height(row, texts)
        for row, texts in zip(rows, labels, strict=True)
    ]
    width = 2 * _MARGIN + columns * _TILE + (columns - 1) * _GAP
    heading = _heading(title, width - 2 * _MARGIN)
    top = _MARGIN + sum(int(size * _LEADING) for _, size, _ in heading) + (_GAP if heading else 0)
    sheet = Image.new("RGB", (width, top + sum(heights) + _GAP * (len(rows) - 1) + _MARGIN), _PAGE)
    draw = ImageDraw.Draw(sheet)

    y = _MARGIN
    for text, size, ink in heading:
        lettering.write(draw, (_MARGIN, y + size), text, size, ink)
        y += int(size * _LEADING)
    y = top
    for row, texts, height in zip(rows, labels, heights, strict=True):
        if isinstance(row, Line):
            _draw_line(draw, row, (_MARGIN, y), width - 2 * _MARGIN)
        else:
            for column, (tile, lines) in enumerate(zip(row, texts, strict=True)):
                _draw_tile(sheet, draw, tile, lines, (_MARGIN + column * (_TILE + _GAP), y), height)
        y += height + _GAP
    return sheet


def _rows(tiles: Sequence[Tile | Line], columns: int) -> list[list[Tile] | Line]:
    rows: list[list[Tile] | Line] = []
    for tile in tiles:
        if isinstance(tile, Line):
            rows.append(tile)
        elif rows and isinstance(rows[-1], list) and len(rows[-1]) < columns:
            rows[-1].append(tile)
        else:
            rows.append([tile])
    return rows


def _draw_line(draw: ImageDraw.ImageDraw, line: Line, at: tuple[int, int], room: int) -> None:
    """Draw its text, and a rule from there to the right margin."""
    x, y = at
    text = lettering.wrap(line.text, _LABEL, room * 3 // 4, 1)[0]
    lettering.write(draw, (x, y + _LABEL), text, _LABEL, _SOFT)
    left, middle = x + int(lettering.width(text, _LABEL)) + _GAP, y + int(_LABEL * 0.66)
    draw.line([(left, middle), (x + room, middle)], _BAR, _SCALE)


def on_checker(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Fit `image` into `size`, its transparent parts on a pale checker."""
    scale = min(size[0] / image.width, size[1] / image.height, _ENLARGE)
    shape = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    if not image.has_transparency_data:
        return image.convert("RGB").resize(shape, Image.Resampling.LANCZOS)
    # Premultiplied while it is resized: the hidden colour of clear pixels must not bleed into the rim.
    fitted = image.convert("RGBA").convert("RGBa").resize(shape, Image.Resampling.LANCZOS).convert("RGBA")
    ground = Image.new("RGB", shape, _CARD)
    squares, step = ImageDraw.Draw(ground), 8 * _SCALE
    for y in range(0, shape[1], step):
        for x in range((y // step % 2) * step, shape[0], 2 * step):
            squares.rectangle((x, y, x + step - 1, y + step - 1), fill="#f7f7f5")
    ground.paste(fitted, mask=fitted)
    return ground


def _heading(title: str, room: int) -> list[tuple[str, int, str]]:
    first, _, rest = title.strip().partition("\n")
    lines = [(line, _TITLE, _INK) for line in lettering.wrap(first, _TITLE, room, 2)]
    for note in rest.splitlines():
        lines += [(line, _SUBTITLE, _SOFT) for line in lettering.wrap(note, _SUBTITLE, room, 3)]
    return lines


def _labels(tile: Tile) -> list[tuple[str, int, str]]:
    """Break the tile's lines as they will be drawn: text, size, colour."""
    lines: list[tuple[str, int, str]] = []
    for place, text in enumerate(tile.lines):
        size, count, ink = (_LABEL if place == 0 else _DETAIL), _LINES_PER_LABEL, _SOFT if place else _INK
        if (
            tile.image is None and place == 0
        ):  # the text is all there is: it is set larger and may fill the card
            size, count = _CARD_LABEL, 6
        lines += [(line, size, ink) for line in lettering.wrap(text, size, _PICTURE, count)]
    return lines


def _text_height(lines: Sequence[tuple[str, int, str]]) -> int:
    return sum(int(size * _LEADING) for _, size, _ in lines)


def _row_height(row: Sequence[Tile], texts: Sequence[Sequence[tuple[str, int, str]]]) -> int:
    below = [_text_height(lines) for tile, lines in zip(row, texts, strict=True) if tile.image is not None]
    cards = [_text_height(lines) for tile, lines in zip(row, texts, strict=True) if tile.image is None]
    score = int(_DETAIL * _LEADING) if any(tile.score is not None for tile in row) else 0
    if not below:
        return max(_TILE // 2, max(cards) + score + 3 * _PAD)
    return max(
        _PICTURE + score + max(below) + (3 if max(below) + score else 2) * _PAD,
        max(cards, default=0) + 2 * _PAD,
    )


def _draw_tile(
    sheet: Image.Image,
    draw: ImageDraw.ImageDraw,
    tile: Tile,
    lines: Sequence[tuple[str, int, str]],
    at: tuple[int, int],
    height: int,
) -> None:
    x, y = at
    framed = tile.mark in ("right", "wrong")
    edge = _MARKS[tile.mark] if tile.mark and framed else _EDGE
    ground = _QUERY if tile.mark == "query" else _CARD
    box = (x, y, x + _TILE - 1, y + height - 1)
    draw.rounded_rectangle(
        box, _RADIUS, fill=ground, outline=edge, width=2 * _SCALE if framed else 1 * _SCALE
    )
    if tile.image is None:
        cursor = y + (height - _text_height(lines)) // 2
    else:
        picture = on_checker(tile.image, (_PICTURE, _PICTURE))
        corner = (x + (_TILE - picture.width) // 2, y + _PAD + (_PICTURE - picture.height) // 2)
        sheet.paste(picture, corner)
        cursor = y + 2 * _PAD + _PICTURE
    if tile.score is not None and tile.image is not None:
        _draw_score(draw, tile.score, (x + _PAD, cursor))
        cursor += int(_DETAIL * _LEADING)
    elif tile.score is not None:
        _draw_score(draw, tile.score, (x + _PAD, y + height - _PAD - _DETAIL))
    for text, size, ink in lines:
        lettering.write(draw, (x + _PAD, cursor + size), text, size, ink)
        cursor += int(size * _LEADING)
    if framed and tile.mark:
        _draw_sign(draw, tile.mark, (x + _TILE - _PAD, y + _PAD))


def _draw_score(draw: ImageDraw.ImageDraw, score: float, at: tuple[int, int]) -> None:
    x, y = at
    number = f"{score:.3f}"
    left = x + int(lettering.width("–0.000", _DETAIL)) + 4 * _SCALE
    middle, right = y + int(_DETAIL * 0.66), x + _PICTURE
    lettering.write(draw, (x, y + _DETAIL), number.replace("-", "–"), _DETAIL, _SOFT)
    draw.rounded_rectangle((left, middle - _SCALE, right, middle + _SCALE), _SCALE, fill=_FAINT)
    end = left + int((right - left) * min(max(score, 0.0), 1.0))
    if end > left + 2 * _SCALE:
        draw.rounded_rectangle((left, middle - _SCALE, end, middle + _SCALE), _SCALE, fill=_BAR)


def _draw_sign(draw: ImageDraw.ImageDraw, mark: Mark, centre: tuple[int, int]) -> None:
    """Draw a tick or a cross: the mark must not hang on telling red from green."""
    x, y = centre
    r, stroke = 8 * _SCALE, 2 * _SCALE
    draw.ellipse((x - r, y - r, x + r, y + r), fill=_MARKS[mark], outline=_CARD, width=_SCALE)
    a = r * 0.36
    if mark == "right":
        draw.line([(x - a, y), (x - a / 4, y + a * 0.8), (x + a * 1.1, y - a * 0.8)], _CARD, stroke, "curve")
    else:
        draw.line([(x - a, y - a), (x + a, y + a)], _CARD, stroke)
        draw.line([(x - a, y + a), (x + a, y - a)], _CARD, stroke)
