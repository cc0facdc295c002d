"""Read, hash and prove the pictures of a source: in threads, a few ahead, handed on in order.

A file that has not changed is not read again (`file_cache.py`). Others are read and hashed; decoding is what
costs, and is done for content that the catalogue does not have yet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock

from openautoglm.catalog.embedded import embedded_values
from openautoglm.catalog.file_cache import FileCache, Noted, Stamp
from openautoglm.catalog.hashing import content_hash
from openautoglm.catalog.images import BadImage, ImageFacts, inspect_image, read_image_bytes
from openautoglm.catalog.known_rows import KnownRows
from openautoglm.catalog.parts import part_at
from openautoglm.catalog.report import Skipped
from openautoglm.catalog.schema import ID
from openautoglm.catalog.source import Item, Part, Values
from openautoglm.catalog.store import Store
from openautoglm.catalog.threads import in_order


@dataclass
class Examined:
    """An item after its picture was looked at.

    `place` is that of its row (`known_rows.py`), None of a new one; `facts` is None without a usable picture;
    `data` are the bytes to be kept in the table, if they are.
    """

    item: Item
    place: int | None
    facts: ImageFacts | None
    data: bytes | None


class Examiner:
    """Looks at pictures.

    Args:
        store: the table, asked for a picture whose file has gone.
        rows: those that the catalogue has; may grow while this works.
        proven: facts of pictures by content hash, which need no second decoding; may grow too.
        embed: whether all pictures' bytes are kept.
    """

    def __init__(
        self, store: Store, rows: KnownRows, proven: Mapping[str, ImageFacts], *, embed: bool
    ) -> None:
        self.store, self.rows, self.proven, self.embed = store, rows, proven, embed
        self._reader: Store | None = None
        self._reading = Lock()
        self._files = FileCache(store.folder)

    def examine_all(self, items: Iterator[Item | Skipped], source: str) -> Iterator[Examined | Skipped]:
        """Yield every item in its order; at most a few pictures a core are in memory."""
        with self._files.opened():
            yield from in_order(partial(self.examine, source=source), items, is_quick=_has_no_picture)

    def examine(self, item: Item | Skipped, source: str) -> Examined | Skipped:
        """Look at one item's picture; what is wrong with it is added to the item's problems."""
        if isinstance(item, Skipped):
            return item
        row = self.rows.find(item.id)
        if item.picture is None:
            return Examined(item, row, None, None)
        kept = row if row is not None and self.rows.keeps(row) else None
        path = item.picture if isinstance(item.picture, Path) else None
        part = part_at(path) if path else item.picture if isinstance(item.picture, Part) else None
        try:
            if part is not None:
                facts, data = self._look_inside(item, part, kept)
            elif path is None or self.embed or kept is not None:
                facts, data = self._look_at(item, path, kept)
            else:
                facts, data = self._look_at_file(item, path), None
        except BadImage as error:
            shown = part.path if part else path
            where = str(shown) if shown else None
            item.problems.append(Skipped(source, item.row, item.picture_field, where, error.reason))
            return Examined(item, row, None, None)
        return Examined(item, row, facts, data)

    def _look_at(self, item: Item, path: Path | None, kept: int | None) -> tuple[ImageFacts, bytes]:
        """Prove a picture whose bytes the table keeps, for they are wanted, or have no other home."""
        data = self._read(item, kept)
        facts = self.proven.get(content_hash(data)) or inspect_image(data, path)
        self._describe(item, embedded_values(data))
        return facts, data

    def _look_at_file(self, item: Item, path: Path) -> ImageFacts:
        """Prove a picture that stays where it is; one that is unchanged is not read."""
        stamp = Stamp.of(path)
        noted = self._files.find(path, stamp) if stamp else None
        facts = self.proven.get(noted.hash) if noted else None
        if noted is None or facts is None or (item.describe and noted.said is None):
            data = read_image_bytes(path)
            facts = self.proven.get(content_hash(data)) or inspect_image(data, path)
            noted = Noted(facts.hash, embedded_values(data) if item.describe else None)
            if stamp:
                self._files.note(path, stamp, noted)
        self._describe(item, noted.said or {})
        return facts

    def _look_inside(self, item: Item, part: Part, kept: int | None) -> tuple[ImageFacts, bytes | None]:
        """Prove a part of a file; what the workspace keeps of it is not made a second time.

        Args:
            item: the row as its source tells it.
            part: its picture.
            kept: its place, if the workspace keeps the picture's bytes.
        """
        own = self.proven.get(self.rows.known([kept])[0].image_hash or "") if kept is not None else None
        facts = own if own and not part.path.exists() else part.facts(self.proven)
        self._describe(item, {})
        if own and own.hash == facts.hash:
            return facts, self._kept(item)
        return facts, part.data() if self.embed or kept is not None else None

    def _describe(self, item: Item, said: Values) -> None:
        if item.describe:
            values, problems = item.describe(said)
            item.values |= values
            item.problems += problems

    def _read(self, item: Item, kept: int | None) -> bytes:
        if isinstance(item.picture, bytes):
            return item.picture
        path = item.picture if isinstance(item.picture, Path) else Path()
        # The workspace's own copy serves when its user has deleted the file.
        return self._kept(item) if kept is not None and not path.exists() else read_image_bytes(path)

    def _kept(self, item: Item) -> bytes:
        # A handle of its own, one thread at a time: the shared one is moved by the commits meanwhile.
        with self._reading:
            self._reader = self._reader or Store(self.store.folder)
            kept: bytes = self._reader.rows([item.id], [ID, "_image_bytes"])["_image_bytes"][0].as_py()
        return kept


def _has_no_picture(item: Item | Skipped) -> bool:
    return isinstance(item, Skipped) or item.picture is None
