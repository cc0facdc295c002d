"""What Markdown says about the pictures it shows: alt text, title, heading, the paragraph around them.

    ## In autumn                          heading
    The avenue turns golden.              paragraph (the picture's own, else the one before or after it
    ![Ginkgo avenue](img/avenue.jpg)      in the same section)

    ─▶ img/avenue.jpg: caption "Ginkgo avenue", context "In autumn: The avenue turns golden."

Pictures are named by `![alt](path "title")`, by `![alt][reference]` and by `<img src alt title>`; code
is not looked into. The parser is markdown-it, which follows CommonMark and knows tables.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path, PurePath
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from openautoglm.catalog.encoding import decode_text
from openautoglm.catalog.regular import open_regular
from openautoglm.catalog.report import Skipped
from openautoglm.catalog.source import Values

if TYPE_CHECKING:
    from markdown_it.token import Token

SUFFIXES = frozenset({".md", ".markdown"})
MAX_BYTES = 1 << 22
MAX_CONTEXT = 2000
"""Characters of the context that are kept."""
_SHOWS = re.compile(r"!\[|<img\b", re.IGNORECASE)
_FRONT_MATTER = re.compile(r"\A---[ \t]*\r?\n.*?^(?:---|\.\.\.)[ \t]*$", re.DOTALL | re.MULTILINE)
_BLOCKS = frozenset({"paragraph_open", "tr_open"})


@dataclass(frozen=True)
class Shown:
    """A picture as a text shows it."""

    line: int
    target: str
    """As it is written, percent-encoded perhaps."""
    caption: str | None
    context: str | None


@dataclass
class _Block:
    """A paragraph, a row of a table, or a piece of HTML; pictures are (target, alt, title)."""

    line: int
    heading: str
    section: int
    text: str
    pictures: list[tuple[str, str, str]]


def shown_pictures(text: str) -> list[Shown]:
    """Find the pictures of one Markdown text.

    >>> shown_pictures("# Cats\\n\\nA tom. ![black cat](a%20b.png)")[0].context
    'Cats: A tom.'
    """
    if not _SHOWS.search(text):
        return []
    blocks = list(_blocks(text))
    found = []
    for place, block in enumerate(blocks):
        for target, alt, title in block.pictures:
            around = block.text or _neighbour(blocks, place)
            context = ": ".join(part for part in (block.heading, around) if part)[:MAX_CONTEXT]
            name = PurePath(unquote(target)).name
            said = (
                one for one in (_flat(alt), _flat(title)) if one and one not in (name, PurePath(name).stem)
            )
            found.append(Shown(block.line, target, next(said, None), context or None))
    return found


def _neighbour(blocks: list[_Block], place: int) -> str:
    """The nearest words of the same section, those before the picture first."""
    here = blocks[place].section
    around = [*reversed(blocks[:place]), *blocks[place + 1 :]]
    return next((one.text for one in around if one.section == here and one.text), "")


def _blocks(text: str) -> Iterator[_Block]:
    from markdown_it import MarkdownIt

    # Its lines stay, so that the numbers of the others are right.
    text = _FRONT_MATTER.sub(lambda front: "\n" * front[0].count("\n"), text)
    heading, section, block = "", 0, None
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    for place, token in enumerate(tokens):
        if token.type == "heading_open":
            words, pictures = _inline(tokens[place + 1])
            heading, section = words, section + 1
            if pictures:
                yield _Block(_line(token), heading, section, "", pictures)
        elif token.type in _BLOCKS:
            block = _Block(_line(token), heading, section, "", [])
        elif token.type in ("paragraph_close", "tr_close") and block:
            yield block
            block = None
        elif token.type == "inline" and block:
            words, pictures = _inline(token)
            block.text = f"{block.text} {words}".strip()
            block.pictures += pictures
        elif token.type == "html_block":
            pictures, words = _html(token.content)
            yield _Block(_line(token), heading, section, words, pictures)


def _line(token: Token) -> int:
    return token.map[0] + 1 if token.map else 1


def _inline(token: Token) -> tuple[str, list[tuple[str, str, str]]]:
    """Split a line of text into its words and its pictures."""
    words, pictures = [], []
    for child in token.children or ():
        if child.type == "image":
            about = child.attrs
            pictures.append((str(about["src"]), _alt(child), str(about.get("title") or "")))
        elif child.type == "html_inline":
            pictures += _html(child.content)[0]
        elif child.type in ("text", "code_inline"):
            words.append(child.content)
        elif child.type in ("softbreak", "hardbreak"):
            words.append(" ")
    return _flat("".join(words)), pictures


def _alt(image: Token) -> str:
    return "".join(one.content if one.type != "softbreak" else " " for one in image.children or ())


class _Images(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.pictures: list[tuple[str, str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        about = dict(attrs)
        if tag == "img" and about.get("src"):
            self.pictures.append((about["src"] or "", about.get("alt") or "", about.get("title") or ""))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def _html(content: str) -> tuple[list[tuple[str, str, str]], str]:
    parser = _Images()
    parser.feed(content)
    parser.close()
    return parser.pictures, _flat(" ".join(parser.words))


def _flat(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


class Pages:
    """The Markdown files of a folder, and what they say about its pictures.

    Args:
        folder: the source.
        name: what the source is called.
        files: its Markdown files, relative to it.
        pictures: what can be shown, relative to it; what a text shows besides is listed in `problems`.
    """

    def __init__(
        self, folder: Path, name: str, files: Iterable[PurePath], pictures: Iterable[PurePath]
    ) -> None:
        self.folder, self.name = folder, name
        self.problems: list[Skipped] = []
        self._values: dict[str, Values] = {}
        files = list(files)
        known = {one.as_posix() for one in pictures} if files else set()
        for file in files:
            for shown in self._read(file):
                self._note(file, shown, known)

    def values(self, picture: PurePath) -> Values:
        """What the texts say of a picture: `caption`, `context`, `document`; of each the first counts."""
        return self._values.get(picture.as_posix(), {})

    def _read(self, file: PurePath) -> list[Shown]:
        path = self.folder / file
        try:
            with open_regular(path) as opened:
                text = decode_text(opened.read(MAX_BYTES))
            return shown_pictures(text)
        except (OSError, ValueError, RecursionError) as error:
            self.problems.append(Skipped(self.name, None, None, str(path), f"cannot be read ({error})"))
            return []

    def _note(self, file: PurePath, shown: Shown, known: set[str]) -> None:
        picture = self._find(file, shown.target, known)
        if picture is None:
            reason = self._why_not(file, shown.target)
            self.problems.append(Skipped(self.name, shown.line, None, str(self.folder / file), reason))
            return
        said = {"caption": shown.caption, "context": shown.context, "document": file.as_posix()}
        values = self._values.setdefault(picture, {})
        for name, value in said.items():
            if value:
                values.setdefault(name, value)

    def _find(self, file: PurePath, target: str, known: set[str]) -> str | None:
        """Find the picture that a target means, relative to its text or, with a slash, to the folder."""
        if _is_link(target):
            return None
        # `a.png?raw=true` and `a.png#left`; but a name may hold such signs, too.
        plain = unquote(target).replace("\\", "/")
        bare = unquote(re.split(r"[?#]", target)[0]).replace("\\", "/")
        for one in (plain, bare):
            base = "" if one.startswith("/") else file.parent.as_posix()
            path = os.path.normpath(os.path.join(base, one.lstrip("/")))  # noqa: PTH118 - no file is meant yet
            if path in known:
                return path
        return None

    def _why_not(self, file: PurePath, target: str) -> str:
        shown = target if len(target) <= 80 else f"{target[:77]}…"
        if target.startswith("data:"):
            return "a picture written into the text itself; save it as a file"
        if _is_link(target):
            return f"{shown} is a link; pictures are read from files: download it and give its path"
        path = self.folder / file.parent / unquote(re.split(r"[?#]", target)[0])
        return f"{shown} " + ("is no picture of this folder" if path.exists() else "is not there")


def _is_link(target: str) -> bool:
    return target.startswith("//") or len(urlsplit(target).scheme) > 1
