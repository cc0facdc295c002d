"""Pictures in the terminal, by whichever way it knows.

    kitty    Kitty's graphics protocol (kitty, Ghostty)             true pictures
    iterm    iTerm2's inline images (iTerm2, WezTerm)               true pictures
    sixel    Sixel (foot, mlterm, contour, xterm, Windows Terminal) 256 colours
    blocks   half blocks in 24-bit colour (any other)               two pixels a letter

Which one is told by the environment, else by asking the terminal (`answers_sixel`). In tmux and screen, which
stand between and swallow the first three, it is blocks.
"""

from __future__ import annotations

import base64
import io
import os
import re
import select
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TextIO, get_args

import numpy as np
from PIL import Image

from openautoglm.catalog.contact_sheet import on_checker
from openautoglm.search.errors import SearchError
from openautoglm.search.sixel import encode_sixel

Protocol = Literal["kitty", "iterm", "sixel", "blocks"]
PROTOCOLS: tuple[Protocol, ...] = get_args(Protocol)

_COLUMNS, _ROWS = 40, 12
"""Letters that a picture may take; blocks, which are coarse, take half as many rows again."""
_CELL = (10, 20)
"""Pixels of a letter, where the terminal does not say."""
_CHUNK = 4096
_WITH_SIXEL = ("foot", "mlterm", "contour", "yaft")


@dataclass(frozen=True)
class Screen:
    """A way to draw and the room for one picture."""

    protocol: Protocol
    columns: int = _COLUMNS
    rows: int = _ROWS
    cell: tuple[int, int] = _CELL
    """Width and height of a letter in pixels."""

    @classmethod
    def of(cls, output: TextIO, protocol: str = "auto") -> Screen:
        """The screen behind `output`.

        Args:
            output: standard output, usually.
            protocol: one of `PROTOCOLS`, which is then written whatever `output` is; or "auto".

        Raises:
            SearchError: if there is no such protocol, or no terminal that could tell which.
        """
        if protocol not in ("auto", *PROTOCOLS):
            raise SearchError(f"{protocol!r} draws no pictures; choose one of auto, {', '.join(PROTOCOLS)}")
        if protocol == "auto":
            if not output.isatty() or os.environ.get("TERM") == "dumb":
                raise SearchError(
                    "pictures are shown in a terminal, and the output is none; --sheet FILE.png draws them "
                    f"into a file, --show with one of {', '.join(PROTOCOLS)} writes that way in any case"
                )
            chosen = detect(os.environ, answers_sixel)
        else:
            chosen = next(one for one in PROTOCOLS if one == protocol)
        columns, lines = shutil.get_terminal_size()
        rows = _ROWS * 3 // 2 if chosen == "blocks" else _ROWS
        return cls(chosen, min(_COLUMNS, columns), max(1, min(rows, lines - 2)), _cell_size(output))

    def draw(self, image: Image.Image) -> str:
        """Write a picture, fitted into the room, as what the terminal takes for it; ends with a new line."""
        if self.protocol == "blocks":
            return encode_blocks(on_checker(image, (self.columns, 2 * self.rows)))
        width, height = self.cell
        fitted = on_checker(image, (self.columns * width, self.rows * height))
        if self.protocol == "kitty":
            return encode_kitty(fitted) + "\n"
        if self.protocol == "sixel":
            return encode_sixel(fitted) + "\n"
        cells = (-(-fitted.width // width), -(-fitted.height // height))
        return encode_iterm(fitted, cells) + "\n"


def detect(environment: Mapping[str, str], ask: Callable[[], bool]) -> Protocol:
    """Tell how a terminal draws by its environment; `ask` whether it knows Sixel where that does not say.

    >>> detect({"TERM": "xterm-kitty"}, ask=lambda: False)
    'kitty'
    """
    term, program = environment.get("TERM", ""), environment.get("TERM_PROGRAM", "")
    if environment.get("TMUX") or environment.get("STY") or term.startswith(("tmux", "screen")):
        return "blocks"
    if term.startswith(_WITH_SIXEL):
        return "sixel"
    if environment.get("ZELLIJ"):  # answers for the terminal around it, whose variables it inherits
        return "sixel" if ask() else "blocks"
    if term in ("xterm-kitty", "xterm-ghostty") or program == "ghostty" or environment.get("KITTY_WINDOW_ID"):
        return "kitty"
    if program in ("iTerm.app", "WezTerm") or environment.get("LC_TERMINAL") == "iTerm2":
        return "iterm"
    # Windows Terminal (WT_SESSION) knows Sixel from 1.22 on, xterm and others when so built: they are asked.
    return "sixel" if ask() else "blocks"


def answers_sixel(patience: float = 0.5) -> bool:
    """Ask the terminal for its attributes (DA1, `ESC [ c`), of which 4 is Sixel; false without an answer.

    It is asked only where this is safe: in the foreground, on a terminal of our own, with nothing typed
    ahead that would be taken for its answer.
    """
    try:
        import termios
        import tty

        terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    except (ImportError, OSError):
        return False
    try:
        if os.tcgetpgrp(terminal) != os.getpgrp():
            return False  # whoever reads from the background is stopped
        before = termios.tcgetattr(terminal)
        try:
            tty.setcbreak(terminal, termios.TCSANOW)  # the answer is neither shown nor held for a new line
            if select.select([terminal], [], [], 0)[0]:
                return False
            os.write(terminal, b"\x1b[c")
            return "4" in _attributes(terminal, patience)
        finally:
            termios.tcsetattr(terminal, termios.TCSAFLUSH, before)  # an answer that comes late is dropped
    except OSError:
        return False
    finally:
        os.close(terminal)


def _attributes(terminal: int, patience: float) -> list[str]:
    """Read `ESC [ ? CLASS ; ATTRIBUTE ; … c`; nothing where it does not come."""
    answer, until = b"", time.monotonic() + patience
    while (left := until - time.monotonic()) > 0 and select.select([terminal], [], [], left)[0]:
        answer += os.read(terminal, 256)
        if found := re.search(rb"\x1b\[\?([\d;]*)c", answer):
            return found.group(1).decode().split(";")[1:]
    return []


def encode_kitty(image: Image.Image) -> str:
    """Write a picture in Kitty's protocol: PNG in base64, in pieces; no answer is asked for (q=2)."""
    data = base64.b64encode(_png(image)).decode("ascii")
    pieces = [data[start : start + _CHUNK] for start in range(0, len(data), _CHUNK)]
    keys = ["a=T,f=100,q=2,"] + [""] * (len(pieces) - 1)
    return "".join(
        f"\x1b_G{key}m={int(place < len(pieces))};{piece}\x1b\\"
        for place, (key, piece) in enumerate(zip(keys, pieces, strict=True), 1)
    )


def encode_iterm(image: Image.Image, cells: tuple[int, int]) -> str:
    """Write a picture in iTerm2's protocol, fitted into so many columns and rows of letters."""
    png = _png(image)
    about = f"inline=1;size={len(png)};width={cells[0]};height={cells[1]};preserveAspectRatio=1"
    return f"\x1b]1337;File={about}:{base64.b64encode(png).decode('ascii')}\x07"


def encode_blocks(image: Image.Image) -> str:
    """Write a picture as upper half blocks: the letter's colour is the upper pixel, its ground the lower.

    >>> encode_blocks(Image.new("RGB", (2, 2), "#010203"))
    '\\x1b[38;2;1;2;3m\\x1b[48;2;1;2;3m▀▀\\x1b[0m\\n'
    """
    pixels = np.asarray(image.convert("RGB"))
    lines = (_block_line(pixels[top : top + 2]) for top in range(0, len(pixels), 2))
    return "".join(f"{''.join(line)}\x1b[0m\n" for line in lines)


def _block_line(pair: np.ndarray) -> Iterator[str]:
    """Yield a line's letters, and its colours where they change; the last line may have no lower pixels."""
    before: list[list[int]] = [[]] * len(pair)
    for column in pair.transpose(1, 0, 2).tolist():
        for kind, colour, old in zip((38, 48), column, before, strict=False):
            if colour != old:
                yield f"\x1b[{kind};2;{';'.join(map(str, colour))}m"
        before = column
        yield "▀"


def _png(image: Image.Image) -> bytes:
    held = io.BytesIO()
    image.save(held, "PNG")
    return held.getvalue()


def _cell_size(output: TextIO) -> tuple[int, int]:
    """Ask the system for the pixels of a letter, which few terminals tell it."""
    try:
        import fcntl
        import struct
        import termios

        window = fcntl.ioctl(output.fileno(), termios.TIOCGWINSZ, b"\0" * 8)
        rows, columns, width, height = struct.unpack("HHHH", window)
    except (ImportError, OSError):
        return _CELL
    return (width // columns, height // rows) if columns <= width and rows <= height and rows else _CELL
