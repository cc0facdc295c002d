"""Import a folder, nested as it is: one row a picture, a page of a PDF, or a video.

Fields: `caption` (see `captions.py`), `folder` (relative, as filter), `file` (its name), and where the
pictures say them `tags`, `taken_at`, `latitude`, `longitude`, `camera` (see `embedded.py`); of PDFs
`text`, `page` and `document`; of videos `seconds`; and where Markdown shows a picture, its words about it
go first (`caption`, `context`, `document`; see `markdown.py`). The id is the source's name and the path
inside it, so a row stays itself when its picture is edited. Hidden files, other kinds of files and the
workspace itself are passed over; pictures in formats that are not read are listed, and archives, too.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePath

from openautoglm.catalog import markdown, pdf, video
from openautoglm.catalog.captions import SIDECARS, caption_values
from openautoglm.catalog.errors import CatalogError
from openautoglm.catalog.formats import FORMATS, SUFFIXES, BadImage
from openautoglm.catalog.report import Skipped
from openautoglm.catalog.schema import Field, Roles
from openautoglm.catalog.source import Item, Values
from openautoglm.catalog.video import Video
from openautoglm.catalog.webdataset import ARCHIVES

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
    """A folder of pictures, PDFs and videos, or one such file alone.

    Args:
        folder: where they are; or a picture, a PDF or a video.
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
        self._found: list[_Listed] = []
        self._suffixes: set[str] = set()
        self._other: list[PurePath] = []
        self._texts: list[PurePath] = []
        if folder.is_dir():
            self._walk(workspace)
        else:
            self.folder = folder.parent
            beside = [name for name in _sidecars(PurePath(folder.name)) if (folder.parent / name).is_file()]
            self._found = [_Listed.of("", [folder.name], beside)]
            self._suffixes = {folder.suffix.lower()}
        self._alone = not folder.is_dir()
        self.total = sum(one.count for one in self._found) + len(self._other)
        if not self.total:
            said = "; ".join(str(one) for one in self._closed[:3]) or "its sub-folders were searched too"
            raise CatalogError(
                f"there are no pictures in {folder} ({said}); formats: {FORMATS}, PDF, and videos"
            )
        self._add_fields()

    def items(self) -> Iterator[Item | Skipped]:
        """Yield the rows by folder and name, after what cannot be opened or read."""
        yield from self._closed
        for relative in self._other:
            yield Skipped(self.name, None, None, str(self.folder / relative), _why_not(relative))
        pictures = (picture for listed in self._found for picture, _ in listed)
        said = markdown.Pages(self.folder, self.name, self._texts, pictures)
        yield from said.problems
        for relative, sidecars in (pair for listed in self._found for pair in listed):
            if relative.suffix.lower() in pdf.SUFFIXES:
                yield from self._pages(relative)
                continue
            path = self.folder / relative
            beside = [path.parent / one for one in sidecars]
            is_video = relative.suffix.lower() in video.SUFFIXES
            yield Item(
                id=self._id(relative),
                values={"folder": relative.parent.as_posix(), "file": relative.name},
                picture=Video(path) if is_video else path,
                describe=partial(self._describe, path, relative, beside, said.values(relative)),
                needs_picture=True,
            )

    def _pages(self, relative: PurePath) -> Iterator[Item | Skipped]:
        """Yield a PDF's pages; without any, its rows can neither be told nor be gone."""
        path = self.folder / relative
        about = {
            "document": relative.stem,
            "folder": relative.parent.as_posix(),
            "file": relative.name,
        }
        self.total -= 1
        try:
            for page, text in pdf.pages(path):
                self.total += 1
                yield Item(
                    id=f"{self._id(relative)}#{page.inside}",
                    values={**about, "page": page.number, "text": text},
                    picture=page,
                    needs_picture=True,
                )
        except BadImage as error:
            self.unreadable += 1
            yield Skipped(self.name, None, None, str(path), error.reason)

    def _describe(
        self, path: Path, relative: PurePath, sidecars: list[Path], said: Values, own: Values
    ) -> tuple[Values, list[Skipped]]:
        values, problems = caption_values(path, relative, sidecars, own)
        values |= said
        if relative.suffix.lower() in video.SUFFIXES:
            values["seconds"] = Video(path).seconds()
        return values, [Skipped(self.name, None, "caption", str(path), problem) for problem in problems]

    def _id(self, relative: PurePath) -> str:
        return self.prefix if self._alone else f"{self.prefix}/{relative.as_posix()}"

    def _add_fields(self) -> None:
        """Announce what only some folders have."""
        suffixes = self._suffixes
        more: list[Field] = []
        if suffixes & pdf.SUFFIXES:
            more += [Field("text", "text", "text"), Field("page", "column", "integer")]
        if self._texts:
            more.append(Field("context", "text", "text"))
        if suffixes & pdf.SUFFIXES or self._texts:
            more.append(Field("document", "column", "text"))
        if suffixes & video.SUFFIXES:
            more.append(Field("seconds", "column", "number"))
        self.fields |= {one.name: one for one in more}

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
            texts = [file for file in files if file.lower().endswith(SIDECARS)]
            found: list[str] = []
            for file in sorted(files):
                relative = PurePath(os.path.relpath(here / file, self.folder))
                suffix = relative.suffix.lower()
                if file.startswith("."):
                    continue
                if not _is_unicode(relative):
                    self._on_odd_name(here / file)
                    continue
                if suffix in SUFFIXES | pdf.SUFFIXES | video.SUFFIXES:
                    found.append(file)
                    self._suffixes.add(suffix)
                elif suffix in markdown.SUFFIXES:
                    self._texts.append(relative)
                elif suffix in _UNREAD or file.lower().endswith(ARCHIVES):
                    self._other.append(relative)
            if found:
                self._found.append(_Listed.of(os.path.relpath(here, self.folder), found, texts))

    def _on_odd_name(self, path: Path) -> None:
        shown = os.fsencode(path).decode("utf-8", "replace")
        reason = "its name is not valid Unicode; rename the file or its folder"
        self._closed.append(Skipped(self.name, None, None, shown, reason))

    def _on_closed(self, error: OSError) -> None:
        self.unreadable += 1
        reason = f"folder cannot be opened ({error.strerror})"
        self._closed.append(Skipped(self.name, None, None, str(error.filename), reason))


@dataclass(frozen=True, slots=True)
class _Listed:
    """One folder's pictures and the texts beside them; all names in one string take a tenth of the memory."""

    folder: str
    names: str
    texts: str
    count: int

    @classmethod
    def of(cls, folder: str, names: Sequence[str], texts: Sequence[str]) -> _Listed:
        """List names, none of which has a NUL: no file system lets it."""
        return cls(folder, "\0".join(names), "\0".join(texts), len(names))

    def __iter__(self) -> Iterator[tuple[PurePath, list[str]]]:
        """Yield each picture's path and the names of the texts beside it, the best first."""
        texts = {text.lower(): text for text in self.texts.split("\0")} if self.texts else {}
        for name in self.names.split("\0"):
            candidates = _sidecars(PurePath(name.lower())) if texts else []
            yield PurePath(self.folder, name), [texts[one] for one in candidates if one in texts]


def _why_not(relative: PurePath) -> str:
    if relative.name.lower().endswith(ARCHIVES):
        return "an archive in a folder is left closed; name it as a source to add what is inside"
    return f"{relative.suffix[1:].upper()} is not read; convert it to JPEG, PNG or WebP"


def _sidecars(picture: PurePath) -> list[str]:
    """Names of the files with its caption, the best first: `a.jpg.txt`, `a.txt`, `a.jpg.json`, `a.json`."""
    return [base + end for end in SIDECARS for base in (picture.name, picture.stem)]


def _is_unicode(path: PurePath) -> bool:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True
