"""One source into the table: rows compared by content, committed in batches, splits settled at the end.

    source ─ items ─▶ examine (threads) ─ in order ─▶ compare with what is known ─▶ commits

A row that is equal to what the catalogue has is not written at all. Commits follow every
`ROWS_PER_COMMIT` rows, `SECONDS_PER_COMMIT` seconds or `BYTES_PER_COMMIT` bytes, whichever comes
first, so a kill costs at most that much work, and memory does not grow with the pictures. Nor does it with
the rows: what is known of each lies on the disk (`disk_map.py`), but for eight bytes of those that changed.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Container, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from openautoglm.catalog.content import content_of, texts_of
from openautoglm.catalog.copies import settle_copies
from openautoglm.catalog.disk_map import Scratch
from openautoglm.catalog.examine import Examined, Examiner, Known
from openautoglm.catalog.hashing import row_hash
from openautoglm.catalog.images import ImageFacts, see
from openautoglm.catalog.report import AddReport, OnProgress, Progress, Skipped
from openautoglm.catalog.schema import EMBEDS_KEY, ID, WORDS, WORDS_KEY, Field
from openautoglm.catalog.source import Item, Part, Portable, Source, Values
from openautoglm.catalog.sources import Sources
from openautoglm.catalog.splits import Clusters, Node, keys_of, parse_split
from openautoglm.catalog.store import Store, in_pieces
from openautoglm.catalog.stored import NEEDED, open_stored
from openautoglm.catalog.values import convert
from openautoglm.catalog.words import row_texts, stored_words, words_key

ROWS_PER_COMMIT = 1000
SECONDS_PER_COMMIT = 5.0
BYTES_PER_COMMIT = 64 << 20


class Adder:
    """Adds sources to a store, one after the other, in one `add`; a context, in which its notes exist.

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
        self._scratch = Scratch(store.folder)
        self._touched = array("q")
        self._lost, self._unseen, self._housing = set[str](), set[str](), set[str]()
        self._added: set[str] = set()
        self._moved: set[str] = set()
        self._batch: list[dict[str, Any]] = []
        self._batch_bytes = 0
        self._last_commit = time.monotonic()
        self._embed = embed

    def __enter__(self) -> Self:
        notes = self._scratch.__enter__()
        try:
            self._known = notes.table("known", Known)
            self._proven = notes.table("proven", ImageFacts)
            self._given = notes.table("given", str)
            self._home = notes.table("home", str)
            self._seen = notes.table("seen", str)
            self._clusters = Clusters(notes.table("clusters", Node))
            self._load()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        self._examiner = Examiner(self.store, self._known, self._proven, embed=self._embed)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._scratch.__exit__(kind, error, trace)

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
            rows = [key for key, one in self._known.pairs() if one.source == name]
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
        living = {one.source for _, one in self._known.pairs()} | self._added
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
        unseen = [key for key in self._unseen if key in self._known]
        if not unseen:  # most often; to look rows up, the store would list the ids of all
            return
        rows = self.store.rows(unseen, NEEDED).to_pylist()
        seen: list[dict[str, Any]] = []
        opened = open_stored(self.store, rows, lambda picture: see(picture).hash)
        for done, (row, look) in enumerate(opened, start=1):
            if look is not None:
                seen.append({ID: row[ID], "_phash": look})
            if self._progress:
                self._progress(Progress("looks of pictures", done, len(rows), len(self.report.skipped)))
            if len(seen) == ROWS_PER_COMMIT or done == len(rows):
                self.store.correct(seen)
                self._touched.extend(self._known[one[ID]].position for one in seen)
                seen = []

    def _settle_splits(self) -> None:
        """Give every row the cluster and split that hold now (see `splits.py`)."""
        columns = [ID, "_image_hash", "_hash", "_split", "_cluster", "_near", *self._stored(self._groups)]
        ties = Clusters()
        for row in in_pieces(self.store.scan(columns, "_near IS NOT NULL")):
            key = self._keys(row)[0]
            ties.add([self._clusters.find(key)[0], f"near {row['_near']}"], *self._clusters.settled(key))
        wrong = []
        for row in self.store.each(columns):
            cluster, split = self._clusters.find(self._keys(row)[0])
            if cluster in ties:
                split = ties.find(cluster)[1]
            split = self._given_to(row[ID]) or split
            if (row["_cluster"], row["_split"]) != (cluster, split):
                wrong.append({ID: row[ID], "_cluster": cluster, "_split": split})
        self.store.correct(wrong)

    def _load(self) -> None:
        own = [ID, "_position", "_source", "_image", "_image_hash", "_embedded", "_width", "_height"]
        own += ["_hash", "_split", "_phash", EMBEDS_KEY]
        user = self._stored([*self._groups, *self._splits])
        self._next_position = 0
        for batch in self.store.batches([*own, *user]):
            rows = batch.to_pylist()
            self._known.update((row[ID], _known(row)) for row in rows)
            seen = [row for row in rows if row["_image_hash"]]
            self._proven.update((row["_image_hash"], _facts(row)) for row in seen)
            self._unseen |= {row[ID] for row in seen if row["_phash"] is None}
            for row in rows:
                self._note_home(row["_image"], row["_source"])
                self._join(row, row["_split"])
            self._next_position = rows[-1]["_position"] + 1 if rows else self._next_position

    def _stored(self, names: list[str]) -> list[str]:
        present = self.store.kinds()
        return [name for name in names if name in present]

    def _join(self, row: Mapping[str, Any], stored: str | None) -> None:
        """Tell the clusters of a row, and note the split that the user gave it."""
        given = next((parse_split(str(row[name])) for name in self._splits if row.get(name)), None)
        if given:
            self._given[row[ID]] = given
        elif self._splits:
            self._given.pop(row[ID], None)
        self._clusters.add(self._keys(row), stored, given)

    def _given_to(self, key: str) -> str | None:
        """Tell which split the user gave a row."""
        return self._given.get(key) if self._splits else None

    def _keys(self, row: Mapping[str, Any]) -> list[str]:
        return keys_of(row["_image_hash"], [(name, row.get(name)) for name in self._groups], row["_hash"])

    def _place(self, item: Item) -> str | None:
        """Write where the item's picture lies (see `parts.py`); None where there is none, or it is bytes."""
        if isinstance(item.picture, Part):
            inside = item.picture.inside
            return self._portable(item.picture.path) + (f"#{inside}" if inside else "")
        return self._portable(item.picture) if isinstance(item.picture, Path) else None

    def _note_home(self, image: str | None, source: str) -> None:
        if image and (source in self._tables or image not in self._home):
            self._home[image] = source
            self._housing.add(source)

    def _own(self, source: Source) -> Iterator[Item | Skipped]:
        """Leave out a folder's pictures that are rows of another source already."""
        passed = 0
        for item in source.items():
            shared = bool(self._housing - {source.name})
            place = self._place(item) if shared and isinstance(item, Item) and item.needs_picture else None
            if place and self._home.get(place, source.name) != source.name:
                passed += 1
                continue
            yield item
        if passed:
            said = f"{passed} pictures are rows of another source already and were passed over"
            self.report.notes.append(f"{source.name}: {said}")

    def _compare(self, found: Examined, source: Source) -> None:
        item, facts = found.item, found.facts
        self.report.skipped += item.problems
        if before := self._seen.get(item.id):
            said = f"the id {item.id!r} came from {before} already; the first one stands"
            self.report.skipped.append(Skipped(source.name, item.row, ID, None, said))
            return
        self._seen[item.id] = source.name
        values = self._converted(item, source)
        if facts is None and (item.needs_picture or not self._tells(values)):
            if not item.problems:
                said = "the row has neither a picture nor a text nor a value in a column"
                self.report.skipped.append(Skipped(source.name, item.row, None, None, said))
            return
        known = found.known
        digest = row_hash(values, facts.hash if facts else None)
        now = Known(
            position=known.position if known else self._next_position,
            source=source.name,
            image=self._place(item) if facts else None,
            image_hash=facts.hash if facts else None,
            hash=digest,
            embedded=found.data is not None,
            # Vectors made from the same content stay good, whatever else has changed.
            embeds_key=known.embeds_key
            if known and (known.hash == digest or self._same_content(known, values, facts))
            else None,
            size=((known and known.facts(facts.hash)) or facts)[1:] if facts else None,
        )
        if now == known:
            self.report.unchanged += 1
            return
        if known and known.source != source.name:
            self._moved.add(known.source)
        self.report.changed += known is not None
        self.report.added += known is None
        self._next_position += known is None
        self._stage(found, values, now)

    def _same_content(self, known: Known, values: Values, facts: ImageFacts | None) -> bool:
        """Whether the row's vectors were made from the texts and the picture that it has now."""
        names = [name for name, one in self.fields.items() if one.role == "text"]
        content = content_of(texts_of(values, names), facts.hash if facts else None)
        return content in (known.embeds_key or "").split(":")

    def _stage(self, found: Examined, values: Values, now: Known) -> None:
        key, known, facts, data = found.item.id, found.known, found.facts, found.data
        if known is None or known.image_hash != now.image_hash:
            self._touched.append(now.position)
            self._unseen.discard(key)
        if facts and facts.look is None:
            self._unseen.add(key)
        self._known[key] = now
        if facts:
            self._proven[facts.hash] = facts
        self._note_home(now.image, now.source)
        row: dict[str, Any] = {
            **values,
            ID: key,
            "_position": now.position,
            "_source": now.source,
            "_image": now.image,
            "_image_bytes": data,
            "_embedded": now.embedded,
            "_image_hash": now.image_hash,
            "_width": facts.width if facts else None,
            "_height": facts.height if facts else None,
            "_phash": facts.look if facts else None,
            "_hash": now.hash,
            "_updated_at": datetime.now(UTC),
            EMBEDS_KEY: now.embeds_key,
        }
        texts = row_texts(row, self.fields)
        row |= {WORDS: stored_words(texts), WORDS_KEY: words_key(texts)}
        self._join(row, None)
        row["_cluster"], split = self._clusters.find(self._keys(row)[0])
        row["_split"] = self._given_to(key) or split
        self._batch.append(row)
        self._batch_bytes += len(data or b"")

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
            brought = {name for row in self._batch for name, value in row.items() if value is not None}
            self.store.grow({name: one.type for name, one in self.fields.items() if name in brought})
            self.store.upsert(self._batch)
        self._batch, self._batch_bytes = [], 0
        self._last_commit = time.monotonic()

    def _drop_gone(self, source: Source, *, prune: bool) -> None:
        unseen = self._known.pairs(lacking=self._seen)
        gone = [key for key, one in unseen if one.source == source.name]
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
        for key in keys:
            del self._known[key]
        self.report.removed += len(keys)


def _known(row: Mapping[str, Any]) -> Known:
    return Known(
        position=row["_position"],
        source=row["_source"],
        image=row["_image"],
        image_hash=row["_image_hash"],
        hash=row["_hash"],
        embedded=row["_embedded"],
        embeds_key=row[EMBEDS_KEY],
        size=(row["_width"], row["_height"], row["_phash"]) if row["_image_hash"] else None,
    )


def _facts(row: Mapping[str, Any]) -> ImageFacts:
    return ImageFacts(row["_image_hash"], row["_width"], row["_height"], row["_phash"])
