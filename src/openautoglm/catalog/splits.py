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

from collections.abc import Iterable, MutableMapping, Sequence
from typing import NamedTuple

from openautoglm.catalog.hashing import unit_interval
from openautoglm.catalog.schema import SPLITS

_NAMES = {"train": 0, "training": 0, "validation": 1, "valid": 1, "val": 1, "dev": 1, "test": 2, "testing": 2}
_VALIDATION_FROM, _TEST_FROM = 0.8, 0.9


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


class Node(NamedTuple):
    """A key in a cluster."""

    parent: str
    """The key above it; of the first key of a cluster, itself."""
    age: int
    """How many keys were there before it."""
    rank: int | None = None
    """Of a cluster's first key: the strongest split that its rows have."""
    given: int | None = None
    """Of a cluster's first key: the strongest split that the user gave them."""


class Clusters:
    """Union-find over keys; each cluster knows its first key, and the strongest split seen.

    Args:
        nodes: where its keys are kept; a dictionary unless given.

    >>> clusters = Clusters()
    >>> clusters.add(["image a", "group 1"], "test"), clusters.add(["image b"], "train")
    (None, None)
    >>> clusters.add(["image b", "group 1"])
    >>> clusters.find("image a")
    ('image a', 'train')
    """

    def __init__(self, nodes: MutableMapping[str, Node] | None = None) -> None:
        self._nodes: MutableMapping[str, Node] = {} if nodes is None else nodes
        self._born = len(self._nodes)

    def add(self, keys: Sequence[str], stored: str | None = None, given: str | None = None) -> None:
        """Join `keys` (at least one) into one cluster; say which split its row has, or the user gave it."""
        roots: dict[str, Node] = {}
        new: set[str] = set()
        for key in keys:
            found = self._root(key)
            if found:
                roots.setdefault(*found)
            elif key not in roots:
                roots[key] = Node(key, self._born)
                self._born += 1
                new.add(key)
        # The oldest key stays the root, so a cluster's name does not change as it grows.
        first = min(roots, key=lambda root: roots[root].age)
        rank = _strongest([node.rank for node in roots.values()], stored)
        told = _strongest([node.given for node in roots.values()], given)
        for root, node in roots.items():
            now = Node(first, node.age, rank, told) if root == first else Node(first, node.age)
            if now != node or root in new:
                self._nodes[root] = now

    def find(self, key: str) -> tuple[str, str]:
        """Find the name of the key's cluster, and its split."""
        root, node = self._root(key) or (key, Node(key, self._born))
        rank = node.rank if node.given is None else node.given
        return root, SPLITS[rank] if rank is not None else split_of(root)

    def __contains__(self, key: str) -> bool:
        return key in self._nodes

    def settled(self, key: str) -> tuple[str | None, str | None]:
        """Tell which split the key's rows have already, and which the user gave them; None where none."""
        _, node = self._root(key) or (key, Node(key, self._born))
        stored, given = (None if rank is None else SPLITS[rank] for rank in (node.rank, node.given))
        return stored, given

    def _root(self, key: str) -> tuple[str, Node] | None:
        """Find the root above a key, halving the way to it; None where the key is new."""
        node = self._nodes.get(key)
        while node is not None and node.parent != key:
            above = self._nodes[node.parent]
            if above.parent == node.parent:
                return node.parent, above
            self._nodes[key] = node._replace(parent=above.parent)
            key, node = above.parent, self._nodes[above.parent]
        return (key, node) if node is not None else None


def _strongest(ranks: Iterable[int | None], split: str | None) -> int | None:
    known = [rank for rank in ranks if rank is not None]
    known += [SPLITS.index(split)] if split in SPLITS else []
    return min(known, default=None)


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
