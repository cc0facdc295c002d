"""What an `add` knows of the rows: which the table had when it began, and which ids have come since.

Of each row some sixty bytes are in memory, none of them an object of Python: the number of its id, where it
came from, and a *fingerprint*, 64 bits of all that tells whether an item that comes again is the same. What
else there is of a row (`Known`) is read from the table, and only of rows that changed. That two different
states of one row have the same fingerprint happens once in 10^19 changes.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from openautoglm.catalog.arrival import Arrival
from openautoglm.catalog.key_numbers import KeyNumbers
from openautoglm.catalog.schema import EMBEDS_KEY, ID

_NOT_YET, _REMOVED, _FIRST = 0, 1, 2
"""Of a row: not seen in this `add`, removed by it, or, from here on, the number of its source."""


class Known(NamedTuple):
    """What the catalogue has of a row, as far as a change needs it."""

    position: int
    source: str
    image_hash: str | None
    hash: str
    embeds_key: str | None


def fingerprint(source: str, image: str | None, row_hash: str, *, embedded: bool) -> int:
    """64 bits of what is compared when an item comes again; good for this process only.

    Args:
        source: name of the source.
        image: place of the picture.
        row_hash: hash of values and picture.
        embedded: whether the table keeps the picture's bytes.
    """
    return hash((source, image, row_hash, embedded))


class KnownRows:
    """The rows of one `add`, each with a place: 0 to n − 1 in the table as it was, then those that come.

    Args:
        arrival: the table when the `add` began.
    """

    def __init__(self, arrival: Arrival) -> None:
        self._arrival = arrival
        self._places = KeyNumbers(len(arrival))
        self._prints, self._embedded = array("q"), bytearray()
        self._sources: dict[str, int] = {}
        self._source, self._seen = array("I"), array("I")

    def note(self, key: str, source: str, mark: int, *, embedded: bool) -> None:
        """Note the next row of the table, and its fingerprint `mark`."""
        self._places[key] = len(self._seen)
        self._prints.append(mark)
        self._embedded.append(embedded)
        self._source.append(self._number(source))
        self._seen.append(_NOT_YET)

    def find(self, key: str) -> int | None:
        """Tell the place of the row with this id; None where the table had none, or it was removed."""
        place = self._places.get(key)
        if place is None or place >= len(self._prints) or self._seen[place] == _REMOVED:
            return None
        return place

    def keeps(self, place: int) -> bool:
        """Whether the table has the bytes of the row's picture."""
        return bool(self._embedded[place])

    def is_same(self, place: int, mark: int) -> bool:
        """Whether the row's fingerprint is this."""
        return self._prints[place] == mark

    def known(self, places: Sequence[int]) -> list[Known]:
        """Read what the table had of rows."""
        columns = ["_position", "_source", "_image_hash", "_hash", EMBEDS_KEY]
        rows = self._arrival.at(np.array(places, np.int64), columns)
        return [Known(*(row[name] for name in columns)) for row in rows]

    def see(self, key: str, place: int | None, source: str) -> str | None:
        """Note that an id came from a source; if it came before, tell from which, and note nothing.

        Args:
            key: the id.
            place: what `find` told of it.
            source: name of the source.
        """
        if place is None:
            place = self._places.get(key)
        if place is None or self._seen[place] == _REMOVED:
            self._places[key] = len(self._seen)
            self._seen.append(self._number(source))
        elif before := self._seen[place]:
            return list(self._sources)[before - _FIRST]
        else:
            self._seen[place] = self._number(source)
        return None

    def unseen(self, source: str) -> list[str]:
        """List the ids of the rows that this source had and that have not come again."""
        count = len(self._prints)
        not_yet = np.asarray(self._seen)[:count] == _NOT_YET
        of_source = np.asarray(self._source) == self._number(source)
        return [row[ID] for row in self._arrival.at(np.flatnonzero(not_yet & of_source), [ID])]

    def remove(self, keys: Iterable[str]) -> None:
        """Note that rows were removed: one of them that comes is a new one."""
        for key in keys:
            place = self._places.get(key)
            if place is not None:
                self._seen[place] = _REMOVED

    def _number(self, source: str) -> int:
        return self._sources.setdefault(source, _FIRST + len(self._sources))
