"""WebDataset archives: members with the same stem are one row (`.tar`, `.tar.gz`, `.tgz`).

    000.jpg 000.txt 000.json 000.cls │ 001.webp 001.txt │ …      one pass, in the archive's order

A picture in an archive that is not compressed stays where it is: the catalogue notes its place. From a
compressed one, which can only be read from its beginning, it is copied into the workspace. Nothing is
unpacked to disk, and a member's name never becomes a path.
"""

from __future__ import annotations

import gzip
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import IO, cast

from PIL import Image

from openautoglm.catalog.captions import MAX_BYTES as MAX_TEXT_BYTES
from openautoglm.catalog.captions import SIDECARS, sidecar_values
from openautoglm.catalog.errors import CatalogError
from openautoglm.catalog.formats import SUFFIXES
from openautoglm.catalog.hashing import content_hash
from openautoglm.catalog.images import MAX_BYTES, BadImage, ImageFacts, decode_image, inspect_image
from openautoglm.catalog.report import Skipped
from openautoglm.catalog.schema import Field, Kind, Roles
from openautoglm.catalog.source import Item, Part, Values
from openautoglm.catalog.values import kind_of

ARCHIVES = (".tar", ".tar.gz", ".tgz")
_CLASS = ".cls"
_LOOK = 1000
"""Members that are looked at to learn what the classes are."""
_DAMAGE = (tarfile.TarError, EOFError, OSError, zlib.error)


@dataclass(frozen=True)
class TarMember(Part):
    """A picture in an archive that is not compressed: `size` bytes from `start`."""

    start: int
    size: int

    @property
    def inside(self) -> str:
        """Where its bytes are."""
        return f"bytes={self.start}+{self.size}"

    def facts(self, proven: Mapping[str, ImageFacts]) -> ImageFacts:
        """Hash and prove it as a picture's own file is."""
        data = self.data()
        return proven.get(content_hash(data)) or inspect_image(data, self.path)

    def frames(self) -> list[Image.Image]:
        """Decode it."""
        return [decode_image(self.data())]

    def data(self) -> bytes:
        """Read the member."""
        try:
            with self.path.open("rb") as file:
                file.seek(self.start)
                data = file.read(self.size)
        except FileNotFoundError:
            raise BadImage(self.path, "file not found") from None
        except OSError as error:
            raise BadImage(self.path, f"cannot be read: {error.strerror}") from error
        if len(data) < self.size:
            raise BadImage(self.path, "the archive ends before this picture; add it again")
        if not data:
            raise BadImage(self.path, "empty file")
        return data


@dataclass
class _Sample:
    """Members of one stem, as far as they were read."""

    key: str
    picture: Part | bytes | None = None
    picture_name: str = ""
    texts: dict[str, bytes] = field(default_factory=dict)
    problems: list[Skipped] = field(default_factory=list)


class TarSource:
    """A WebDataset archive.

    Args:
        path: the archive.
        name: what `_source` says.
        prefix: what ids begin with.

    Raises:
        CatalogError: if it is no archive.
    """

    roles: Roles | None = None

    def __init__(self, path: Path, *, name: str, prefix: str) -> None:
        self.path, self.name, self.prefix = path, name, prefix
        self.total = 0  # it would take a pass through the archive to know
        self.unreadable = 0
        self.fields = {
            "caption": Field("caption", "text", "text"),
            "cls": Field("cls", "column", self._kind_of_class()),
        }

    def items(self) -> Iterator[Item | Skipped]:
        """Yield one row a sample; damage to the archive itself ends them, and is told."""
        self.unreadable = 0
        sample: _Sample | None = None
        try:
            for tar, member in self._members():
                key = _key(member.name)
                if sample is not None and sample.key != key:
                    yield self._item(sample)
                    sample = None
                sample = sample or _Sample(key)
                self._take(sample, tar, member)
        except _DAMAGE as error:
            self.unreadable += 1
            reason = f"the archive is damaged from here on ({error}); what came before it was read"
            yield Skipped(self.name, None, None, str(self.path), reason)
        if sample is not None:
            yield self._item(sample)

    def _members(self) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
        with self._opened() as (file, tar):
            while (member := tar.next()) is not None:
                # The list of members would grow with the archive.
                tar.members.clear()  # type: ignore[attr-defined]
                name = PurePosixPath(member.name).name
                if member.isfile() and not name.startswith(".") and "__MACOSX" not in member.name:
                    yield tar, member
            # A header that is no header ends the list as if the archive were complete.
            file.seek(tar.offset)
            if any(file.read(tarfile.BLOCKSIZE)):
                raise tarfile.ReadError("no header where one should be")

    @contextmanager
    def _opened(self) -> Iterator[tuple[IO[bytes], tarfile.TarFile]]:
        with self.path.open("rb") as plain:
            self._compressed = plain.read(2) == b"\x1f\x8b"
            plain.seek(0)
            file = cast(IO[bytes], gzip.GzipFile(fileobj=plain) if self._compressed else plain)
            with tarfile.open(fileobj=file, mode="r:", encoding="utf-8", errors="replace") as tar:
                yield file, tar

    def _take(self, sample: _Sample, tar: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        """Add a member to its sample; the archive is read in its order, so its bytes are read now."""
        suffix = PurePosixPath(member.name).suffix.lower()
        name = PurePosixPath(member.name).name
        if suffix in (*SIDECARS, _CLASS):
            if member.size > MAX_TEXT_BYTES:
                self._complain(sample, member, f"{member.size:,} bytes; the limit is {MAX_TEXT_BYTES:,}")
            else:
                sample.texts[name] = _read(tar, member)
        elif suffix in SUFFIXES:
            if sample.picture is not None:
                self._complain(sample, member, f"a second picture of this row; {sample.picture_name} stands")
            elif member.size > MAX_BYTES:
                self._complain(sample, member, f"{member.size:,} bytes; the limit is {MAX_BYTES:,}")
            else:
                apart = self._compressed or member.issparse()
                place = TarMember(self.path, member.offset_data, member.size)
                sample.picture, sample.picture_name = _read(tar, member) if apart else place, name

    def _item(self, sample: _Sample) -> Item:
        values: Values = {}
        for name, data in sample.texts.items():
            if name.lower().endswith(_CLASS):
                values["cls"] = data.decode("utf-8", "replace").strip()
                continue
            try:
                found = sidecar_values(name, data, sample.picture_name)
            except ValueError as error:
                sample.problems.append(
                    Skipped(self.name, None, name, str(self.path), f"cannot be read ({error})")
                )
                continue
            # A text of its own goes before what the JSON says, as beside a picture in a folder.
            is_text = name.lower().endswith(".txt")
            values = values | found if is_text else found | values
        return Item(
            id=f"{self.prefix}/{sample.key}",
            values=values,
            picture=sample.picture,
            picture_field=sample.picture_name or None,
            problems=sample.problems,
        )

    def _complain(self, sample: _Sample, member: tarfile.TarInfo, reason: str) -> None:
        sample.problems.append(Skipped(self.name, None, member.name, str(self.path), reason))

    def _kind_of_class(self) -> Kind:
        """Whether classes are numbers, as they usually are, or names: the first one tells."""
        opened = False
        try:
            for tar, member in islice(self._members(), _LOOK):
                opened = True
                if member.name.lower().endswith(_CLASS):
                    said = _read(tar, member).decode("utf-8", "replace")
                    return kind_of(said, numbers_as_text=True) or "text"
        except _DAMAGE as error:
            if not opened:  # damage further on is told where it stands among the rows
                raise CatalogError(f"{self.path} is not a readable tar archive ({error})") from error
        return "integer"


def _key(name: str) -> str:
    """Name the sample of a member: its path up to the first dot of its file's name.

    >>> _key("./cats/001.left.jpg")
    'cats/001'
    """
    path = PurePosixPath(name)
    return (path.parent / path.name.partition(".")[0]).as_posix()


def _read(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member)
    data = file.read() if file else b""
    if len(data) < member.size:
        raise tarfile.ReadError("unexpected end of data")
    return data
