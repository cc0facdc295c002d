"""What a model says of one target, in words and numbers that can be acted on.

    class    the most probable class, its probability, softmax(outputs / temperature)
    tags     those with a probability of at least ½, sigmoid(outputs / temperature)
    number   mean + std · output, and the interval that holds LEVEL of the labels

What `Trust` holds is learned on the validation split (`Trust.fit`); without it, probabilities are as the head
gives them and numbers have no interval.

>>> target = Target.fit("kind", ["a", "b"], "text")
>>> said = Predicted(target, np.array([[2.0, 0.0], [0.1, 0.0]], np.float32), Trust(abstain=0.6))
>>> said.values(), said.abstained().tolist()
(['a', 'a'], [False, True])
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from openautoglm.tasks.confidence import abstain_below, fit_temperature, softmax
from openautoglm.tasks.regression import LEVEL, half_width
from openautoglm.tasks.target import Target

RIGHT = 0.95
"""Share of right answers among those that are not abstained from."""
FEW = 30
"""Labelled validation rows below which nothing is learned from them."""


@dataclass(frozen=True)
class Trust:
    """How far a target's predictions can be trusted, as the validation split showed."""

    temperature: float = 1.0
    """Divides the logits of classes and tags."""
    half_width: float | None = None
    """Of the interval around a number, in the column's unit."""
    abstain: float | None = None
    """Probability of the class below which a prediction is left to a person; None where that never helps."""

    @classmethod
    def fit(cls, target: Target, outputs: NDArray[np.float32], values: Sequence[Any]) -> Self:
        """Learn it from validation rows: outputs (n, C) and the column's values, None for no label."""
        labels = target.encode(values).numpy()
        if target.kind == "number":
            known = ~np.isnan(labels)
            errors = (outputs[known, 0] - labels[known]) * target.std
            return cls(half_width=half_width(errors, LEVEL) if known.sum() >= FEW else None)
        if target.kind == "tags":
            known = ~np.isnan(labels).any(axis=1)
            pairs = np.stack([np.zeros_like(outputs[known]).ravel(), outputs[known].ravel()], axis=1)
            flat = labels[known].ravel().astype(np.int64)
            return cls(temperature=fit_temperature(pairs, flat)) if known.sum() >= FEW else cls()
        known = labels >= 0
        if known.sum() < FEW:
            return cls()
        temperature = fit_temperature(outputs[known], labels[known])
        chances = softmax(outputs[known], temperature)
        right = chances.argmax(axis=1) == labels[known]
        return cls(temperature, abstain=abstain_below(chances.max(axis=1), right, RIGHT))


@dataclass(frozen=True)
class Predicted:
    """N rows' predictions of one target."""

    target: Target
    outputs: NDArray[np.float32]
    """(N, C) as the head gave them."""
    trust: Trust = Trust()

    def probabilities(self) -> NDArray[np.float64] | None:
        """(N, C) of each class or tag; None for a number."""
        if self.target.kind == "number":
            return None
        if self.target.kind == "class":
            return softmax(self.outputs, self.trust.temperature)
        logits = self.outputs.astype(np.float64) / self.trust.temperature
        chances: NDArray[np.float64] = 1 / (1 + np.exp(-logits))
        return chances

    def numbers(self) -> NDArray[np.float64]:
        """(N,) in the column's unit, of a number."""
        return self.target.mean + self.target.std * self.outputs[:, 0].astype(np.float64)

    def values(self) -> list[Any]:
        """N predictions as the column would hold them: a class, a list of tags, or a number."""
        chances = self.probabilities()
        if chances is None:
            return [float(value) for value in self.numbers()]
        names = self.target.classes
        if self.target.kind == "class":
            return [names[place] for place in chances.argmax(axis=1)]
        return [[names[place] for place in np.flatnonzero(row >= 0.5)] for row in chances]

    def confidence(self) -> NDArray[np.float64] | None:
        """(N,) probability of the predicted class; None for tags and numbers."""
        chances = self.probabilities()
        return chances.max(axis=1) if chances is not None and self.target.kind == "class" else None

    def abstained(self) -> NDArray[np.bool_]:
        """(N,) whether the prediction is better left to a person."""
        confidence, threshold = self.confidence(), self.trust.abstain
        if confidence is None or threshold is None:
            return np.zeros(len(self.outputs), bool)
        return confidence < threshold

    def columns(self) -> dict[str, list[Any]]:
        """What a table of predictions holds, by the name of its column."""
        name = self.target.name
        found: dict[str, list[Any]] = {name: self.values()}
        if (confidence := self.confidence()) is not None:
            found[f"{name}_probability"] = confidence.tolist()
            found[f"{name}_abstained"] = self.abstained().tolist()
        elif (chances := self.probabilities()) is not None:
            found[f"{name}_probabilities"] = [
                chances[row, [self.target.classes.index(tag) for tag in tags]].tolist()
                for row, tags in enumerate(found[name])
            ]
        elif self.trust.half_width is not None:
            found[f"{name}_low"] = (self.numbers() - self.trust.half_width).tolist()
            found[f"{name}_high"] = (self.numbers() + self.trust.half_width).tolist()
        return found
