"""Which bytes are a picture, and of which format: opened by their content, before a pixel is decoded.

    JPEG, PNG, WebP, GIF, TIFF, BMP, AVIF   Pillow, with every other of its parsers shut
    HEIC, HEIF                              pi-heif (libheif), imported when the first one comes
    SVG                                     drawn by resvg in a process of its own (`svg.py`)

A file's suffix says whether it is worth a look (`SUFFIXES`); what it is, its first bytes say.
"""

from __future__ import annotations

import io
import struct
from pathlib import Path

from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from openautoglm.catalog.svg import SvgError, draw_svg, is_svg

FORMATS = "JPEG, PNG, WebP, GIF, TIFF, BMP, AVIF, HEIC, SVG"
SUFFIXES = frozenset(
    [".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".dib"]
    + [".avif", ".heic", ".heif", ".hif", ".svg", ".svgz"]
)
MAX_PIXELS = 178_956_970
"""Pictures above this (a 13,377-pixel square; 0.7 GB decoded) are refused: Pillow's own last limit."""

# Naming the formats keeps Pillow from trying its other parsers; the imports make these eight known to it.
_PILLOW = tuple(
    plugin.format
    for plugin in (
        AvifImagePlugin.AvifImageFile,
        BmpImagePlugin.DibImageFile,
        BmpImagePlugin.BmpImageFile,
        GifImagePlugin.GifImageFile,
        JpegImagePlugin.JpegImageFile,
        PngImagePlugin.PngImageFile,
        TiffImagePlugin.TiffImageFile,
        WebPImagePlugin.WebPImageFile,
    )
)
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_HEIF_BRANDS = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
)


class BadImage(Exception):  # noqa: N818 - it names the picture, and a batch goes on without it
    """A picture that cannot be used; `reason` says why, `path` which (None for bytes)."""

    def __init__(self, path: Path | None, reason: str) -> None:
        super().__init__(f"{path}: {reason}" if path else reason)
        self.path = path
        self.reason = reason


def open_image(data: bytes, path: Path | None = None) -> Image.Image:
    """Open a picture: its size and metadata are known, its pixels are decoded by `load`.

    Raises:
        BadImage: if it is of no format above, its header is broken, or it is above `MAX_PIXELS`.
    """
    try:
        if is_svg(data):
            image: Image.Image = Image.open(io.BytesIO(draw_svg(data)), formats=("PNG",))
        elif _brand(data) == "HEIF":
            image = _open_heif(data)
        else:
            image = Image.open(io.BytesIO(data), formats=_PILLOW)
    except Exception as error:
        raise bad_image(path, error, data) from error
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise _too_large(path, f"{width:,} × {height:,} pixels")
    return image


def bad_image(path: Path | None, error: Exception, data: bytes = b"") -> BadImage:
    """Say in words what a decoder said: hostile bytes meet it with every kind of exception."""
    if isinstance(error, BadImage):
        return error
    if isinstance(error, SvgError):
        return BadImage(path, f"SVG that cannot be drawn: {error}")
    if isinstance(error, ImportError):
        return BadImage(path, f"{error.name} is missing; run `pip install pi-heif resvg-py`")
    if isinstance(error, Image.DecompressionBombError):
        return _too_large(path, str(error).partition(",")[0])
    if isinstance(error, Image.UnidentifiedImageError):
        if _brand(data):
            return BadImage(path, "broken picture (its header cannot be read)")
        return BadImage(path, f"not a picture of these formats: {FORMATS}")
    said = str(error).partition("\n")[0].rstrip(".") or type(error).__name__
    cut_off = any(sign in said.lower() for sign in ("truncated", "end of file", "outside of file"))
    return BadImage(path, f"{'truncated' if cut_off else 'broken'} picture ({said})")


def _too_large(path: Path | None, size: str) -> BadImage:
    return BadImage(path, f"too large to decode safely ({size}; the limit is {MAX_PIXELS:,} pixels)")


def _brand(data: bytes) -> str | None:
    """Tell AVIF from HEIF by the brands in the first box, where both list what may read them."""
    if data[4:8] != b"ftyp":
        return None
    (size,) = struct.unpack(">I", data[:4])
    # The major brand, its version (no brand: four digits of it would have to spell one), the others.
    brands = {data[place : place + 4] for place in range(8, min(size, 256), 4)}
    if brands & _AVIF_BRANDS:
        return "AVIF"
    return "HEIF" if brands & _HEIF_BRANDS else None


def _open_heif(data: bytes) -> Image.Image:
    # Its class is used as it is: registering it would open HEIF to all of the user's program.
    from pi_heif.as_plugin import HeifImageFile

    # libheif allots memory by the size in the header and refuses a stream that says another one.
    image: Image.Image = HeifImageFile(io.BytesIO(data))
    return image
