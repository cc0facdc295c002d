"""One source into the table: rows compared by content, committed in batches, splits settled at the end.

    source ─ items ─▶ examine (threads) ─ in order ─▶ compare with what is known ─▶ commits

A row that is equal to what the catalogue has is not written at all. Commits follow every
`ROWS_PER_COMMIT` rows, `SECONDS_PER_COMMIT` seconds or `BYTES_PER_COMMIT` bytes, whichever comes
first, so a kill costs at most that much work, and memory does not grow with the pictures. With the rows it
grows by some two hundred bytes each: hashes and numbers (`known_rows.py`, `proven.py`, `splits.py`).
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from openautoglm.catalog.arrival import Arrival
from openautoglm.catalog.content import content_of, texts_of
from openautoglm.catalog.copies import settle_copies
from openautoglm.catalog.examine import Examined, Examiner
from openautoglm.catalog.hashing import row_hash
from openautoglm.catalog.images import ImageFacts, see
from openautoglm.catalog.key_numbers import KeyNumbers
from openautoglm.catalog.known_rows import Known, KnownRows, fingerprint
from openautoglm.catalog.proven import Proven
from openautoglm.catalog.report import AddReport, OnProgress, Progress, Skipped
from openautoglm.catalog.schema import EMBEDS_KEY, ID, WORDS, WORDS_KEY, Field
from openautoglm.catalog.source import Item, Part, Portable, Source, Values
from openautoglm.catalog.sources import Sources
from openautoglm.catalog.splits import Clusters, keys_of, parse_split
from openautoglm.catalog.store import Store, in_pieces
from openautoglm.catalog.stored import NEEDED, open_stored
from openautoglm.catalog.values import convert
from openautoglm.catalog.words import row_texts, stored_words, words_key

ROWS_PER_COMMIT = 1000
SECONDS_PER_COMMIT = 5.0
BYTES_PER_COMMIT = 64 << 20


@dataclass(slots=True)
class _Change:
    """An item that is to be written."""

    found: Examined
    values: Values
    source: str
    image: str | None
    hash: str

    @property
    def embedded(self) -> bool:
        return self.found.data is not None

    @property
    def fingerprint(self) -> int:
        return fingerprint(self.source, self.image, self.hash, embedded=self.embedded)


class Adder:
    """Adds sources to a store, one after the other, in one `add`.

    Args:
        store: the table; its lock is held by the caller.
        fields: the catalogue's fields; grows as sources bring new ones.
        report: counts and lists are added to it.
        portable: how a path is written into the table.
        tables: the sources that are tables; a folder leaves their pictures to them.
        embed: whether pictures' bytes are kept in the table.
        progress: told after each row.
    """

    def __init__(
        self,
        store: Store,
        fields: dict[str, Field],
        report: AddReport,
        *,
        portable: Portable,
        tables: Container[str],
        embed: bool,
        progress: OnProgress | None,
    ) -> None:
        self.store, self.fields, self.report = store, fields, report
        self._portable, self._tables, self._progress = portable, tables, progress
        self._groups = [name for name, one in fields.items() if one.role == "group"]
        self._splits = [name for name, one in fields.items() if one.role == "split"]
        arrival = store.arrival()
        self._rows, self._proven, self._clusters = KnownRows(arrival), Proven(), Clusters()
        self._housing: dict[str, int] = {}
        """Sources of pictures, numbered."""
        self._home: KeyNumbers | None = None
        """By the place of a picture, the source that it is a row of; made when sources share."""
        self._touched = array("q")
        self._lost: set[str] = set()
        self._unseen: set[str] = set()
        self._added: set[str] = set()
        self._moved: set[str] = set()
        self._batch: list[_Change] = []
        self._batch_bytes = 0
        self._last_commit = time.monotonic()
        self._load(arrival)
        self._examiner = Examiner(store, self._rows, self._proven, embed=embed)

    def add(self, source: Source, *, prune: bool) -> None:
        """Bring the table up to date with one source; gone rows go only with `prune`."""
        self._added.add(source.name)
        items = self._own(source)
        for done, found in enumerate(self._examiner.examine_all(items, source.name), start=1):
            if isinstance(found, Skipped):
                self.report.skipped.append(found)
            else:
                self._compare(found, source)
            if self._progress:
                total = max(done, source.total)
                self._progress(Progress(source.name, done, total, len(self.report.skipped)))
            if self._is_due():
                self._commit()
        self._commit()
        self._drop_gone(source, prune=prune)

    def leave_out(self, sources: Sources, *, prune: bool) -> None:
        """Tell which known sources could not be read; with `prune`, those that are gone go with their rows.

        A table all of whose rows come from others now, which told the same ids, is forgotten, too.
        """
        for name, why in sources.left_out.items():
            rows = self._ids_of(name)
            if prune and name in sources.absent:
                self._remove(rows)
                sources.forget(name)
                self.report.left_out.append(f"{why}; its {len(rows)} rows were removed, and it is forgotten")
                continue
            kept = f"its {len(rows)} rows are kept"
            hint = ", prune removes them" if name in sources.absent else ""
            self.report.left_out.append(f"{why}; {kept}{hint}")
        if not self._moved:
            return
        living = set(self.store.scan(["_source"])["_source"].unique().to_pylist()) | self._added
        for name in sorted(self._moved - living):
            if name in sources.tables():
                sources.forget(name)
                said = "all its rows come from a source that was named later; it is not read again"
                self.report.notes.append(f"{name}: {said}")

    def settle(self, *, everything: bool = False) -> None:
        """Find near copies, then clusters and splits, now that all rows are known.

        Args:
            everything: compare all pictures with all, as if no copies were known.
        """
        self._look_at_unseen()
        settle_copies(self.store, self._touched, self._lost, everything=everything)
        self._settle_splits()

    def _look_at_unseen(self) -> None:
        """Take the looks of pictures that were added before there were any; those that are gone wait."""
        unseen = [key for key in self._unseen if self._rows.find(key) is not None]
        if not unseen:  # most often; to look rows up, the store would list the ids of all
            return
        rows = self.store.rows(unseen, [*NEEDED, "_position"]).to_pylist()
        seen: list[dict[str, Any]] = []
        opened = open_stored(self.store, rows, lambda picture: see(picture).hash)
        for done, (row, look) in enumerate(opened, start=1):
            if look is not None:
                seen.append({ID: row[ID], "_phash": look})
                self._touched.append(row["_position"])
            if self._progress:
                self._progress(Progress("looks of pictures", done, len(rows), len(self.report.skipped)))
            if len(seen) == ROWS_PER_COMMIT or done == len(rows):
                self.store.correct(seen)
                seen = []

    def _settle_splits(self) -> None:
        """Give every row the cluster and split that hold now (see `splits.py`)."""
        columns = [ID, "_image_hash", "_hash", "_split", "_cluster", "_near"]
        columns += self._stored([*self._groups, *self._splits])
        ties, tied = Clusters(), False
        for row in in_pieces(self.store.scan(columns, "_near IS NOT NULL")):
            key, tied = self._keys(row)[0], True
            ties.add([self._clusters.find(key)[0], f"near {row['_near']}"], *self._clusters.settled(key))
        wrong = []
        for row in self.store.arrival().each(columns):
            cluster, split = self._clusters.find(self._keys(row)[0])
            if tied and cluster in ties:
                split = ties.find(cluster)[1]
            split = self._given(row) or split
            if (row["_cluster"], row["_split"]) != (cluster, split):
                wrong.append({ID: row[ID], "_cluster": cluster, "_split": split})
        self.store.correct(wrong)

    def _load(self, arrival: Arrival) -> None:
        columns = [ID, "_position", "_source", "_image", "_image_hash", "_embedded", "_width", "_height"]
        columns += ["_hash", "_split", "_phash", *self._stored([*self._groups, *self._splits])]
        self._next_position = 0
        for row in arrival.each(columns):
            key, source, image, digest = row[ID], row["_source"], row["_image"], row["_image_hash"]
            embedded = bool(row["_embedded"])
            mark = fingerprint(source, image, row["_hash"], embedded=embedded)
            self._rows.note(key, source, mark, embedded=embedded)
            if digest:
                self._proven.add(ImageFacts(digest, row["_width"], row["_height"], row["_phash"]))
                if row["_phash"] is None:
                    self._unseen.add(key)
            self._note_home(image, source)
            self._clusters.add(self._keys(row), row["_split"], self._given(row))
            self._next_position = row["_position"] + 1

    def _stored(self, names: list[str]) -> list[str]:
        present = self.store.kinds()
        return [name for name in names if name in present]

    def _ids_of(self, source: str) -> list[str]:
        table = self.store.scan([ID, "_source"])
        ids: list[str] = table.filter(pc.equal(table["_source"], source))[ID].to_pylist()
        return ids

    def _given(self, row: Mapping[str, Any]) -> str | None:
        """Tell which split the user gave a row."""
        if not self._splits:
            return None
        return next((parse_split(str(row[name])) for name in self._splits if row.get(name)), None)

    def _keys(self, row: Mapping[str, Any]) -> list[str]:
        return keys_of(row["_image_hash"], [(name, row.get(name)) for name in self._groups], row["_hash"])

    def _place(self, item: Item) -> str | None:
        """Write where the item's picture lies (see `parts.py`); None where there is none, or it is bytes."""
        if isinstance(item.picture, Part):
            inside = item.picture.inside
            return self._portable(item.picture.path) + (f"#{inside}" if inside else "")
        return self._portable(item.picture) if isinstance(item.picture, Path) else None

    def _note_home(self, image: str | None, source: str) -> None:
        if image:
            number = self._housing.setdefault(source, len(self._housing))
            if self._home is not None and (source in self._tables or self._home.get(image) is None):
                self._home[image] = number

    def _own(self, source: Source) -> Iterator[Item | Skipped]:
        """Leave out a folder's pictures that are rows of another source already."""
        passed = 0
        if self._home is None and source.name not in self._tables and self._housing.keys() - {source.name}:
            self._home = KeyNumbers()
            for row in self.store.arrival().each(["_image", "_source"]):
                self._note_home(row["_image"], row["_source"])
        for item in source.items():
            if self._home and isinstance(item, Item) and item.needs_picture:
                home = self._home.get(self._place(item) or "")
                if home is not None and home != self._housing.get(source.name):
                    passed += 1
                    continue
            yield item
        if passed:
            said = f"{passed} pictures are rows of another source already and were passed over"
            self.report.notes.append(f"{source.name}: {said}")

    def _compare(self, found: Examined, source: Source) -> None:
        item, facts = found.item, found.facts
        named = item.id if source.roles and source.roles.id else None
        self.report.skipped += [one._replace(id=named) for one in item.problems]
        if before := self._rows.see(item.id, found.place, source.name):
            said = f"the id {item.id!r} came from {before} already; the first one stands"
            self.report.skipped.append(Skipped(source.name, item.row, ID, None, said))
            return
        values = self._converted(item, source)
        if facts is None and (item.needs_picture or not self._tells(values)):
            if not item.problems:
                said = "the row has neither a picture nor a text nor a value in a column"
                self.report.skipped.append(Skipped(source.name, item.row, None, None, said, named))
            return
        change = _Change(
            found=found,
            values=values,
            source=source.name,
            image=self._place(item) if facts else None,
            hash=row_hash(values, facts.hash if facts else None),
        )
        if found.place is not None and self._rows.is_same(found.place, change.fingerprint):
            self.report.unchanged += 1
            return
        self.report.changed += found.place is not None
        self.report.added += found.place is None
        if facts:
            self._proven.add(facts)
        self._batch.append(change)
        self._batch_bytes += len(found.data or b"")

    def _same_content(self, known: Known, values: Values, facts: ImageFacts | None) -> bool:
        """Whether the row's vectors were made from the texts and the picture that it has now."""
        names = [name for name, one in self.fields.items() if one.role == "text"]
        content = content_of(texts_of(values, names), facts.hash if facts else None)
        return content in (known.embeds_key or "").split(":")

    def _row(self, change: _Change, known: Known | None) -> dict[str, Any]:
        """Make the row that is written."""
        key, facts, values = change.found.item.id, change.found.facts, change.values
        image_hash = facts.hash if facts else None
        position = known.position if known else self._next_position
        self._next_position += known is None
        if known and known.source != change.source:
            self._moved.add(known.source)
        if known is None or known.image_hash != image_hash:
            self._touched.append(position)
            self._unseen.discard(key)
        if facts and facts.look is None:
            self._unseen.add(key)
        self._note_home(change.image, change.source)
        # Vectors made from the same content stay good, whatever else has changed.
        good = known and (known.hash == change.hash or self._same_content(known, values, facts))
        row: dict[str, Any] = {
            **values,
            ID: key,
            "_position": position,
            "_source": change.source,
            "_image": change.image,
            "_image_bytes": change.found.data,
            "_embedded": change.embedded,
            "_image_hash": image_hash,
            "_width": facts.width if facts else None,
            "_height": facts.height if facts else None,
            "_phash": facts.look if facts else None,
            "_hash": change.hash,
            "_updated_at": datetime.now(UTC),
            EMBEDS_KEY: known.embeds_key if known and good else None,
        }
        texts = row_texts(row, self.fields)
        row |= {WORDS: stored_words(texts), WORDS_KEY: words_key(texts)}
        given = self._given(row)
        self._clusters.add(self._keys(row), None, given)
        row["_cluster"], split = self._clusters.find(self._keys(row)[0])
        row["_split"] = given or split
        return row

    def _converted(self, item: Item, source: Source) -> Values:
        """Convert values to what the catalogue's columns want; sidecars may bring columns unannounced."""
        values: Values = {}
        for name, value in item.values.items():
            if name not in self.fields and value is not None:
                is_tags = isinstance(value, list)
                self.fields[name] = Field(name, "tags" if is_tags else "text", "tags" if is_tags else "text")
            try:
                values[name] = convert(value, self.fields[name].type) if value is not None else None
            except ValueError as error:
                self.report.skipped.append(Skipped(source.name, item.row, name, None, str(error)))
        return values

    def _tells(self, values: Values) -> bool:
        """Whether the values say anything: an id, a group or a split alone does not."""
        told = ("text", "tags", "column")
        return any(
            value not in (None, "", []) and self.fields[name].role in told for name, value in values.items()
        )

    def _is_due(self) -> bool:
        waited = time.monotonic() - self._last_commit >= SECONDS_PER_COMMIT
        full = len(self._batch) >= ROWS_PER_COMMIT or self._batch_bytes >= BYTES_PER_COMMIT
        return full or (waited and bool(self._batch))

    def _commit(self) -> None:
        if self._batch:
            places = [one.found.place for one in self._batch]
            known = iter(self._rows.known([place for place in places if place is not None]))
            rows = [self._row(one, None if one.found.place is None else next(known)) for one in self._batch]
            brought = {name for row in rows for name, value in row.items() if value is not None}
            self.store.grow({name: one.type for name, one in self.fields.items() if name in brought})
            self.store.upsert(rows)
        self._batch, self._batch_bytes = [], 0
        self._last_commit = time.monotonic()

    def _drop_gone(self, source: Source, *, prune: bool) -> None:
        gone = self._rows.unseen(source.name)
        if prune and source.unreadable:
            self.report.notes.append(
                f"{source.name}: nothing was pruned, because {source.unreadable} of its parts could not be "
                "read, so that gone rows cannot be told; correct these first"
            )
        elif prune:
            self._remove(gone)
            return
        self.report.gone += len(gone)

    def _remove(self, keys: list[str]) -> None:
        gone = set(keys)
        if gone:
            near = in_pieces(self.store.scan([ID, "_near"], "_near IS NOT NULL"))
            self._lost |= {row["_near"] for row in near if row[ID] in gone}
        self.store.delete(keys)
        self._rows.remove(keys)
        self.report.removed += len(keys)
