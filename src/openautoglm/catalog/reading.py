"""Words in pictures, read by RapidOCR into the field `ocr_text`: signs, labels, packages, screenshots.

    rows whose picture was not read yet ─ its content known from another row ─▶ the same words
                                        ─ else decoded, on white, in threads ─▶ lines, top to bottom

The field's role is "words": what stands in a picture is a good thing to search for and a poor description
of it, so it is matched word by word, not by its vector, and no caption unless a training names the field.
`_ocr_hash` says which picture a row's words were read in. So only new and changed pictures are read, a run
that was killed goes on, and rows whose prices change keep their words.

RapidOCR (Apache-2.0) runs PaddleOCR's PP-OCRv6 on the CPU. Its package holds the models (30 MB) for Chinese,
Japanese, English and what else is written in Latin letters, so that nothing is fetched.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from PIL import Image

from openautoglm.catalog.errors import CatalogError
from openautoglm.catalog.images import decode_image
from openautoglm.catalog.schema import ID, OCR_HASH, OCR_TEXT
from openautoglm.catalog.store import Store
from openautoglm.catalog.stored import NEEDED, open_stored

INSTALL = "pip install 'openautoglm[ocr]'"

_SCORE, _SCORE_ALONE = 0.7, 0.98
"""How sure a line must be; one sign alone is more often a shape than a word."""
_SHORT, _LONG, _LARGER = 736, 1600, 2
"""Pixels that letters are looked for at: small pictures are enlarged up to either edge, at most twice."""
_THIN, _STRIPE = 10, 40
"""No word is lower than this, nor so many times longer than high."""
_ROWS_PER_COMMIT, _SECONDS_PER_COMMIT = 500, 10.0

Tell = Callable[[int, int], None]


class Read(NamedTuple):
    """How many pictures were read, in how many of them there were words, and how many could not be opened."""

    pictures: int
    with_words: int
    lost: int


def can_read() -> bool:
    """Whether RapidOCR and the engine that it runs on are installed."""
    from importlib.util import find_spec

    return find_spec("rapidocr") is not None and find_spec("onnxruntime") is not None


def require_reader() -> None:
    """Refuse to go on without RapidOCR.

    Raises:
        CatalogError: says what to install.
    """
    if not can_read():
        raise CatalogError(f"reading words in pictures needs RapidOCR, which is not installed; {INSTALL}")


class Reader:
    """Reads pictures; may be called from many threads, each of which gets an engine of its own."""

    def __init__(self) -> None:
        require_reader()
        self._engines = threading.local()

    def __call__(self, image: Image.Image) -> str | None:
        """Read the lines of an upright RGB or RGBA picture, top to bottom; None without any."""
        short, long = sorted(image.size)
        if short < _THIN or long > _STRIPE * short:
            return None
        # The engine enlarges the shorter edge, whatever the longer one becomes: a strip took it minutes.
        scale = min(max(1, _SHORT / short), _LONG / long, _LARGER)
        if image.mode == "RGBA":
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
        if scale != 1:
            image = image.resize([max(1, round(edge * scale)) for edge in image.size])
        # OpenCV's order of colours, which the models learned from.
        found = self._engine()(np.ascontiguousarray(np.asarray(image)[..., ::-1]))
        lines = zip(found.txts or (), found.scores or (), strict=True)
        texts = [(line.strip(), score) for line, score in lines]
        kept = [line for line, score in texts if score >= (_SCORE if len(line) > 1 else _SCORE_ALONE)]
        return " ".join(kept) or None

    def _engine(self) -> Any:
        if not hasattr(self._engines, "engine"):
            from rapidocr import RapidOCR

            # One picture a thread: engines that took all cores each would only be in each other's way.
            threads = {f"EngineConfig.onnxruntime.{kind}_op_num_threads": 1 for kind in ("intra", "inter")}
            size = {"Det.limit_type": "max", "Det.limit_side_len": _LONG}
            self._engines.engine = RapidOCR(params={"Global.log_level": "critical", **size, **threads})
        return self._engines.engine


def unread(store: Store) -> int:
    """Count the rows whose words are not those of their picture."""
    if OCR_HASH not in store.dataset.schema.names:
        return store.count("_image_hash IS NOT NULL")
    return store.count(f"{OCR_HASH} IS DISTINCT FROM _image_hash")


def read_words(store: Store, reader: Callable[[Image.Image], str | None], tell: Tell | None = None) -> Read:
    """Read what was not read yet, in commits; a kill costs some seconds of work.

    Args:
        store: the table; its lock is held by the caller.
        reader: a `Reader`.
        tell: told (pictures read, pictures to read).
    """
    store.merge(
        pa.schema([(ID, pa.string()), (OCR_TEXT, pa.string()), (OCR_HASH, pa.string())]).empty_table()
    )
    known: dict[str, str | None] = {}
    todo: dict[str, list[dict[str, Any]]] = {}
    written: list[dict[str, str | None]] = []
    rows = store.scan([*NEEDED, OCR_TEXT, OCR_HASH]).to_pylist()
    known = {row[OCR_HASH]: row[OCR_TEXT] for row in rows if row[OCR_HASH] is not None}
    for row in rows:
        picture = row["_image_hash"]
        if row[OCR_HASH] == picture:
            continue
        if picture is None or picture in known:
            words = known[picture] if picture is not None else None
            written.append({ID: row[ID], OCR_TEXT: words, OCR_HASH: picture})
        else:
            todo.setdefault(picture, []).append(row)
    last, with_words, lost = time.monotonic(), 0, 0
    opened = open_stored(
        store, (rows[0] for rows in todo.values()), lambda data: (reader(decode_image(data)),)
    )
    for done, (row, found) in enumerate(opened, start=1):
        lost += found is None
        if found is not None:
            with_words += found[0] is not None
            same = todo[row["_image_hash"]]
            written += [{ID: one[ID], OCR_TEXT: found[0], OCR_HASH: one["_image_hash"]} for one in same]
        if tell:
            tell(done, len(todo))
        if len(written) >= _ROWS_PER_COMMIT or time.monotonic() - last >= _SECONDS_PER_COMMIT:
            _write(store, written)
            written, last = [], time.monotonic()
    _write(store, written)
    return Read(len(todo) - lost, with_words, lost)


def _write(store: Store, rows: list[dict[str, str | None]]) -> None:
    if rows:
        schema = pa.schema([(name, pa.string()) for name in (ID, OCR_TEXT, OCR_HASH)])
        store.merge(pa.Table.from_pylist(rows, schema=schema))
