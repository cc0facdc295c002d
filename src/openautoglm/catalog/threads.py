"""Work in threads, handed on in the order in which it came.

Pillow, NumPy and ONNX work outside Python's lock, so threads use all cores.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

S = TypeVar("S")
T = TypeVar("T")

_AHEAD = 8


def in_order(
    work: Callable[[S], T], items: Iterable[S], *, is_quick: Callable[[S], bool] | None = None
) -> Iterator[T]:
    """Yield `work(item)` of every item; at most a few results a core are in memory.

    Args:
        work: what is done.
        items: of which.
        is_quick: tells of an item that it takes less than handing it to a thread; it is done without one,
            when its turn comes.

    >>> list(in_order(len, ["a", "bcd", ""]))
    [1, 3, 0]
    """
    workers = min(8, os.cpu_count() or 1)
    waiting: deque[Callable[[], T]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="catalog") as pool:
        try:
            for item in items:
                quick = is_quick is not None and is_quick(item)
                waiting.append(partial(work, item) if quick else pool.submit(work, item).result)
                if len(waiting) >= workers * _AHEAD:
                    yield waiting.popleft()()
            while waiting:
                yield waiting.popleft()()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
