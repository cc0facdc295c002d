"""What is read from a cache is what would be computed anew."""

from __future__ import annotations

import functools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.context.plain import plain_scores
from tests.language import SHAPES, ours
from torch import Tensor

from openautoglm import OpenAutoGLM
from openautoglm.context.cache import KeyValueCache
from openautoglm.context.seen import Seen
from openautoglm.context.window import Window
from openautoglm.context.writing import Writing
from openautoglm.encoders.decoder import Look

TOLERANCE = 1e-5
WINDOWS = [None, Window(size=6, sinks=2), Window(size=5, sinks=0), Window(size=1, sinks=3), Window(size=40)]


@functools.cache
def model(name: str = "shared-heads") -> OpenAutoGLM:
    return ours(name).requires_grad_(False)


@functools.cache
def shown(rows: int) -> Seen:
    """Tokens to look at, of several lengths; row 1 has none."""
    torch.manual_seed(rows)
    tokens = torch.randn(rows, 5, model().vision.dim)
    mask = torch.arange(5) < torch.tensor([[3], [0], [5], [1], [4]])[:rows]
    return Seen(tokens, mask)


def look_of(seen: Seen, row: int) -> Look:
    tokens, mask = seen.tokens[row : row + 1], seen.mask[row : row + 1]
    return lambda number, hidden: model().looks[number](hidden, tokens, mask)


def texts(draws: torch.Generator, lengths: list[int]) -> list[Tensor]:
    return [torch.randint(3, 270, (length,), generator=draws) for length in lengths]


def begun(
    parts: list[Tensor], capacity: int, window: Window | None, seen: Seen | None
) -> tuple[Writing, Tensor]:
    """The texts, padded on the left, have been read."""
    longest = max(map(len, parts))
    pads = [longest - len(part) for part in parts]
    ids = torch.stack(
        [
            torch.cat([torch.zeros(pad, dtype=torch.int64), part])
            for pad, part in zip(pads, parts, strict=True)
        ]
    )
    writing = Writing(model().decoder, model().looks, seen, len(parts), capacity, window)
    return writing, writing.start(ids, pads)


@settings(max_examples=20, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 21), min_size=1, max_size=4),
    steps=st.integers(0, 20),
    window=st.sampled_from(WINDOWS),
    looking=st.booleans(),
    seed=st.integers(0, 99),
)
def test_cached_is_uncached(
    lengths: list[int], steps: int, window: Window | None, looking: bool, seed: int
) -> None:
    draws = torch.Generator().manual_seed(seed)
    whole = texts(draws, [length + steps for length in lengths])
    seen = shown(len(lengths)) if looking else None
    start = [text[:length] for text, length in zip(whole, lengths, strict=True)]
    writing, scores = begun(start, max(lengths) + steps, window, seen)
    found = [scores]
    for step in range(steps):
        found.append(
            writing.step(torch.stack([text[n + step] for text, n in zip(whole, lengths, strict=True)]))
        )
    for row, text in enumerate(whole):
        look = None if seen is None else look_of(seen, row)
        expected = plain_scores(model().decoder, text, look, window)[lengths[row] - 1 :]
        cached = torch.stack([scores[row] for scores in found])
        scale = expected.abs().max().clamp(min=1)
        assert (cached - expected).abs().max() / scale < TOLERANCE


@pytest.mark.parametrize("name", SHAPES)
def test_every_shape_of_decoder(name: str) -> None:
    decoder = model(name).decoder
    (text,) = texts(torch.Generator().manual_seed(5), [30])
    writing = Writing(decoder, model(name).looks, None, 1, 30, Window(size=8))
    found = [writing.start(text[None, :4], [0])]
    found += [writing.step(text[at : at + 1]) for at in range(4, 30)]
    expected = plain_scores(decoder, text, None, Window(size=8))[3:]
    torch.testing.assert_close(
        torch.cat(found), expected, rtol=1e-5, atol=TOLERANCE * expected.abs().max().item()
    )


@settings(max_examples=10, deadline=None)
@given(index=st.lists(st.integers(0, 2), min_size=1, max_size=5), window=st.sampled_from(WINDOWS))
def test_rows_may_be_left_out_repeated_and_reordered(index: list[int], window: Window | None) -> None:
    parts = texts(torch.Generator().manual_seed(1), [14, 3, 9])
    writing, _ = begun(parts, 24, window, shown(3))
    for _ in range(2):
        writing.step(torch.tensor([7, 8, 9]))
    writing.rows(torch.tensor(index))
    found = [writing.step(torch.tensor([20 + place for place in range(len(index))])) for _ in range(3)][-1]
    for place, row in enumerate(index):
        text = torch.cat([parts[row], torch.tensor([7 + row] * 2 + [20 + place] * 3)])
        expected = plain_scores(model().decoder, text, look_of(shown(3), row), window)[-1]
        torch.testing.assert_close(
            found[place], expected, rtol=1e-5, atol=TOLERANCE * expected.abs().max().item()
        )


def test_after_trimming_the_text_goes_on_another_way() -> None:
    parts = texts(torch.Generator().manual_seed(2), [6, 9])
    writing, _ = begun(parts, 14, Window(size=30), None)
    for token in (5, 6, 7):
        writing.step(torch.tensor([token, token]))
    writing.cache.trim(10)  # nine and one more
    found = writing.step(torch.tensor([11, 12]))
    for row, part in enumerate(parts):
        expected = plain_scores(model().decoder, torch.cat([part, torch.tensor([5, 11 + row])]), None)[-1]
        torch.testing.assert_close(
            found[row], expected, rtol=1e-5, atol=TOLERANCE * expected.abs().max().item()
        )


def test_what_cannot_be_is_refused() -> None:
    parts = texts(torch.Generator().manual_seed(2), [6])
    writing, _ = begun(parts, 6, None, None)
    with pytest.raises(ValueError, match="7 positions do not fit into a cache of 6"):
        writing.step(torch.tensor([5]))
    with pytest.raises(ValueError, match="of 6 positions cannot be trimmed to 9"):
        begun(parts, 6, None, None)[0].cache.trim(9)
    writing, _ = begun(parts, 99, Window(size=2, sinks=1), None)
    with pytest.raises(ValueError, match="what has left the window is forgotten"):
        writing.cache.trim(2)
    with pytest.raises(ValueError, match="size is at least 1"):
        Window(size=0)


def test_memory_does_not_grow_with_the_text() -> None:
    window = Window(size=12)
    sizes = set()
    for length in (40, 400, 4000):
        writing, _ = begun(texts(torch.Generator().manual_seed(0), [length]), 10**9, window, None)
        for _ in range(50):
            writing.step(torch.tensor([5]))
        cache = writing.cache
        assert isinstance(cache, KeyValueCache)
        kept = [cache.keys, cache.values, *cache.sinks[0]]
        sizes.add(sum(part.untyped_storage().nbytes() for part in kept))
        assert cache.length <= window.slots
    assert len(sizes) == 1


def test_the_context_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    for look in model().looks:
        real = look.attend.remember
        monkeypatch.setattr(
            look.attend, "remember", lambda *given, real=real: calls.append(1) or real(*given)
        )
    writing, _ = begun(texts(torch.Generator().manual_seed(2), [6, 4]), 20, None, shown(2))
    for _ in range(5):
        writing.step(torch.tensor([5, 6]))
    assert len(calls) == len(model().looks)
