"""A text on its way: tokens in, scores of the next one out, with nothing computed twice.

start  prompts (B, L) → scores (B, V): the prompt's keys and values are kept, and the keys and values of
       what each looking layer sees of a picture and of columns are computed, once for the whole text
step   one token a row (B,) → scores (B, V)
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from openautoglm.align.cross_attention import CrossAttentionBlock, Remembered
from openautoglm.context.cache import KeyValueCache
from openautoglm.context.seen import Seen
from openautoglm.context.window import Window
from openautoglm.encoders.decoder import Decoder, Look
from openautoglm.encoders.decoder_layer import DecoderLayer


class Writing:
    """B texts being written by one decoder.

    Args:
        decoder: its weights.
        looks: its gated blocks, one for each looking layer.
        seen: what they look at; None when no row has a picture or columns.
        rows: B.
        capacity: most tokens of a text, prompt and padding included.
        window: what of a longer text is seen; None for all.
        together: most tokens that `branch` is given beside a window.
    """

    def __init__(
        self,
        decoder: Decoder,
        looks: Sequence[CrossAttentionBlock],
        seen: Seen | None,
        rows: int,
        capacity: int,
        window: Window | None = None,
        together: int = 1,
    ) -> None:
        self.decoder, self.looks = decoder, looks
        self._layers: list[DecoderLayer] | None = None
        self.remembered: list[Remembered] | None = None
        if seen is not None and bool(seen.mask.any()):
            self.remembered = [look.remember(*seen) for look in looks]
        slots = capacity if window is None else min(capacity, max(window.slots, window.seen + together))
        shape = (decoder.layers, rows, decoder.kv_heads, slots, decoder.head_dim)
        self.cache = KeyValueCache(shape, decoder.rotations(slots), decoder.lm.lm_head.weight.dtype, window)

    def start(self, input_ids: Tensor, pads: Sequence[int]) -> Tensor:
        """Read prompts (B, L), of which the first `pads` tokens of each row are padding → scores (B, V)."""
        first: list[int] | None = list(pads)
        for part in input_ids.split(self.cache.pieces(input_ids.shape[1]), dim=1):
            hidden = self._read(part, first)
            first = None
        return self._scores(hidden)

    def step(self, input_ids: Tensor) -> Tensor:
        """Add a token (B,) to every row → scores (B, V) of the next."""
        if self._layers is None:
            self._layers = self.decoder.read_layers(prepared=True)
        attend = self.cache.extend(1)
        return self._scores(self.decoder.run(input_ids[:, None], attend, self._look(), layers=self._layers))

    def rows(self, index: Tensor) -> None:
        """Go on with some of the rows, each as often as its position is in `index`."""
        self.cache.rows(index)
        if self.remembered is not None:
            self.remembered = [one.rows(index) for one in self.remembered]

    def branch(self, input_ids: Tensor, depths: Tensor, sees: Tensor) -> Tensor:
        """States (B, T, d) of tokens that continue each row in several ways; the texts stay as they are.

        Args:
            input_ids: (B, T).
            depths: (B, T) how many positions behind the text's last token each stands, from 0.
            sees: (B, T, T) bool, which of the others each token sees, itself included.
        """
        device = self.cache.keys.device
        attend = self.cache.branch(depths.to(device), sees.to(device))
        return self.decoder.normed(self.decoder.run(input_ids.to(device), attend, self._look()))

    def scores(self, hidden: Tensor) -> Tensor:
        """Scores (…, V) of what comes after states (…, d) that `branch` gave."""
        return self.decoder.logits(hidden)

    def _read(self, input_ids: Tensor, pads: list[int] | None = None) -> Tensor:
        """States (B, T, d) of tokens (B, T) that every row goes on with."""
        attend = self.cache.extend(input_ids.shape[1], pads)
        return self.decoder.run(input_ids, attend, self._look())

    def _scores(self, hidden: Tensor) -> Tensor:
        """Scores (B, V) after the last of the states (B, T, d): no other is needed."""
        return self.decoder.logits(self.decoder.normed(hidden[:, -1]))

    def _look(self) -> Look | None:
        remembered = self.remembered
        if remembered is None:
            return None
        return lambda number, hidden: self.looks[number].look(hidden, remembered[number])
