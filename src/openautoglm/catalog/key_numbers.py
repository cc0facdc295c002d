"""A number for each of many texts, in 30 to 60 bytes a text and without the text.

Two columns of hashes and one of numbers, in which a text's place is looked for from where its hash points,
one after the other (open addressing with linear probing: Knuth, The Art of Computer Programming 3, section
6.4, algorithm L). At most two thirds are filled.

A text is known by 128 bits: Python's own keyed hash (SipHash) of it, and of it behind a NUL. Two different
texts meet by chance once in 10^19.
"""

from __future__ import annotations

from array import array

_LEAST = 1 << 10


class KeyNumbers:
    """Texts with a number (0 ≤ number < 2³²) each; one thread sets, any may read.

    Args:
        room: how many texts are expected; more find room, too.

    >>> lines = KeyNumbers()
    >>> lines["a"] = 7
    >>> lines.get("a"), lines.get("b")
    (7, None)
    """

    def __init__(self, room: int = 0) -> None:
        self._count = 0
        size = max(_LEAST, 1 << (room * 3 // 2).bit_length())
        empty = bytes(8 * size)
        self._columns = size - 1, array("q", empty), array("q", empty), array("I", empty[: 4 * size])

    def __len__(self) -> int:
        return self._count

    def get(self, key: str) -> int | None:
        """Tell the number of a text; None where it has none."""
        mask, ones, twos, numbers = self._columns
        one = hash(key) or 1
        place = one & mask
        while there := ones[place]:
            if there == one and twos[place] == hash("\0" + key):
                return numbers[place]
            place = (place + 1) & mask
        return None

    def __setitem__(self, key: str, number: int) -> None:
        if 3 * self._count >= 2 * len(self._columns[1]):
            self._grow()
        self._put(hash(key) or 1, hash("\0" + key), number)

    def _put(self, one: int, two: int, number: int) -> None:
        mask, ones, twos, numbers = self._columns
        place = one & mask
        while there := ones[place]:
            if there == one and twos[place] == two:
                break
            place = (place + 1) & mask
        # The first hash comes last: a thread that finds it finds the others, too.
        numbers[place], twos[place] = number, two
        self._count += not ones[place]
        ones[place] = one

    def _grow(self) -> None:
        before, self._count = self._columns[1:], 0
        larger = KeyNumbers(len(before[0]))  # twice the places
        for one, two, number in zip(*before, strict=True):
            if one:
                larger._put(one, two, number)
        self._columns, self._count = larger._columns, larger._count
