"""The place of a picture, as the catalogue writes it in `_image`, and the pictures that are there.

    photos/a.jpg                 a file that is one picture
    manual.pdf#page=3            a page of a PDF
    clip.mp4                     a video: several frames
    train-000.tar#bytes=512+830  830 bytes from the 512th of an archive that is not compressed

Only here are a place and what reads it brought together; the rest of the catalogue sees a `Part`.
"""

from __future__ import annotations

import re
from pathlib import Path

from PIL import Image

from openautoglm.catalog import pdf, video
from openautoglm.catalog.images import decode_frames, decode_image
from openautoglm.catalog.pdf import PdfPage
from openautoglm.catalog.source import Part
from openautoglm.catalog.video import Video
from openautoglm.catalog.webdataset import TarMember

_PAGE = re.compile(r"(.+\.pdf)#page=(\d+)", re.IGNORECASE | re.DOTALL)
_BYTES = re.compile(r"(.+\.(?:tar|tar\.gz|tgz))#bytes=(\d+)\+(\d+)", re.IGNORECASE | re.DOTALL)


def part_at(place: Path) -> Part | None:
    """Find the part of a file that a place names; None where it names a picture's own file.

    >>> part_at(Path("manual.pdf#page=3"))
    PdfPage(path=PosixPath('manual.pdf'), number=3, document=None)
    """
    if found := _PAGE.fullmatch(str(place)):
        return PdfPage(Path(found[1]), int(found[2]))
    if found := _BYTES.fullmatch(str(place)):
        return TarMember(Path(found[1]), int(found[2]), int(found[3]))
    if place.suffix.lower() in pdf.SUFFIXES:
        return PdfPage(place, 1)
    return Video(place) if place.suffix.lower() in video.SUFFIXES else None


def load_picture(place: Path, kept: bytes | None = None) -> Image.Image:
    """Decode the one picture that stands for what is at a place.

    Args:
        place: as above.
        kept: its bytes, where the workspace keeps them.

    Raises:
        BadImage: if it cannot be read.
    """
    part = part_at(place)
    if kept is not None:
        frames = decode_frames(kept) if isinstance(part, Video) else [decode_image(kept)]
        return frames[len(frames) // 2]
    return part.picture() if part else decode_image(place)


def load_frames(place: Path, kept: bytes | None = None, enough: int | None = None) -> list[Image.Image]:
    """Decode everything at a place: one picture, or the frames of a video.

    Args:
        place: as above.
        kept: as for `load_picture`.
        enough: pixels of the shorter side that suffice, where a file or kept bytes are one picture.

    Raises:
        BadImage: if it cannot be read.
    """
    part = part_at(place)
    if kept is not None:
        return decode_frames(kept) if isinstance(part, Video) else [decode_image(kept, enough)]
    return part.frames() if part else [decode_image(place, enough)]
