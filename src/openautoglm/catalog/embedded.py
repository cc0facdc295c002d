"""What a picture's file says of itself beside its pixels: captions, keywords, and how it was taken.

    caption          the first of PNG text, XMP, EXIF, IPTC that says something; descriptions before titles
    caption_zh …     XMP's other languages
    tags             the keywords of XMP, IPTC and Windows, each once
    taken_at …       `photo.py`

What a camera or an editor writes into every file is no caption. A damaged block is passed over: the
picture may still be good. No pixel is decoded.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from xml.etree import ElementTree

from PIL import Image

from openautoglm.catalog.formats import BadImage, open_image
from openautoglm.catalog.iptc import read_iptc
from openautoglm.catalog.language import field_language
from openautoglm.catalog.photo import exif_text, read_exif, read_photo
from openautoglm.catalog.source import Values
from openautoglm.catalog.svg import is_svg
from openautoglm.catalog.xmp import read_xmp

_BOILERPLATE = re.compile(
    r"olympus digital camera|samsung|sony dsc|dcim|minolta digital camera|kodak digital still camera|"
    r"digital camera|default|screenshot|untitled|created (with|by|using) .*|image|hdr|exif_jpeg_picture|"
    r"(optimized|compressed|file source|software):? .*|gimp.*|\W*",
    re.IGNORECASE,
)
_EXIF_DESCRIPTION = 0x010E
_EXIF_WINDOWS = (0x9C9F, 0x9C9B, 0x9C9C)  # XPSubject, XPTitle, XPComment: UTF-16
_EXIF_KEYWORDS = 0x9C9E
_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_TEXTS = frozenset({b"tEXt", b"zTXt", b"iTXt", b"eXIf"})
_MOST_TAGS = 200


def embedded_values(data: bytes) -> Values:
    """Read all that the file says; a key that has nothing to say is lacking."""
    if is_svg(data):
        return {}
    try:
        image = open_image(_texts_first(data))
    except BadImage:  # reported by whoever decodes the picture
        return {}
    with image:
        by_language, keywords = _xmp(image)
        captions, tags = _iptc(image)
        texts = [*_png_text(image), *by_language.values(), *_exif(image), *captions]
        caption = next((text for text in map(_clean, texts) if text), None)
        values: Values = {"caption": caption} if caption else {}
        for language, text in by_language.items():
            said, name = _clean(text), f"caption_{language.partition('-')[0]}"
            # A language without a code that fields are named by would look like any other field.
            if said and said != caption and field_language(name):
                values.setdefault(name, said)
        found = (_flat(tag) for tag in [*keywords, *tags, *_windows_keywords(image)])
        if unique := list(dict.fromkeys(tag for tag in found if tag))[:_MOST_TAGS]:
            values["tags"] = unique
        return values | _photo(image)


def _clean(text: str) -> str | None:
    text = _flat(text)
    return None if _BOILERPLATE.fullmatch(text) else text[:2000]


def _flat(text: str) -> str:
    return re.sub(r"\s+", " ", text.replace("\x00", " ")).strip()


def _texts_first(data: bytes) -> bytes:
    """Put the texts that a PNG has behind its pixels in front of them, where opening it finds them."""
    if not data.startswith(_PNG):
        return data
    before, texts, place = [_PNG], list[bytes](), len(_PNG)
    while place + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, place)
        chunk, kind = data[place : place + 12 + length], data[place + 4 : place + 8]
        (texts if kind in _PNG_TEXTS else before).append(chunk)
        place += 12 + length
    # The first chunk is the header; the pixels are not looked at, and may come in any order.
    return b"".join([*before[:2], *texts, *before[2:]])


def _png_text(image: Image.Image) -> Iterator[str]:
    named = {str(key).lower(): value for key, value in image.info.items() if isinstance(value, str)}
    return (named[key] for key in ("description", "caption", "title") if key in named)


def _xmp(image: Image.Image) -> tuple[dict[str, str], list[str]]:
    try:
        return read_xmp(image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b"")
    except (ElementTree.ParseError, ValueError):
        return {}, []


def _iptc(image: Image.Image) -> tuple[list[str], list[str]]:
    try:
        return read_iptc(image)
    except Exception:  # hostile metadata breaks parsers in every way
        return [], []


def _exif(image: Image.Image) -> Iterator[str]:
    yield _exif_value(image, _EXIF_DESCRIPTION)
    yield from (_exif_value(image, tag) for tag in _EXIF_WINDOWS)


def _windows_keywords(image: Image.Image) -> list[str]:
    return _exif_value(image, _EXIF_KEYWORDS).split(";")


def _exif_value(image: Image.Image, tag: int) -> str:
    try:
        value = read_exif(image).get(tag)
        if value and tag != _EXIF_DESCRIPTION:
            value = (bytes(value) if not isinstance(value, str) else value.encode("latin-1")).decode(
                "utf-16-le", "replace"
            )
            return str(value)
        return exif_text(value)
    except Exception:  # as above
        return ""


def _photo(image: Image.Image) -> Values:
    try:
        return read_photo(image)
    except Exception:  # as above
        return {}
