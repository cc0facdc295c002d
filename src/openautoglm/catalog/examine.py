"""Read, hash and prove the pictures of a source: in threads, a few ahead, handed on in order.

Hashing is cheap and always done; decoding is what costs, and is done for content that the catalogue
does not have yet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

from openautoglm.catalog.hashing import content_hash
from openautoglm.catalog.images import BadImage, ImageFacts, inspect_image, read_image_bytes
from openautoglm.catalog.report import Skipped
from openautoglm.catalog.schema import ID
from openautoglm.catalog.source import Item
from openautoglm.catalog.store import Store
from openautoglm.catalog.threads import in_order


class Known(NamedTuple):
    """What the catalogue has of a row, as far as a comparison needs it."""

    position: int
    source: str
    image: str | None
    image_hash: str | None
    hash: str
    embedded: bool
    embeds_key: str | None


@dataclass
class Examined:
    """An item after its picture was looked at.

    `facts` is None without a usable picture; `data` are the bytes to be kept in the table, if they are.
    """

    item: Item
    facts: ImageFacts | None
    data: bytes | None


class Examiner:
    """Looks at pictures.

    Args:
        store: the table, asked for a picture whose file has gone.
        known: the rows that the catalogue has; may grow while this works.
        proven: facts of pictures by content hash, which need no second decoding; may grow too.
        embed: whether all pictures' bytes are kept.
    """

    def __init__(
        self, store: Store, known: Mapping[str, Known], proven: Mapping[str, ImageFacts], *, embed: bool
    ) -> None:
        self.store, self.known, self.proven, self.embed = store, known, proven, embed

    def examine_all(self, items: Iterator[Item | Skipped], source: str) -> Iterator[Examined | Skipped]:
        """Yield every item in its order; at most a few pictures a core are in memory."""
        return in_order(partial(self.examine, source=source), items)

    def examine(self, item: Item | Skipped, source: str) -> Examined | Skipped:
        """Look at one item's picture; what is wrong with it is added to the item's problems."""
        if isinstance(item, Skipped):
            return item
        if item.picture is None:
            return Examined(item, None, None)
        path = item.picture if isinstance(item.picture, Path) else None
        known = self.known.get(item.id)
        try:
            data = self._read(item, known)
            digest = content_hash(data)
            facts = self.proven.get(digest) or inspect_image(data, path)
        except BadImage as error:
            problem = Skipped(source, item.row, item.picture_field, str(path) if path else None, error.reason)
            item.problems.append(problem)
            return Examined(item, None, None)
        if item.describe:
            values, problems = item.describe(data)
            item.values |= values
            item.problems += problems
        # Bytes that came without a file have no other home than the table.
        keep = self.embed or path is None or (known is not None and known.embedded)
        return Examined(item, facts, data if keep else None)

    def _read(self, item: Item, known: Known | None) -> bytes:
        if isinstance(item.picture, bytes):
            return item.picture
        path = item.picture or Path()
        # The workspace's own copy serves when its user has deleted the file.
        if known and known.embedded and not path.exists():
            kept: bytes = self.store.rows([item.id], [ID, "_image_bytes"])["_image_bytes"][0].as_py()
            return kept
        return read_image_bytes(path)
