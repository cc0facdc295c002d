"""Where a picture in a folder has its caption from: a file beside it, its own metadata, its names.

The first of these that says something:

1. `a.txt` or `a.jpg.txt` beside `a.jpg`: its text;
2. `a.json` or `a.jpg.json`: the keys caption, description, title, text, alt or label; a key with a
   language (`caption_zh`) becomes a field of that name, `tags` or `keywords` the field `tags`;
3. the description or title embedded in the file (`embedded.py`), which may bring other languages, too;
4. the names of the file and its folder, cleaned (`filenames.py`).

Beside a caption from 1 or 2 the file's keywords, other languages, date, place and camera hold as well,
field by field, where the sidecar does not say them.
"""

from __future__ import annotations

import json
import re
from pathlib import Path, PurePath

from openautoglm.catalog.encoding import decode_text
from openautoglm.catalog.filenames import name_caption
from openautoglm.catalog.language import field_language
from openautoglm.catalog.regular import open_regular
from openautoglm.catalog.source import Values
from openautoglm.catalog.values import convert

SIDECARS = (".txt", ".json")
_KEYS = ("caption", "description", "title", "text", "alt", "label")
_TAGS = ("tags", "keywords")
MAX_BYTES = 1 << 20
"""Of a sidecar; what is behind them is not read."""


def caption_values(
    path: Path, relative: PurePath, sidecars: list[Path], own: Values
) -> tuple[Values, list[str]]:
    """Find the caption of one picture, and what else its sidecars and its file say.

    Args:
        path: the picture.
        relative: its path inside its source.
        sidecars: the files beside it that may hold its texts.
        own: what the picture's file says of itself (`embedded.py`).

    Returns:
        The values, and what was wrong with a sidecar, if anything was.
    """
    values: Values = {}
    problems: list[str] = []
    for sidecar in sidecars:
        try:
            found = sidecar_values(sidecar.name, _read(sidecar), path.name)
        except (OSError, ValueError) as error:
            problems.append(f"{sidecar.name} cannot be read ({error})")
            continue
        values = {name: value for name, value in found.items() if value} | values
    values = own | values
    if "caption" not in values and (caption := name_caption(relative)):
        values["caption"] = caption
    return values, problems


def sidecar_values(name: str, data: bytes, picture: str) -> Values:
    """Read the texts of one sidecar file.

    Args:
        name: the sidecar's; `.json` is JSON, everything else a caption.
        data: its bytes.
        picture: the name of the picture's file, which is no caption.

    Raises:
        ValueError: if it is neither a JSON object nor a JSON text.

    >>> sidecar_values("001.json", b'{"caption": "a cat", "tags": ["pet"]}', "001.jpg")
    {'caption': 'a cat', 'tags': ['pet']}
    """
    text = decode_text(data)
    return _from_json(text, picture) if name.lower().endswith(".json") else {"caption": _flat(text)}


def _read(sidecar: Path) -> bytes:
    with open_regular(sidecar) as file:
        return file.read(MAX_BYTES)


def _flat(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def _from_json(text: str, file_name: str) -> Values:
    content = json.loads(text)
    if isinstance(content, str):
        return {"caption": _flat(content)}
    if not isinstance(content, dict):
        raise ValueError("neither an object nor a text")
    texts = {str(key).lower(): _flat(value) for key, value in content.items() if isinstance(value, str)}
    # Photo services write the file's own name as its title.
    captions = (texts[key] for key in _KEYS if texts.get(key) and texts[key] != file_name)
    values: Values = {"caption": next(captions, None)}
    for key, said in texts.items():
        if language := field_language(key):
            values.setdefault(f"caption_{language}", said if key.startswith(_KEYS) else None)
    for key in _TAGS:
        if isinstance(content.get(key), list):
            values.setdefault("tags", convert(content[key], "tags"))
    return values
