"""Which sources a catalogue has: paths made sure of, prefixes of derived ids, roles remembered.

`workspace.json` keeps for every source the prefix of its ids, for tables what the user said about their
columns and which one names the rows, and for a database's query its text and URL (never a password), so
that a later `add` needs to be told nothing twice.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from openautoglm.catalog import formats, pdf, readers, video
from openautoglm.catalog.errors import CatalogError
from openautoglm.catalog.folder import FolderSource
from openautoglm.catalog.report import OnProgress
from openautoglm.catalog.schema import WIDER, Field, Roles
from openautoglm.catalog.source import Source
from openautoglm.catalog.sql import SqlQuery, SqlReader
from openautoglm.catalog.table import TableSource
from openautoglm.catalog.webdataset import ARCHIVES, TarSource


class Sources:
    """The sources in a workspace's settings.

    Args:
        workspace: its folder.
        settings: its settings; the entry "sources" grows as sources are opened.
        progress: told now and then while a table is looked at.
    """

    def __init__(self, workspace: Path, settings: dict[str, Any], progress: OnProgress | None = None) -> None:
        self.workspace = workspace
        self._progress = progress
        self.stored: dict[str, dict[str, Any]] = settings.setdefault("sources", {})
        self.notes: list[str] = []
        self._folders: list[Path] = []
        self.left_out: dict[str, str] = {}
        """Known sources that cannot be read now, by name, and why."""
        self.absent: set[str] = set()
        """Those of them whose file or folder is not there any more."""

    def named(self, given: Sequence[Path | str | SqlQuery]) -> list[Path | SqlQuery]:
        """Resolve the given sources, tables first; nothing is read yet, and the workspace need not exist.

        Raises:
            CatalogError: if one does not exist, is the workspace, or is of no kind that is read.
        """
        sources = list(
            dict.fromkeys(
                one if isinstance(one, SqlQuery) else Path(one).expanduser().resolve() for one in given
            )
        )
        for one in sources:
            if isinstance(one, Path):
                self._check(one)
        # A table says more about a picture than the names in a folder do.
        return sorted(sources, key=lambda one: isinstance(one, Path) and one.is_dir())

    def open_all(
        self, given: Sequence[Path | str | SqlQuery], roles: Roles | None, fields: dict[str, Field]
    ) -> list[Source]:
        """Open the given sources or, without any, all known ones, the last named first.

        A given one that cannot be opened fails whole; a known one is left out, which `left_out` tells.

        Raises:
            CatalogError: as `named` and `open`; without any, if there is none, or none can be opened.
        """
        if given:
            wanted = self.named(given)
            self._folders = self._all_folders(wanted)
            opened = [self.open(one, roles, fields) for one in wanted]
            # Of rows that several sources tell, those named last count first, then and when all are read.
            self.stored = {one.name: self.stored[one.name] for one in opened} | self.stored
            return opened
        if not self.stored:
            raise CatalogError(
                f"nothing was ever added to {self.workspace}; name a folder of pictures or a table"
            )
        self._folders = self._all_folders([])
        found: list[tuple[bool, Source]] = []
        for name in list(self.stored):
            try:
                (one,) = self.named([self._known(name)])
                found.append((isinstance(one, Path) and one.is_dir(), self.open(one, roles, fields)))
            except CatalogError as error:
                self.left_out[name] = str(error)
        if not found:
            raise CatalogError("\n".join(self.left_out.values()))
        return [source for _, source in sorted(found, key=lambda one: one[0])]

    def forget(self, name: str) -> None:
        """Let a source be none any more."""
        del self.stored[name]

    def open(self, wanted: Path | SqlQuery, given: Roles | None, fields: dict[str, Field]) -> Source:
        """Open a source and bring its fields into `fields`.

        Args:
            wanted: one of `named`.
            given: what the user says now; nothing means what they said the last time.
            fields: the catalogue's fields; new ones are added, roles given now replace older ones.
        """
        name = wanted.name if isinstance(wanted, SqlQuery) else self.portable(wanted)
        about = self.stored.get(name, {})
        prefix = about.get("prefix") or self._free_prefix(wanted)
        source: Source
        says = False
        if isinstance(wanted, SqlQuery) or is_table(wanted):
            says = given is not None and bool(given.as_dict())
            roles = given if given is not None and says else Roles.from_dict(about.get("roles", {}))
            now: dict[str, Any] = {"prefix": prefix, "roles": roles.as_dict()}
            table: Path | SqlReader
            if isinstance(wanted, SqlQuery):
                # Relative paths of pictures begin where the query was first given.
                folder = about.get("folder", self.portable(Path.cwd()))
                now |= {"url": wanted.safe_url, "query": wanted.query, "folder": folder}
                table = SqlReader(wanted, self.workspace / folder)
            else:
                table = wanted
            source = TableSource(
                table,
                name=name,
                prefix=prefix,
                roles=roles,
                known=fields,
                id_before=about.get("id"),
                orders_before=about.get("dates"),
                folders=self._folders,
                progress=self._progress,
            )
            now["id"] = source.roles.id
            if source.orders:
                now["dates"] = source.orders
            for column, why in source.unclear.items():
                said = f"{column!r} stays a text: {why}; to have dates, write them as 2024-03-31"
                self.notes.append(f"{name}: {said}")
            if not source.total and name not in self.stored:
                raise CatalogError(
                    f"{name}: there is no row in it, so nothing tells what its columns are for"
                )
            if source.links:
                self.notes.append(
                    f"{name}: {source.links!r} holds links, and pictures are read from files: download them, "
                    "and give their paths"
                )
        elif _is_archive(wanted):
            now = {"prefix": prefix}
            source = TarSource(wanted, name=name, prefix=prefix)
        else:
            now = {"prefix": prefix}
            source = FolderSource(wanted, name=name, prefix=prefix, workspace=self.workspace)
        self.stored[name] = now
        for found in source.fields.values():
            known = fields.get(found.name)
            role = found.role if known is None or says else known.role
            language = found.language if known is None else known.language
            # A folder's fields bend to the catalogue's: a table's `page` may be another kind of column.
            kind = WIDER.get((known.type, found.type), known.type) if known else found.type
            fields[found.name] = Field(found.name, role, kind, language)
        return source

    def _all_folders(self, named: Sequence[Path | SqlQuery]) -> list[Path]:
        """List the folders among the sources, those that are named now first."""
        known = (self.workspace / name for name, about in self.stored.items() if "query" not in about)
        paths = dict.fromkeys([*(one for one in named if isinstance(one, Path)), *known])
        return [one for one in paths if _is_folder(one)]

    def _known(self, name: str) -> Path | SqlQuery:
        about = self.stored[name]
        if "query" in about:
            return SqlQuery(about["url"], about["query"])
        path = self.workspace / name
        if not _is_there(path):
            self.absent.add(name)
        return path

    def _check(self, path: Path) -> None:
        if not _is_there(path):
            raise CatalogError(f"there is no {path}; name a folder of pictures or a table")
        if path == self.workspace.resolve():
            raise CatalogError(f"{path} is the workspace itself; name your own folder or table")
        if not (path.is_dir() or path.is_file()):
            raise CatalogError(f"{path} is neither a file nor a folder; name a folder of pictures or a table")
        single = formats.SUFFIXES | pdf.SUFFIXES | video.SUFFIXES
        if not (path.is_dir() or is_table(path) or _is_archive(path) or path.suffix.lower() in single):
            raise readers.unknown_table(path)

    def portable(self, path: Path) -> str:
        """Write a path as the workspace keeps it: relative when inside it, so that it can move with it."""
        absolute = Path(os.path.normpath(path.absolute()))
        inside = absolute.is_relative_to(self.workspace)
        return (absolute.relative_to(self.workspace) if inside else absolute).as_posix()

    def tables(self) -> set[str]:
        """Name the sources that are tables."""
        return {name for name, about in self.stored.items() if "roles" in about}

    def _free_prefix(self, source: Path | SqlQuery) -> str:
        taken = {one["prefix"] for one in self.stored.values()}
        if isinstance(source, SqlQuery):
            base = source.database
        elif _is_archive(source):
            base = re.sub(r"\.(tar|tar\.gz|tgz)$", "", source.name, flags=re.IGNORECASE)
        else:
            base = source.stem if is_table(source) else source.name
        numbered = (f"{base}-{number}" for number in range(2, len(taken) + 3))
        return base if base not in taken else next(one for one in numbered if one not in taken)


def is_table(path: Path) -> bool:
    """Whether it is read as rows of columns, by its suffix."""
    return path.suffix.lower() in readers.SUFFIXES and not path.is_dir()


def _is_there(path: Path) -> bool:
    """Whether it exists.

    Raises:
        CatalogError: if a folder on the way may not be entered, so that it cannot be told.
    """
    try:
        return path.exists()
    except OSError as error:
        raise CatalogError(f"{path} cannot be reached: {error.strerror or error}") from error


def _is_folder(path: Path) -> bool:
    """Whether it is one that can be looked into."""
    try:
        return path.is_dir()
    except OSError:
        return False


def _is_archive(path: Path) -> bool:
    return path.name.lower().endswith(ARCHIVES) and not path.is_dir()
