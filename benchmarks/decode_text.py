"""A decoder trained on real text, and how well a window follows a text of 20,000 tokens.

The text is the language reference that every Python installation carries for `help()` (`pydoc_data.topics`,
Python Software Foundation License). Each fourth topic, by name, is held out; the others are trained on.

    sliding recompute   each token predicted from the window's length of tokens before it, all computed anew
    window with sinks   one pass with a cache of constant size, tokens read one by one
    window alone        the same without sinks
"""

from __future__ import annotations

from pydoc_data.topics import topics
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.figures import peak_mib
from openautoglm.config import TrainConfig
from openautoglm.context.window import Window
from openautoglm.context.writing import Writing
from openautoglm.encoders.decoder import Decoder
from openautoglm.encoders.families import TowerSpec
from openautoglm.encoders.tokenizer import train_bpe
from openautoglm.train.schedule import Schedule

VOCABULARY, SINKS, BATCH, RATE = 1024, 4, 16, 2e-3
PARTS = 16
"""Windows that are computed anew together."""


class Trained(NamedTuple):
    """A decoder and a text that it has not seen."""

    decoder: Decoder
    heldout: Tensor
    """(n,) token ids."""
    length: int
    """Tokens of a training sequence."""
    loss: float
    """Mean of the last tenth of the training."""


def make_decoder(hidden: int, layers: int, heads: int, vocabulary: int, looking: int = 0) -> Decoder:
    """A GLM of this shape with fresh weights; it has no end mark, so that all texts are as long as asked."""
    shape = {
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": heads,
        "head_dim": hidden // heads,
        "intermediate_size": 4 * hidden,
        "vocab_size": vocabulary,
        "max_position_embeddings": 8192,
        "tie_word_embeddings": True,
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": None,
    }
    torch.manual_seed(0)
    return Decoder(TowerSpec("bench", "glm", shape), looking, encodes=False).eval()


def train(*, hidden: int, layers: int, length: int, steps: int) -> Trained:
    """Train on pieces of `length` tokens, begun anywhere."""
    names = sorted(topics)
    kept = [topics[name] for place, name in enumerate(names) if place % 4]
    tokenizer = train_bpe(kept, VOCABULARY, lowercase=False)
    ids, heldout = (
        torch.tensor([token for text in texts for token in tokenizer.encode(text).ids])
        for texts in (kept, [topics[name] for name in names[::4]])
    )
    decoder = make_decoder(hidden, layers, hidden // 32, tokenizer.get_vocab_size()).train()
    optimizer = torch.optim.AdamW(decoder.parameters(), lr=RATE, weight_decay=0.1, betas=(0.9, 0.95))
    draws, losses = torch.Generator().manual_seed(0), []
    schedule = Schedule(TrainConfig(steps=steps, warmup=0.05, schedule="cosine"), steps_per_epoch=steps)
    everything = torch.ones(BATCH, length, dtype=torch.bool)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = RATE * schedule.factor(step, seconds=0.0)
        starts = torch.randint(len(ids) - length - 1, (BATCH,), generator=draws).tolist()
        rows = torch.stack([ids[start : start + length + 1] for start in starts])
        scores = decoder.logits(decoder.decode(rows[:, :-1], everything))
        loss = functional.cross_entropy(scores.flatten(0, 1), rows[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(decoder.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
        if (step + 1) % 100 == 0:
            print(f"trained {step + 1} of {steps} steps, loss {sum(losses[-100:]) / 100:.3f}", flush=True)
    last = losses[-max(1, steps // 10) :]
    return Trained(decoder.eval(), heldout, length, sum(last) / len(last))


@torch.inference_mode()
def perplexities(trained: Trained, tokens: int, every: int) -> list[dict[str, float | str | int]]:
    """Perplexity of the same held-out tokens in each way: each `every`-th behind the first window.

    Also what the cache holds and what the process takes after a tenth of the text and after all of it.
    """
    text = trained.heldout[:tokens]
    if len(text) < tokens:
        raise ValueError(f"the held-out text has {len(text)} tokens; {tokens} were asked for")
    places = list(range(trained.length, tokens - 1, every))
    told: list[dict[str, float | str | int]] = []
    recomputed = _recomputed(trained, text, places)
    told.append({"way": "sliding recompute", "perplexity": recomputed, "tokens": tokens})
    for way, window in (
        ("window with sinks", Window(trained.length - SINKS, SINKS)),
        ("window alone", Window(trained.length, 0)),
    ):
        writing = Writing(trained.decoder, [], None, 1, tokens, window)
        scores, losses, sizes, wanted = writing.start(text[None, :1], [0]), 0.0, [], set(places)
        for place in range(1, tokens):
            scores = writing.step(text[place : place + 1])
            if place in wanted:
                losses += functional.cross_entropy(scores[0], text[place + 1]).item()
            if place in (tokens // 10, tokens - 1):
                cache = writing.cache
                held = [cache.keys, cache.values, *(part for sink in cache.sinks.values() for part in sink)]
                sizes.append((sum(part.nbytes for part in held), peak_mib()))
        told.append(
            {
                "way": way,
                "perplexity": float(torch.tensor(losses / len(places)).exp()),
                "tokens": tokens,
                "cache_bytes_at_a_tenth": sizes[0][0],
                "cache_bytes_at_the_end": sizes[-1][0],
                "process_mib_at_a_tenth": sizes[0][1],
                "process_mib_at_the_end": sizes[-1][1],
            }
        )
    return [row | {"ratio": float(row["perplexity"]) / recomputed} for row in told]


def _recomputed(trained: Trained, text: Tensor, places: list[int]) -> float:
    """Each place predicted from the `length` tokens up to it, nothing kept."""
    losses = 0.0
    for start in range(0, len(places), PARTS):
        some = places[start : start + PARTS]
        rows = torch.stack([text[place + 1 - trained.length : place + 1] for place in some])
        hidden = trained.decoder.decode(rows, torch.ones_like(rows, dtype=torch.bool))[:, -1]
        after = text[torch.tensor(some) + 1]
        losses += functional.cross_entropy(trained.decoder.logits(hidden), after, reduction="sum").item()
    return float(torch.tensor(losses / len(places)).exp())
