"""The explained number is the one that `predict` tells, of every kind of target and under every fusion."""

from __future__ import annotations

import pytest
import torch
from PIL import Image
from tests.train.tiny import TINY

from openautoglm.evaluate.explain.parts import Row
from openautoglm.evaluate.explain.score import Prediction, value_of
from openautoglm.fuse.strategies import STRATEGIES
from openautoglm.model import OpenAutoGLM
from openautoglm.tasks.target import Target

TARGETS = [
    Target.fit("kind", ["a", "b", "c", "a"], "text"),
    Target.fit("labels", [["x"], ["x", "y"], ["y"]], "tags"),
    Target.fit("price", [10.0, 20.0, 45.0], "number"),
]


@pytest.mark.parametrize("fusion", [None, *STRATEGIES])
def test_it_is_what_predict_says(fusion: str | None) -> None:
    torch.manual_seed(0)
    model = OpenAutoGLM.from_config({**TINY, "fusion_strategy": fusion})
    model.processor.fit_tokenizer(["a big ice"])
    model.heads.learn(TARGETS)
    image = Image.linear_gradient("L").convert("RGB")
    row = Row.of(model.processor, image, "a big")
    every = torch.ones(3, len(row.parts), dtype=torch.bool)
    said = model.predict([image], ["a big"])
    model.train()
    for target in TARGETS:
        one = said[target.name]
        chances = one.probabilities()
        for place in range(target.outputs):
            score = Prediction(model.heads, target, place)
            right = one.numbers()[0] if chances is None else chances[0, place]
            assert value_of(model, row, score)(every).tolist() == pytest.approx([float(right)] * 3, abs=1e-4)
            assert score.unit == ("price" if chances is None else "probability")
    assert model.training


def test_a_modality_can_be_taken_away_whole() -> None:
    model = OpenAutoGLM.from_config({**TINY, "fusion_strategy": "attention"})
    model.processor.fit_tokenizer(["a big ice"])
    row = Row.of(model.processor, Image.new("RGB", (9, 9)), "a big")

    def gates(embeds: object) -> torch.Tensor:
        return embeds.gates  # type: ignore[attr-defined, no-any-return]

    every = torch.ones(1, len(row.parts), dtype=torch.bool)
    assert value_of(model, row, gates, absent="text")(every).tolist() == [[1.0, 0.0]]
