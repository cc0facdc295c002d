"""The losses once more, pair by pair in float64, as slow and plain as their formulas."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from openautoglm.align.keys import NO_KEY
from openautoglm.align.queue import Negatives


def agree(mine: Sequence[int], other: Sequence[int]) -> bool:
    return any(a == b != NO_KEY for a, b in zip(mine, other, strict=True))


def relations(keys: Tensor | None, rows: int) -> list[list[bool]]:
    if keys is None:
        return [[i == j for j in range(rows)] for i in range(rows)]
    values = keys.tolist()
    return [[i == j or agree(values[i], values[j]) for j in range(rows)] for i in range(rows)]


def queue_relations(keys: Tensor | None, queue: Negatives, rows: int) -> list[list[bool]]:
    if keys is None or queue.keys is None:
        return [[False] * len(queue.image_embeds) for _ in range(rows)]
    return [[agree(mine, other) for other in queue.keys.tolist()] for mine in keys.tolist()]


def softmax_loss(
    image: Tensor,
    text: Tensor,
    scale: Tensor,
    keys: Tensor | None = None,
    queue: Negatives | None = None,
    positives: str = "match",
) -> Tensor:
    rows = len(image)
    alike = relations(keys, rows)
    total = image.new_zeros(())
    for anchors, others, queued in (
        (image, text, None if queue is None else queue.text_embeds),
        (text, image, None if queue is None else queue.image_embeds),
    ):
        for i in range(rows):
            score = [scale * anchors[i].dot(others[j]) for j in range(rows)]
            seen = [score[j] for j in range(rows) if i == j or positives == "match" or not alike[i][j]]
            if queue is not None and queued is not None:
                earlier = queue_relations(keys, queue, rows)[i]
                seen += [
                    scale * anchors[i].dot(q) for q, same in zip(queued, earlier, strict=True) if not same
                ]
            targets = [j for j in range(rows) if (alike[i][j] if positives == "match" else i == j)]
            denominator = torch.stack(seen).exp().sum().log()
            total = total + denominator - sum(score[j] for j in targets) / len(targets)
    return total / (2 * rows)


def sigmoid_loss(
    image: Tensor,
    text: Tensor,
    scale: Tensor,
    bias: Tensor,
    keys: Tensor | None = None,
    queue: Negatives | None = None,
    positives: str = "match",
) -> Tensor:
    rows = len(image)
    alike = relations(keys, rows)
    total = image.new_zeros(())
    for i in range(rows):
        for j in range(rows):
            if positives == "mask" and alike[i][j] and i != j:
                continue
            sign = 1 if alike[i][j] else -1
            total = total + (1 + (-sign * (scale * image[i].dot(text[j]) + bias)).exp()).log()
        for j in range(0 if queue is None else len(queue.image_embeds)):
            if queue is None or queue_relations(keys, queue, rows)[i][j]:
                continue
            for product in (image[i].dot(queue.text_embeds[j]), text[i].dot(queue.image_embeds[j])):
                total = total + (1 + (scale * product + bias).exp()).log()
    return total / rows


def triplet_loss(
    image: Tensor, text: Tensor, margin: float, mining: str, alike: list[list[bool]], positives: str
) -> float:
    rows = len(image)
    losses = []
    for anchors, others in ((image.tolist(), text.tolist()), (text.tolist(), image.tolist())):
        for i in range(rows):
            far = [math.dist(anchors[i], others[j]) for j in range(rows)]
            near = max(far[j] for j in range(rows) if alike[i][j]) if positives == "match" else far[i]
            negatives = [far[j] for j in range(rows) if not alike[i][j]]
            if not negatives:
                losses.append(0.0)
                continue
            picked = min(negatives)
            if mining == "semi-hard":
                picked = min((d for d in negatives if d > near), default=max(negatives))
            losses.append(max(0.0, margin + near - picked))
    return sum(losses) / len(losses)
