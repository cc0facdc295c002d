"""Class vectors: the loss against a plain float64 reference, and what training with it does."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from openautoglm.align.proxy import Proxy


def unit(rows: int, generator: torch.Generator) -> Tensor:
    return F.normalize(torch.randn(rows, 5, generator=generator, dtype=torch.float64), dim=1)


def reference(
    table: Tensor, image: Tensor, image_classes: list[int], text: Tensor, text_classes: list[int]
) -> float:
    proxies = [row / row.norm() for row in table]

    def miss(scores: list[float], right: int) -> float:
        return math.log(sum(math.exp(score) for score in scores)) - scores[right]

    def to_all(vectors: Tensor, classes: list[int]) -> float:
        costs = [
            miss([float(v @ p) / 0.2 for p in proxies], c) for v, c in zip(vectors, classes, strict=True)
        ]
        return sum(costs) / len(costs)

    by_class = []
    for here in set(image_classes):
        scores = [float(v @ proxies[here]) / 0.2 for v in image]
        mine = [i for i, c in enumerate(image_classes) if c == here]
        by_class.append(sum(miss(scores, i) for i in mine) / len(mine))
    return (to_all(image, image_classes) + sum(by_class) / len(by_class)) / 2 + to_all(text, text_classes)


classes = st.lists(st.integers(0, 3), min_size=1, max_size=6)


@settings(max_examples=25, deadline=None)
@given(classes, classes, st.integers(0, 999))
def test_it_equals_the_reference(image_classes: list[int], text_classes: list[int], seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    loss = Proxy(classes=4, dim=5, temperature=0.2).double()
    image, text = unit(len(image_classes), generator), unit(len(text_classes), generator)
    found = loss(image, torch.tensor(image_classes), text, torch.tensor(text_classes))
    expected = reference(loss.table.detach(), image, image_classes, text, text_classes)
    assert found.item() == pytest.approx(expected, abs=1e-6)


def test_pictures_and_captions_find_their_class_among_all() -> None:
    torch.manual_seed(0)
    loss, here = Proxy(classes=6, dim=8), torch.arange(6)
    image, text = torch.nn.Parameter(torch.randn(6, 8)), torch.nn.Parameter(torch.randn(6, 8))
    steps = torch.optim.Adam([image, text, *loss.parameters()], lr=0.05)
    for _ in range(60):
        steps.zero_grad()
        loss(F.normalize(image, dim=1), here, F.normalize(text, dim=1), here).backward()
        steps.step()
    assert torch.equal((image @ F.normalize(loss.table, dim=1).t()).argmax(1), here)
    assert torch.equal((text @ F.normalize(loss.table, dim=1).t()).argmax(1), here)


def test_half_precision_embeddings_are_compared_in_full() -> None:
    loss, here = Proxy(classes=3, dim=4), torch.arange(3)
    image = F.normalize(torch.randn(3, 4), dim=1).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        found = loss(image, here, image, here)
    assert found.dtype == torch.float32
    assert torch.equal(found, loss(image.float(), here, image.float(), here))
