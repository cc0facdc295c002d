"""What the decoder looks at: pictures, columns, both or neither."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.encoders.test_columns_processor import KINDS, ROWS
from tests.language import ours, pictures, theirs

from openautoglm import OpenAutoGLM
from openautoglm.encoders.batch import Batch

COLUMNS = {"columns_encoder": "small_columns", "columns_shape": {"dim": 16, "heads": 2, "layers": 1}}
TEXTS = ["a red bicycle", "金色的银杏大道", "tower", "golden"]


def looking() -> OpenAutoGLM:
    return ours(**COLUMNS).fit_columns(ROWS, KINDS).eval()


def rows(model: OpenAutoGLM) -> Batch:
    """Picture and columns, a picture, columns, neither."""
    batch = model.processor.batch(pictures(4), TEXTS, ROWS[1:5])
    there = [[True, True, True], [True, True, False], [False, True, True], [False, True, False]]
    return replace(batch, present=torch.tensor(there))


def scores(model: OpenAutoGLM, batch: Batch) -> torch.Tensor:
    with torch.inference_mode():
        hidden = model.decode(batch.input_ids, batch.attention_mask, model._seen(batch, model._see(batch)))
        return model.decoder.logits(hidden)


def test_closed_gates_leave_the_pretrained_decoder_as_it_was() -> None:
    model = looking()
    batch = rows(model)
    with torch.no_grad():
        for look in model.looks:
            look.gate.zero_()
    with torch.inference_mode():
        expected = theirs("shared-heads")(
            input_ids=batch.input_ids, attention_mask=batch.attention_mask.long()
        ).logits
    mask = batch.attention_mask
    torch.testing.assert_close(scores(model, batch)[mask], expected[mask], rtol=1e-4, atol=1e-4)


def test_each_row_sees_what_it_has_and_nothing_else() -> None:
    model = looking()
    batch = rows(model)
    whole = scores(model, batch)
    for row in range(4):
        alone = batch.rows(slice(row, row + 1))
        mask = alone.attention_mask[0]
        torch.testing.assert_close(scores(model, alone)[0, mask], whole[row, mask], rtol=1e-4, atol=1e-4)
    spoilt = replace(batch, pixel_values=batch.pixel_values.clone())
    spoilt.pixel_values[2:] = torch.nan
    assert scores(model, spoilt).equal(whole)
    for present in ([True, True, False], [False, True, True], [False, True, False]):
        fewer = batch.with_present(torch.tensor(present))
        mask = batch.attention_mask[0]
        assert not torch.allclose(scores(model, fewer)[0, mask], whole[0, mask], atol=1e-2)


def test_captions_are_learned_from_columns_as_well() -> None:
    model = looking().enable_multimodal_training()
    batch = rows(model).rows(torch.tensor([2, 3]))
    model.row_losses(batch)["captioning"].backward()
    assert model.look_columns.weight.grad.any()
    assert model.row_losses(batch.rows(slice(1, 2))) == {}


def test_a_model_saved_before_columns_were_looked_at_is_read(tmp_path: Path) -> None:
    model = looking()
    model.save_pretrained(tmp_path / "model")
    again = OpenAutoGLM.from_pretrained(tmp_path / "model").eval()
    torch.testing.assert_close(scores(again, rows(again)), scores(model, rows(model)))
    file = tmp_path / "model" / "model.safetensors"
    weights = {name: value for name, value in load_file(file).items() if not name.startswith("look_columns")}
    save_file(weights, file, metadata={"format": "pt"})
    older = OpenAutoGLM.from_pretrained(tmp_path / "model").eval()
    batch = rows(model)
    blind = batch.with_present(torch.tensor([True, True, False]))
    torch.testing.assert_close(scores(older, batch), scores(model, blind))


def test_a_decoder_without_columns_has_no_weights_for_them() -> None:
    assert not [name for name in ours().state_dict() if "look_columns" in name]


@pytest.mark.parametrize("beams", [1, 3])
def test_texts_of_a_batch_are_those_of_its_rows(beams: int) -> None:
    model = looking()
    images, columns = [*pictures(2), None, None], [ROWS[1], {}, ROWS[2], {}]
    prompts = ["a red", None, [1, 44, 45, 46, 47], "金色"]
    together = model.generate(images, prompts, columns=columns, max_new_tokens=12, beams=beams)
    assert len({one.token_ids for one in together}) == 4
    for row, one in enumerate(together):
        (alone,) = model.generate(
            [images[row]], [prompts[row]], columns=[columns[row]], max_new_tokens=12, beams=beams
        )
        assert (alone.token_ids, alone.text, alone.finished) == (one.token_ids, one.text, one.finished)
        assert alone.logprobs == pytest.approx(one.logprobs, abs=1e-4)


def test_rows_that_are_alike_are_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    model = looking()
    first, second = pictures(2)
    images = [first, second, first, None, first, second]
    columns = [ROWS[1], ROWS[1], ROWS[1], ROWS[1], ROWS[2], {}]
    alone = [
        model.generate([image], [[1, 44]], columns=[row], max_new_tokens=6)[0]
        for image, row in zip(images, columns, strict=True)
    ]
    seen: list[int] = []
    see = OpenAutoGLM._see

    def counted(self: OpenAutoGLM, batch: Batch) -> Any:
        seen.append(len(batch))
        return see(self, batch)

    monkeypatch.setattr(OpenAutoGLM, "_see", counted)
    together = model.generate(images, [[1, 44]] * 6, columns=columns, max_new_tokens=6)

    assert seen == [5]  # rows 0 and 2 are one
    for one, other in zip(alone, together, strict=True):
        assert one.token_ids == other.token_ids
        assert one.logprobs == pytest.approx(other.logprobs, abs=1e-4)
