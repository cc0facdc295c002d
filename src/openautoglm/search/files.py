"""Hits as files: their pictures listed, copied or linked, and their rows as a table.

    copy_pictures(shop.catalog, hits, "hits")     hits/001-bridge.jpg, hits/002-lake.png, …
    link_pictures(shop.catalog, hits, "hits")     the same names, as symbolic links
    picture_paths(shop.catalog, hits)             where the pictures are
    as_csv(shop.catalog, hits)                    id, score, picture, and the user's fields

A picture is the user's own file, or bytes that the workspace keeps (`add --embed`, a Parquet column).
The file comes first, bytes serve where there is none. A page of a PDF, or a picture in an archive, is
copied as a picture of its own; its path, and what is linked to, is the file that holds it. A name begins
with the hit's rank, so names sort as the hits do and no two are the same; nothing that exists is written
over.
"""

from __future__ import annotations

import contextlib
import csv
import errno
import io
import os
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from PIL import Image

from openautoglm.catalog.errors import writing_file
from openautoglm.catalog.images import BadImage
from openautoglm.catalog.parts import part_at
from openautoglm.catalog.printable import printable
from openautoglm.search.errors import SearchError
from openautoglm.search.hit import Hit

if TYPE_CHECKING:
    from openautoglm.catalog.catalog import Catalog

_NAME_BYTES = 200
"""Of a name without its suffix: file systems end at 255, some tools earlier."""
_UNSAFE = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]+')
_NO_LINKS = (errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP)
_SHOWN = 5

# How the bytes of each format begin. They were decoded when they were added; here only a name is wanted.
_BEGINNINGS = tuple(
    (re.compile(beginning, re.DOTALL), suffix)
    for beginning, suffix in (
        (rb"\xff\xd8\xff", ".jpg"),
        (rb"\x89PNG", ".png"),
        (rb"GIF8", ".gif"),
        (rb"RIFF.{4}WEBP", ".webp"),
        (rb"II[*+]\0|MM\0[*+]", ".tif"),
        (rb"BM", ".bmp"),
        (rb"[\x28\x6c\x7c]\0\0\0", ".dib"),
        (rb".{4}ftypavi[fs]", ".avif"),
        (rb".{4}ftyp", ".heic"),
        (rb"\x1f\x8b", ".svgz"),
        (rb"(\xef\xbb\xbf)?\s*<", ".svg"),
    )
)


@dataclass
class Gathered:
    """Pictures of hits as files, and the rows that have none."""

    files: list[Path] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)
    """The ids of rows that were left out, each with the reason."""

    @property
    def remarks(self) -> list[str]:
        """The rows that were left out, in a few lines."""
        left = list(self.left.items())[:_SHOWN]
        lines = [printable(f"left out {name}: {reason}") for name, reason in left]
        rest = len(self.left) - len(lines)
        return [*lines, f"… and {rest} more left out"] if rest else lines


def copy_pictures(catalog: Catalog, hits: Sequence[Hit], folder: Path | str, *, start: int = 0) -> Gathered:
    """Copy the hits' pictures into `folder`, which is made where it is missing.

    Args:
        catalog: where the pictures are.
        hits: best first.
        folder: gets a file for each picture.
        start: hits on the pages before; the first rank is one more.

    Raises:
        SearchError: if a name is taken; then nothing was copied.
        CatalogError: if a file cannot be written.
    """

    def copy(hit: Hit, file: Path | None, target: Path) -> None:
        if file is None:
            with target.open("xb") as written:
                written.write(_bytes(catalog, hit))
            return
        with target.open("xb") as written, file.open("rb") as read:
            shutil.copyfileobj(read, written)
        with contextlib.suppress(OSError):  # times are a courtesy that not every file system offers
            shutil.copystat(file, target)

    return _gather(catalog, hits, Path(folder), start, copy, bytes_too=True)


def link_pictures(catalog: Catalog, hits: Sequence[Hit], folder: Path | str, *, start: int = 0) -> Gathered:
    """Make symbolic links to the hits' pictures in `folder`; arguments as `copy_pictures`.

    Raises:
        SearchError: if a name is taken, or the file system has no symbolic links.
        CatalogError: if a link cannot be made for another reason.
    """

    def link(hit: Hit, file: Path | None, target: Path) -> None:
        try:
            target.symlink_to(file or "")  # never "": without `bytes_too` there is a file
        except OSError as error:
            # FAT answers EPERM (a folder that may not be written, EACCES), Windows without the right 1314.
            if error.errno in _NO_LINKS or getattr(error, "winerror", None) == 1314:
                said = f"symbolic links cannot be made in {target.parent}; copy the pictures instead (--copy)"
                raise SearchError(said) from error
            raise

    return _gather(catalog, hits, Path(folder), start, link, bytes_too=False)


def picture_paths(catalog: Catalog, hits: Sequence[Hit]) -> Gathered:
    """Find the hits' picture files, or those that hold them, in the order of the hits, each once."""
    found = Gathered()
    for hit in hits:
        file = _holder(_file(catalog, hit))
        if file is not None and file.is_file():
            if file not in found.files:
                found.files.append(file)
        else:
            found.left[hit.id] = _why_no_file(hit, file)
    return found


def picture_of(catalog: Catalog, hit: Hit) -> Image.Image | None:
    """Decode the hit's picture; None where it has none, or lost it since it was indexed."""
    if hit.row.get("_width") is None:
        return None
    try:
        return catalog.load_image({"id": hit.id})
    except BadImage:
        return None


def as_csv(catalog: Catalog, hits: Sequence[Hit]) -> str:
    """Write the hits as a table: id, score, the picture's path, then the user's fields.

    Commas and quotes as RFC 4180 has them, lines end in CR LF, dates are ISO 8601, words of a list are
    joined by commas; so `autoglm add` reads it again. A user's own `score` or `picture` keeps its name,
    ours is `_score` or `_picture` then. Written to a file for Excel it wants the mark of UTF-8
    (`utf-8-sig`) in front, without which Excel takes Chinese for the machine's old code page.
    """
    fields = list(dict.fromkeys(name for hit in hits for name in hit.row if not name.startswith("_")))
    own = [f"_{name}" if name in fields else name for name in ("score", "picture")]
    written = io.StringIO()
    table = csv.writer(written)
    table.writerow(["id", *own, *fields])
    for hit in hits:
        about = [hit.id, f"{hit.score:.6f}", _file(catalog, hit) or ""]
        table.writerow([*about, *(_cell(hit.row.get(name)) for name in fields)])
    return written.getvalue()


def _gather(
    catalog: Catalog,
    hits: Sequence[Hit],
    folder: Path,
    start: int,
    place: Callable[[Hit, Path | None, Path], None],
    *,
    bytes_too: bool,
) -> Gathered:
    """Put each picture at its name; all names are looked at before the first is used."""
    found = Gathered()
    plan: list[tuple[Hit, Path | None, Path]] = []
    for rank, hit in enumerate(hits, start + 1):
        file = _file(catalog, hit)
        if not bytes_too:
            file = _holder(file)
        if file is not None and file.is_file():
            plan.append((hit, file, folder / _name(rank, file.stem, file.suffix)))
        elif bytes_too and (data := _bytes(catalog, hit)):
            inside = file is not None and _is_inside(file)
            stem = PurePath(hit.id).name if inside else file.stem if file else hit.id
            plan.append((hit, None, folder / _name(rank, stem, _suffix(data))))
        else:
            found.left[hit.id] = _why_no_file(hit, file)
    taken = next((target for *_, target in plan if os.path.lexists(target)), None)
    if taken is not None:
        raise SearchError(f"{taken} exists and is not written over; name another folder, or remove it")
    if plan:
        with writing_file(folder):
            folder.mkdir(parents=True, exist_ok=True)
    for hit, file, target in plan:
        if file is not None and not os.access(file, os.R_OK):
            found.left[hit.id] = f"{file} cannot be read; change its permissions"
            continue
        with writing_file(target):
            try:
                place(hit, file, target)
            except FileExistsError:
                raise
            except BaseException:
                with contextlib.suppress(OSError):  # half a picture is worse than none
                    target.unlink()
                raise
        found.files.append(target)
    return found


def _file(catalog: Catalog, hit: Hit) -> Path | None:
    """The whole path of the row's picture, whether or not it is still there."""
    image = hit.row.get("_image")
    return None if image is None else Path(os.path.normpath(catalog.folder / image))


def _holder(file: Path | None) -> Path | None:
    """The file that a picture is, or is in."""
    part = part_at(file) if file else None
    return part.path if part else file


def _is_inside(file: Path) -> bool:
    part = part_at(file)
    return part is not None and bool(part.inside) and file != part.path


def _bytes(catalog: Catalog, hit: Hit) -> bytes:
    """The picture's bytes that the workspace keeps, or those of a part of a file; else none."""
    if hit.row.get("_width") is None:
        return b""
    kept: bytes | None = catalog.read(["_image_bytes"], ids=[hit.id])["_image_bytes"][0].as_py()
    file = _file(catalog, hit)
    part = part_at(file) if file and _is_inside(file) else None
    if kept is not None or part is None:
        return kept or b""
    with contextlib.suppress(BadImage):
        return part.data()
    return b""


def _why_no_file(hit: Hit, file: Path | None) -> str:
    if hit.row.get("_width") is None:
        return "the row has no picture"
    if file is None:
        return "its picture lies in the workspace, not in a file; --copy writes it out"
    return f"{file} has gone since it was added"


def _name(rank: int, stem: str, suffix: str) -> str:
    """Name a file by its rank and what it was called, with letters that every system takes.

    >>> _name(7, 'old: bridge/1', '.jpg')
    '007-old_ bridge_1.jpg'
    """
    plain = _UNSAFE.sub("_", stem).encode("utf-8", "replace")[:_NAME_BYTES].decode("utf-8", "ignore")
    return f"{rank:03}-{plain.strip(' .') or 'picture'}{_UNSAFE.sub('_', suffix)}"


def _suffix(data: bytes) -> str:
    """Name the suffix that fits a picture's bytes; none where their format is not known here.

    >>> _suffix(b"GIF89a"), _suffix(b"RIFF\\x00\\x00\\x00\\x00WEBPVP8 "), _suffix(b"?")
    ('.gif', '.webp', '')
    """
    return next((suffix for beginning, suffix in _BEGINNINGS if beginning.match(data)), "")


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return value.isoformat() if hasattr(value, "isoformat") else value
