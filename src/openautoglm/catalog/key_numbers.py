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

    def setdefault(self, key: str, number: int) -> int:
        """Tell the number of a text; one that has none gets this."""
        if 3 * (self._count + 1) > 2 * len(self._columns[1]):
            self._grow()
        return self._put(hash(key) or 1, hash("\0" + key), number)

    def __setitem__(self, key: str, number: int) -> None:
        if self.setdefault(key, number) != number:
            self._put(hash(key) or 1, hash("\0" + key), number, anew=True)

    def _put(self, one: int, two: int, number: int, *, anew: bool = False) -> int:
        mask, ones, twos, numbers = self._columns
        place = one & mask
        while there := ones[place]:
            if there == one and twos[place] == two:
                if anew:
                    numbers[place] = number
                return numbers[place]
            place = (place + 1) & mask
        # The first hash comes last: a thread that finds it finds the others, too.
        numbers[place], twos[place], ones[place] = number, two, one
        self._count += 1
        return number

    def _grow(self) -> None:
        larger = KeyNumbers(len(self._columns[1]))  # twice the places
        for one, two, number in zip(*self._columns[1:], strict=True):
            if one:
                larger._put(one, two, number)
        self._columns = larger._columns
