"""Facts of pictures by content hash, some eighty bytes each: what is here need not be decoded again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from struct import Struct

from openautoglm.catalog.images import ImageFacts
from openautoglm.catalog.key_numbers import KeyNumbers

_FACTS = Struct("<16sIIQ?")
"""Hash, width, height, look, and whether there is one."""


class Proven(Mapping[str, ImageFacts]):
    """Facts of pictures, in order of arrival; one thread adds, any may read.

    >>> proven = Proven()
    >>> proven.add(ImageFacts("0f" * 16, 640, 480))
    >>> proven["0f" * 16].width, proven.get("1e" * 16)
    (640, None)
    """

    def __init__(self) -> None:
        self._numbers = KeyNumbers()
        self._facts = bytearray()

    def add(self, facts: ImageFacts) -> None:
        """Put facts in, in place of older ones of the same picture."""
        packed = _FACTS.pack(
            bytes.fromhex(facts.hash), facts.width, facts.height, facts.look or 0, facts.look is not None
        )
        new = len(self._numbers)
        self._facts[new * _FACTS.size :] = packed  # before its number can be found
        number = self._numbers.setdefault(facts.hash, new)
        if number != new:
            self._facts[number * _FACTS.size : (number + 1) * _FACTS.size] = packed

    def __getitem__(self, digest: str) -> ImageFacts:
        number = self._numbers.get(digest)
        if number is None:
            raise KeyError(digest)
        return self._at(number)

    def __iter__(self) -> Iterator[str]:
        return (self._at(number).hash for number in range(len(self)))

    def __len__(self) -> int:
        return len(self._numbers)

    def _at(self, number: int) -> ImageFacts:
        digest, width, height, look, seen = _FACTS.unpack_from(self._facts, number * _FACTS.size)
        return ImageFacts(digest.hex(), width, height, look if seen else None)
