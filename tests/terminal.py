"""A real terminal for a process: keys in, what is shown out; Ctrl-C is the key."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Sequence
from typing import Self

CTRL_C, CTRL_D = "\x03", "\x04"
_STYLE = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


class Terminal:
    """`python -c CODE WORDS…` in a terminal of its own; `with` ends it."""

    def __init__(self, code: str, words: Sequence[object]) -> None:
        self._master, slave = pty.openpty()

        def own() -> None:
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
            # A test that runs behind a shell would hand on that SIGINT is ignored.
            signal.signal(signal.SIGINT, signal.default_int_handler)

        self.process = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, words)],
            stdin=slave, stdout=slave, stderr=slave, preexec_fn=own,
            env={**os.environ, "OMP_NUM_THREADS": "1", "TERM": "dumb"},
        )  # fmt: skip
        os.close(slave)
        self.shown, self._read_to = "", 0

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._master, keys.encode())

    def wait_for(self, text: str, seconds: float = 120) -> str:
        """Wait until this is shown behind what was waited for before; returns all up to its end."""
        last = time.monotonic() + seconds
        while text not in self.shown[self._read_to :]:
            going = time.monotonic() < last and self._read()
            assert going, f"{text!r} was not shown, but {self.shown!r}"
        start, self._read_to = self._read_to, self.shown.index(text, self._read_to) + len(text)
        return self.shown[start : self._read_to]

    def end(self, seconds: float = 60) -> int:
        """Read to the end; returns the exit code."""
        last = time.monotonic() + seconds
        while self._read():
            assert time.monotonic() < last, f"no end came, but {self.shown!r}"
        return self.process.wait(seconds)

    def _read(self) -> bool:
        ready, _, _ = select.select([self._master], [], [], 1)
        if not ready:
            return True
        try:
            data = os.read(self._master, 65536)
        except OSError:  # the other end is closed
            return False
        self.shown += _STYLE.sub("", data.decode(errors="replace"))
        return bool(data)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._master)
