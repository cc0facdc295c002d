"""Where the content of a turn stands: the value, or the words that are looked for or not wanted.

Of the spans that the model finds probable, the first one that the catalogue has words for is taken, or a likely one
around it that it has, too: "smiling face" before "face". None leaves out a value or a strange word of the most
probable one.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from openautoglm.conversation.learned.model import Model
from openautoglm.conversation.learned.tokens import Token
from openautoglm.conversation.lexicon import HAN
from openautoglm.conversation.turn import View

SPANS = 12
"""Spans of content that are looked at, and that the catalogue is asked about."""
_LIKELY = 0.02
"""How probable they are at least, beside the most probable one; the first that the catalogue has is taken."""
_EDGES = ((1, 0), (0, 1), (2, 0), (0, 2), (1, 1))
"""Words that may be too many before and behind, where the catalogue has no likely span."""
_FACTORS = {True: 3.0, False: 0.3}
"""How much more probable a search is whose words the catalogue has, or has not."""


class Content:
    """What a turn says beside its frame.

    Args:
        text: the turn.
        tokens: of it.
        view: the catalogue.
        model: what was learned.
    """

    def __init__(self, text: str, tokens: Sequence[Token], view: View, model: Model) -> None:
        self.text, self.tokens, self.view, self.model = text, tokens, view, model
        self._found: dict[str, tuple[int, int, float]] = {}

    def said(self, first: int, last: int) -> str:
        """Give the words of some tokens."""
        return self.text[self.tokens[first].start : self.tokens[last - 1].end]

    def span(self, name: str, group: str) -> tuple[int, int, float]:
        """Find the span of a slot: its first token, the one behind its last, and a factor of the chance."""
        values = [at for at, one in enumerate(self.tokens) if one.mark == "V"]
        if name == "v" and len(values) == 1:
            return values[0], values[0] + 1, 1.0
        if group not in self._found:
            self._found[group] = self._searched(group)
        return self._found[group]

    def _searched(self, group: str) -> tuple[int, int, float]:
        spans = self.model.spans_of(self.tokens, group, SPANS)
        likely = [one[:2] for one in spans if one[2] >= _LIKELY * spans[0][2] and self._whole(*one[:2])]
        likely = [one for one in likely if self._complete(one, likely[0])]
        said = next((one for one in likely if self._says(*one)), None)
        if said is None:
            best = (likely or [spans[0][:2]])[0]
            within = ((best[0] + before, best[1] - behind) for before, behind in _EDGES)
            cut = (one for one in within if one[0] < one[1] and self._complete(one, best))
            cut = (one for one in cut if one[1] - one[0] > 1 or not _sign(self.tokens[one[0]]))
            said = next((one for one in cut if self._whole(*one) and self._says(*one)), None)
            return (*best, _FACTORS[False]) if said is None else (*said, _FACTORS[True])
        around = (one for one in likely if one != said and one[0] <= said[0] and said[1] <= one[1])
        first, last = next((one for one in around if self._says(*one)), said)
        # One character is in many words.
        single = len(self.tokens) > 2 and last - first == 1 and _sign(self.tokens[first])
        return first, last, 1.0 if single else _FACTORS[True]

    def _complete(self, some: tuple[int, int], best: tuple[int, int]) -> bool:
        """Whether a span has all values of the likeliest one, the words of it that no frame has, and what 的 leads to.

        The catalogue may have "fruit" and not "yellow fruit", which is what was asked for; 红色 and not 红色的花.
        """
        before, behind = self.tokens[best[0] : some[0]], self.tokens[max(best[0], some[1]) : best[1]]
        led = [one.said for one in (self.tokens[some[1] - 1], *behind)]
        if any(one == "的" and other != "的" for one, other in itertools.pairwise(led)):
            return False
        left = [*before, *behind]
        return all(one.mark != "V" and (one.mark or self.model.known(one.said)) for one in left)

    def _whole(self, first: int, last: int) -> bool:
        """Whether a span begins and ends with a word, and names more than an amount or a low price."""
        inside = self.tokens[first:last]
        words = all(re.match(r"\w", one.said) for one in (inside[0], inside[-1]))
        return words and any(one.mark in ("", "V", "S", "D", "C") for one in inside)

    def _says(self, first: int, last: int) -> bool:
        """Whether the catalogue has the words of a span, values apart: 白色头盔 is 白色 and 头盔 to it."""
        inside = self.tokens[first:last]
        parts = [f" {one.said} " if one.mark or one.said.isascii() else one.said for one in inside]
        return self.view.says(" ".join("".join(parts).split()))


def _sign(token: Token) -> bool:
    """Whether a token is a Chinese character."""
    return not token.mark and re.fullmatch(f"[{HAN}]", token.said) is not None
