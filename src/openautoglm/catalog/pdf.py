"""PDF: a page is a picture with its text layer (pypdfium2, the parser of Chrome).

    manual.pdf ─ pages ─▶ page 1, its text ─▶ manual.pdf#page=1 ─ rendered when looked at

A page's hash is made from the file's and the page's number, so that nothing is rendered to learn that
nothing changed; an edited document is a new one in all its pages. The file is opened anew for each
page (0.1 ms): PDFium keeps what it once read, and a thousand pages must not take more memory than one.
PDFium knows no threads, so one lock stands around everything that touches it, closing included.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from PIL import Image

from openautoglm.catalog.hashing import content_hash, file_hash
from openautoglm.catalog.images import BadImage, ImageFacts
from openautoglm.catalog.look import FLAT
from openautoglm.catalog.source import Part

if TYPE_CHECKING:
    import pypdfium2

SUFFIXES = frozenset({".pdf"})
LONGER_SIDE = 1600
"""Pixels of a rendered page's longer side: an A4 page at 137 dpi, whose small print can be read."""
MAX_SCALE = 4.0
"""A small page is not enlarged beyond 288 dpi."""
MAX_TEXT = 8000
"""Characters of a page's text that are kept: more than a printed page holds, less than a plotted plan."""
_NO_FILE, _PASSWORD, _SECURITY = 2, 4, 5  # PDFium's numbers of these errors
_TEXTS_AT_ONCE = 32
_HAN = r"[\u3000-\u30ff\u3400-\u9fff\uff00-\uffef]"
_LOCK = threading.Lock()


@dataclass(frozen=True)
class PdfPage(Part):
    """A page of the PDF in `path`.

    Args:
        number: from 1.
        document: hash of the file, where it is known.
    """

    number: int
    document: str | None = None

    @property
    def inside(self) -> str:
        """As browsers write it."""
        return f"page={self.number}"

    def facts(self, proven: Mapping[str, ImageFacts]) -> ImageFacts:
        """Hash by file and number, and measure the rendered page."""
        document = self.document or _hash(self.path)
        digest = content_hash(f"{document} page {self.number}".encode())
        # As thumbnails all pages of text are alike: 299 of a manual's 300 were near copies. So none is.
        return proven.get(digest) or ImageFacts(digest, *self.picture().size, FLAT)

    def frames(self) -> list[Image.Image]:
        """Render the page as it is printed, with what was filled into its forms."""
        with _opened(self.path) as document:
            if not 1 <= self.number <= len(document):
                raise BadImage(self.path, f"has {len(document)} pages and no page {self.number}")
            try:
                with closing(document[self.number - 1]) as page:
                    scale = min(LONGER_SIDE / max(page.get_size()), MAX_SCALE)
                    with closing(page.render(scale=scale, rev_byteorder=True)) as bitmap:
                        return [bitmap.to_pil().convert("RGB").copy()]
            except Exception as error:  # whatever a page breaks, the others may be good
                raise BadImage(self.path, f"page {self.number} cannot be drawn ({error})") from error


class PageText(NamedTuple):
    """A page and the words of its text layer; None for a scan, say."""

    page: PdfPage
    text: str | None


def pages(path: Path) -> Iterator[PageText]:
    """Yield the pages in order.

    Raises:
        BadImage: before the first one, if the file is encrypted, broken, or no PDF.
    """
    digest, first, count = _hash(path), 1, 1
    while first <= count:
        with _opened(path) as document:
            count = len(document)
            numbers = range(first, min(first + _TEXTS_AT_ONCE, count + 1))
            found = [PageText(PdfPage(path, one, digest), _text(document, one)) for one in numbers]
        yield from found
        first += _TEXTS_AT_ONCE


def plain_text(raw: str) -> str | None:
    """Make one line of a text layer; None where it says nothing.

    >>> plain_text("A hyphen\\ufffeated\\r\\nword,\\n金色\\n大道")
    'A hyphenated word, 金色大道'
    """
    # PDFium marks a hyphen at a line's end by U+FFFE; Chinese lines are joined without a space.
    text = re.sub(r"\ufffe\s*|[\x00\ufffd]", "", raw)
    text = re.sub(rf"(?<={_HAN})[\r\n]+\s*(?={_HAN})", "", text)
    text = re.sub(r"\s+", " ", text).strip()
    return text[:MAX_TEXT] or None


def _text(document: pypdfium2.PdfDocument, number: int) -> str | None:
    try:
        with closing(document[number - 1]) as page, closing(page.get_textpage()) as layer:
            return plain_text(layer.get_text_bounded())
    except Exception:  # rendering the page tells its user what is wrong with it
        return None


def _hash(path: Path) -> str:
    try:
        status = path.stat()
        return _hashed(path, status.st_mtime_ns, status.st_size)
    except OSError as error:
        raise BadImage(path, f"cannot be read: {error.strerror}") from error


@lru_cache(maxsize=16)
def _hashed(path: Path, mtime: int, size: int) -> str:
    """Hash a document once, not once a page."""
    return file_hash(path)


@contextmanager
def _opened(path: Path) -> Iterator[pypdfium2.PdfDocument]:
    try:
        import pypdfium2
    except ImportError:
        raise BadImage(path, "reading PDFs needs PDFium; pip install 'openautoglm[pdf]'") from None
    with _LOCK:
        # PDFium gives no error of its own to a document without pages: the last one, of whatever file, stays.
        # So the last one is made to be that there is no file.
        pypdfium2.raw.FPDF_LoadDocument(b"", None)
        try:
            document = pypdfium2.PdfDocument(path)
        except FileNotFoundError:
            raise BadImage(path, "file not found") from None
        except (pypdfium2.PdfiumError, OSError) as error:
            code = getattr(error, "err_code", None)
            if code in (_PASSWORD, _SECURITY):
                raise BadImage(path, "encrypted; save a copy without a password") from error
            if code == _NO_FILE and os.access(path, os.R_OK):
                raise BadImage(path, "a PDF without pages") from error
            raise BadImage(path, "broken, or no PDF") from error
        with closing(document):
            if len(document) == 0:
                raise BadImage(path, "a PDF without pages")
            document.init_forms()
            yield document
