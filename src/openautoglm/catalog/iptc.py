"""IPTC: captions and keywords as news agencies and photographers have written them since 1991.

A block is a chain of data sets, alone or inside a resource of Photoshop's:

    1C  record  number  length (2 bytes)  data         2:120 caption, 2:105 headline, 2:5 object name,
                                                       2:25 keyword (repeated), 1:90 character set
    "8BIM"  04 04  name  length (4 bytes)  block       the resource
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from PIL import Image, JpegImagePlugin, TiffImagePlugin

from openautoglm.catalog.encoding import decode_text

_CAPTIONS = ((2, 120), (2, 105), (2, 5))
_KEYWORD = (2, 25)
_CHARACTER_SET = (1, 90)
_UTF_8 = b"\x1b%G"
_RESOURCE = 0x0404


def read_iptc(image: Image.Image) -> tuple[list[str], list[str]]:
    """Read captions, the most telling first, and keywords of an opened JPEG, TIFF or PNG."""
    sets = list(_data_sets(_block(image)))
    is_utf_8 = (_CHARACTER_SET, _UTF_8) in sets
    # Programs that state no character set write UTF-8 or what their desktop uses.
    texts = [(key, data.decode("utf-8", "replace") if is_utf_8 else decode_text(data)) for key, data in sets]
    captions = [text for wanted in _CAPTIONS for key, text in texts if key == wanted]
    return captions, [text for key, text in texts if key == _KEYWORD]


def _block(image: Image.Image) -> bytes:
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        return bytes(image.info.get("photoshop", {}).get(_RESOURCE, b""))
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        # As it lies in the file: programs call it bytes, or numbers of four bytes.
        return bytes(image.tag_v2._tagdata.get(TiffImagePlugin.IPTC_NAA_CHUNK, b""))
    profile = image.info.get("Raw profile type iptc")  # a name, a length, and hexadecimal digits
    return bytes.fromhex("".join(str(profile).split()[3:])) if profile else b""


def _data_sets(block: bytes) -> Iterator[tuple[tuple[int, int], bytes]]:
    if block.startswith(b"8BIM"):
        block = _from_resources(block)
    place = 0
    while block[place : place + 1] == b"\x1c" and place + 5 <= len(block):
        record, number, length = struct.unpack_from(">BBH", block, place + 1)
        if length & 0x8000:  # a data set of more than 32 kB; no caption is
            return
        yield (record, number), block[place + 5 : place + 5 + length]
        place += 5 + length


def _from_resources(data: bytes) -> bytes:
    place = 0
    while data[place : place + 4] == b"8BIM" and place + 7 <= len(data):
        kind, name_length = struct.unpack_from(">HB", data, place + 4)
        place += 6 + (name_length + 2) // 2 * 2  # the name and its length, made even
        (length,) = struct.unpack_from(">I", data, place)
        if kind == _RESOURCE:
            return data[place + 4 : place + 4 + length]
        place += 4 + (length + 1) // 2 * 2
    return b""
