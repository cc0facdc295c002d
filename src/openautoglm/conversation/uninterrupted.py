"""Ctrl-C that waits: for what must not be left half done.

An import that is cut off leaves modules behind that cannot be imported again in this process; a turn that is
half written is neither the turn nor the one before.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Do what stands inside to its end; a Ctrl-C that came meanwhile is then as if it came only now.

    Outside the main thread Python delivers no signals, so there nothing is changed.

    >>> before = signal.signal(signal.SIGINT, signal.default_int_handler)
    >>> try:
    ...     with uninterrupted():
    ...         signal.raise_signal(signal.SIGINT)
    ...         done = "done"
    ... except KeyboardInterrupt:
    ...     print(done, "and stopped")
    done and stopped
    >>> _ = signal.signal(signal.SIGINT, before)
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        came.append(number)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL if before is None else before)
    if came:
        signal.raise_signal(signal.SIGINT)
