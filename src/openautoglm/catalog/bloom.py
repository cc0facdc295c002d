"""Which keys were certainly never put in: two bytes a key instead of the key (Bloom, 1970).

A key sets 3 bits of some 16 a key. One that finds all of its bits set was most likely put in (some 1 % of the
others do); one that does not, was not. As keys come, filters of twice the size are added and all are asked
(scalable Bloom filters: Almeida et al., 2007).
"""

from __future__ import annotations

_FIRST = 1 << 13
_BITS_A_KEY = 16


class Bloom:
    """Keys that may have been put in.

    >>> keys = Bloom()
    >>> keys.add("a"), "a" in keys, "b" in keys
    (None, True, False)
    """

    def __init__(self) -> None:
        self._filters: list[tuple[bytearray, int]] = []
        self._room = 0

    def add(self, key: str) -> None:
        """Put a key in."""
        if not self._room:
            self._room = _FIRST << len(self._filters)
            bits = self._room * _BITS_A_KEY
            self._filters.append((bytearray(bits // 8), bits - 1))
        self._room -= 1
        filled, mask = self._filters[-1]
        for place in _places(key):
            filled[(place & mask) >> 3] |= 1 << (place & 7)

    def __contains__(self, key: str) -> bool:
        one, two, three = _places(key)
        return any(
            filled[(one & mask) >> 3] & 1 << (one & 7)
            and filled[(two & mask) >> 3] & 1 << (two & 7)
            and filled[(three & mask) >> 3] & 1 << (three & 7)
            for filled, mask in self._filters
        )


def _places(key: str) -> tuple[int, int, int]:
    # Three numbers of two (Kirsch and Mitzenmacher, 2006), both of Python's own 64-bit hash of the text.
    one = hash(key)
    two = (one >> 32) | 1
    return one, one + two, one + 2 * two
