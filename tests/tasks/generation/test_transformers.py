"""Texts of prompts alone are those of transformers' `generate`, token by token."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tests.language import SHAPES, ours, theirs

PROMPTS = [[1, 50, 90, 20], [1], [1, 260, 33], [7, 8] * 12, [100], [1, 270, 271, 272, 273, 274]]


def expected(name: str, prompt: list[int], **settings: Any) -> list[int]:
    ids = torch.tensor([prompt])
    found = theirs(name).generate(
        ids, attention_mask=torch.ones_like(ids), do_sample=False, pad_token_id=0, **settings
    )
    tokens = found[0, len(prompt) :].tolist()
    while tokens and tokens[-1] == 0:
        tokens.pop()
    return tokens


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize(
    ("our_settings", "their_settings"),
    [
        ({}, {}),
        (
            {"repetition_penalty": 1.7, "no_repeat_ngram": 2},
            {"repetition_penalty": 1.7, "no_repeat_ngram_size": 2},
        ),
        ({"beams": 3}, {"num_beams": 3}),
        (
            {"beams": 4, "repetition_penalty": 1.3, "no_repeat_ngram": 3},
            {"num_beams": 4, "repetition_penalty": 1.3, "no_repeat_ngram_size": 3},
        ),
    ],
    ids=["greedy", "greedy, penalties", "beams", "beams, penalties"],
)
def test_equal_token_by_token(
    name: str, our_settings: dict[str, Any], their_settings: dict[str, Any]
) -> None:
    found = ours(name).generate(prompts=PROMPTS, max_new_tokens=24, **our_settings)
    for prompt, one in zip(PROMPTS, found, strict=True):
        assert list(one.token_ids) == expected(name, prompt, max_new_tokens=24, **their_settings)
        assert len(one.logprobs) == len(one.token_ids)
