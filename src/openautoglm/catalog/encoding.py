"""Text files as people save them: UTF-8, UTF-16 with its mark, GB 18030 from Chinese desktops, Windows-1252.

UTF-8 proves itself. Between the other two the characters decide: bytes that give Chinese words under
GB 18030 are Chinese, lone accented letters are not.
"""

from __future__ import annotations

import codecs
import re
from pathlib import Path

_PROBE_BYTES = 1 << 20


def decode_text(data: bytes) -> str:
    """Decode the text of a small file."""
    return data.decode(_encoding(data, complete=True), "replace")


def file_encoding(path: Path) -> str:
    """Tell the encoding of a text file by its whole content (read in blocks)."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    with path.open("rb") as file:
        first = file.read(_PROBE_BYTES)
        if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        block = first
        try:
            while block:
                decoder.decode(block)
                last, block = block, file.read(_PROBE_BYTES)
            decoder.decode(b"", final=True)
            return "utf-8-sig"
        except UnicodeDecodeError:
            # The line that is not UTF-8 may come late: judge by the block that showed it.
            return _encoding(block or last, complete=False, legacy=True)


def _encoding(data: bytes, *, complete: bool, legacy: bool = False) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if not legacy and _decodes(data, "utf-8-sig", complete):
        return "utf-8-sig"
    # A few damaged characters do not make a UTF-8 file another one.
    text = data.decode("utf-8", "replace")
    damaged = text.count("\ufffd")
    if len(text) - len(text.encode("ascii", "ignore")) > 10 * damaged:
        return "utf-8-sig"
    text = data.decode("gb18030", "replace")
    han = len(re.findall(r"[\u4e00-\u9fff]", text))
    in_words = sum(len(word) for word in re.findall(r"[\u4e00-\u9fff]{2,}", text))
    return "gb18030" if "\ufffd" not in text[:-1] and 2 * in_words > han else "cp1252"


def _decodes(data: bytes, encoding: str, complete: bool) -> bool:
    try:
        codecs.getincrementaldecoder(encoding)().decode(data, final=complete)
    except UnicodeDecodeError:
        return False
    return True
