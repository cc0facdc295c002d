"""Labelled rows: any modality, some labels missing; batches follow from the step, and runs resume."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from lightning_fabric import Fabric
from tests.train.tiny import tiny_config, tiny_data, tiny_model

from openautoglm.model import OpenAutoGLM
from openautoglm.tasks.target import Target
from openautoglm.train.data import TrainingData
from openautoglm.train.errors import TrainingError
from openautoglm.train.fit import FitResult, Trainer, fit
from openautoglm.train.labelled import Labelled, kept
from openautoglm.train.objective import target_loss_names
from openautoglm.train.weights.registry import build_weighting

KINDS = {"weight": "number", "shop": "text"}


def data(folder: Path, rows: int = 24) -> TrainingData:
    """Pictures and captions, some missing; columns; a class that the weight tells, and its square."""
    found = tiny_data(folder, rows)
    dice = np.random.default_rng(1)
    weights = dice.normal(size=rows)
    found.columns = [
        {"weight": None if row % 5 == 0 else float(one), "shop": "ab"[row % 2]}
        for row, one in enumerate(weights)
    ]
    found.kinds = KINDS  # type: ignore[assignment]
    found.labels = {
        "kind": [None if row % 7 == 0 else "big" if one > 0 else "small" for row, one in enumerate(weights)],
        "size": [None if row % 6 == 0 else float(one) ** 2 for row, one in enumerate(weights)],
    }
    found.slots[::4] = -1
    found.captions[1::4] = [[] for _ in found.captions[1::4]]
    return TrainingData(
        **{name: getattr(found, name) for name in TrainingData.__dataclass_fields__},
    )


def model(seed: int = 0, **changes: Any) -> OpenAutoGLM:
    shape = {"dim": 8, "heads": 2, "layers": 1}
    made = tiny_model(
        seed, columns_encoder="small_columns", columns_shape=shape, fusion_strategy="attention", **changes
    )
    torch.manual_seed(seed)
    made.heads.learn(
        [
            Target.fit("kind", ["big", "small", "small"], "text"),
            Target.fit("size", [0.0, 1.0, 2.0], "number"),
        ]
    )
    return made


def run(folder: Path, config: dict[str, Any], *, stop: int | None = None) -> tuple[OpenAutoGLM, FitResult]:
    """Train; with `stop`, in two runs."""
    if stop is not None:
        first = model()
        trainer = Trainer(first, data(folder), tiny_config(**config), folder / "run", None)
        trainer.begin(True, print)
        for _ in range(stop):
            trainer.step()
        trainer.save()
    made = model()
    result = fit(made, data(folder), tiny_config(**config), folder / "run", progress=False)
    return made, result


@given(st.integers(0, 99), st.floats(0.05, 0.95), st.integers(1, 4))
def test_dropout_leaves_what_is_there_and_never_nothing(seed: int, rate: float, modalities: int) -> None:
    present = torch.rand(200, modalities, generator=torch.Generator().manual_seed(seed)) < 0.6
    present[:, 0] |= ~present.any(dim=1)
    left = kept(present, rate, seed)
    assert not (left & ~present).any()
    assert left.any(dim=1).all()
    assert left.equal(kept(present, rate, seed))
    whole = present.sum(dim=1) > 1
    if whole.any():
        assert left[whole].sum() < present[whole].sum() or rate < 0.1


def test_a_batch_shows_what_each_row_has_and_follows_from_its_number(tmp_path: Path) -> None:
    rows, made = data(tmp_path), model()
    made.processor.fit_tokenizer(rows.texts())
    made.fit_columns(rows.columns, rows.kinds)
    lessons = Labelled(rows, tiny_config(batch_size=24), made, "cpu")
    # Row 0 has neither of the labels; all others have one and some modality.
    assert lessons.rows.tolist() == list(range(1, 24))
    batch, labels = lessons.prepare(0, 0.5)
    order = lessons.rows[lessons.sampler.batch(0)]
    assert batch.has("image").tolist() == [row % 4 != 0 for row in order]
    assert batch.has("text").tolist() == [row % 4 != 1 for row in order]
    assert batch.has("columns").all()
    assert (labels["kind"] < 0).tolist() == [row % 7 == 0 for row in order]
    assert labels["size"].isnan().tolist() == [row % 6 == 0 for row in order]
    again = lessons.prepare(0, 0.5)
    assert again.batch.pixel_values is not None and batch.pixel_values is not None
    assert again.batch.pixel_values.equal(batch.pixel_values)
    assert again.batch.present.equal(batch.present)


def test_the_heads_learn_beside_the_pairs_and_alone(tmp_path: Path) -> None:
    long = {"steps": 60, "precision": "32", "learning_rate": 0.02, "checkpoint_every": None}
    for number, weights in enumerate(({}, {"contrastive": 0.0})):
        made, result = run(tmp_path / str(number), {**long, "loss_weights": weights})
        first, last = result.history[0], result.history[-1]
        assert last["target kind_loss"] < 0.6 * first["target kind_loss"]
        assert ("contrastive_loss" in last) == (not weights)
        predicted = made.predict(columns=[{"weight": 2.0}, {"weight": -2.0}])
        assert predicted["kind"].values() == ["big", "small"]


@pytest.mark.parametrize(
    "config",
    [
        {"modality_dropout": 0.3, "balance": 0.5},
        {"weighting": "gradnorm", "accumulate": 2},
        {"micro_batch_size": 3, "weighting": "dwa", "loss_weights": {}},
    ],
)
def test_a_run_that_was_stopped_ends_with_the_same_weights(tmp_path: Path, config: dict[str, Any]) -> None:
    config = {"steps": 7, "precision": "32", **config}
    whole, _ = run(tmp_path / "whole", config)
    parted, _ = run(tmp_path / "parted", config, stop=3)
    for name, value in whole.state_dict().items():
        assert value.equal(parted.state_dict()[name]), name


def test_gradnorm_weighs_targets(tmp_path: Path) -> None:
    _, result = run(tmp_path, {"steps": 10, "weighting": "gradnorm", "precision": "32"})
    weights = {name: value for name, value in result.history[-1].items() if name.endswith("_weight")}
    assert {"target kind_weight", "target size_weight", "contrastive_weight"} <= weights.keys()
    assert sum(weights.values()) == pytest.approx(len(weights))
    assert len(set(weights.values())) > 1


def test_too_few_labels_are_told(tmp_path: Path) -> None:
    rows = data(tmp_path)
    rows.labels = {name: [None] * 23 + values[-1:] for name, values in rows.labels.items()}
    with pytest.raises(TrainingError, match="1 rows have a value of kind, size"):
        fit(model(), rows, tiny_config(), tmp_path / "run", progress=False)


def test_the_gradients_norm_does_not_depend_on_the_pieces(tmp_path: Path) -> None:
    rows = data(tmp_path)
    # Every row has both, so that the mean of the pieces' losses is the batch's.
    rows.labels = {"kind": ["big" if row % 2 else "small" for row in range(24)], "size": list(range(24))}
    made = model()
    made.processor.fit_tokenizer(rows.texts())
    made.fit_columns(rows.columns, rows.kinds)
    found = []
    for size in (None, 6):
        config = tiny_config(
            batch_size=24, micro_batch_size=size, weighting="gradnorm", modality_dropout=0.0, balance=0.0
        )
        lessons = Labelled(rows, config, made.eval(), "cpu")
        weighting = build_weighting(config, ["contrastive", *target_loss_names(made)])
        fabric = Fabric(accelerator="cpu", devices=1)
        found.append(lessons.backward(0, 0.5, weighting, fabric))
    (losses, norms), (again, parted) = found
    assert again == pytest.approx(losses, rel=1e-4)
    assert parted == pytest.approx(norms, rel=1e-4)
