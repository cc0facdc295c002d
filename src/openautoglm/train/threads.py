"""As many threads as are fast just now: on a machine that others use as well, fewer are often more.

Torch's threads wait for each other many times a step. When another program takes a core away from one of
them, all stand still: two threads on two busy cores fell below a tenth of their pace when idle. So
the steps are timed, with all threads and with half of them, and the faster stays: at the start, when
steps have become slower, and, while half of them run, now and then.

Only for a training that ends by the clock: another number of threads sums in another order, which changes the
last bits.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

import torch

TRIALS = 2
"""Steps timed with each number of threads."""
SLOWER = 1.5
"""Times the usual duration after which the numbers are compared again."""
AGAIN = 50
"""Steps after which more threads are given another try."""


class Threads:
    """Sets torch's number of threads for the steps that are wrapped in `step`.

    Args:
        active: False to leave everything as it is.

    >>> threads = Threads(active=False)
    >>> with threads.step(): pass
    """

    def __init__(self, *, active: bool) -> None:
        self.most = torch.get_num_threads()
        self.active = active and self.most > 1
        self._untried: list[int] = []
        self._trials: list[tuple[float, int]] = []
        self._usual = 0.0
        self._since: list[float] = []
        self._compare()

    @contextmanager
    def step(self) -> Iterator[None]:
        """Time what happens inside."""
        if not self.active:
            yield
            return
        trying = bool(self._untried)
        if trying:
            torch.set_num_threads(self._untried.pop())
        began = time.perf_counter()
        yield
        self._took(time.perf_counter() - began, trying)

    def restore(self) -> None:
        """Give back all threads."""
        if self.active:
            torch.set_num_threads(self.most)

    def _took(self, seconds: float, trying: bool) -> None:
        if trying:
            self._trials.append((seconds, torch.get_num_threads()))
            if not self._untried:
                # The shortest of each: a step may also be long for other reasons (first use, a checkpoint).
                self._usual, fastest = min(self._trials)
                torch.set_num_threads(fastest)
            return
        self._since.append(seconds)
        slowed = len(self._since) % 10 == 0 and median(self._since[-10:]) > SLOWER * self._usual
        if slowed or (torch.get_num_threads() < self.most and len(self._since) >= AGAIN):
            self._compare()

    def _compare(self) -> None:
        self._untried = [max(1, self.most // 2), self.most] * TRIALS
        self._trials, self._since = [], []
