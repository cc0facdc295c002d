"""The page as one picture, two columns of cards."""

from __future__ import annotations

from collections.abc import Callable

from PIL import Image, ImageDraw

from openautoglm.catalog import lettering
from openautoglm.evaluate.explain.explanation import SHOWN, Explanation, number, signed
from openautoglm.evaluate.explain.heat import LOWERS, RAISES, draw_heat, fitted, tint
from openautoglm.evaluate.explain.notes import (
    CURVES,
    KEY,
    headline,
    heat_note,
    modalities_heads,
    modalities_note,
    rest_note,
    unread_note,
)

_SCALE = 2  # drawn for screens of two pixels a point
_WIDTH, _PAD, _GAP, _MARGIN, _RADIUS = (points * _SCALE for points in (380, 16, 14, 28, 10))
_INNER = _WIDTH - 2 * _PAD
_TITLE, _TEXT, _NOTE = 40, 26, 21
_LEADING = 1.45
_TALLEST = 10_000 * _SCALE  # of a card; 500 words take half of it
_PAGE, _CARD, _EDGE, _INK, _SOFT, _FAINT = "#f6f6f3", "#ffffff", "#e6e4df", "#22252a", "#71757d", "#eceae5"
_GATE, _RANDOM = "#9db2cf", "#c9c5bd"
_CURVES: dict[str, str | tuple[int, int, int]] = {
    "random_deletion": _RANDOM,
    "random_insertion": _RANDOM,
    "deletion": LOWERS,
    "insertion": RAISES,
}

Body = Callable[["_Pen"], None]


class _Pen:
    """Draws downwards on a card."""

    def __init__(self) -> None:
        self.sheet = Image.new("RGB", (_INNER, _TALLEST), _CARD)
        self.draw = ImageDraw.Draw(self.sheet)
        self.y = 0

    def line(self, text: str, size: int = _TEXT, ink: str = _INK, lines: int = 6) -> None:
        """Write a text, wrapped."""
        for one in lettering.wrap(text, size, _INNER, lines):
            lettering.write(self.draw, (0, self.y + size), one, size, ink)
            self.y += int(size * _LEADING)

    def cell(self, text: str, left: int, right: int, *, ink: str = _INK, end: bool = False) -> None:
        """Write a text between `left` and `right`, cut to fit, without going down."""
        shown = (lettering.wrap(text, _TEXT, right - left, 1) or [""])[0]
        x = right - lettering.width(shown, _TEXT) if end else left
        lettering.write(self.draw, (x, self.y + _TEXT), shown, _TEXT, ink)

    def bar(self, start: float, end: float, colour: str | tuple[int, int, int]) -> None:
        """Draw a bar between two places of this line."""
        left, right = sorted((start, end))
        if right - left >= 1:
            top = self.y + int(_TEXT * 0.2)
            self.draw.rectangle((left, top, right, top + _TEXT), fill=colour)

    def down(self, points: float = _TEXT * _LEADING) -> None:
        """Go down."""
        self.y += int(points)


def paint(explanation: Explanation) -> Image.Image:
    """Draw the whole page."""
    bodies: list[list[tuple[str, Body]]] = [[], []]
    if explanation.patches is not None and explanation.image is not None:
        bodies[0].append(("Picture", lambda pen: _picture(pen, explanation)))
    if explanation.words:
        bodies[0].append(("Words", lambda pen: _words(pen, explanation)))
    bodies[1].append(("Modalities", lambda pen: _modalities(pen, explanation)))
    if explanation.columns:
        bodies[0].append(("Columns", lambda pen: _columns(pen, explanation)))
    if explanation.curves:
        bodies[1].append(("Faithfulness", lambda pen: _curves(pen, explanation)))
    if not bodies[0]:
        bodies[0].append(bodies[1].pop())
    columns = [[_card(title, body) for title, body in column] for column in bodies]
    head = _head(explanation)
    heights = [sum(card.height + _GAP for card in column) - _GAP for column in columns]
    top = _MARGIN + head.height + _GAP
    sheet = Image.new("RGB", (2 * _MARGIN + 2 * _WIDTH + _GAP, top + max(heights) + _MARGIN), _PAGE)
    sheet.paste(head, (_MARGIN, _MARGIN))
    for place, column in enumerate(columns):
        y = top
        for card in column:
            sheet.paste(card, (_MARGIN + place * (_WIDTH + _GAP), y))
            y += card.height + _GAP
    return sheet


def _head(explanation: Explanation) -> Image.Image:
    width = 2 * _WIDTH + _GAP
    lines = [(one, _TITLE, _INK) for one in lettering.wrap(explanation.asked, _TITLE, width, 2)]
    for note in (headline(explanation), KEY):
        lines += [(one, _TEXT, _SOFT) for one in lettering.wrap(note, _TEXT, width, 3)]
    head = Image.new("RGB", (width, sum(int(size * _LEADING) for _, size, _ in lines)), _PAGE)
    draw, y = ImageDraw.Draw(head), 0
    for text, size, ink in lines:
        lettering.write(draw, (0, y + size), text, size, ink)
        y += int(size * _LEADING)
    return head


def _card(title: str, body: Body) -> Image.Image:
    pen = _Pen()
    pen.line(title, _NOTE, _SOFT)
    pen.down(4 * _SCALE)
    body(pen)
    height = pen.y + 2 * _PAD
    card = Image.new("RGB", (_WIDTH, height), _PAGE)
    ImageDraw.Draw(card).rounded_rectangle((0, 0, _WIDTH - 1, height - 1), _RADIUS, _CARD, _EDGE, _SCALE)
    card.paste(pen.sheet.crop((0, 0, _INNER, pen.y)), (_PAD, _PAD))
    return card


def _picture(pen: _Pen, explanation: Explanation) -> None:
    image, patches = explanation.image, explanation.patches
    if image is None or patches is None:
        return
    heat = draw_heat(image, patches, fitted(image, _INNER))
    pen.sheet.paste(heat, ((_INNER - heat.width) // 2, pen.y))
    pen.down(heat.height + 8 * _SCALE)
    pen.line(heat_note(explanation), _NOTE, _SOFT)


def _words(pen: _Pen, explanation: Explanation) -> None:
    x, pad, row = 0, 5 * _SCALE, int(_TEXT * 1.5 + _NOTE * 1.5)
    for one in explanation.words:
        label = (lettering.wrap(one.name, _TEXT, _INNER - 2 * pad, 1) or [""])[0]
        effect = signed(one.effect)
        wide = int(max(lettering.width(label, _TEXT), lettering.width(effect, _NOTE))) + 2 * pad
        if x and x + wide > _INNER:
            x = 0
            pen.down(row + 6 * _SCALE)
        box = (x, pen.y, x + wide, pen.y + row)
        pen.draw.rounded_rectangle(box, 4 * _SCALE, tint(one.effect, explanation.largest))
        lettering.write(pen.draw, (x + pad, pen.y + int(_TEXT * 1.2)), label, _TEXT, _INK)
        lettering.write(pen.draw, (x + pad, pen.y + int(_TEXT * 1.35) + _NOTE), effect, _NOTE, _SOFT)
        x += wide + 5 * _SCALE
    pen.down(row + 4 * _SCALE)
    pen.line(unread_note(explanation), _NOTE, _SOFT, 2)


def _modalities(pen: _Pen, explanation: Explanation) -> None:
    name, bar, share = 62 * _SCALE, 172 * _SCALE, 206 * _SCALE
    places = ((share, 268 * _SCALE), (268 * _SCALE, _INNER))
    heads = modalities_heads(explanation)
    if explanation.gated:
        pen.cell("gate", name, bar, ink=_SOFT)
    for text, (left, right) in zip(heads, places, strict=False):
        pen.cell(text, left, right, ink=_SOFT, end=True)
    pen.down()
    for one in explanation.modalities:
        ink = _INK if one.present else _SOFT
        pen.cell(one.name, 0, name, ink=ink)
        if one.gate is not None:
            pen.bar(name, bar, _FAINT)
            pen.bar(name, name + (bar - name) * one.gate, _GATE)
            pen.cell(f"{one.gate:.2f}", bar, share, ink=ink, end=True)
        for text, (left, right) in zip(one.told, places, strict=True):
            pen.cell(text, left, right, ink=ink, end=True)
        pen.down()
    pen.down(2 * _SCALE)
    pen.line(modalities_note(explanation), _NOTE, _SOFT)


def _columns(pen: _Pen, explanation: Explanation) -> None:
    shown = explanation.columns[:SHOWN]
    name, end, middle = 150 * _SCALE, _INNER - 52 * _SCALE, 0
    middle = (name + end) // 2
    reach = (end - name) // 2 - 4 * _SCALE
    for one in shown:
        pen.cell(one.label, 0, name - 6 * _SCALE)
        pen.bar(middle - _SCALE / 2, middle + _SCALE / 2, _EDGE)
        share = one.effect / (explanation.largest or 1.0)
        pen.bar(middle, middle + reach * share, RAISES if share > 0 else LOWERS)
        pen.cell(signed(one.effect), end, _INNER, ink=_SOFT, end=True)
        pen.down()
    pen.line(rest_note(explanation), _NOTE, _SOFT)


def _curves(pen: _Pen, explanation: Explanation) -> None:
    left, height = 44 * _SCALE, 64 * _SCALE
    for curves, check in zip(explanation.curves.values(), explanation.checks, strict=True):
        low, high = curves.range
        for value, y in ((high, pen.y), (low, pen.y + height)):
            pen.draw.line([(left, y), (_INNER, y)], _FAINT, _SCALE)
            lettering.write(pen.draw, (0, y + _NOTE * 0.4), number(value), _NOTE, _SOFT)
        for name, line in curves.lines.items():
            points = [
                (
                    left + float(count / curves.counts[-1]) * (_INNER - left),
                    pen.y + (high - float(score)) / ((high - low) or 1) * height,
                )
                for count, score in zip(curves.counts, line, strict=True)
            ]
            pen.draw.line(points, _CURVES[name], 2 * _SCALE, "curve")
        pen.down(height + 6 * _SCALE)
        pen.line(f"{check}.", _NOTE)
        pen.down(8 * _SCALE)
    pen.line(CURVES, _NOTE, _SOFT)
