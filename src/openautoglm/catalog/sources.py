"""Which sources a catalogue has: paths made sure of, prefixes of derived ids, roles remembered.

`workspace.json` keeps for every source the prefix of its ids and, for tables, what the user said about
its columns, so that a later `add` needs to be told nothing twice.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from openautoglm.catalog import readers
from openautoglm.catalog.errors import CatalogError
from openautoglm.catalog.folder import FolderSource
from openautoglm.catalog.schema import WIDER, Field, Roles
from openautoglm.catalog.source import Source
from openautoglm.catalog.table import TableSource


class Sources:
    """The sources in a workspace's settings.

    Args:
        workspace: its folder.
        settings: its settings; the entry "sources" grows as sources are opened.
    """

    def __init__(self, workspace: Path, settings: dict[str, Any]) -> None:
        self.workspace = workspace
        self.stored: dict[str, dict[str, Any]] = settings.setdefault("sources", {})

    def paths(self, named: Sequence[Path | str]) -> list[Path]:
        """Resolve the named sources, or all known ones when none is named; tables come first.

        Raises:
            CatalogError: if one does not exist, is the workspace, or is neither folder nor table.
        """
        given = [Path(one).expanduser() for one in named] or [self.workspace / one for one in self.stored]
        if not given:
            raise CatalogError(
                f"nothing was ever added to {self.workspace}; name a folder of pictures or a table"
            )
        paths = list(dict.fromkeys(one.resolve() for one in given))
        for path in paths:
            if not path.exists():
                raise CatalogError(f"there is no {path}; name a folder of pictures or a table")
            if path == self.workspace.resolve():
                raise CatalogError(f"{path} is the workspace itself; name your own folder or table")
            if not path.is_dir() and path.suffix.lower() not in readers.SUFFIXES:
                raise readers.unknown_table(path)
        # A table says more about a picture than the names in a folder do.
        return sorted(paths, key=Path.is_dir)

    def open(self, path: Path, given: Roles | None, fields: dict[str, Field]) -> Source:
        """Open a source and bring its fields into `fields`.

        Args:
            path: one of `paths`.
            given: what the user says now; nothing means what they said the last time.
            fields: the catalogue's fields; new ones are added, roles given now replace older ones.
        """
        name = self.portable(path)
        about = self.stored.get(name, {})
        prefix = about.get("prefix") or self._free_prefix(path)
        source: Source
        if path.is_dir():
            self.stored[name] = {"prefix": prefix}
            source = FolderSource(path, name=name, prefix=prefix, workspace=self.workspace)
            says = False
        else:
            says = given is not None and bool(given.as_dict())
            roles = given if given is not None and says else Roles.from_dict(about.get("roles", {}))
            self.stored[name] = {"prefix": prefix, "roles": roles.as_dict()}
            source = TableSource(path, name=name, prefix=prefix, roles=roles, known=fields)
        for found in source.fields.values():
            known = fields.get(found.name)
            role = found.role if known is None or says else known.role
            language = found.language if known is None else known.language
            # A folder's fields bend to the catalogue's: a table's `camera` may be another kind of column.
            kind = WIDER.get((known.type, found.type), known.type) if known else found.type
            fields[found.name] = Field(found.name, role, kind, language)
        return source

    def portable(self, path: Path) -> str:
        """Write a path as the workspace keeps it: relative when inside it, so that it can move with it."""
        absolute = Path(os.path.normpath(path.absolute()))
        inside = absolute.is_relative_to(self.workspace)
        return (absolute.relative_to(self.workspace) if inside else absolute).as_posix()

    def tables(self) -> set[str]:
        """Name the sources that are tables."""
        return {name for name, about in self.stored.items() if "roles" in about}

    def _free_prefix(self, path: Path) -> str:
        taken = {one["prefix"] for one in self.stored.values()}
        base = path.name if path.is_dir() else path.stem
        numbered = (f"{base}-{number}" for number in range(2, len(taken) + 3))
        return base if base not in taken else next(one for one in numbered if one not in taken)
