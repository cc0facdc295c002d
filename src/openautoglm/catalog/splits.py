"""Train, validation or test: decided once per cluster, so that copies never straddle.

A *cluster* is what hangs together through equal pictures (content hash) or equal group values, however
long the chain. Its split is, in this order:

1. the user's own value, row by row, where a split column gives one (never overruled; `show` tells when
   copies straddle because of it), and for the cluster's other rows the strongest of the given ones;
2. the strongest split that its rows already have, where train > validation > test: when a later `add`
   connects two clusters, rows may move towards training, but no row that a model may have learned from
   ever becomes a test row;
3. else 80 / 10 / 10 by the hash of the cluster's first key (group, picture, or row content). Nothing
   random: the same rows get the same splits on every machine, and a row keeps its split as others come.

Clusters with near copies (`copies.py`) are tied: by the same rules they have one split, but each keeps its
name, which says in training that pictures are the same, not that they are alike.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from openautoglm.catalog.hashing import unit_interval
from openautoglm.catalog.key_numbers import KeyNumbers
from openautoglm.catalog.schema import SPLITS

_NAMES = {"train": 0, "training": 0, "validation": 1, "valid": 1, "val": 1, "dev": 1, "test": 2, "testing": 2}
_VALIDATION_FROM, _TEST_FROM = 0.8, 0.9
_RANKS: dict[str | None, int] = {split: rank for rank, split in enumerate(SPLITS)}
_NONE = len(SPLITS)
"""The rank of no split, weaker than all."""


def parse_split(value: str) -> str:
    """Tell the split that a user's word means.

    Raises:
        ValueError: if it means none.

    >>> parse_split("Val")
    'validation'
    """
    rank = _NAMES.get(value.strip().lower())
    if rank is None:
        raise ValueError(f"{value!r} is not a split; use train, validation (val) or test")
    return SPLITS[rank]


class Clusters:
    """Union-find over keys; each cluster knows its first key, and the strongest split seen.

    A key takes some sixty bytes; only the names of clusters with more than one key are kept as texts.

    >>> clusters = Clusters()
    >>> clusters.add(["image a", "group 1"], "test"), clusters.add(["image b"], "train")
    (None, None)
    >>> clusters.add(["image b", "group 1"])
    >>> clusters.find("image a")
    ('image a', 'train')
    """

    def __init__(self) -> None:
        self._numbers = KeyNumbers()
        """Of the keys, by age."""
        self._parent = array("I")
        self._rank, self._given = bytearray(), bytearray()
        self._names: dict[int, str] = {}

    def add(self, keys: Sequence[str], stored: str | None = None, given: str | None = None) -> None:
        """Join `keys` (at least one) into one cluster; say which split its row has, or the user gave it."""
        roots: dict[int, str] = {}  # and a key by which each was found
        for key in keys:
            born = len(self._parent)
            number = self._numbers.setdefault(key, born)
            if number == born:
                self._parent.append(number)
                self._rank.append(_NONE)
                self._given.append(_NONE)
            roots.setdefault(self._root(number), key)
        # The oldest key stays the root, so a cluster's name does not change as it grows.
        first = min(roots)
        if len(roots) > 1:
            # A cluster without a name yet is the one key by which it was found.
            self._names.setdefault(first, roots[first])
            for root in roots.keys() - {first}:
                self._parent[root] = first
                self._names.pop(root, None)
        for ranks, split in ((self._rank, stored), (self._given, given)):
            if split is not None or len(roots) > 1:
                ranks[first] = min(_RANKS.get(split, _NONE), *(ranks[root] for root in roots))

    def find(self, key: str) -> tuple[str, str]:
        """Find the name of the key's cluster, and its split."""
        number = self._numbers.get(key)
        if number is None:
            return key, split_of(key)
        root = self._root(number)
        name = self._names.get(root, key)
        rank = self._rank[root] if self._given[root] == _NONE else self._given[root]
        return name, SPLITS[rank] if rank != _NONE else split_of(name)

    def __contains__(self, key: str) -> bool:
        return self._numbers.get(key) is not None

    def settled(self, key: str) -> tuple[str | None, str | None]:
        """Tell which split the key's rows have already, and which the user gave them; None where none."""
        number = self._numbers.get(key)
        if number is None:
            return None, None
        root = self._root(number)
        stored, given = (
            None if one[root] == _NONE else SPLITS[one[root]] for one in (self._rank, self._given)
        )
        return stored, given

    def _root(self, number: int) -> int:
        parent = self._parent
        while (above := parent[number]) != number:
            parent[number] = number = parent[above]
        return number


def split_of(name: str) -> str:
    """Choose the split of a cluster that has none yet, by the hash of its name.

    >>> split_of("group 7")
    'train'
    """
    place = unit_interval(name)
    return SPLITS[(place >= _VALIDATION_FROM) + (place >= _TEST_FROM)]


def keys_of(image_hash: str | None, groups: Sequence[tuple[str, object]], content: str) -> list[str]:
    """List what may connect a row with others: its groups, its picture, or else its own content."""
    keys = [f"group {field}={value}" for field, value in groups if value is not None]
    keys += [f"image {image_hash}"] if image_hash else []
    return keys or [f"row {content}"]
