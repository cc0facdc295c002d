"""Work in threads, handed on in the order in which it came.

Pillow, NumPy and ONNX work outside Python's lock, so threads use all cores.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

S = TypeVar("S")
T = TypeVar("T")

_AHEAD = 8


def in_order(work: Callable[[S], T], items: Iterable[S]) -> Iterator[T]:
    """Yield `work(item)` of every item; at most a few results a core are in memory.

    >>> list(in_order(len, ["a", "bcd", ""]))
    [1, 3, 0]
    """
    workers = min(8, os.cpu_count() or 1)
    waiting: deque[Future[T]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="catalog") as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) >= workers * _AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
