"""What a person sees while something long is going on: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

LINE_EVERY = 15.0
"""Seconds between two lines when the output is not a terminal (a log, a pipe)."""


class Bar:
    """One bar on standard error, so that output can be piped.

    Args:
        title: stands in front until `tell` says otherwise.
        shown: False for a bar that shows nothing.

    >>> with Bar("decoding", shown=False) as bar:
    ...     bar.tell("decoding", 5, 10)
    """

    def __init__(self, title: str, *, shown: bool = True) -> None:
        # Slow to load, and a search needs none of it.
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        console = Console(stderr=True)
        self._shown = shown
        self._live = shown and console.is_terminal
        self._console = console
        self._next_line = 0.0
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),  # a folder's name may have brackets
            BarColumn(bar_width=None),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[note]}", markup=False),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not self._live,
        )
        self._task = self._progress.add_task(title, total=None, note="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def tell(self, title: str, done: float, total: float | None, note: str = "") -> None:
        """Show how much is done of how much (None: not known), and a few figures."""
        self._progress.update(self._task, description=title, completed=done, total=total, note=note)
        if self._shown and not self._live and time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + LINE_EVERY
            share = f" {done / total:.0%}" if total else ""
            self._console.print(f"{title}{share} {note}".rstrip(), highlight=False, markup=False)

    def say(self, text: str) -> None:
        """A line that stays, above the bar."""
        if self._shown:
            self._console.print(text, highlight=False, markup=False)


@contextmanager
def bar_of(shown: bool) -> Iterator[Callable[[str, int, int], None]]:
    """A bar, as the function that rooms tell their progress to: what is done, how much of it, of how much."""
    with Bar("", shown=shown) as bar:
        yield bar.tell
