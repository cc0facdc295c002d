"""Key-value cache: the past of a text is computed once and read at every later token.

Each layer's rotated keys and values stand in two buffers that are made once, of the length that the text can
reach, so that a step copies one position and nothing grows. Rows of a batch are padded on the left: a row's
tokens end where all rows end, and rotary positions count slots, since only their differences matter.

    slot  0 … pads_b − 1      padding of row b, seen by nothing
          pads_b … length     its tokens, rotated by their slot

With a `Window` the buffers hold `window.slots` positions, however long the text. The sinks' keys and values
are kept aside and, at each step, laid into the slots directly before the window, over tokens that have left
it: what is seen stays one piece of memory, and the sinks' distances are those of the window. When the window
reaches the buffers' end, it is moved back to their beginning and its keys are turned back by as much, which
keeps every position small.

`Wide` in `wide.py` does the same for each of many tokens at once.
"""

from __future__ import annotations

import torch
from torch import Tensor

from openautoglm.context.window import Window
from openautoglm.encoders.attention import Attend, masked_attention, rotate


class KeyValueCache:
    """Keys and values of N layers and B rows.

    Args:
        shape: (N, B, K, capacity, d) of keys and of values; a window needs no more than `window.slots`.
        rotations: complex (capacity, R), the turn of each slot.
        dtype: of keys and values.
        window: without one, all that was read is seen, and the capacity is the end.
    """

    def __init__(
        self,
        shape: tuple[int, int, int, int, int],
        rotations: Tensor,
        dtype: torch.dtype,
        window: Window | None = None,
    ) -> None:
        self.keys = torch.empty(shape, dtype=dtype, device=rotations.device)
        self.values = torch.empty_like(self.keys)
        self.rotations, self.window = rotations, window
        self.turns = rotations / rotations.abs()
        """Of length 1, where a decoder's rotations are longer: what turns a key that was rotated already."""
        self.length = 0
        """Slots in use."""
        self.pads = [0] * shape[1]
        """Each row's first slot; below 0 when it has been moved out of the buffers."""
        self.sinks: dict[int, tuple[Tensor, Tensor]] = {}
        """Row → keys (N, K, S, d), rotated by 0 … S − 1, and values, of rows that outgrew the window."""
        self._together: tuple[Tensor, Tensor] | None = None

    @property
    def capacity(self) -> int:
        """Slots that there are."""
        return self.keys.shape[3]

    def extend(self, count: int, pads: list[int] | None = None) -> Attend:
        """Make room for `count` tokens of every row, and return the attention that fills it, layer by layer.

        Args:
            count: with a window, as many as `pieces` says.
            pads: how many of each row's are padding; for the first tokens only.

        Raises:
            ValueError: if they do not fit.
        """
        if pads is not None:
            self.pads = list(pads)
        self._make_room(count)
        before, self.length = self.length, self.length + count
        start = self._start(self.length)
        self._keep_sinks(start)
        if count > 1 and self.sinks:
            from openautoglm.context.wide import Wide

            return Wide(self, before, count)
        self._lay_sinks(start)
        new = slice(before, self.length)
        return self._attending(start, new, self.rotations[new], self._allowed(start, before, count))

    def pieces(self, count: int) -> list[int]:
        """Lengths in which `count` further tokens are to be read."""
        if self.window is None or self.length + count <= self.window.seen:
            return [count]
        found = [self.window.seen - self.length] if self.length < self.window.seen else []
        rest = count - sum(found)
        whole, last = divmod(rest, self.window.piece)
        return found + [self.window.piece] * whole + [last] * bool(last)

    def branch(self, depths: Tensor, sees: Tensor) -> Attend:
        """Attention of tokens that continue every row in several ways at once, and are forgotten after it.

        A window stands still meanwhile.

        Args:
            depths: (B, T) how many positions behind the last one each stands, from 0.
            sees: (B, T, T) bool, which of the others each token sees; the past is seen by all.
        """
        count = depths.shape[1]
        self._make_room(count)
        before, start = self.length, self._start(self.length + 1)
        self._keep_sinks(start)
        self._lay_sinks(start)
        past = torch.ones(before - start, dtype=torch.bool, device=sees.device)
        past = past.expand(*sees.shape[:2], -1) & self._real(start, before)[:, None]
        allowed = torch.cat([past, sees], dim=-1)[:, None]
        rotation, new = self.rotations[before + depths][:, None], slice(before, before + count)
        return self._attending(start, new, rotation, allowed)

    def trim(self, length: int) -> None:
        """Forget all slots from `length` on.

        Raises:
            ValueError: if there are not so many, or tokens that would be seen again have left the window.
        """
        if not 0 <= length <= self.length:
            raise ValueError(f"a cache of {self.length} positions cannot be trimmed to {length}")
        if self.sinks:
            raise ValueError("what has left the window is forgotten: this cache can no longer be trimmed")
        self.length = length

    def rows(self, index: Tensor) -> None:
        """Go on with some of the rows, each as often as its position is in `index`."""
        places: list[int] = index.tolist()
        if places == list(range(self.keys.shape[1])):
            return
        used = slice(0, self.length)
        if len(places) == self.keys.shape[1]:
            self.keys[..., used, :] = self.keys[:, index, :, used]
            self.values[..., used, :] = self.values[:, index, :, used]
        else:
            self.keys, self.values = self.keys[:, index], self.values[:, index]
        self.pads = [self.pads[place] for place in places]
        self.sinks = {row: self.sinks[place] for row, place in enumerate(places) if place in self.sinks}
        self._together = None

    def sinks_together(self) -> tuple[Tensor, Tensor]:
        """Keys and values (N, B', K, S, d) of the rows in `sinks`, in the order of the batch."""
        if self._together is None:
            keys, values = zip(*(self.sinks[row] for row in sorted(self.sinks)), strict=True)
            self._together = torch.stack(keys, dim=1), torch.stack(values, dim=1)
        return self._together

    def _start(self, length: int) -> int:
        """First slot that a token sees which is the last of `length`."""
        return 0 if self.window is None else max(0, length - self.window.seen)

    def _make_room(self, count: int) -> None:
        """Move the window back to the first slot where `count` tokens do not fit behind it."""
        if self.length + count <= self.capacity:
            return
        if self.window is None or self.window.seen - 1 + count > self.capacity:
            raise ValueError(f"{self.length + count} positions do not fit into a cache of {self.capacity}")
        kept = min(self.length, self.window.seen - 1)
        by = self.length - kept
        self._keep_sinks(by)
        back = self.turns[by].conj()
        for number in range(len(self.keys)):  # one layer after the other: the copy is the largest tensor here
            self.keys[number, :, :, :kept] = rotate(self.keys[number, :, :, by : self.length], back)
            self.values[number, :, :, :kept] = self.values[number, :, :, by : self.length].clone()
        self.pads = [first - by for first in self.pads]
        self.length = kept

    def _keep_sinks(self, start: int) -> None:
        """Take the first tokens of rows aside that begin before the slot `start`."""
        if self.window is None or start == 0:
            return
        for row, first in enumerate(self.pads):
            if first < start and row not in self.sinks:
                place = slice(first, first + self.window.sinks)
                keys = rotate(self.keys[:, row, :, place], self.turns[first].conj())
                self.sinks[row] = keys, self.values[:, row, :, place].clone()
                self._together = None

    def _lay_sinks(self, start: int) -> None:
        """Put the sinks into the slots from `start` on."""
        if not self.sinks or self.window is None or not self.window.sinks:
            return
        keys, values = self.sinks_together()
        place = slice(start, start + self.window.sinks)
        if len(self.sinks) == len(self.pads):
            self.keys[:, :, :, place] = rotate(keys, self.turns[start])
            self.values[:, :, :, place] = values
            return
        rows = torch.tensor(sorted(self.sinks), device=keys.device)
        self.keys[:, rows, :, place] = rotate(keys, self.turns[start])
        self.values[:, rows, :, place] = values

    def _attending(self, start: int, new: slice, rotation: Tensor, allowed: Tensor | None) -> Attend:
        """Put what each layer adds into the slots `new`; its queries see those from `start` to their end."""
        # The views of all layers at once: cut out layer by layer, they would cost as much as a product.
        seen = slice(start, new.stop)
        new_keys, new_values = self.keys[:, :, :, new].unbind(), self.values[:, :, :, new].unbind()
        keys, values = self.keys[:, :, :, seen].unbind(), self.values[:, :, :, seen].unbind()

        def attend(number: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
            new_keys[number].copy_(rotate(key, rotation))
            new_values[number].copy_(value)
            return masked_attention(rotate(query, rotation), keys[number], values[number], allowed)

        return attend

    def _real(self, start: int, stop: int) -> Tensor:
        """(B, stop − start) bool: which of the slots hold a row's tokens."""
        first = torch.tensor(self.pads, device=self.keys.device)
        return torch.arange(start, stop, device=first.device) >= first[:, None]

    def _allowed(self, start: int, before: int, count: int) -> Tensor | None:
        """Which of the slots from `start` on new tokens see, (B or 1, 1, T, seen); None for all."""
        padded = max(self.pads) > start
        if count == 1 and not padded:
            return None
        slots = torch.arange(start, self.length, device=self.keys.device)
        allowed = (slots <= slots[before - start :, None])[None, None]
        return allowed & self._real(start, self.length)[:, None, None] if padded else allowed
