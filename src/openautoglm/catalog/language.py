"""Which language a text is in, as far as its script tells.

Han is "zh", or "ja" beside kana; Hangul "ko"; Cyrillic "ru"; Latin letters say "en". Languages that
share a script are not told apart: a field's suffix (`title_de`) says better and wins (`field_language`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

_SCRIPTS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("kana", re.compile(r"[\u3040-\u30ff\uff66-\uff9f]")),
    ("zh", re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f]")),
    ("ko", re.compile(r"[\u1100-\u11ff\uac00-\ud7af]")),
    ("ru", re.compile(r"[\u0400-\u052f]")),
    ("ar", re.compile(r"[\u0600-\u06ff\u0750-\u077f]")),
    ("he", re.compile(r"[\u0590-\u05ff]")),
    ("el", re.compile(r"[\u0370-\u03ff]")),
    ("th", re.compile(r"[\u0e00-\u0e7f]")),
    ("hi", re.compile(r"[\u0900-\u097f]")),
    ("en", re.compile(r"[A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u1e00-\u1eff]")),
)
# A Han character says about as much as this many letters; "可口可乐 Coca-Cola" is Chinese.
_LETTERS_PER_HAN = 3
# Not "id" and "no", which end the names of other columns.
_CODES = "ar|cs|da|de|el|en|es|fi|fr|he|hi|hu|it|ja|ko|nl|pl|pt|ro|ru|sv|th|tr|uk|vi|zh"
_SUFFIX = re.compile(rf"[_\-. ]({_CODES})(?:[_\-](?:cn|tw|hk|hans|hant|us|gb|br))?$", re.IGNORECASE)


def guess_language(text: str) -> str:
    """ISO 639-1 code by script, "und" (undetermined) for a text without letters.

    >>> guess_language("金色的银杏大道"), guess_language("a golden avenue"), guess_language("12 × 3")
    ('zh', 'en', 'und')
    """
    if text.isascii():
        return "en" if any(character.isalpha() for character in text) else "und"
    counts = {name: len(pattern.findall(text)) for name, pattern in _SCRIPTS}
    kana = counts.pop("kana")
    if kana and kana + counts["zh"] >= max(counts.values()):
        return "ja"
    counts["zh"] *= _LETTERS_PER_HAN
    best = max(counts, key=lambda name: counts[name])
    return best if counts[best] else "und"


def field_language(name: str) -> str | None:
    """Read the language off a field's suffix, if it states one.

    >>> field_language("title_zh"), field_language("title-zh_CN"), field_language("title")
    ('zh', 'zh', None)
    """
    match = _SUFFIX.search(name)
    return match.group(1).lower() if match else None


def main_language(texts: Iterable[str]) -> str | None:
    """Tell the language of most of the texts; None when no language has two thirds.

    >>> main_language(["红", "绿", "blue", "黄"])
    'zh'
    """
    counts = Counter(guess_language(text) for text in texts)
    counts.pop("und", None)
    if not counts:
        return None
    language, count = counts.most_common(1)[0]
    return language if 3 * count >= 2 * counts.total() else None
