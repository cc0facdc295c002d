"""A slot memory: what was said long ago, in N rows that never grow.

    M_t[i] = M_{t−1}[i] + w_t[i] (k_t − M_{t−1}[i])        M_t = M_{t−1} + w_t ⊗ (k_t − M_{t−1})

Row i is a pair [address | content], written with the same w_t[i]: k_t = [a_t | v_t]. The address makes a row
findable, the content is what is read there. With a_t of unit length:

    c_t[i] = exp(β cos(a_t, M_{t−1}[i])) / (exp(βθ) + Σ_j exp(β cos(a_t, M_{t−1}[j])))      known already
    w_t    = g_t (c_t + (1 − Σ c_t) ℓ_t)          g_t = σ(learned), ℓ_t one-hot at the least used row
    u_t    = γ u_{t−1} + w_t + r_t                usage, without gradient, as in MANN
    r_t    = softmax_i(β′ cos(q_t, M_{t−1}[i]))   and the result r_t · contents of M_{t−1}
    cos(a, m) = a · m / √(|m|² + .01)             of the address part; an empty row is like nothing

So an address that is known is written where it stands, and replaces what was there; one that is new
goes to the row whose use lies furthest back. `a_t` is made of this step and the one before it (that is how a
word is filed under the one that it follows), `q_t` of the same projection: what is written can be asked for.

Row by row the write is that of the neural Turing machine with erase vector 1 (Graves et al., 2014,
arXiv:1410.5401, eq. 3 and 4); for w_t = β · one-hot(i) it is the delta rule with rate β and key one-hot(i),
M + β one-hot(i) ⊗ (k_t − Mᵀ one-hot(i)). For other weights the two differ: the delta rule takes the same
mixture of rows from each row, this write takes each row's own content. Least-used: Santoro et al., 2016,
arXiv:1605.06065, eq. 5 to 8.

Addresses depend on what stands in the memory, so they are found step by step. Contents do not steer anything:
given the weights they are linear in `v`, and `recall` takes them in pieces of parallel steps.
"""

from __future__ import annotations

from typing import NamedTuple, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from openautoglm.context.steps import real_steps

SOFT = 0.01
"""Added to a row's squared length in its cosine: a faint row is like little."""
PIECE = 16
"""Steps of `recall` that are taken at once; its work per step grows with it, the number of calls falls."""


class MemoryState(NamedTuple):
    """All that is kept between two steps; its size does not depend on how many there were."""

    addresses: Tensor
    """(B, N, a)."""
    contents: Tensor
    """(B, N, v)."""
    usage: Tensor
    """(B, N)."""
    last: Tensor
    """(B, a) projection of the last real step, which the next one is filed under."""

    def detach(self) -> Self:
        """The same numbers without history: training by pieces of a long sequence goes on from here."""
        return type(self)(*(part.detach() for part in self))


def write(memory: Tensor, weights: Tensor, key: Tensor) -> Tensor:
    """One step of the reference's formula.

    Args:
        memory: (B, N, d).
        weights: (B, N), 0 to 1.
        key: (B, d).

    >>> write(torch.zeros(1, 2, 1), torch.tensor([[0.5, 0.0]]), torch.ones(1, 1)).flatten()
    tensor([0.5000, 0.0000])
    """
    return torch.lerp(memory, key.unsqueeze(1), weights.unsqueeze(2))


def recall(
    memory: Tensor, weights: Tensor, keys: Tensor, reads: Tensor, piece: int = PIECE
) -> tuple[Tensor, Tensor]:
    """Write and read T steps, `piece` of them at a time, as T calls of `write` would.

        result_t = Σ_i r_t[i] M_{t−1}[i] = Σ_i r_t[i] Π_{u<t}(1 − w_u[i]) M_0[i] + Σ_{s<t} A[t, s] k_s
        A[t, s]  = Σ_i r_t[i] w_s[i] Π_{s<u<t}(1 − w_u[i])     what of step s is still there and is read

    Args:
        memory: (B, N, d) before the first step.
        weights: (B, T, N) of writing.
        keys: (B, T, d).
        reads: (B, T, N) of reading, which comes before the step's own write.
        piece: number of steps taken in parallel.

    Returns:
        What was read (B, T, d), and the memory after the last step.
    """
    found = []
    for w, k, r in zip(*(x.split(piece, 1) for x in (weights, keys, reads)), strict=True):
        steps = w.shape[1]
        time = torch.arange(steps + 1, device=w.device)
        between = time[:, None] > time[None, 1:]  # [t, s]: step t comes after another one after s
        kept = F.pad(1 - w, (0, 0, 1, 0), value=1.0)  # [t]: what step t − 1 leaves
        left = torch.where(between[..., None], kept[:, :, None], 1.0).cumprod(1)
        after = (time[:, None] > time[None, :-1])[..., None]
        left = torch.where(after, left * w[:, None], 0.0)  # (B, steps + 1, steps, N): of s, before t
        start = kept.cumprod(1)
        found.append(torch.einsum("btn,btsn->bts", r, left[:, :-1]) @ k + (r * start[:, :-1]) @ memory)
        memory = start[:, -1, :, None] * memory + left[:, -1].transpose(1, 2) @ k
    return torch.cat(found, 1), memory


class SlotMemory(nn.Module):
    """The memory with everything that is learned about it.

    Choose it where what matters lies further back than any window, and is little: N rows, one of which can be
    told from another by an address. A long text that has to be at hand word by word is not that.

    Args:
        dim: width d of the steps.
        slots: number N of rows.
        address_dim: width of addresses.
        content_dim: width of contents, `dim` unless given.
        fading: γ, by which past use counts less at each step.

    >>> memory = SlotMemory(dim=8, slots=4, address_dim=4)
    >>> read, state = memory(torch.randn(2, 5, 8))
    >>> read.shape, state.contents.shape
    (torch.Size([2, 5, 8]), torch.Size([2, 4, 8]))
    """

    def __init__(
        self, dim: int, slots: int, address_dim: int, content_dim: int | None = None, fading: float = 0.99
    ) -> None:
        super().__init__()
        if slots < 1:
            raise ValueError(f"slots={slots}: a memory needs at least one row")
        if not 0 < fading <= 1:
            raise ValueError(f"fading={fading} is not in (0, 1]")
        self.slots, self.address_dim, self.fading = slots, address_dim, fading
        self.content_dim = dim if content_dim is None else content_dim
        self.address = nn.Linear(dim, address_dim, bias=False)
        self.content = nn.Linear(dim, self.content_dim, bias=False)
        self.strength = nn.Linear(dim, 1)
        # Shares of a step and of the one before it in its address, for writing and for asking.
        self.written = nn.Parameter(torch.tensor([0.5, 0.5]).repeat(address_dim, 1))
        self.asked = nn.Parameter(torch.tensor([1.0, 0.0]).repeat(address_dim, 1))
        self.log_sharpness = nn.Parameter(torch.tensor([20.0, 10.0]).log())  # β, β′
        self.known = nn.Parameter(torch.tensor(0.7))  # θ

    def start(self, batch: int) -> MemoryState:
        """An empty memory for `batch` rows."""
        like = self.known
        shapes = ((self.slots, self.address_dim), (self.slots, self.content_dim), (self.slots,))
        addresses, contents, usage = (like.new_zeros(batch, *shape) for shape in shapes)
        return MemoryState(addresses, contents, usage, like.new_zeros(batch, self.address_dim))

    def forward(
        self, steps: Tensor, state: MemoryState | None = None, mask: Tensor | None = None
    ) -> tuple[Tensor, MemoryState]:
        """Read and write at each step.

        Args:
            steps: (B, T, d).
            state: what an earlier call returned; an empty memory unless given.
            mask: (B, T) bool, False at padding, which reads 0 and leaves the state as it is.

        Returns:
            What was read (B, T, v) before each step's write, and the state after the last step.
        """
        if state is None:
            state = self.start(len(steps))
        if not steps.shape[1]:
            return steps.new_zeros(len(steps), 0, self.content_dim), state
        mask = real_steps(steps, mask)
        steps = torch.where(mask.unsqueeze(2), steps, 0.0)
        projected = self.address(steps)
        before, last = _before(projected, state.last, mask)
        keys = F.normalize(self.written[:, 0] * projected + self.written[:, 1] * before, dim=-1)
        queries = F.normalize(self.asked[:, 0] * projected + self.asked[:, 1] * before, dim=-1)
        strength = self.strength(steps).sigmoid() * mask.unsqueeze(2)
        writes, reads, addresses, usage = self._weights(state, keys, queries, strength, mask)
        found, contents = recall(state.contents, writes, self.content(steps), reads)
        return found, MemoryState(addresses, contents, usage, last)

    def _weights(
        self, state: MemoryState, keys: Tensor, queries: Tensor, strength: Tensor, mask: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Weights of writing and reading (B, T, N), step by step; the addresses and the usage at the end."""
        sharp_write, sharp_read = self.log_sharpness.exp()
        new = (sharp_write * self.known).expand(len(keys), 1)
        addresses, usage = state.addresses, state.usage
        writes, reads = [], []
        both = torch.stack((sharp_write * keys, sharp_read * queries), 3)
        real = mask.unsqueeze(2)
        for step, (key, asked) in enumerate(zip(keys.unbind(1), both.unbind(1), strict=True)):
            lengths = (addresses.square().sum(2, keepdim=True) + SOFT).rsqrt()
            like_key, like_query = ((addresses @ asked) * lengths).unbind(2)
            shares = torch.cat((like_key, new), 1).softmax(1)
            least = F.one_hot(usage.argmin(1), self.slots)
            weights = strength[:, step] * (shares[:, :-1] + shares[:, -1:] * least)
            reading = like_query.softmax(1) * real[:, step]
            with torch.no_grad():
                used = self.fading * usage + weights + reading
                usage = torch.where(real[:, step], used, usage)
            addresses = write(addresses, weights, key)
            writes.append(weights)
            reads.append(reading)
        return torch.stack(writes, 1), torch.stack(reads, 1), addresses, usage


def _before(steps: Tensor, last: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """For each step (B, T, a) the real one before it, `last` before the first; and the last of all."""
    places = torch.arange(1, steps.shape[1] + 1, device=steps.device)
    newest = torch.where(mask, places, 0).cummax(1).values  # 0: none of these, the one before them
    known = torch.cat((last.unsqueeze(1), steps), 1)

    def at(chosen: Tensor) -> Tensor:
        return known.gather(1, chosen.unsqueeze(2).expand(-1, -1, steps.shape[2]))

    return at(F.pad(newest[:, :-1], (1, 0))), at(newest[:, -1:]).squeeze(1)
