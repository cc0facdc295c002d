"""A caption from the names of a file and its folders, when nothing better is known.

`cats/black_cat-02.jpg` says "black cat, cats"; `2021/Rome/IMG_2041.JPG` says "Rome". Cameras' and
messengers' counters, dates, hashes and sizes say nothing about a picture and are left out.
"""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePath

_CAMERA = re.compile(
    r"^(img|imag|image|dsc[fn]?|dscn|pict?|pxl|dji|gopr|gh\d\d|mvimg|wp|cimg|p\d{3,}|mmexport|wx_camera|photo|file|"
    r"picture|untitled|unnamed|download|screenshots?|screen shot|whatsapp image|received|fb|signal|scan|copy|"
    r"微信图片|微信截图|截屏|截图|屏幕快照|照片|图片|未命名)(?=$|[\s\d])",
    re.IGNORECASE,
)
_NOISE = re.compile(
    r"\b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b|\b\d[0-9a-f]{3,}\b"  # hashes, long counters, code points
    r"|\b\d{2,5}\s?[x×]\s?\d{2,5}\b"  # sizes
    r"|\b(wa|edit|copy|final|v)?\d+\b"  # counters, dates
    r"|\(\d+\)",
    re.IGNORECASE,
)
# Marks that quote, enclose or steer, which are no words; an apostrophe inside a word belongs to it.
_MARKS = re.compile(r"[\"“”„‟«»‹›「」『』《》<>`|*$^=\\]+|(?<!\w)['‘’]+|['‘’]+(?!\w)")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z][a-z])")
_DULL_FOLDERS = frozenset(
    [
        "images",
        "image",
        "img",
        "imgs",
        "pictures",
        "pics",
        "photos",
        "photo",
        "dcim",
        "camera",
        "files",
        "data",
        "train",
        "test",
        "val",
    ]
)


def words_of(name: str) -> str:
    """Take the words out of a file's or folder's name; empty when it has none.

    >>> words_of("GoldenGinkgo_avenue (2)"), words_of("IMG_2041"), words_of("银杏-大道01")
    ('Golden Ginkgo avenue', '', '银杏 大道')
    >>> words_of("the painter's “blue” door '2'")
    "the painter's blue door"
    """
    text = re.sub(r"[_\-+.,~#@\[\]{}]+", " ", unicodedata.normalize("NFC", name))
    text = re.sub(r"(?<=[\u3040-\u9fff])(?=\d)|(?<=\d)(?=[\u3040-\u9fff])", " ", text).strip()
    previous = None
    while previous != text:
        previous, text = text, _CAMERA.sub(" ", text).strip()
    text = _CAMEL.sub(" ", text)
    text = re.sub(r"\s+", " ", _MARKS.sub(" ", _NOISE.sub(" ", text))).strip(" &")
    if text.count("(") != text.count(")") or re.fullmatch(r"\([^()]*\)", text):
        text = re.sub(r"\s*[()]+\s*", " ", text).strip()
    letters = sum(character.isalpha() for character in text)
    return text if letters >= 2 or any("\u3040" <= character <= "\uffdc" for character in text) else ""


def name_caption(path: PurePath) -> str | None:
    """Make a caption from a picture's path (relative to its source).

    >>> name_caption(PurePath("cats/black_cat-02.jpg"))
    'black cat, cats'
    """
    words = words_of(path.stem)
    folders = (words_of(name) for name in reversed(path.parts[:-1]) if name.lower() not in _DULL_FOLDERS)
    folder = next((one for one in folders if one), "")
    if folder and folder.lower() not in words.lower():
        return f"{words}, {folder}" if words else folder
    return words or None
