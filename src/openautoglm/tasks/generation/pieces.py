"""Tokens to text, piece by piece: no character is cut in half, nothing shown that a stop string takes back.

A Chinese character is three bytes, often of several tokens; a piece waits until its last byte is there. Text
that may be the beginning of a stop string waits as well.
"""

from __future__ import annotations

from collections.abc import Sequence

from tokenizers import Tokenizer
from tokenizers.decoders import DecodeStream


class Pieces:
    """The text of one row, as it grows.

    Args:
        tokenizer: of the model.
        stop: strings at which the text ends.
    """

    def __init__(self, tokenizer: Tokenizer, stop: Sequence[str] = ()) -> None:
        self._tokenizer, self._stop = tokenizer, tuple(stop)
        self._stream = DecodeStream(skip_special_tokens=True)
        self._waiting = ""
        self._shown: list[str] = []
        self.stopped = False
        """Whether a stop string came."""

    @property
    def text(self) -> str:
        """All that was shown."""
        return "".join(self._shown)

    def add(self, token_id: int) -> str:
        """Take a token; return what can be shown now, often nothing."""
        self._waiting += self._stream.step(self._tokenizer, token_id) or ""
        if not self._shown:
            self._waiting = self._waiting.lstrip(" ")
        ends = [place for one in self._stop if (place := self._waiting.find(one)) >= 0]
        if ends:
            self.stopped = True
            self._waiting = self._waiting[: min(ends)]
            return self.rest()
        held = max((_overlap(self._waiting, one) for one in self._stop), default=0)
        return self._show(len(self._waiting) - held)

    def rest(self) -> str:
        """What was waiting, now that nothing more comes."""
        return self._show(len(self._waiting))

    def _show(self, count: int) -> str:
        piece, self._waiting = self._waiting[:count], self._waiting[count:]
        if piece:
            self._shown.append(piece)
        return piece


def _overlap(text: str, stop: str) -> int:
    """Length of the longest end of `text` that `stop` begins with.

    >>> _overlap("a red bi", "bicycle"), _overlap("red", "bicycle")
    (2, 0)
    """
    return next((n for n in range(min(len(text), len(stop) - 1), 0, -1) if text.endswith(stop[:n])), 0)
