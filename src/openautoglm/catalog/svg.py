"""SVG → PNG, drawn where nothing can be harmed: a child process with its own limits (`svg_child.py`).

An SVG is a program more than a picture. A few hundred bytes can nest until the stack is gone, ask for
noise of a billion octaves, or name `/dev/zero` as a picture; resvg then crashes or never ends, and no
header says so beforehand. So the drawing has a process of its own (about 15 ms to start), which

    has at most    5 s of processor time, 1 GiB of memory, 32 MiB of SVG, 1,024 px of picture
    never opens    files or the network: each reference to anything outside is taken out first
    refuses        entities made of entities, and those from outside

Letters are drawn in the font that comes as a package, alike on every machine.
"""

from __future__ import annotations

import re
import subprocess
import sys
import zlib
from functools import cache
from pathlib import Path

SIDE = 1024
"""Pixels of the longer side, whatever unit and size the file states: an icon is no smaller picture."""
MAX_BYTES = 32 << 20

_CHILD = Path(__file__).with_name("svg_child.py")
_SECONDS = 60  # by the clock, for systems that cannot limit processor time, and for busy machines
_GZIP = b"\x1f\x8b"
_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_HEAD = 1 << 16
_ROOT = re.compile(rb"<(?:[\w.-]+:)?svg[\s/>]", re.IGNORECASE)


class SvgError(ValueError):
    """An SVG that cannot be drawn; the text says why."""


def is_svg(data: bytes) -> bool:
    """Tell whether the bytes begin as an SVG does, plain or compressed (`.svgz`).

    >>> is_svg(b"<?xml version='1.0'?><!-- a bus --><svg width='1'/>"), is_svg(b"GIF89a <svg />")
    (True, False)
    """
    head = data[:_HEAD]
    if head.startswith(_GZIP):
        try:
            head = zlib.decompressobj(wbits=31).decompress(head, _HEAD)
        except zlib.error:
            return False
    for mark in _MARKS:
        head = head.removeprefix(mark)
    # Without zeros UTF-16 reads like ASCII, which is enough to know it by.
    head = head[:_HEAD].replace(b"\x00", b"").lstrip()
    return head.startswith(b"<") and _ROOT.search(head) is not None


def draw_svg(data: bytes) -> bytes:
    """Draw an SVG as PNG with transparency, its longer side `SIDE` pixels.

    Raises:
        SvgError: if it is broken, unsafe, above a limit, or nothing to see.
        ModuleNotFoundError: if resvg is not installed.
    """
    data = _plain(data)
    command = [sys.executable, "-I", str(_CHILD), str(SIDE), *packaged_font()]
    try:
        done = subprocess.run(command, input=data, capture_output=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise SvgError(f"it is not drawn after {_SECONDS} seconds") from None
    if done.returncode == 0:
        return done.stdout
    if done.returncode == 1:
        said = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        if said.startswith("ModuleNotFoundError"):
            raise ModuleNotFoundError(said, name="resvg_py")
        raise SvgError(said)
    # A signal: out of time, memory or stack.
    raise SvgError("it takes more than 5 seconds or 1 GiB, or is nested too deeply")


def _plain(data: bytes) -> bytes:
    if data.startswith(_GZIP):
        try:
            data = zlib.decompressobj(wbits=31).decompress(data, MAX_BYTES + 1)
        except zlib.error as error:
            raise SvgError(f"its compression is broken ({error})") from error
    if len(data) > MAX_BYTES:
        raise SvgError(f"it has more than {MAX_BYTES:,} bytes")
    return data


@cache
def packaged_font() -> tuple[str, ...]:
    """Path and family of the font that letters are drawn in; nothing where the package has none."""
    from PIL import ImageFont

    from openautoglm.catalog.lettering import packaged_fonts

    return next(
        ((str(path), str(ImageFont.truetype(str(path)).getname()[0])) for path in packaged_fonts()), ()
    )
