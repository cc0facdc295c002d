"""Letters on pictures: any script drawn with a font that has it, wrapped and cut to its space.

Pillow draws a box for a letter that a font lacks and says nothing. Here each letter is looked up:
first in the Noto Sans CJK that comes as a package (Latin, Greek, Cyrillic, Chinese, Japanese,
Korean), so that a sheet looks alike on every machine; then in the fonts of the system. A font
"has" a letter when it draws it differently from its own box for unknown ones.
"""

from __future__ import annotations

import importlib.util
import re
import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path

from PIL import ImageDraw, ImageFont, features

from openautoglm.catalog.errors import CatalogError

_PACKAGED = "cvttf_NotoSansCJK_Regular"
_UNKNOWN = "\U0010ffff"  # a code point that no font may ever assign
_PROBE_SIZE = 24

# Beside Latin letters curly quotes are narrow; the packaged font has only the wide ones of Chinese.
_NARROW_QUOTES = (
    (re.compile("[‘’](?=[A-Za-z0-9])|(?<=[A-Za-z0-9])[‘’]"), "'"),
    (re.compile("[“”](?=[A-Za-z0-9])|(?<=[A-Za-z0-9.,!?])[“”]"), '"'),
)
_KANA = re.compile("[\u3040-\u30ff]")
# A Chinese or Japanese character stands alone, with the punctuation that must not begin a line.
_WORDS = re.compile(
    r"[\u2e80-\u9fff\uf900-\ufaff\U00020000-\U0003ffff][，。、；：？！）》」』”’…]*|\s+|[^\s\u2e80-\u9fff]+"
)


class MissingFontError(CatalogError):
    """No font at all was found, so that nothing can be written on pictures."""


@cache
def packaged_fonts() -> tuple[Path, ...]:
    """Find the font files that came as a package; none where it is not installed."""
    # The package's code is not run: only its folder is asked for.
    spec = importlib.util.find_spec(_PACKAGED)
    folders = spec.submodule_search_locations if spec and spec.submodule_search_locations else []
    return tuple(sorted(font for folder in folders for font in Path(folder).glob("*.otf")))


@cache
def _system() -> tuple[Path, ...]:
    from matplotlib import font_manager

    # Upright regular faces first, then by name: the choice must not hang on the order of a folder.
    paths = {Path(font) for font in font_manager.findSystemFonts()}
    slanted = re.compile("bold|italic|oblique|light|black|mono|serif", re.IGNORECASE)
    return tuple(sorted(paths, key=lambda path: (bool(slanted.search(path.stem)), path.name, str(path))))


@lru_cache(maxsize=64)
def _load(path: Path, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(path), size)


def has_letter(path: Path, letter: str) -> bool:
    """Tell whether the font file draws `letter`, and not its box for unknown ones."""
    try:
        font = _load(path, _PROBE_SIZE)
        drawn, box = font.getmask(letter), font.getmask(_UNKNOWN)
    except OSError:  # a bitmap or damaged font among the system's: as good as one without the letter
        return False
    return drawn.size != box.size or bytes(drawn) != bytes(box)


@lru_cache(maxsize=16384)
def font_file(letter: str) -> Path:
    """Find the first font file that has `letter`; the first of all where none has.

    Raises:
        MissingFontError: if there is no font on this machine.
    """
    for path in packaged_fonts():
        if has_letter(path, letter):
            return path
    for path in _system():
        if has_letter(path, letter):
            return path
    for path in packaged_fonts() + _system():
        return path
    raise MissingFontError(
        "no font was found, so nothing can be written on pictures; run "
        f"`pip install {_PACKAGED.replace('_', '-')}`, or install any TrueType font"
    )


def _runs(text: str, size: int) -> Iterator[tuple[str, ImageFont.FreeTypeFont]]:
    """Cut `text` into pieces that one font can draw."""
    for quotes, narrow in _NARROW_QUOTES:
        text = quotes.sub(narrow, text)
    piece, current = "", None
    for letter in text:
        # Accents, joiners and spaces take their neighbour's font.
        follows = letter.isspace() or unicodedata.category(letter) in ("Mn", "Mc", "Me", "Cf")
        path = current if follows and current else font_file("n" if follows else letter)
        if path != current and piece and current:
            yield piece, _load(current, size)
            piece = ""
        piece, current = piece + letter, path
    if piece and current:
        yield piece, _load(current, size)


def _language(text: str) -> str | None:
    """Name the national form of shared characters to draw, where Pillow can choose."""
    if not features.check("raqm"):
        return None
    return "ja" if _KANA.search(text) else "zh-Hans"


def width(text: str, size: int) -> float:
    """Measure the pixels that `text` takes in one line."""
    language = _language(text)
    return sum(font.getlength(piece, language=language) for piece, font in _runs(text, size))


def write(draw: ImageDraw.ImageDraw, at: tuple[float, float], text: str, size: int, fill: str) -> None:
    """Write one line; `at` is the left end of its baseline."""
    x, baseline = at
    language = _language(text)
    for piece, font in _runs(text, size):
        draw.text((x, baseline), piece, font=font, fill=fill, anchor="ls", language=language)
        x += font.getlength(piece, language=language)


def wrap(text: str, size: int, room: float, lines: int) -> list[str]:
    """Break `text` into at most `lines` lines of `room` pixels; what is cut off ends in an ellipsis.

    Words stay whole where they fit; Chinese breaks between any two characters.

    >>> wrap("golden  ginkgo avenue", size=20, room=1000, lines=2)
    ['golden ginkgo avenue']
    """
    rows = [""]
    pieces = _WORDS.findall(" ".join(text.split()))
    while pieces:
        piece = pieces.pop(0)
        if width((rows[-1] + piece).rstrip(), size) <= room:
            rows[-1] += piece
        elif rows[-1].strip() and not piece.isspace():
            rows.append("")
            pieces.insert(0, piece)
        elif not piece.isspace():
            fits = max(1, _fitting(piece, size, room))
            rows[-1] = piece[:fits]
            pieces[:0] = [piece[fits:]] if piece[fits:] else []
            rows += [""] if piece[fits:] else []
        if len(rows) > lines:
            return [row.rstrip() for row in rows[: lines - 1]] + [_shorten(rows[lines - 1], size, room)]
    return [row.strip() for row in rows if row.strip()]


def _fitting(text: str, size: int, room: float) -> int:
    return next((end for end in range(len(text), 0, -1) if width(text[:end], size) <= room), 0)


def _shorten(text: str, size: int, room: float) -> str:
    text = text.rstrip()
    while text and width(text + "…", size) > room:
        text = text[:-1].rstrip()
    return text + "…"
