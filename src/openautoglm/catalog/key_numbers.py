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
_Columns = tuple[int, "array[int]", "array[int]", "array[int]"]
"""The places less one, both hashes and the number at each place; a first hash of 0 says that it is empty."""


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
        self._columns = _empty(max(_LEAST, 1 << (room * 3 // 2).bit_length()))

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
        self.setdefault(key, number, anew=True)

    def setdefault(self, key: str, number: int, *, anew: bool = False) -> int:
        """Tell the number of a text; one that has none, or any with `anew`, gets this."""
        mask, ones, twos, numbers = self._columns
        one, two = hash(key) or 1, hash("\0" + key)
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
        if 3 * self._count > 2 * mask:
            self._grow()
        return number

    def _grow(self) -> None:
        mask, ones, twos, numbers = larger = _empty(2 * len(self._columns[1]))
        for one, two, number in zip(*self._columns[1:], strict=True):
            if one:
                place = one & mask
                while ones[place]:
                    place = (place + 1) & mask
                numbers[place], twos[place], ones[place] = number, two, one
        self._columns = larger


def _empty(size: int) -> _Columns:
    """Make columns for a power of two of texts."""
    return size - 1, array("q", bytes(8 * size)), array("q", bytes(8 * size)), array("I", bytes(4 * size))
