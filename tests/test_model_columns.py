"""A model with three modalities: any subset of them in any row, saved and read back, trained and resumed."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.encoders.test_columns_processor import KINDS, ROWS
from tests.test_model import SMALL, TEXTS, built, pictures
from tests.train.tiny import tiny_config, tiny_data, tiny_model

from openautoglm import OpenAutoGLM
from openautoglm.config import ConfigError
from openautoglm.encoders.batch import Batch
from openautoglm.encoders.columns_processor import ColumnsProcessor
from openautoglm.train.data import TrainingData
from openautoglm.train.fit import fit

COLUMNS: dict[str, Any] = {
    "columns_encoder": "small_columns",
    "columns_shape": {"dim": 16, "heads": 2, "layers": 1},
}
SUBSETS = [subset for subset in itertools.product([True, False], repeat=3) if any(subset)]


def three(**changes: Any) -> OpenAutoGLM:
    return built(SMALL, **COLUMNS, **{"fusion_strategy": "adaptive_gating", **changes}).fit_columns(
        ROWS, KINDS
    )


def every_subset(model: OpenAutoGLM) -> Batch:
    """Seven rows, each with another set of modalities."""
    whole = model.processor.batch(pictures(7), [TEXTS[row % 4] for row in range(7)], ROWS[1:8])
    return replace(whole, present=torch.tensor(SUBSETS))


def test_gates_are_zero_exactly_where_a_modality_is_absent() -> None:
    model = three().eval()
    found = model.embed(every_subset(model))
    assert found.columns_embeds is not None and found.gates is not None
    assert ((found.gates > 0) == torch.tensor(SUBSETS)).all()
    torch.testing.assert_close(found.gates.sum(1), torch.ones(7))
    for embeds, there in zip(
        (found.image_embeds, found.text_embeds, found.columns_embeds), torch.tensor(SUBSETS).T, strict=True
    ):
        torch.testing.assert_close(embeds.norm(dim=1), there.float())
    alone = SUBSETS.index((False, False, True))
    torch.testing.assert_close(found.fused_embeds[alone], found.columns_embeds[alone])


def test_what_stands_in_absent_columns_is_not_read() -> None:
    model = three().eval()
    batch = every_subset(model)
    gone = ~batch.has("columns").unsqueeze(1)
    values = batch.columns
    spoilt = replace(values, numbers=values.numbers.masked_fill(gone, torch.nan),
                     dates=values.dates.masked_fill(gone.unsqueeze(2), torch.nan))  # fmt: skip
    for one, other in zip(model.embed(batch), model.embed(replace(batch, columns=spoilt)), strict=True):
        assert one is other is None or one.equal(other)


def test_the_tower_is_not_run_for_rows_without_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    model = three()
    monkeypatch.setattr(model.columns, "forward", lambda *_: pytest.fail("the columns tower ran"))
    assert model.embed(model.processor.batch(pictures(2), TEXTS[:2])).columns_embeds is None
    assert model.embed(model.processor.batch(pictures(2), columns=[{}, {}])).columns_embeds is None


def test_columns_are_no_part_of_a_pair() -> None:
    model = three().eval()
    with_columns = model.processor.batch(pictures(4), TEXTS, [ROWS[1], {}, ROWS[2], {}])
    without = model.processor.batch(pictures(4), TEXTS)
    torch.testing.assert_close(
        model.losses(with_columns)["contrastive"], model.losses(without)["contrastive"]
    )


@pytest.mark.parametrize("fusion", ["adaptive_gating", None])
def test_encode_takes_any_mixture(fusion: str | None) -> None:
    model = three(fusion_strategy=fusion)
    rows = ROWS[1:4]
    for given in (
        {"columns": rows},
        {"images": pictures(3), "columns": rows},
        {"texts": TEXTS[:3], "columns": [rows[0], {}, rows[2]]},
        {"images": pictures(3), "texts": TEXTS[:3], "columns": rows},
    ):
        found = model.encode(**given, batch_size=2)
        np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-5)
    text_alone = model.encode(texts=TEXTS[1:2])
    np.testing.assert_allclose(model.encode(texts=TEXTS[1:2], columns=[{}]), text_alone, atol=1e-6)
    assert not np.allclose(model.encode(texts=TEXTS[1:2], columns=rows[:1]), text_alone, atol=1e-3)
    assert np.isfinite(model.encode(columns=[{"colour": "never seen", "price": 1e30}])).all()
    with pytest.raises(ValueError, match="row 1 has no value in any column"):
        model.encode(columns=[rows[0], {"price": None}])
    with pytest.raises(ValueError, match="3 texts and 1 columns are not pairs"):
        model.encode(texts=TEXTS[:3], columns=rows[:1])


def test_saving_keeps_features_and_statistics(tmp_path: Path) -> None:
    model = three()
    before = model.encode(columns=ROWS)
    model.save_pretrained(tmp_path)
    again = OpenAutoGLM.from_pretrained(tmp_path)
    assert again.processor.columns == model.processor.columns
    assert (again.encode(columns=ROWS) == before).all()
    assert again.fingerprint() == model.fingerprint()
    other = built(SMALL, **COLUMNS, fusion_strategy="adaptive_gating")
    other.fit_columns(ROWS[:10], KINDS)
    assert other.fingerprint() != model.fingerprint()


def test_a_model_that_was_saved_before_there_were_columns_is_read(tmp_path: Path) -> None:
    model = built(SMALL, fusion_strategy="adaptive_gating")
    model.save_pretrained(tmp_path)
    about = json.loads((tmp_path / "config.json").read_text())
    for key in ("columns_encoder", "columns_shape"):
        del about["model"][key]
    assert "columns" not in about["towers"] and not (tmp_path / "columns.json").exists()
    (tmp_path / "config.json").write_text(json.dumps(about))
    again = OpenAutoGLM.from_pretrained(tmp_path)
    batch = model.processor.batch(pictures(), TEXTS)
    assert again.eval().embed(batch).gates.shape == (4, 2)
    assert again.fingerprint() == model.fingerprint()


def test_a_model_without_the_tower_says_so() -> None:
    model = built(SMALL)
    with pytest.raises(ConfigError, match="no columns_encoder"):
        model.fit_columns(ROWS, KINDS)
    with pytest.raises(ConfigError, match="no statistics of columns"):
        model.encode(columns=ROWS)
    with pytest.raises(ConfigError, match="columns_shape .* would do nothing"):
        OpenAutoGLM.from_config(SMALL | {"columns_shape": {"dim": 8}})
    with pytest.raises(ConfigError, match="has no key 'depth'"):
        OpenAutoGLM.from_config(SMALL | COLUMNS | {"columns_shape": {"depth": 8}})
    values = ColumnsProcessor.fit(ROWS, KINDS)(ROWS)
    with pytest.raises(ConfigError, match="reads no columns"):
        model.embed(Batch.of(columns=values))


def test_a_few_steps_with_every_subset_missing_somewhere() -> None:
    model = three().train()
    batch = every_subset(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    wanted = torch.randn(7, 16)
    seen = []
    for _ in range(12):
        optimizer.zero_grad()
        loss = (model.embed(batch).fused_embeds - wanted).square().sum() + model.losses(batch)["contrastive"]
        loss.backward()
        optimizer.step()
        seen.append(loss.item())
    assert np.isfinite(seen).all() and seen[-1] < seen[0]
    assert all(bool(value.isfinite().all()) for value in model.state_dict().values())


def data_with_columns(folder: Path) -> TrainingData:
    data = tiny_data(folder)
    rows = [{"price": float(row), "colour": "red" if row % 2 else "blue"} for row in range(len(data))]
    rows[3] = {}
    data.columns, data.kinds = rows, {"price": "number", "colour": "text"}
    return data


def test_training_fits_the_statistics_and_goes_on_with_them(tmp_path: Path) -> None:
    data = data_with_columns(tmp_path / "pixels")
    model = tiny_model(**COLUMNS)
    fit(model, data, tiny_config(steps=4), tmp_path / "whole", progress=False)
    assert model.processor.columns == ColumnsProcessor.fit(data.columns, data.kinds)

    again = tiny_model(**COLUMNS)
    fit(again, data, tiny_config(steps=4), tmp_path / "whole", progress=False)  # had finished: it is restored
    for name, value in model.state_dict().items():
        assert value.equal(again.state_dict()[name]), name
    fresh = tiny_model(**COLUMNS)
    fit(fresh, data, tiny_config(steps=4), tmp_path / "other", progress=False)
    assert fresh.fingerprint() == model.fingerprint()


def test_batches_bring_each_row_its_own_columns(tmp_path: Path) -> None:
    from openautoglm.train.batches import Batches

    data, model = data_with_columns(tmp_path), tiny_model(**COLUMNS)
    model.processor.fit_tokenizer(data.texts())
    model.fit_columns(data.columns, data.kinds)
    made = Batches(data, tiny_config(), model.processor)
    prepared = made.prepare(0, 0.0)
    rows = data.pairs[made.sampler.batch(0)]
    wanted = model.processor.column_values([data.columns[row] for row in rows])
    assert prepared.columns.numbers.equal(wanted.numbers)
    assert prepared.pairs().has("columns").tolist() == [row != 3 for row in rows]
    assert len(prepared.pairs().pairs()) == len(rows)


def test_columns_change_the_fingerprint_of_the_data(tmp_path: Path) -> None:
    data = data_with_columns(tmp_path)
    before, bare = data.fingerprint(), tiny_data(tmp_path).fingerprint()
    data.columns = [{**row, "price": 0.0} for row in data.columns]
    assert len({before, bare, data.fingerprint()}) == 3


def test_a_tower_without_any_column_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="needs a column that tells rows apart; there is none"):
        fit(tiny_model(**COLUMNS), tiny_data(tmp_path), tiny_config(), tmp_path / "run", progress=False)
