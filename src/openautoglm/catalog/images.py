"""Pictures from strangers, decoded safely: every format of `formats.py` → RGB or RGBA, first frame.

What the file says is honoured: its orientation, alpha and transparent palette entries (→ RGBA), CMYK,
16-bit and float greys (scaled to 8 bits, not cut off). What it may not do: take all memory (its size
is checked before a pixel is decoded), be read by a parser of another format, or pass half decoded.
Whatever is wrong, the caller gets one error with a reason in words: `BadImage`.
"""

from __future__ import annotations

import errno
import io
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps, ImageSequence, JpegImagePlugin

from openautoglm.catalog.formats import BadImage, bad_image, open_image
from openautoglm.catalog.hashing import content_hash
from openautoglm.catalog.look import DETAIL, Look, look_at
from openautoglm.catalog.regular import NotAFile, open_regular

MAX_BYTES = 1 << 29


class ImageFacts(NamedTuple):
    """What the catalogue keeps of a picture; width and height as seen, after orientation."""

    hash: str
    width: int
    height: int
    look: int | None = None
    """Its perceptual hash (`look.py`); None of a picture that was added before there were any."""


def read_image_bytes(path: Path) -> bytes:
    """Read a picture's file.

    Raises:
        BadImage: if it is missing, empty, unreadable, over `MAX_BYTES`, or no regular file.
    """
    try:
        status = path.stat()
        if status.st_size > MAX_BYTES:
            raise BadImage(path, f"file of {status.st_size:,} bytes; the limit is {MAX_BYTES:,}")
        with open_regular(path) as file:
            data = file.read()
    except (FileNotFoundError, NotADirectoryError):
        raise BadImage(path, "file not found") from None
    except NotAFile as error:
        raise BadImage(path, str(error)) from None
    except (OSError, ValueError) as error:
        named = errno.errorcode.get(getattr(error, "errno", None) or 0, "")
        raise BadImage(
            path, f"cannot be read: {getattr(error, 'strerror', None) or error} {named}".strip()
        ) from error
    if not data:
        raise BadImage(path, "empty file")
    return data


def inspect_image(data: bytes, path: Path | None = None) -> ImageFacts:
    """Prove that a picture decodes to its last byte, and measure it.

    Raises:
        BadImage: as `decode_image`.
    """
    with open_image(data, path) as image:
        try:
            turned = image.getexif().get(0x0112, 1) >= 5 and image.format != "TIFF"
            width, height = image.size
            look = _look(image).hash
        except Exception as error:
            raise bad_image(path, error) from error
        if image.format == "TIFF":  # Pillow turns these while it loads them
            width, height = image.size
        return ImageFacts(content_hash(data), *((height, width) if turned else (width, height)), look)


def see(picture: bytes | Image.Image) -> Look:
    """Take the look of a picture, which is decoded as far as that needs it.

    Raises:
        BadImage: as `decode_image`.
    """
    if isinstance(picture, Image.Image):
        return look_at(picture)
    with open_image(picture, None) as image:
        try:
            return _look(image)
        except Exception as error:
            raise bad_image(None, error) from error


def _look(image: Image.Image) -> Look:
    # A JPEG is decoded at an eighth of its size: every byte is still read, at half the time.
    # (The draft of other formats may be a thumbnail, which proves nothing.)
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        width, height = (max(min(edge, DETAIL), edge // 8) for edge in image.size)
        image.draft(None, (width, height))
    image.load()
    return look_at(to_rgb(ImageOps.exif_transpose(image)))


def decode_image(source: bytes | Path, enough: int | None = None) -> Image.Image:
    """Decode a picture as a person sees it: upright, RGB, or RGBA when it has transparency.

    Args:
        source: its file or bytes.
        enough: pixels of the shorter side that suffice. A JPEG is then decoded at a half, a quarter or an
            eighth of its size, the smallest that has as many: each byte is still read, at half the time.

    Raises:
        BadImage: if it is missing, broken, truncated, too large, or of another format.
    """
    path = source if isinstance(source, Path) else None
    data = read_image_bytes(source) if isinstance(source, Path) else source
    with open_image(data, path) as image:
        try:
            if enough is not None and isinstance(image, JpegImagePlugin.JpegImageFile):
                image.draft(None, (enough, enough))
            image.load()
            return to_rgb(ImageOps.exif_transpose(image))
        except Exception as error:
            raise bad_image(path, error) from error


def encode_frames(frames: Sequence[Image.Image]) -> bytes:
    """Write one picture as PNG, several as the frames of a WebP; `decode_frames` reads them."""
    file = io.BytesIO()
    if len(frames) == 1:
        frames[0].save(file, "PNG")
    else:
        frames[0].save(file, "WEBP", save_all=True, append_images=frames[1:], quality=85, duration=1000)
    return file.getvalue()


def decode_frames(data: bytes) -> list[Image.Image]:
    """Decode all frames of a file that `encode_frames` wrote."""
    with Image.open(io.BytesIO(data), formats=("PNG", "WEBP")) as image:
        return [frame.convert("RGB") for frame in ImageSequence.Iterator(image)]


def to_rgb(image: Image.Image) -> Image.Image:
    """Turn any of Pillow's modes into RGB, or into RGBA when there is transparency.

    >>> to_rgb(Image.new("I;16", (1, 1), 0x8080)).getpixel((0, 0))
    (128, 128, 128)
    """
    if image.mode in ("RGB", "RGBA"):
        has_key = image.mode == "RGB" and "transparency" in image.info
        return image.convert("RGBA") if has_key else image
    if image.mode in ("LA", "La", "PA", "RGBa") or "transparency" in image.info:
        return image.convert("RGBA")
    if image.mode == "I" or image.mode == "F" or image.mode.startswith("I;"):
        return _eight_bits(image).convert("RGB")
    return image.convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    # Deep greys state no range; the narrowest usual one that holds every value is theirs.
    values = np.asarray(image).astype(np.float64)
    values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    low, high = values.min(), values.max()
    if image.mode.startswith("I;16"):
        low, high = 0, 65_535
    elif low >= 0:
        low, ranges = 0, (1, 255, 65_535) if image.mode == "F" else (255, 65_535)
        high = next((limit for limit in ranges if high <= limit), high)
    scaled = (values - low) * 255 / max(high - low, 1e-12)
    return Image.fromarray(np.rint(scaled).clip(0, 255).astype(np.uint8))
