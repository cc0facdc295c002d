"""The catalogue: the user's rows with pictures, texts and columns, kept in a workspace folder.

    shop = Catalog(Path("shop"), create=True)
    print(shop.add("photos/", "products.csv"))          # +1200 ~0 −0, 3 skipped
    table = shop.read(["id", "title"], where="price < 100")

Writing takes the workspace's lock; reading needs none and sees the latest commit. `add` is safe to
kill and to repeat: what is committed stays, what is equal is not touched.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from openautoglm.catalog.adding import Adder
from openautoglm.catalog.errors import CatalogError, writing_to
from openautoglm.catalog.images import BadImage
from openautoglm.catalog.lock import WRITER, write_lock
from openautoglm.catalog.parts import load_frames, load_picture
from openautoglm.catalog.reading import INSTALL, Reader, can_read, read_words, require_reader, unread
from openautoglm.catalog.report import AddReport, OnProgress, Progress
from openautoglm.catalog.rewording import refresh_words
from openautoglm.catalog.schema import ID, OCR_TEXT, WORDS, Field, Roles
from openautoglm.catalog.settings import (
    DRAFT,
    FILE,
    FORMAT,
    LOCK,
    change_settings,
    create_settings,
    read_settings,
)
from openautoglm.catalog.source import Source
from openautoglm.catalog.sources import Sources
from openautoglm.catalog.sql import SqlQuery
from openautoglm.catalog.store import FOLDER, Store
from openautoglm.catalog.summary import Summary, summarize

if TYPE_CHECKING:
    import lance
    from PIL import Image

_LARGE = ("_embeds", "_image_bytes", WORDS)
OCR = "ocr"
"""Key of `workspace.json`: whether words in pictures are read."""

_PARTS = {FILE, DRAFT, LOCK, FOLDER, "models", "cache", WRITER}


class Catalog:
    """The rows of the workspace in `folder`.

    Args:
        folder: the workspace.
        create: make the workspace if it does not exist.

    Raises:
        CatalogError: if there is no workspace and none is to be made, or the folder holds other things.
    """

    def __init__(self, folder: Path | str, *, create: bool = False) -> None:
        self.folder = Path(folder).expanduser().resolve()
        if create and not (self.folder / FILE).exists():
            self._create()
        read_settings(self.folder)
        self._store = Store(self.folder)

    @property
    def settings(self) -> dict[str, Any]:
        """What `workspace.json` says now."""
        return read_settings(self.folder)

    @property
    def fields(self) -> dict[str, Field]:
        """The user's fields that hold values, by name, in order of arrival."""
        stored = self.settings.get("fields", {})
        fields = {}
        for name, kind in self._store.kinds().items():
            about = stored.get(name, {"role": "column"})
            fields[name] = Field(name, about["role"], kind, about.get("language"))
        return fields

    @property
    def text_fields(self) -> list[Field]:
        """The fields with role "text", which are matched with pictures; tags are no sentences."""
        return [one for one in self.fields.values() if one.role == "text"]

    def has_pairs(self, split: str) -> bool:
        """Whether some row of the split has a picture and a text."""
        texts = " OR ".join(f"`{one.name}` IS NOT NULL" for one in self.text_fields)
        return bool(texts) and self.count(f"_split = '{split}' AND _image_hash IS NOT NULL AND ({texts})") > 0

    @property
    def column_fields(self) -> list[Field]:
        """The fields with role "column", which a columns tower reads; ids, groups and splits are none."""
        return [one for one in self.fields.values() if one.role == "column"]

    def add(
        self,
        *sources: Path | str | SqlQuery,
        roles: Roles | None = None,
        prune: bool = False,
        embed: bool = False,
        ocr: bool | None = None,
        progress: OnProgress | None = None,
    ) -> AddReport:
        """Bring the catalogue up to date with folders of pictures, files, tables and queries.

        Args:
            sources: folders, tables, PDFs, videos, WebDataset archives, queries; none means all that were
                added before.
            roles: of the tables' columns; what is not said is taken from the last time, then inferred.
            prune: remove rows that their source no longer has, also those of a known source that is not there
                any more, which is then forgotten. One that cannot be read loses nothing.
            embed: keep the pictures' bytes in the workspace, so that it needs no other file.
            ocr: read the words in the pictures into the field `ocr_text`, now and from now on; False stops it
                and keeps what was read; None means what was said the last time.
            progress: called after each row.

        Raises:
            CatalogError: if a given source cannot be used at all, or none of the known ones (others are left
                out, which the report tells), the workspace cannot be written, another
                process is writing it, or `ocr` is wanted and not installed. What was committed before stays.
        """
        if ocr:
            require_reader()
        report = AddReport()
        with self.writing() as interrupted:
            if interrupted:
                self._store.tidy(interrupted=True)
            self._store.upgrade()
            fields = dict(self.fields)
            known = Sources(self.folder, self.settings, progress)
            opened = known.open_all(sources, roles, fields)
            report.notes += known.notes
            reading = self._reads(ocr, opened, fields)
            self._remember(known, fields)
            adder = self._adder(known, fields, report, embed=embed, progress=progress)
            for source in opened:
                if source.roles:
                    report.inferred[source.name] = source.roles
                adder.add(source, prune=prune)
            adder.leave_out(known, prune=prune)
            adder.settle(everything=interrupted)
            if reading:
                self._read_words(report, asked=bool(ocr), progress=progress)
            self._remember(known, fields)
            if OCR_TEXT in fields:  # what was read is known only after the rows were written
                refresh_words(self._store, fields)
            if report.added or report.changed or report.removed:
                self._store.tidy(interrupted=False)
        if report.gone:
            report.notes.append(f"{report.gone} rows are gone from their source and kept; prune removes them")
        return report

    def settle_copies(self) -> None:
        """Look for near copies among all pictures, with the vectors that an index has made meanwhile.

        Clusters that come to hang together get one split, by the rules of `splits.py`.
        """
        with self.writing() as interrupted:
            self._store.upgrade()
            if interrupted:
                self._store.tidy(interrupted=True)
            fields = dict(self.fields)
            known = Sources(self.folder, self.settings)
            self._adder(known, fields, AddReport()).settle(everything=True)

    def summary(self) -> Summary:
        """Count what `show` shows."""
        return summarize(self._store, self.fields)

    def count(self, where: str | None = None) -> int:
        """Count the rows, or those that pass an SQL condition."""
        return self._store.count(where)

    def read(
        self, columns: Sequence[str] | None = None, where: str | None = None, ids: Sequence[str] | None = None
    ) -> pa.Table:
        """Read some columns of some rows.

        Args:
            columns: names; None means all but what is large: pictures' bytes, vectors, and indexed words.
            where: an SQL condition.
            ids: these rows, in this order; without it, all in order of arrival.

        Raises:
            CatalogError: if a column or id does not exist or `where` is no condition; it lists the columns.
        """
        names = list(columns) if columns is not None else self._light_columns()
        return self._store.scan(names, where) if ids is None else self._store.rows(list(ids), names, where)

    def load_image(self, row: Mapping[str, Any]) -> Image.Image:
        """Decode the picture of a row (a mapping with `id`; `_image` and `_image_bytes` if they were read).

        Of a video it is the frame in the middle.

        Raises:
            BadImage: if the row has no picture, or its file has gone or broken since it was added.
        """
        return load_picture(*self._place(row))

    def load_frames(self, row: Mapping[str, Any], enough: int | None = None) -> list[Image.Image]:
        """Decode all that a row shows: one picture, or several frames of a video, evenly over its time.

        Args:
            row: as for `load_image`.
            enough: pixels of the shorter side that suffice, as for `decode_image`.

        Raises:
            BadImage: as `load_image`.
        """
        return load_frames(*self._place(row), enough=enough)

    def _place(self, row: Mapping[str, Any]) -> tuple[Path, bytes | None]:
        """Find where the row's picture lies, and its bytes where they are kept."""
        if "_image" not in row or "_image_bytes" not in row:
            row = self._store.rows([row[ID]], ["_image", "_image_bytes"]).to_pylist()[0]
        image, data = row["_image"], row["_image_bytes"]
        if image is None and data is None:
            raise BadImage(None, "the row has no picture")
        return self.folder / image if image else Path(), bytes(data) if data is not None else None

    @property
    def dataset(self) -> lance.LanceDataset:
        """The Lance table at its latest commit, for reading; a handle that stays at that commit."""
        return self._store.dataset

    @property
    def writable(self) -> lance.LanceDataset:
        """A handle of the caller's own at the latest commit, to write with inside `writing()`."""
        return self._store.writable

    def merge_columns(self, table: pa.Table) -> None:
        """Write columns of existing rows by `id`; columns that are new are added, unknown ids passed over."""
        if ID not in table.column_names:
            raise CatalogError(
                f"columns are written by id; the table has only {', '.join(table.column_names)}"
            )
        with self.writing():
            self._store.merge(table)

    def drop_columns(self, names: Sequence[str]) -> None:
        """Take columns away from all rows."""
        with self.writing():
            self._store.drop(names)

    def refresh_words(self) -> int:
        """Analyse anew the words of rows whose texts, or whose fields' roles, changed; tell how many."""
        with self.writing():
            return refresh_words(self._store, self.fields)

    def update_settings(self, **changes: Any) -> None:
        """Write keys of `workspace.json`; the others keep their values.

        Takes no lock of the workspace: it may be called while this process or another one writes.
        """
        change_settings(self.folder, changes)

    @contextlib.contextmanager
    def writing(self) -> Iterator[bool]:
        """Hold the workspace's lock; yields whether the last writer was interrupted.

        Raises:
            CatalogError: if another process is writing, or the folder cannot be written.
        """
        with write_lock(self.folder) as interrupted:
            yield interrupted

    def _create(self) -> None:
        with writing_to(self.folder):
            if self.folder.exists() and not self.folder.is_dir():
                raise CatalogError(f"{self.folder} is a file; a workspace is a folder")
            foreign = self.folder.exists() and {one.name for one in self.folder.iterdir()} - _PARTS - {
                ".DS_Store"
            }
            if foreign:
                raise CatalogError(
                    f"{self.folder} is not a workspace and holds other things ({sorted(foreign)[0]}, …); "
                    "name a new folder for the workspace, then the sources"
                )
            self.folder.mkdir(parents=True, exist_ok=True)
        with write_lock(self.folder):
            # The settings come last: a folder is a workspace when they are there, and not half of one before.
            Store(self.folder, create=True)
            create_settings(self.folder)

    def _reads(self, ocr: bool | None, sources: Sequence[Source], fields: dict[str, Field]) -> bool:
        """Whether words are read in this `add`; gives the catalogue the field for them.

        Raises:
            CatalogError: if a table has a column of that name.
        """
        wanted = bool(self.settings.get(OCR, False)) if ocr is None else ocr
        before = self.fields.get(OCR_TEXT)
        holds_words = before is not None and before.role == "words"
        table = next((one.name for one in sources if OCR_TEXT in one.fields), None)
        if (table and (wanted or holds_words)) or (wanted and before and not holds_words):
            raise CatalogError(
                f"the words read in pictures go into {OCR_TEXT!r}, and {table or 'a table'} has a column of "
                "that name; rename the column"
            )
        if wanted:
            fields[OCR_TEXT] = Field(OCR_TEXT, "words", "text")
        if ocr is not None:
            self.update_settings(**{OCR: ocr})
        return wanted

    def _read_words(self, report: AddReport, *, asked: bool, progress: OnProgress | None) -> None:
        waiting = unread(self._store)
        if waiting and not asked and not can_read():
            said = f"the words of {waiting:,} pictures were not read: RapidOCR is not installed; {INSTALL}"
            report.notes.append(said)
            return

        def tell(done: int, total: int) -> None:
            if progress:
                progress(Progress("words in pictures", done, total, len(report.skipped)))

        if waiting:
            read = read_words(self._store, Reader(), tell)
            report.read = read.pictures
            lost = f"; {read.lost:,} pictures could not be opened" if read.lost else ""
            report.notes.append(f"{read.pictures:,} pictures read, {read.with_words:,} with words{lost}")

    def _adder(
        self,
        known: Sources,
        fields: dict[str, Field],
        report: AddReport,
        *,
        embed: bool = False,
        progress: OnProgress | None = None,
    ) -> Adder:
        return Adder(
            self._store,
            fields,
            report,
            portable=known.portable,
            tables=known.tables(),
            embed=embed,
            progress=progress,
        )

    def _remember(self, sources: Sources, fields: Mapping[str, Field]) -> None:
        about = {name: one.as_dict() for name, one in fields.items()}
        self.update_settings(format=FORMAT, sources=sources.stored, fields=about)

    def _light_columns(self) -> list[str]:
        names = self.dataset.schema.names
        return [name for name in names if not (name.startswith("_") and name.endswith(_LARGE))]
