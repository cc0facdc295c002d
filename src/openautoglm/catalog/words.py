"""The words of a text: what full-text search indexes, looks up, and marks in its results.

    "Golden avenues, SKU-1234"  →  golden avenu sku 1234 sku1234
    "金色银杏"                   →  金 金色 色 色银 银 银杏 杏

1. *Fold*: NFKC, case, accents (é → e, ø → o, İ → i) and Hebrew and Arabic points go away.
2. *Scripts written without blanks* (Han, kana, Thai, …) and Hangul become single characters and
   bigrams: no dictionary, so no new word is missing from it.
3. *Other words* are runs of letters and digits. A run of several parts (`SKU-1234`, `iPhone15`, `3.14`)
   gives each part and the whole without hyphens, so that `sku1234`, `SKU 1234` and `SKU-1234` meet.
4. *Stems*: words of the letters a to z lose their English endings (Snowball).

A query has the same words, except: of several characters in a row only the bigrams, since a single
character says little; of a run's parts none of one character; and no stop words (`the`, `of`), unless
there is nothing else.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from openautoglm.catalog.hashing import content_hash
from openautoglm.catalog.schema import ID, Field

MAX_QUERY_WORDS = 128
"""Of a longer query, as many of its first words count."""

_ANALYSIS = "1"  # counted up with each change of what is a word, so that stored words are made anew
_LONGEST = 64
_MOST_PARTS = 3  # a hash such as 0d8f3c is a code, and not five words
_NAMED = ("ocr_text", "folder", "file")
"""Fields that hold words whatever their role: text read off the picture, and names."""

# What makes one character with the one before it: combining accents, kana's voice marks, jamo.
_CLUSTER = re.compile(r".[\u0300-\u036f\u3099\u309a\uff9e\uff9f\u1160-\u11ff]*", re.DOTALL)
_DROPPED = re.compile(
    "[\u0300-\u036f\u0483-\u0487"  # accents of Latin, Greek, Cyrillic
    "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"  # Hebrew points
    "\u0640\u064b-\u065f\u0670"  # Arabic points, and the stroke that stretches a word
    "\u00ad\u200b-\u200d\u2060\ufe0e\ufe0f\ufeff]"  # what is not seen
)
_LETTERS = str.maketrans(
    {"ø": "o", "æ": "ae", "œ": "oe", "đ": "d", "ð": "d", "þ": "th", "ł": "l", "ħ": "h", "ı": "i"}
)
_GRAMS = (
    "\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Tibetan, Burmese, Khmer
    "\u1100-\u11ff\u3005-\u3007\u3040-\u3096\u30a1-\u30fa\u30fc\u31f0-\u31ff"  # jamo, 々, kana
    "\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003347f"  # Han, Hangul
)
# Vowel signs of Indic scripts are marks, not letters, and yet inside of words.
_LETTER = rf"(?:[^\W_{_GRAMS}]|[\u0900-\u0963\u0966-\u0dff])"
_GLUE = r"(?:[-_\u2010\u2011]|(?<=\d)[.,](?=\d))"
_RUNS = re.compile(
    rf"(?P<grams>[{_GRAMS}]+)|(?P<run>{_LETTER}+(?:{_GLUE}{_LETTER}+)*)(?:['\u2019]s(?!{_LETTER}))?"
)
_BETWEEN = re.compile(r"[-_\u2010\u2011.,]")
_PARTS = re.compile(r"\d+|\D+")
_STOP_WORDS = frozenset(
    ("a", "an", "and", "are", "as", "at", "be", "by", "for", "from", "in", "into", "is", "it", "its", "of")
    + ("on", "or", "that", "the", "their", "this", "to", "was", "were", "will", "with")
)


class Word(NamedTuple):
    """A word, as it is indexed, and where it stands in the text."""

    term: str
    start: int
    end: int


def words_in(text: str, *, query: bool = False) -> Iterator[Word]:
    """Yield the words of a text, in its order.

    Args:
        text: anything.
        query: leave out what a query does not look up, as above, but for stop words.

    >>> " ".join(word.term for word in words_in("Cafés' iPhone15: 银杏"))
    'cafe iphon 15 iphone15 银 银杏 杏'
    """
    folded, starts, ends = _fold(text)
    for match in _RUNS.finditer(folded):
        spans = _grams(match, query) if match["grams"] else _run(match, query)
        for term, start, end in spans:
            yield Word(term[:_LONGEST], starts[start], ends[end - 1])


def query_terms(text: str) -> list[str]:
    """List the different words that a query looks up.

    >>> query_terms("The Avenue of 银杏大道"), query_terms("the"), query_terms("?!")
    (['avenu', '银杏', '杏大', '大道'], ['the'], [])
    """
    terms = dict.fromkeys(word.term for word in words_in(text, query=True))
    telling = [term for term in terms if term not in _STOP_WORDS]
    return (telling or list(terms))[:MAX_QUERY_WORDS]


def word_fields(fields: Mapping[str, Field]) -> list[str]:
    """Name the user's fields whose words are searched: texts, tags, `ocr_text`, `folder` and `file`."""
    return sorted(
        name
        for name, one in fields.items()
        if one.type in ("text", "tags") and (one.role in ("text", "tags") or name in _NAMED)
    )


def row_texts(row: Mapping[str, Any], fields: Mapping[str, Field]) -> list[str]:
    """List the texts of a row whose words are searched.

    Args:
        row: `id`, `_image`, and the values of its fields; what is absent is empty.
        fields: the catalogue's.
    """
    texts: list[str] = []
    for name in word_fields(fields):
        value = row.get(name)
        texts += [value] if isinstance(value, str) else value or []
    if (image := row.get("_image")) and not row.get("file"):
        # The name and its folder; what lies above says where somebody keeps files.
        texts.append("/".join(PurePosixPath(image).parts[-2:]))
    if _is_code(row[ID]):
        texts.append(row[ID])
    return [text for text in texts if text]


def stored_words(texts: Iterable[str]) -> str | None:
    """Write all words of some texts, as the column `_words` holds them; None where they have none.

    >>> stored_words(["金杏", "Golden avenues"]), stored_words(["?"])
    ('金 金杏 杏 golden avenu', None)
    """
    return " ".join(word.term for text in texts for word in words_in(text)) or None


def words_key(texts: Sequence[str]) -> str:
    """Name what `stored_words` makes its words from, and how; it changes when they might."""
    return content_hash("\0".join([_analysis(), *texts]).encode("utf-8", "surrogatepass"))


def _is_code(key: str) -> bool:
    """Tell an id that somebody gave and may search for from a counter, a path, and a hash."""
    return any(map(str.isalpha, key)) and not re.search(r"[/:]", key)


def _grams(match: re.Match[str], query: bool) -> Iterator[Word]:
    text, offset = match.group(), match.start()
    alone = not query or len(text) == 1
    for place, character in enumerate(text, offset):
        if alone:
            yield Word(character, place, place + 1)
        if place + 1 < match.end():
            yield Word(character + text[place - offset + 1], place, place + 2)


def _run(match: re.Match[str], query: bool) -> Iterator[Word]:
    run, offset = match["run"], match.start()
    if run.isalpha():  # most are
        yield Word(_stem(run), offset, offset + len(run))
        return
    pieces = list(_pieces(run))
    for start, end in pieces:
        parts = list(_PARTS.finditer(run, start, end))
        if 1 < len(parts) <= _MOST_PARTS:
            for part in parts:
                if len(part.group()) > 1 or not query:
                    yield Word(_stem(part.group()), offset + part.start(), offset + part.end())
        if end - start > 1 or len(pieces) == 1 or not query:
            yield Word(_stem(run[start:end]), offset + start, offset + end)
    if len(pieces) > 1:
        whole = re.sub(r"[-_\u2010\u2011]", "", run).replace(",", ".")
        yield Word(_stem(whole), offset, offset + len(run))


def _pieces(run: str) -> Iterator[tuple[int, int]]:
    start = 0
    for glue in _BETWEEN.finditer(run):
        yield start, glue.start()
        start = glue.end()
    yield start, len(run)


def _fold(text: str) -> tuple[str, range | list[int], range | list[int]]:
    """Fold, with the start and the end in `text` of what each character came from."""
    if text.isascii():
        return text.lower(), range(len(text)), range(1, len(text) + 1)
    folded, starts, ends = [], [], []
    for match in _CLUSTER.finditer(text):
        plain = _fold_cluster(match.group())
        folded.append(plain)
        starts += [match.start()] * len(plain)
        ends += [match.end()] * len(plain)
    return "".join(folded), starts, ends


@lru_cache(maxsize=1 << 16)
def _fold_cluster(cluster: str) -> str:
    opened = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", cluster).casefold())
    return unicodedata.normalize("NFC", _DROPPED.sub("", opened)).translate(_LETTERS)


@cache
def _analysis() -> str:
    import Stemmer

    return f"{_ANALYSIS}/{Stemmer.version()}"


def _stem(word: str) -> str:
    # Numbers have no stem, and would fill the cache with the names of files.
    return _english_stem(word) if len(word) > 2 and word.isascii() and word.isalpha() else word


@lru_cache(maxsize=1 << 14)
def _english_stem(word: str) -> str:
    import Stemmer

    # One each time: it is made in microseconds, and two threads may not share one.
    return str(Stemmer.Stemmer("english", 0).stemWord(word))
