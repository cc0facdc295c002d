"""make bench-decode: what the cache, the window and our own layers bring when a decoder writes.

All texts are written greedily, in float32, by the same weights in one process; the ways take turns after one
to warm up, and a ratio is of turns side by side.

*cached*          128 tokens behind a prompt, beside all computed anew for each token (scores of the last
                  position alone, in both)
*window*          a token at a window of 1,024, beside the same 1,024 tokens computed anew for each token
*transformers*    its own `generate` with its cache, on the same module
*parts*           what each of our steps brings, the others left as they are, while the decoder looks at a
                  picture of 196 tokens
*agreement*       the largest difference of a score with and without the cache, in a trained decoder: a ragged
                  batch, its rows reordered as beams are, and then trimmed
*a long text*     see `decode_text.py`: perplexity, and memory that stays as it is
"""

from __future__ import annotations

import argparse
import gc
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
import transformers
from torch import Tensor

from benchmarks.decode_text import make_decoder, perplexities, train
from benchmarks.figures import figure, write
from openautoglm.align.cross_attention import CrossAttentionBlock
from openautoglm.context.cache import KeyValueCache
from openautoglm.context.seen import Seen
from openautoglm.context.window import Window
from openautoglm.context.writing import Writing
from openautoglm.encoders.attention import Attend
from openautoglm.encoders.decoder import Decoder, Look

SHAPES = {"6 × 256": (256, 6, 8), "12 × 512": (512, 12, 8)}
"""Layers × width → width, layers, heads; the first is what the figures are of."""
SMALL = {"2 × 64": (64, 2, 2)}
VOCABULARY, PROMPT, PICTURE, PICTURE_DIM = 4096, 16, 196, 192


def main() -> None:
    """Measure all and write the figures."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--quick", action="store_true", help="a tiny decoder and short texts")
    quick = options.parse_args().quick
    shapes = SMALL if quick else SHAPES
    turns, tokens, window = (1, 12, 32) if quick else (4, 128, 1024)
    rows: list[dict[str, Any]] = []
    for name, shape in shapes.items():
        decoder = make_decoder(*shape, VOCABULARY)
        rows += told("cached", name, compared(cached_and_not(decoder, tokens), turns), tokens)
        rows += told("window", name, compared(window_and_not(decoder, window, 4), turns), 4)
        for batch in (1, 8):
            ways = beside_transformers(decoder, batch, tokens)
            rows += told(f"transformers, batch {batch}", name, compared(ways, turns), tokens * batch)
    rows += parts(next(iter(shapes)), *next(iter(shapes.values())), turns=turns, tokens=tokens)
    trained = train(
        hidden=64 if quick else 128,
        layers=2 if quick else 4,
        length=32 if quick else 256,
        steps=20 if quick else 400,
    )
    rows.append({"measured": "agreement", **agreement(trained.decoder)})
    long = perplexities(trained, 400 if quick else 20_000, every=20 if quick else 10)
    rows += [{"measured": "a long text", "training_loss": trained.loss, **row} for row in long]
    for row in rows:
        print(line(row))
    write("decode", figures(rows, next(iter(shapes))), rows, quick=quick)


def compared(ways: Mapping[str, Callable[[], Any]], turns: int) -> dict[str, np.ndarray]:
    """Seconds of each way in each turn."""
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    with torch.inference_mode():
        for turn in range(turns + 1):
            for way, run in ways.items():
                gc.collect()
                began = time.perf_counter()
                run()
                if turn:
                    seconds[way].append(time.perf_counter() - began)
    return {way: np.array(taken) for way, taken in seconds.items()}


def told(measured: str, shape: str, seconds: Mapping[str, np.ndarray], tokens: int) -> list[dict[str, Any]]:
    """Tokens a second of each way, and how many times faster the first is, turn by turn."""
    first = next(iter(seconds.values()))
    found = []
    for way, taken in seconds.items():
        ratio = taken / first
        draws = np.median(np.random.default_rng(0).choice(ratio, (2000, len(ratio))), axis=1)
        low, high = np.quantile(draws, [0.025, 0.975])
        found.append(
            {
                "measured": measured,
                "shape": shape,
                "way": way,
                "tokens_per_s": round(float(np.median(tokens / taken)), 1),
                "times_the_time": round(float(np.median(ratio)), 2),
                "low": round(float(low), 2),
                "high": round(float(high), 2),
            }
        )
    return found


def prompt(rows: int = 1, length: int = PROMPT) -> Tensor:
    """Token ids (rows, length)."""
    return torch.randint(3, VOCABULARY, (rows, length), generator=torch.Generator().manual_seed(0))


def written(writing: Writing, ids: Tensor, tokens: int) -> Tensor:
    """Tokens (B, n) that the decoder writes behind `ids`, greedily."""
    chosen = [writing.start(ids, [0] * len(ids)).argmax(dim=-1)]
    while len(chosen) < tokens:
        chosen.append(writing.step(chosen[-1]).argmax(dim=-1))
    return torch.stack(chosen, dim=1)


def anew(decoder: Decoder, ids: Tensor, tokens: int, look: Look | None = None) -> Tensor:
    """The same with nothing kept."""
    for _ in range(tokens):
        hidden = decoder.decode(ids, torch.ones_like(ids, dtype=torch.bool), look)
        ids = torch.cat([ids, decoder.logits(hidden[:, -1:]).argmax(dim=-1)], dim=1)
    return ids[:, -tokens:]


def cached_and_not(decoder: Decoder, tokens: int) -> dict[str, Callable[[], Any]]:
    """With a cache, and with none."""
    ids = prompt()
    return {
        "cached": lambda: written(Writing(decoder, [], None, 1, PROMPT + tokens), ids, tokens),
        "computed anew": lambda: anew(decoder, ids, tokens),
    }


def window_and_not(decoder: Decoder, size: int, tokens: int) -> dict[str, Callable[[], Any]]:
    """A few tokens of a text that has outgrown its window; the reading of the text before is not counted."""
    ids, window = prompt(length=size + 64), Window(size - 4, 4)
    with torch.inference_mode():
        writing = Writing(decoder, [], None, 1, 10 * size, window)
        writing.start(ids, [0])

    def slide() -> None:
        for token in range(tokens):
            writing.step(ids[:, token])

    def recompute() -> None:
        for token in range(tokens):
            rows = ids[:, token : token + size]
            decoder.logits(decoder.decode(rows, torch.ones_like(rows, dtype=torch.bool))[:, -1])

    return {"window": slide, "computed anew": recompute}


def beside_transformers(decoder: Decoder, batch: int, tokens: int) -> dict[str, Callable[[], Any]]:
    """Ours and the `generate` of transformers, which must write the same."""
    ids = prompt(batch)
    mask = torch.ones_like(ids)

    def ours() -> Tensor:
        return written(Writing(decoder, [], None, batch, PROMPT + tokens), ids, tokens)

    def theirs() -> Tensor:
        settings = {"max_new_tokens": tokens, "do_sample": False, "pad_token_id": 0}
        found: Tensor = decoder.lm.generate(ids, attention_mask=mask, **settings)[:, PROMPT:]
        return found

    with torch.inference_mode():
        if not ours().equal(theirs()):
            raise RuntimeError("transformers wrote another text than ours, so their times cannot be compared")
    return {"ours": ours, f"transformers {transformers.__version__}": theirs}


def parts(
    shape: str, width: int, layers: int, heads: int, *, turns: int, tokens: int
) -> list[dict[str, Any]]:
    """Leave out one step at a time, while the decoder looks at a picture."""
    decoder = make_decoder(width, layers, heads, VOCABULARY, looking=2)
    looks = [CrossAttentionBlock(width, heads, PICTURE_DIM).eval() for _ in range(2)]
    for look in looks:
        torch.nn.init.ones_(look.gate)
    seen = Seen(torch.randn(1, PICTURE, PICTURE_DIM), torch.ones(1, PICTURE, dtype=torch.bool))
    ids = prompt()

    def run() -> Tensor:
        return written(Writing(decoder, looks, seen, 1, PROMPT + tokens), ids, tokens)

    def without(change: Callable[[], Any]) -> Callable[[], Tensor]:
        def run_changed() -> Tensor:
            with change():
                return run()

        return run_changed

    def whole() -> Tensor:
        return anew(
            decoder, ids, tokens, lambda number, hidden: looks[number](hidden, seen.tokens, seen.mask)
        )

    ways = {
        "all": without(nullcontext),
        "without the cache": whole,
        "without kept keys and values of the picture": without(picture_each_time),
        "without buffers made once": without(growing_buffers),
        "without leaving out the mask": without(masked_each_time),
        "without layers prepared for single tokens": without(layers_as_they_are),
    }
    with torch.inference_mode():
        for way, made in ways.items():
            if not made().equal(run()):
                raise RuntimeError(f"{way}: another text was written, so the times cannot be compared")
    return told("parts", shape, compared(ways, turns), tokens)


@contextmanager
def picture_each_time() -> Iterator[None]:
    """Compute the picture's keys and values at every token."""
    kept = Writing.__init__

    def begin(self: Writing, *given: Any, **named: Any) -> None:
        kept(self, *given, **named)
        self.again = given[2]  # type: ignore[attr-defined]

    def look(self: Any) -> Look:
        return lambda number, hidden: self.looks[number](hidden, *self.again)

    with patch.object(Writing, "__init__", begin), patch.object(Writing, "_look", look):
        yield


@contextmanager
def growing_buffers() -> Iterator[None]:
    """Put keys and values together anew at every token, as a cache of growing tensors does."""
    kept = KeyValueCache._attending

    def attending(self: KeyValueCache, start: int, new: slice, *given: Any) -> Attend:
        attend = kept(self, start, new, *given)

        def grown(number: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
            for buffer in (self.keys, self.values):
                torch.cat([buffer[number][:, :, : new.start], buffer[number][:, :, new]], dim=2)
            return attend(number, query, key, value)

        return grown

    with patch.object(KeyValueCache, "_attending", attending):
        yield


@contextmanager
def masked_each_time() -> Iterator[None]:
    """Make a mask at every token, though nothing is padded."""

    def allowed(self: KeyValueCache, start: int, before: int, count: int) -> Tensor:
        slots = torch.arange(start, self.length)
        return (slots <= slots[before - start :, None])[None, None] & self._real(start, self.length)[
            :, None, None
        ]

    with patch.object(KeyValueCache, "_allowed", allowed):
        yield


@contextmanager
def layers_as_they_are() -> Iterator[None]:
    """Read single tokens by the layers that read whole texts."""
    kept = Decoder.read_layers

    def plain(self: Decoder, **given: Any) -> Any:
        return kept(self, **given | {"prepared": False})

    with patch.object(Decoder, "read_layers", plain):
        yield


@torch.inference_mode()
def agreement(decoder: Decoder) -> dict[str, float]:
    """Largest difference between scores that are cached and scores that are computed anew."""
    vocabulary, draws = decoder.lm.config.vocab_size, torch.Generator().manual_seed(1)
    texts = [torch.randint(3, vocabulary, (length,), generator=draws) for length in (90, 70, 41)]
    pads = [90 - len(text) for text in texts]
    ids = torch.stack(
        [
            torch.cat([torch.zeros(pad, dtype=torch.int64), text])
            for pad, text in zip(pads, texts, strict=True)
        ]
    )
    writing = Writing(decoder, [], None, 3, 100)
    scores = [writing.start(ids[:, :50], pads)]
    scores += [writing.step(ids[:, place]) for place in range(50, 90)]
    ragged = 0.0
    for row, text in enumerate(texts):
        whole = decoder.logits(decoder.decode(text[None], torch.ones(1, len(text), dtype=torch.bool)))[0]
        mine = torch.stack([found[row] for found in scores])
        there = min(len(text), len(mine))
        ragged = max(ragged, difference(mine[-there:], whole[-there:]))
    writing.rows(torch.tensor([2, 0, 2]))
    order = torch.tensor([2, 0, 2])
    further = torch.tensor([5, 6, 7])
    found = writing.step(further)
    beams = max(_last(decoder, torch.cat([texts[row], further[place : place + 1]]), found[place])
                for place, row in enumerate(order.tolist()))  # fmt: skip
    writing.cache.trim(85)
    found = writing.step(further)
    trimmed = max(_last(decoder, torch.cat([texts[row][:-5], further[place : place + 1]]), found[place])
                  for place, row in enumerate(order.tolist()))  # fmt: skip
    return {"ragged": ragged, "beams": beams, "trimmed": trimmed}


def _last(decoder: Decoder, text: Tensor, found: Tensor) -> float:
    hidden = decoder.decode(text[None], torch.ones(1, len(text), dtype=torch.bool))
    return difference(found, decoder.logits(hidden[0, -1]))


def difference(one: Tensor, other: Tensor) -> float:
    """The largest absolute difference."""
    return float((one - other).abs().max())


def figures(rows: list[dict[str, Any]], shape: str) -> dict[str, Any]:
    """Pick what the docs and the goals speak of."""

    def other(measured: str, way: str) -> dict[str, Any]:
        return next(
            row
            for row in rows
            if row["measured"] == measured and row.get("shape", shape) == shape and way in row.get("way", way)
        )

    def times(row: dict[str, Any]) -> dict[str, Any]:
        return figure(row["times_the_time"], "ratio", low=row["low"], high=row["high"], note=row["shape"])

    long = other("a long text", "window with sinks")
    found = {
        "cached_speedup_128": times(other("cached", "computed anew")),
        "window_speedup_1024": times(other("window", "computed anew")),
        "speedup_vs_transformers": times(other("transformers, batch 1", "transformers")),
        "speedup_vs_transformers_batch_8": times(other("transformers, batch 8", "transformers")),
        "tokens_per_s": figure(
            other("transformers, batch 1", "ours")["tokens_per_s"], "tokens/s", note=shape
        ),
    }
    agreed = other("agreement", "")
    worst = max(agreed[key] for key in ("ragged", "beams", "trimmed"))
    found["max_logit_difference"] = figure(worst, "score", note="float32, the trained decoder")
    found["perplexity_ratio"] = figure(round(long["ratio"], 4), "ratio", note=f"{long['tokens']} tokens")
    found["perplexity"] = figure(round(long["perplexity"], 2), "perplexity")
    alone = other("a long text", "window alone")
    found["perplexity_ratio_without_sinks"] = figure(round(alone["ratio"], 4), "ratio")
    grown = long["cache_bytes_at_the_end"] / long["cache_bytes_at_a_tenth"]
    found["cache_growth"] = figure(round(grown, 4), "ratio", note="the cache's bytes at the end ÷ at a tenth")
    names = {
        "cache": "without the cache",
        "picture": "without kept keys and values of the picture",
        "buffers": "without buffers made once",
        "mask": "without leaving out the mask",
        "prepared": "without layers prepared for single tokens",
    }
    return found | {f"part_{name}": times(other("parts", way)) for name, way in names.items()}


def line(row: dict[str, Any]) -> str:
    """One line of the printed table."""
    return "  ".join(
        f"{key} {value:.4g}" if isinstance(value, float) else str(value) for key, value in row.items()
    )


if __name__ == "__main__":
    main()
