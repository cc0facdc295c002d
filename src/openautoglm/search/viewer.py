"""Files shown by the system's own viewer: xdg-open, open (macOS), the shell (Windows)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from openautoglm.search.errors import SearchError

MOST = 20
"""Files that are opened at once: each may become a window."""
_PATIENCE = 3.0
"""Seconds in which a viewer says that it cannot; many stay for as long as the picture is looked at."""


def find_viewer() -> str:
    """Name the program that opens files.

    Raises:
        SearchError: if there is none, or no screen to show them on.
    """
    if sys.platform == "darwin":
        return "open"
    if sys.platform == "win32":
        return ""  # `os.startfile`
    if shutil.which("wslview"):  # Linux inside Windows, whose screen it uses
        return "wslview"
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise SearchError(
            "there is no screen to open pictures on (neither DISPLAY nor WAYLAND_DISPLAY is set); "
            "--show draws them in the terminal, --sheet FILE.html writes a page to look at elsewhere"
        )
    if not shutil.which("xdg-open"):
        raise SearchError("xdg-open, which opens files, is not installed; install the package xdg-utils")
    return "xdg-open"


def open_files(files: Sequence[Path]) -> None:
    """Open each file with the program that the user has chosen for its kind.

    Raises:
        SearchError: if there is no viewer, it says that it cannot, or there are more than `MOST` files.
    """
    viewer = find_viewer()
    if len(files) > MOST:
        raise SearchError(
            f"{len(files)} pictures would be opened in as many windows; -k {MOST} asks for fewer, and with "
            "--sheet FILE.html the sheet is opened instead"
        )
    if sys.platform == "win32":
        for file in files:
            os.startfile(file)
        return
    started = [_start(viewer, file) for file in files]
    until = time.monotonic() + _PATIENCE
    for file, process in zip(files, started, strict=True):
        try:
            code = process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            continue
        if code:
            raise SearchError(
                f"{viewer} could not open {file} (it ended with {code}); choose a program for such files, "
                "or use --sheet FILE.html"
            )


def _start(viewer: str, file: Path) -> subprocess.Popen[bytes]:
    nothing = subprocess.DEVNULL
    # A session of its own: the viewer outlives this command and its terminal.
    return subprocess.Popen(
        [viewer, file.absolute()], stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True
    )
