"""When, where and with what a photograph was taken: `taken_at`, `latitude`, `longitude`, `camera` of EXIF.

    place = degrees + minutes / 60 + seconds / 3600, south and west negative; two numbers, or neither

`taken_at` is what the camera's clock showed there, without a zone: cameras know no other time, and so
the evening of a journey stays an evening. What cannot be (month 13, latitude 95, zero as denominator,
the zeros of a camera without a fix or a set clock) is left out.
"""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Mapping
from datetime import datetime

from PIL import Image

from openautoglm.catalog.source import Values

_MAKE, _MODEL = 0x010F, 0x0110
_EXIF_IFD, _GPS_IFD = 0x8769, 0x8825
_TAKEN, _DIGITISED = 0x9003, 0x9004
_LATITUDE, _LONGITUDE = (1, 2, "NS", 90), (3, 4, "EW", 180)
_DECIMALS = 6  # a tenth of a metre
_OLDEST = 1826  # the first photograph that is left to us
_FIRM = re.compile(
    r"\b(corporation|corp|company|co|ltd|limited|inc|imaging|optical|electronics|techwin|ag|gmbh)\b\.?,?",
    re.IGNORECASE,
)


def read_photo(image: Image.Image) -> Values:
    """Read what an opened picture says of its making; the keys that it does not say are lacking."""
    exif = read_exif(image)
    details, gps = exif.get_ifd(_EXIF_IFD), exif.get_ifd(_GPS_IFD)
    latitude, longitude = _degrees(gps, *_LATITUDE), _degrees(gps, *_LONGITUDE)
    values: Values = {
        "taken_at": _time(details.get(_TAKEN)) or _time(details.get(_DIGITISED)),
        "camera": _camera(exif_text(exif.get(_MAKE)), exif_text(exif.get(_MODEL))),
    }
    # Zero and zero is a place in the sea, and what is written by a camera that does not know.
    if latitude is not None and longitude is not None and (latitude or longitude):
        values |= {"latitude": latitude, "longitude": longitude}
    return {name: value for name, value in values.items() if value is not None}


def read_exif(image: Image.Image) -> Image.Exif:
    """Read the EXIF of an opened picture without decoding its pixels."""
    # PNG's own method decodes them, to find what stands behind; `embedded.py` has put that in front.
    return Image.Image.getexif(image)


def exif_text(value: object) -> str:
    """Make text of an EXIF value; it should be ASCII, and many programs write UTF-8.

    >>> exif_text("é".encode().decode("latin-1")), exif_text("é"), exif_text(None)
    ('é', 'é', '')
    """
    text = value.decode("latin-1") if isinstance(value, bytes) else str(value or "")
    with contextlib.suppress(UnicodeError):
        text = text.encode("latin-1").decode("utf-8")
    return re.sub(r"[\s\x00-\x1f]+", " ", text).strip()


def _time(value: object) -> datetime | None:
    match = re.match(r"(\d{4})\D(\d\d)\D(\d\d)[T ](\d\d):(\d\d)(?::(\d\d))?", exif_text(value))
    if not match or int(match[1]) < _OLDEST:
        return None
    try:
        return datetime(*(int(part or 0) for part in match.groups()))  # type: ignore[arg-type]
    except ValueError:
        return None


def _degrees(gps: Mapping[int, object], side_tag: int, tag: int, sides: str, most: int) -> float | None:
    side, parts = exif_text(gps.get(side_tag)).upper()[:1], gps.get(tag)
    if not side or side not in sides or not isinstance(parts, tuple) or not 1 <= len(parts) <= 3:
        return None
    try:
        degrees = sum(float(part) / 60**place for place, part in enumerate(parts))
    except (ValueError, ZeroDivisionError, TypeError):
        return None
    if not math.isfinite(degrees) or not 0 <= degrees <= most:
        return None
    return round(-degrees if side == sides[1] else degrees, _DECIMALS)


def _camera(make: str, model: str) -> str | None:
    """Join maker and model as people say them.

    >>> _camera("NIKON CORPORATION", "NIKON D750"), _camera("OLYMPUS IMAGING CORP.", "E-M1")
    ('NIKON D750', 'OLYMPUS E-M1')
    """
    make = " ".join(_FIRM.sub("", make).split()).strip(" .,")
    first = make.partition(" ")[0].casefold()
    named = model if first and model.casefold().startswith(first) else f"{make} {model}"
    return named.strip()[:100] or None
