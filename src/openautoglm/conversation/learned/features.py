"""What is looked at in a turn: features of its kind, and of the span of its words that is meant.

A feature is a short text; its place among `SIZE` weights is its hash. Words that the frames which were learned from
never have are "?" to the model, and a run of them is one: what is searched for may be anything.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator, Sequence

from openautoglm.conversation.learned.tokens import Token
from openautoglm.conversation.lexicon import HAN

BITS = 16
SIZE = 1 << BITS
"""Places of weights."""
Known = Callable[[str], bool]
"""Whether a word is one of frames."""

_HAN = re.compile(f"[{HAN}]")


def place(feature: str) -> int:
    """Give a feature's place."""
    return zlib.crc32(feature.encode()) & (SIZE - 1)


def forms(tokens: Sequence[Token], known: Known) -> list[str]:
    """Give each token as the model sees it: its mark, its word, or "?"."""
    return [one.mark or (one.said if known(one.said) else "?") for one in tokens]


def of_kind(tokens: Sequence[Token], known: Known, hints: Sequence[str]) -> list[str]:
    """Give the features that the kind of a turn is told by: its tokens, and the grammar's hints."""
    seen = forms(tokens, known)
    marked = [one for place, one in enumerate(seen) if one != "?" or place == 0 or seen[place - 1] != "?"]
    plain = [one.said if known(one.said) else "?" for one in tokens]
    marks = "".join(sorted({one.mark for one in tokens if one.mark}))
    found = {f"m {marks}", f"n {min(len(marked), 8)}"}
    found.update(_ngrams("a", marked))
    if plain != seen:
        found.update(_ngrams("b", plain))
    bare = [one for one in marked if re.search(r"\w", one)]
    found.update(f"s {one} {other}" for at, one in enumerate(bare) for other in bare[at + 2 : at + 5])
    found.update(f"p {one.said[:n]}" for one in tokens for n in (4, 5) if len(one.said) > n and not one.mark)
    found.update(f"f {marks} {one}" for one in bare if marks)
    found.update(f"h {hint}{with_marks}" for hint in hints or ("-",) for with_marks in ("", f" {marks}"))
    found.add(f"hh {marks} {' '.join(hints)}")
    return sorted(found)


def _ngrams(name: str, seen: Sequence[str]) -> Iterator[str]:
    padded = ["^", *seen, "$"]
    longest = 4 if any(_HAN.match(one) for one in seen) else 3
    for start in range(len(padded)):
        for length in range(1, longest + 1):
            if start + length <= len(padded):
                yield f"{name} {' '.join(padded[start : start + length])}"


def of_spans(tokens: Sequence[Token], known: Known, group: str) -> list[list[list[str]]]:
    """Give the features that the span of what is meant is told by: for each token, as one inside, first and last.

    Args:
        tokens: of the turn.
        known: words of frames.
        group: of kinds that have the same slot.
    """
    seen = ["^^", "^", *forms(tokens, known), "$", "$$"]
    said = ["^^", "^", *(one.said for one in tokens), "$", "$$"]
    found = []
    for at in range(2, len(seen) - 2):
        two, one, now, then, after = seen[at - 2 : at + 3]
        inside = [
            f"i {now}",
            f"i- {one} {now}",
            f"i+ {now} {then}",
            f"w {said[at]}",
            f"w3 {one} {now} {then}",
        ]
        inside += [f"i-2 {two} {one} {now}", f"i+2 {now} {then} {after}", f"l {said[at][-3:]}"]
        first = [
            f"b {one}",
            f"b2 {two} {one}",
            f"b> {one} {now}",
            f"b2> {two} {one} {now}",
            f"b>2 {now} {then}",
        ]
        last = [f"e {then}", f"e2 {then} {after}", f"e< {now} {then}", f"e2< {now} {then} {after}"]
        if at > 4:
            first.append(f"b3 {seen[at - 3]} {two} {one}")
        if at + 3 < len(seen):
            last.append(f"e3 {then} {after} {seen[at + 3]}")
        found.append([[f"{group}{one}" for one in some] for some in (inside, first, last)])
    return found
