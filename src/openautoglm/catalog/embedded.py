"""The title or description that stands inside a picture's file: PNG text, XMP, EXIF, IPTC.

Descriptions go before titles, and what a camera or an editor writes into every file is no caption.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from xml.etree import ElementTree

from PIL import Image, ImageFile, IptcImagePlugin

from openautoglm.catalog.images import FORMATS

_BOILERPLATE = re.compile(
    r"olympus digital camera|samsung|sony dsc|dcim|minolta digital camera|kodak digital still camera|"
    r"digital camera|default|screenshot|untitled|created (with|by|using) .*|image|hdr|exif_jpeg_picture|"
    r"(optimized|compressed|file source|software):? .*|gimp.*|\W*",
    re.IGNORECASE,
)
_EXIF_DESCRIPTION = 0x010E
_EXIF_WINDOWS = (0x9C9F, 0x9C9B, 0x9C9C)  # XPSubject, XPTitle, XPComment: UTF-16
_IPTC = ((2, 120), (2, 105), (2, 5))  # caption, headline, object name
_DC = "{http://purl.org/dc/elements/1.1/}"
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"


def embedded_caption(data: bytes) -> str | None:
    """Find the first text in the file that says something.

    A damaged block of metadata is passed over: the picture may still be good.
    """
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except Exception:  # the decoder's own error is reported by whoever decodes the picture
        return None
    with image:
        for reader in (_png_text, _xmp, _exif, _iptc):
            try:
                said = next((text for text in map(_clean, reader(image)) if text), None)
            except Exception:  # hostile metadata breaks parsers in every way
                said = None
            if said:
                return said
    return None


def _clean(text: str) -> str | None:
    text = re.sub(r"\s+", " ", text.replace("\x00", " ")).strip()
    return None if _BOILERPLATE.fullmatch(text) else text[:2000]


def _png_text(image: Image.Image) -> Iterator[str]:
    named = {str(key).lower(): value for key, value in image.info.items() if isinstance(value, str)}
    return (named[key] for key in ("description", "caption", "title") if key in named)


def _xmp(image: Image.Image) -> Iterator[str]:
    packet = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    text = packet.decode("utf-8", "replace") if isinstance(packet, bytes) else str(packet)
    # Entities are how an XML file of a few bytes fills all memory; a true packet declares none.
    if not text.strip("\x00 ") or "<!" in text:
        return
    root = ElementTree.fromstring(text.strip("\x00 \ufeff"))
    for name in ("description", "title"):
        for element in root.iter(_DC + name):
            items = [item for item in element.iter() if item.text and item.text.strip()]
            items.sort(key=lambda item: item.get(_LANGUAGE) not in (None, "x-default"))
            yield from (item.text or "" for item in items)


def _exif(image: Image.Image) -> Iterator[str]:
    exif = image.getexif()
    if description := exif.get(_EXIF_DESCRIPTION):
        # EXIF says ASCII; many programs write UTF-8, which Pillow hands over as Latin-1.
        text = str(description)
        try:
            text = text.encode("latin-1").decode("utf-8")
        except UnicodeError:
            text = str(description)
        yield text
    for tag in _EXIF_WINDOWS:
        raw = exif.get(tag)
        if raw:
            yield (bytes(raw) if not isinstance(raw, str) else raw.encode("latin-1")).decode(
                "utf-16-le", "replace"
            )


def _iptc(image: Image.Image) -> Iterator[str]:
    entries = (IptcImagePlugin.getiptcinfo(image) if isinstance(image, ImageFile.ImageFile) else None) or {}
    for key in _IPTC:
        raw = entries.get(key)
        if raw:
            yield (raw[0] if isinstance(raw, list) else raw).decode("utf-8", "replace")
