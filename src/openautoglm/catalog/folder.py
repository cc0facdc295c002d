"""Import a folder of pictures, nested as it is: one row a picture.

Fields: `caption` (see `captions.py`), `folder` (relative, as filter), `file` (its name), and where the
pictures say them `tags`, `taken_at`, `latitude`, `longitude`, `camera` (see `embedded.py`). The id is
the source's name and the path inside it, so a row stays itself when its picture is edited.
Hidden files, other kinds of files and the workspace itself are passed over; pictures in formats that
are not read are listed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path, PurePath

from openautoglm.catalog.captions import SIDECARS, caption_values
from openautoglm.catalog.errors import CatalogError
from openautoglm.catalog.formats import FORMATS, SUFFIXES
from openautoglm.catalog.report import Skipped
from openautoglm.catalog.schema import Field, Roles
from openautoglm.catalog.source import Item, Values

_UNREAD = frozenset(
    [
        ".jxl",
        ".jp2",
        ".psd",
        ".raw",
        ".dng",
        ".cr2",
        ".cr3",
        ".nef",
        ".arw",
        ".orf",
        ".rw2",
        ".ico",
        ".tga",
    ]
)
_SYSTEM_FOLDERS = frozenset({"__macosx", "@eadir", "$recycle.bin"})


class FolderSource:
    """A folder of pictures.

    Args:
        folder: where they are.
        name: what `_source` says.
        prefix: what ids begin with.
        workspace: the workspace, left out when it lies inside `folder`.

    Raises:
        CatalogError: if there is no picture in it.
    """

    roles: Roles | None = None

    def __init__(self, folder: Path, *, name: str, prefix: str, workspace: Path) -> None:
        self.folder, self.name, self.prefix = folder, name, prefix
        self.fields = {
            "caption": Field("caption", "text", "text"),
            "folder": Field("folder", "column", "text"),
            "file": Field("file", "column", "text"),
            # From the files themselves; the catalogue shows a field when the first value comes.
            "tags": Field("tags", "tags", "tags"),
            "taken_at": Field("taken_at", "column", "time"),
            "latitude": Field("latitude", "column", "number"),
            "longitude": Field("longitude", "column", "number"),
            "camera": Field("camera", "column", "text"),
        }
        self.unreadable = 0
        self._closed: list[Skipped] = []
        self._pictures: list[tuple[PurePath, list[str]]] = []
        self._other: list[PurePath] = []
        self._walk(workspace)
        self.total = len(self._pictures) + len(self._other)
        if not self.total:
            said = "; ".join(str(one) for one in self._closed[:3]) or "its sub-folders were searched too"
            raise CatalogError(f"there are no pictures in {folder} ({said}); formats: {FORMATS}")

    def items(self) -> Iterator[Item | Skipped]:
        """Yield the pictures by folder and name, after what cannot be opened or read."""
        yield from self._closed
        for relative in self._other:
            kind = relative.suffix[1:].upper()
            reason = f"{kind} is not read; convert it to JPEG, PNG or WebP"
            yield Skipped(self.name, None, None, str(self.folder / relative), reason)
        for relative, sidecars in self._pictures:
            path = self.folder / relative
            yield Item(
                id=f"{self.prefix}/{relative.as_posix()}",
                values={"folder": relative.parent.as_posix(), "file": relative.name},
                picture=path,
                describe=partial(self._describe, path, relative, [path.parent / one for one in sidecars]),
                needs_picture=True,
            )

    def _describe(
        self, path: Path, relative: PurePath, sidecars: list[Path], data: bytes
    ) -> tuple[Values, list[Skipped]]:
        values, problems = caption_values(path, relative, sidecars, data)
        return values, [Skipped(self.name, None, "caption", str(path), problem) for problem in problems]

    def _walk(self, workspace: Path) -> None:
        for folder, names, files in os.walk(self.folder, onerror=self._on_closed):
            here = Path(folder)
            names[:] = sorted(
                name
                for name in names
                if not name.startswith(".")
                and name.lower() not in _SYSTEM_FOLDERS
                and here / name != workspace
            )
            texts = {file.lower(): file for file in files if file.lower().endswith(SIDECARS)}
            for file in sorted(files):
                relative = PurePath(os.path.relpath(here / file, self.folder))
                suffix = relative.suffix.lower()
                if file.startswith("."):
                    continue
                if not _is_unicode(relative):
                    self._on_odd_name(here / file)
                    continue
                if suffix in SUFFIXES:
                    candidates = (
                        base + end for end in SIDECARS for base in (file.lower(), relative.stem.lower())
                    )
                    self._pictures.append((relative, [texts[one] for one in candidates if one in texts]))
                elif suffix in _UNREAD:
                    self._other.append(relative)

    def _on_odd_name(self, path: Path) -> None:
        shown = os.fsencode(path).decode("utf-8", "replace")
        reason = "its name is not valid Unicode; rename the file or its folder"
        self._closed.append(Skipped(self.name, None, None, shown, reason))

    def _on_closed(self, error: OSError) -> None:
        self.unreadable += 1
        reason = f"folder cannot be opened ({error.strerror})"
        self._closed.append(Skipped(self.name, None, None, str(error.filename), reason))


def _is_unicode(path: PurePath) -> bool:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True
