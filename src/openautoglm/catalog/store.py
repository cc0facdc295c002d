"""The Lance table of a workspace: created, read, grown, written in commits, cleaned.

Each write is one commit that a kill leaves done or not done. Readers see the latest commit and need
neither lock nor write permission. Updates rewrite the rows they name and no others, or, where rows are
large beside what is written (pictures kept in them), the columns that are written and no others.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from openautoglm.catalog.arrival import Arrival
from openautoglm.catalog.by_columns import cheaper_by_columns
from openautoglm.catalog.condition import checked
from openautoglm.catalog.errors import CatalogError, writing_to
from openautoglm.catalog.schema import ARROW, ID, OCR_HASH, OCR_TEXT, OWN, WIDER, Kind

if TYPE_CHECKING:
    import lance

FOLDER = "items.lance"
ROWS_PER_FRAGMENT = 16_384
_SMALL_FRAGMENTS = 32
_ROWS_AT_ONCE = 1024
_ASKED_IDS = 100_000
"""Ids among which the nearest to an unknown one is looked for; more would take seconds."""
_KEEP_VERSIONS = timedelta(days=1)
_KINDS: dict[pa.DataType, Kind] = {arrow: kind for kind, arrow in ARROW.items()}


class Store:
    """`items.lance` in a workspace.

    Args:
        folder: the workspace.
        create: make an empty table where there is none.
    """

    def __init__(self, folder: Path, *, create: bool = False) -> None:
        import lance

        self.folder = folder
        self.path = folder / FOLDER
        self._latest: tuple[lance.LanceDataset, dict[str, int]] | None = None
        if create and not (self.path / "_versions").exists():
            with writing_to(folder):
                lance.write_dataset(OWN.empty_table(), str(self.path), mode="create")
        try:
            self._dataset = lance.dataset(str(self.path))
        except (ValueError, OSError) as error:
            raise CatalogError(
                f"the rows of the workspace {folder} cannot be opened ({plain(error)}); restore "
                f"{self.path} from a copy, or delete it and add the sources again"
            ) from error

    @property
    def dataset(self) -> lance.LanceDataset:
        """The table at its latest commit, whoever made it."""
        # A handle is moved to another commit by one thread at a time, so readers get one that never moves.
        newest = self._dataset.latest_version
        if newest != self._dataset.version:
            self._dataset = self._dataset.checkout_version(newest)
        return self._dataset

    @property
    def writable(self) -> lance.LanceDataset:
        """A handle of the caller's own, for writing moves it: at the latest commit."""
        import lance

        return lance.dataset(str(self.path))

    def kinds(self) -> dict[str, Kind]:
        """List the user's columns that exist, with the kind of each."""
        columns = (one for one in self.dataset.schema if one.name != ID and not one.name.startswith("_"))
        return {one.name: _KINDS[one.type] for one in columns if one.type in _KINDS}

    def count(self, where: str | None) -> int:
        """Count the rows that pass `where`."""
        try:
            return int(self.dataset.count_rows(where and checked(where)))
        except (ValueError, OSError) as error:
            raise self._bad_query(error, where, ()) from error

    def scan(self, columns: Sequence[str], where: str | None = None) -> pa.Table:
        """Read some columns of the rows that pass `where`, in order of arrival."""
        wanted = list(dict.fromkeys([*columns, "_position"]))
        try:
            table = self.dataset.to_table(columns=wanted, filter=where and checked(where))
        except (ValueError, OSError) as error:
            raise self._bad_query(error, where, columns) from error
        positions = table["_position"].to_numpy()
        if not (positions[1:] >= positions[:-1]).all():  # most often they are in order, and need no copy
            table = table.take(pc.sort_indices(table, sort_keys=[("_position", "ascending")]))
        return table.select(list(columns))

    def arrival(self) -> Arrival:
        """Give the rows in order of arrival, a few at a time, as they are at the latest commit."""
        return Arrival(self.dataset)

    def rows(self, ids: Sequence[str], columns: Sequence[str], where: str | None = None) -> pa.Table:
        """Read some columns of the named rows, in the order of `ids`, leaving out those that fail `where`.

        Raises:
            CatalogError: if an id does not exist.
        """
        snapshot, places = self._snapshot()
        missing = next((one for one in ids if one not in places), None)
        if missing is not None:
            near = difflib.get_close_matches(str(missing), islice(places, _ASKED_IDS), n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise CatalogError(f"there is no row with id {missing!r} in {self.folder}{hint}")
        if where is not None:
            passing = set(self.scan([ID], where)[ID].to_pylist())
            ids = [one for one in ids if one in passing]
        try:
            return snapshot.take([places[one] for one in ids], columns=list(columns))
        except (ValueError, OSError) as error:
            raise self._bad_query(error, None, columns) from error

    def grow(self, kinds: Mapping[str, Kind]) -> None:
        """Make the table have these columns: new ones come empty, integers widen to numbers when asked."""
        present = self.kinds()
        widened = {
            name: kind for name, kind in kinds.items() if WIDER.get((present.get(name, "text"), kind)) == kind
        }
        if widened:
            self._widen(widened)
        new = [pa.field(name, ARROW[kind]) for name, kind in kinds.items() if name not in present]
        if new:
            with writing_to(self.folder):
                self.writable.add_columns(pa.schema(new))

    def upsert(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write whole rows, new and changed ones, in one commit.

        What is made from them later (vectors, clusters of copies, words that were read) stays as it is.
        """
        made = {"_near"} | ({OCR_TEXT} if OCR_HASH in self.dataset.schema.names else set())
        columns = [*OWN, *(pa.field(name, ARROW[kind]) for name, kind in self.kinds().items())]
        schema = pa.schema([one for one in columns if one.name not in made])
        self.merge(pa.Table.from_pylist(list(rows), schema=schema), insert=True)

    def upgrade(self) -> None:
        """Add the catalogue's own columns that an older version did not know."""
        present = set(self.dataset.schema.names)
        if new := [one for one in OWN if one.name not in present]:
            with writing_to(self.folder):
                self.writable.add_columns(pa.schema(new))

    def merge(self, table: pa.Table, *, insert: bool = False) -> None:
        """Write some columns of the rows named by `id`, adding columns that are new.

        Args:
            table: `id` and the columns to write.
            insert: whether rows that do not exist are added, or else passed over.
        """
        present = set(self.dataset.schema.names)
        new = [one for one in table.schema if one.name not in present]
        with writing_to(self.folder):
            if new:
                self.writable.add_columns(pa.schema(new))
            if table.num_rows:
                builder = self.writable.merge_insert(ID).when_matched_update_all()
                if insert:
                    builder = builder.when_not_matched_insert_all()
                elif cheaper_by_columns(self.dataset, table):
                    builder = builder.write_mode("rewrite_columns")
                builder.execute(table)

    def correct(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write some of the catalogue's own columns of rows that exist."""
        if rows:
            schema = pa.schema([OWN.field(name) for name in rows[0]])
            self.merge(pa.Table.from_pylist(list(rows), schema=schema))

    def delete(self, ids: Sequence[str]) -> None:
        """Remove the named rows."""
        with writing_to(self.folder):
            for start in range(0, len(ids), 1000):
                names = ", ".join("'" + one.replace("'", "''") + "'" for one in ids[start : start + 1000])
                self.writable.delete(f"id IN ({names})")

    def drop(self, columns: Sequence[str]) -> None:
        """Take columns away from all rows."""
        with writing_to(self.folder):
            self.writable.drop_columns(list(columns))

    def tidy(self, *, interrupted: bool) -> None:
        """Join small fragments, drop old versions and, after an interrupted writer, its unfinished files.

        Call it with the workspace's lock held: then no unfinished file belongs to a living writer.
        """
        with writing_to(self.folder):
            small = [one for one in self.dataset.get_fragments() if one.count_rows() < ROWS_PER_FRAGMENT]
            if len(small) > _SMALL_FRAGMENTS:
                self.writable.optimize.compact_files(target_rows_per_fragment=ROWS_PER_FRAGMENT)
            self.writable.cleanup_old_versions(older_than=_KEEP_VERSIONS, delete_unverified=interrupted)

    def _snapshot(self) -> tuple[lance.LanceDataset, dict[str, int]]:
        """Take the table at its latest commit, and the place of each id in it; made once a commit."""
        snapshot, latest = self.dataset, self._latest
        if latest is None or latest[0].version != snapshot.version:
            ids = snapshot.to_table(columns=[ID])[ID].to_pylist()
            self._latest = latest = snapshot, {one: place for place, one in enumerate(ids)}
        return latest

    def _widen(self, kinds: Mapping[str, Kind]) -> None:
        import lance

        old = self.dataset.schema
        schema = pa.schema(
            [one.with_type(ARROW[kinds[one.name]]) if one.name in kinds else one for one in old]
        )
        batches = (batch.cast(schema) for batch in self.dataset.to_batches())
        with writing_to(self.folder):
            lance.write_dataset(
                pa.RecordBatchReader.from_batches(schema, batches), str(self.path), mode="overwrite"
            )

    def _bad_query(self, error: Exception, where: str | None, columns: Sequence[str]) -> CatalogError:
        said = plain(error)
        names = [one for one in self.dataset.schema.names if not one.endswith(("_embeds", "_bytes"))]
        listed = ", ".join(sql_name(one) for one in names if not one.startswith("_"))
        asked = f"where {where!r}" if where is not None else f"columns {list(columns)}"
        unknown = re.search(r"No field named \"?([^\".]+)\"?\.?", said)
        if unknown:
            near = difflib.get_close_matches(unknown.group(1), names, n=1)
            said = f"there is no column {unknown.group(1)!r}" + (
                f"; did you mean {near[0]!r}?" if near else ""
            )
        return CatalogError(f"{asked}: {said}\ncolumns: {listed}; and the catalogue's own {_own(names)}")


def in_pieces(table: pa.Table) -> Iterator[dict[str, Any]]:
    """Yield the rows of a table, which would take many times its memory as objects all at once."""
    for batch in table.to_batches(max_chunksize=_ROWS_AT_ONCE):
        yield from batch.to_pylist()


def sql_name(name: str) -> str:
    """Write the name as SQL wants it: plain, or in backticks.

    >>> sql_name("price"), sql_name("my col")
    ('price', '`my col`')
    """
    return name if re.fullmatch(r"\w+", name) and not name[0].isdigit() else f"`{name}`"


def plain(error: Exception) -> str:
    """Strip the engine's message of its source locations and wrappers."""
    text = re.sub(r",? ?/\S+\.rs:\d+:\d+\)?", "", str(error))
    text = re.sub(r"(Invalid user input|Schema error|LanceError\(\w+\)|Error during planning): ", "", text)
    text = text.partition(" Valid fields are")[0]
    return text.strip().rstrip(".,")


def _own(names: Sequence[str]) -> str:
    return ", ".join(one for one in names if one.startswith("_"))
