"""A text cut into the words that a reader weighs, in any language, so that each can be left out.

    units    u_1 … u_n, pieces of the text that join to the whole of it
    without  the text of the units that stay, read anew by the tower's tokenizer

A word is left out of the text itself and not of its tokens: "a red bicycle" becomes "a bicycle", a text as
captions are, whatever tower reads it. Where a script has no spaces (Chinese, Japanese, Thai) the text is cut
where the tokenizer cuts it, and never within a character: what it joins has often stood together in the texts
that it learned from. A token of more than `LONGEST` characters of such a script, which would be a whole
caption learned by heart, is cut into its characters.

>>> from openautoglm.encoders.tokenizer import train_bpe
>>> tokenizer = train_bpe(["红苹果", "青苹果", "大苹果"], 265)
>>> units("A red apple, 红苹果。", tokenizer, 40).units
('A ', 'red ', 'apple, ', '红', '苹果。')
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from tokenizers import Tokenizer

LONGEST = 4
"""Characters of a script without spaces up to which a token is a word."""

_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff"  # 々, kana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003347f"  # Han
)
_RUNS = re.compile(rf"(?P<unspaced>[{_UNSPACED}]+)|[^\W{_UNSPACED}]+(?:['\u2019.\-][^\W{_UNSPACED}]+)*")


class Units(NamedTuple):
    """The words of a text."""

    units: tuple[str, ...]
    """Joined they are what the tower reads of the text; signs and spaces belong to the word before them."""
    unread: str
    """The end of the text, of which the tower has room for nothing."""


def units(text: str, tokenizer: Tokenizer, max_length: int) -> Units:
    """Cut a text of which a tower reads `max_length` tokens, its marks included."""
    encoded = tokenizer.encode(text)
    spans = [
        span for span, mark in zip(encoded.offsets, encoded.special_tokens_mask, strict=True) if not mark
    ]
    room = max_length - (len(encoded.offsets) - len(spans))
    read = text if len(spans) <= room else text[: _end(text, spans[room][0])] if room > 0 else ""
    cuts = sorted({0, *_starts(read, [span for span in spans if span[0] < len(read)])})
    # What stands before the first word belongs to it.
    cuts = [0, *cuts[2:]] if len(cuts) > 1 and not re.search(r"\w", read[: cuts[1]]) else cuts
    parts = tuple(read[a:b] for a, b in zip(cuts, [*cuts[1:], len(read)], strict=True) if read[a:b])
    return Units(parts, text[len(read) :])


def _end(text: str, cut: int) -> int:
    """Where the word ends that a cut would part; a script without spaces is cut where it falls."""
    for run in _RUNS.finditer(text):
        if run.start() < cut < run.end() and run["unspaced"] is None:
            return run.end()
    return cut


def _starts(text: str, spans: Sequence[tuple[int, int]]) -> list[int]:
    """Places in the text at which a word begins."""
    found = []
    for run in _RUNS.finditer(text):
        found.append(run.start())
        if run["unspaced"] is None:
            continue
        for start, end in spans:
            inside = max(start, run.start()), min(end, run.end())
            if inside[0] >= inside[1]:
                continue
            found.append(inside[0])
            if inside[1] - inside[0] > LONGEST:
                found += range(*inside)
            if end < run.end():
                found.append(end)
    return found
