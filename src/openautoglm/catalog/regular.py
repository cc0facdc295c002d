"""Files opened to be read, if they are files: a named pipe or a device could keep its reader for ever."""

from __future__ import annotations

import stat
from io import BufferedReader
from pathlib import Path


class NotAFile(OSError):  # noqa: N818 - said of what lies at a path
    """A folder, a pipe, a socket or a device where a file was wanted."""

    def __init__(self) -> None:
        super().__init__(None, "not a file")

    def __str__(self) -> str:
        return "not a file"


def open_regular(path: Path) -> BufferedReader:
    """Open a file; links are followed.

    Raises:
        NotAFile: if what lies there is none.
        OSError: if it cannot be opened.
    """
    # Asked before: to open a pipe is to wait for somebody who writes into it.
    if not stat.S_ISREG(path.stat().st_mode):
        raise NotAFile
    return path.open("rb")
