"""Each way to draw is read back to the picture, and the right one is found by environment or by asking."""

from __future__ import annotations

import base64
import io
import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from openautoglm.search.errors import SearchError
from openautoglm.search.terminal import (
    PROTOCOLS,
    Screen,
    detect,
    encode_blocks,
    encode_iterm,
    encode_kitty,
)


def noise(width: int, height: int) -> Image.Image:
    pixels = np.random.default_rng(width * height).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def same(image: Image.Image, png: bytes) -> bool:
    return bool((np.asarray(Image.open(io.BytesIO(png))) == np.asarray(image)).all())


@pytest.mark.parametrize("size", [(1, 1), (30, 30), (100, 60)])
def test_kittys_pieces_make_the_picture(size: tuple[int, int]) -> None:
    image = noise(*size)
    text = encode_kitty(image)
    pieces = re.findall(r"\x1b_G([^;]*);([A-Za-z0-9+/=]*)\x1b\\", text)
    assert "".join(f"\x1b_G{keys};{data}\x1b\\" for keys, data in pieces) == text
    assert same(image, base64.b64decode("".join(data for _, data in pieces), validate=True))
    assert pieces[0][0].startswith("a=T,f=100,q=2,m=")
    assert [keys[-3:] for keys, _ in pieces] == ["m=1"] * (len(pieces) - 1) + ["m=0"]
    assert all(keys == "m=1" for keys, _ in pieces[1:-1])
    assert all(len(data) == 4096 for _, data in pieces[:-1]) and len(pieces[-1][1]) <= 4096
    assert (len(pieces) > 1) == (size[0] > 30)


def test_iterms_file_is_the_picture() -> None:
    image = noise(40, 20)
    found = re.fullmatch(r"\x1b\]1337;File=([^:]*):([A-Za-z0-9+/=]*)\x07", encode_iterm(image, (4, 1)))
    assert found is not None
    png = base64.b64decode(found[2], validate=True)
    assert same(image, png)
    about = dict(pair.split("=") for pair in found[1].split(";"))
    assert about == {
        "inline": "1",
        "size": str(len(png)),
        "width": "4",
        "height": "1",
        "preserveAspectRatio": "1",
    }


def read_blocks(text: str) -> np.ndarray:
    """What a terminal shows: (2 · lines, columns, 3), −1 where no colour was set."""
    lines = []
    for line in text.removesuffix("\n").split("\n"):
        assert line.endswith("\x1b[0m")
        upper, lower = [-1] * 3, [-1] * 3
        rows: tuple[list[list[int]], list[list[int]]] = ([], [])
        for kind, colour, letter in re.findall(r"\x1b\[(38|48);2;([\d;]+)m|(▀)", line):
            if letter:
                rows[0].append(upper)
                rows[1].append(lower)
            elif kind == "38":
                upper = list(map(int, colour.split(";")))
            else:
                lower = list(map(int, colour.split(";")))
        lines += rows
    return np.array(lines)


@settings(max_examples=40, deadline=None)
@given(width=st.integers(1, 12), height=st.integers(1, 9), colours=st.integers(1, 3), seed=st.integers(0, 9))
def test_blocks_show_each_pixel(width: int, height: int, colours: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    pixels = draw.integers(0, 256, (colours, 3))[draw.integers(0, colours, (height, width))]
    shown = read_blocks(encode_blocks(Image.fromarray(pixels.astype(np.uint8))))
    assert (shown[:height] == pixels).all()
    assert (shown[height:] == -1).all()  # under an odd last row the terminal's own ground


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("size", [(4000, 30), (30, 4000), (500, 500), (1, 1)])
def test_every_picture_fits_its_room(protocol: str, size: tuple[int, int]) -> None:
    screen = Screen(protocol, columns=20, rows=5, cell=(8, 16))  # type: ignore[arg-type]
    drawn = screen.draw(Image.new("RGBA", size, (200, 0, 0, 128)))
    assert drawn.endswith("\n")
    if protocol == "blocks":
        shown = read_blocks(drawn)
        assert shown.shape[0] <= 10 and shown.shape[1] <= 20
    elif protocol == "sixel":
        found = re.search(r'"1;1;(\d+);(\d+)', drawn)
        assert found is not None and int(found[1]) <= 160 and int(found[2]) <= 80
    elif protocol == "iterm":
        found = re.search(r"width=(\d+);height=(\d+);", drawn)
        assert found is not None and 1 <= int(found[1]) <= 20 and 1 <= int(found[2]) <= 5
    else:
        data = "".join(re.findall(r";([A-Za-z0-9+/=]*)\x1b", drawn))
        width, height = Image.open(io.BytesIO(base64.b64decode(data))).size
        assert width <= 160 and height <= 80


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"TERM": "xterm-kitty", "KITTY_WINDOW_ID": "1"}, "kitty"),
        ({"TERM": "xterm-256color", "KITTY_WINDOW_ID": "1"}, "kitty"),
        ({"TERM": "xterm-ghostty"}, "kitty"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, "iterm"),
        ({"TERM": "xterm-256color", "LC_TERMINAL": "iTerm2"}, "iterm"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, "iterm"),
        ({"TERM": "foot"}, "sixel"),
        ({"TERM": "foot-extra", "KITTY_WINDOW_ID": "1"}, "sixel"),
        ({"TERM": "mlterm-256color"}, "sixel"),
        ({"TERM": "tmux-256color", "TMUX": "/tmp/x", "KITTY_WINDOW_ID": "1"}, "blocks"),
        ({"TERM": "screen.xterm-256color", "STY": "1"}, "blocks"),
        ({"TERM": "xterm-256color", "WT_SESSION": "x"}, "asked"),
        ({"TERM": "xterm-256color", "ZELLIJ": "0", "KITTY_WINDOW_ID": "1"}, "asked"),
        ({"TERM": "xterm-256color"}, "asked"),
        ({}, "asked"),
    ],
)
@pytest.mark.parametrize("answer", [True, False])
def test_the_environment_tells(environment: dict[str, str], expected: str, answer: bool) -> None:
    asked: list[bool] = []
    found = detect(environment, lambda: (asked.append(answer), answer)[1])
    assert found == (expected if expected != "asked" else "sixel" if answer else "blocks")
    assert bool(asked) == (expected == "asked")


def test_no_terminal_no_pictures_unless_the_way_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SearchError, match="the output is none; --sheet"):
        Screen.of(io.StringIO())
    assert Screen.of(io.StringIO(), "sixel").protocol == "sixel"
    with pytest.raises(SearchError, match="choose one of auto, kitty, iterm, sixel, blocks"):
        Screen.of(io.StringIO(), "ascii")


# ── a terminal that the test plays ─────────────────────────────────────────────────────────────────────

ASK = """
import fcntl, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
from openautoglm.search.terminal import Screen, answers_sixel
print("ready", flush=True)
before = termios.tcgetattr(0)
print("[", {what}, "]", sep="")
print("unchanged" if termios.tcgetattr(0) == before else "changed", flush=True)
"""


def play(what: str, answer: Callable[[bytes], bytes], typed: bytes = b"") -> str:
    """Run `what` with a terminal of its own, which `answer`s what is written to it; returns what it shows."""
    ours, theirs = pty.openpty()
    if typed:
        os.write(ours, typed)
    process = subprocess.Popen(
        [sys.executable, "-c", ASK.format(what=what)],
        stdin=theirs,
        stdout=theirs,
        start_new_session=True,
        env={**os.environ, "TERM": "xterm-256color", "TMUX": "", "STY": "", "KITTY_WINDOW_ID": ""},
    )
    os.close(theirs)
    shown, answered = b"", 0
    until = time.monotonic() + 60
    while time.monotonic() < until and b"changed" not in shown:
        if not select.select([ours], [], [], 1)[0]:
            continue
        try:
            shown += os.read(ours, 1024)
        except OSError:  # they have gone
            break
        reply = answer(shown[answered:])
        if reply:
            answered = len(shown)
            os.write(ours, reply)
    process.wait(60)
    os.close(ours)
    return shown.decode()


def attributes(reply: bytes) -> Callable[[bytes], bytes]:
    return lambda new: reply if b"\x1b[c" in new else b""


@pytest.mark.parametrize(
    ("reply", "knows"),
    [
        (b"\x1b[?62;4;22c", True),
        (b"\x1b[?62;22;52c", False),
        (b"\x1b[?4c", False),  # a class, no attribute
        (b"no answer that it knows", False),
        (b"", False),
    ],
)
def test_a_terminal_is_asked(reply: bytes, knows: bool) -> None:
    patience = 5 if reply.endswith(b"c") else 0.2
    shown = play(f"answers_sixel({patience})", attributes(reply))
    assert f"[{knows}]" in shown and "\nunchanged" in shown, shown


def test_what_is_typed_ahead_is_not_taken_for_an_answer() -> None:
    shown = play("answers_sixel(5)", attributes(b"\x1b[?62;4c"), typed=b"ls\n")
    assert "[False]" in shown and "\x1b[c" not in shown


def test_a_screen_is_chosen_by_the_answer() -> None:
    shown = play("Screen.of(sys.stdout).protocol", attributes(b"\x1b[?62;4;22c"))
    assert "[sixel]" in shown
