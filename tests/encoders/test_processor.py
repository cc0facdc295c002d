"""Pictures and texts become tensors the same way before and after saving."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from PIL import Image

from openautoglm.config import ConfigError
from openautoglm.encoders.columns_processor import ColumnsProcessor
from openautoglm.encoders.image_settings import ImageSettings
from openautoglm.encoders.processor import Processor, TextSettings

TEXTS = ["a red bicycle", "一辆红色的自行车", ""]


def processor(**text: object) -> Processor:
    made = Processor(ImageSettings(size=8), TextSettings(max_length=4, vocab_size=300, **text))
    made.fit_tokenizer(TEXTS)
    return made


def test_texts_are_cut_with_their_end_mark_and_padded_to_the_longest() -> None:
    ids, mask = processor().tokens(TEXTS)
    assert ids.shape == mask.shape == (3, 4)
    assert mask.sum(1).tolist() == [4, 3, 2]
    assert ids[0, -1] == ids[2, 1] == 2
    assert not ids[2, 2:].any()
    short, _ = processor().tokens([""])
    assert short.shape == (1, 2)


def test_padding_follows_the_tower() -> None:
    ids, mask = processor(pad_left=True, pad_id=9).tokens(TEXTS)
    assert mask[2].tolist() == [False, False, True, True]
    assert ids[2].tolist() == [9, 9, 1, 2]
    ids, mask = processor(fixed_length=True, padding_is_text=True).tokens([""])
    assert ids.shape == (1, 4)
    assert mask.all()


def test_a_vocabulary_is_trained_once() -> None:
    fresh = Processor(ImageSettings(size=8), TextSettings(max_length=6, vocab_size=300))
    with pytest.raises(ConfigError, match="no tokenizer yet"):
        fresh.tokens(["red"])
    fresh.fit_tokenizer(TEXTS)
    with pytest.raises(ConfigError, match="has a tokenizer already"):
        fresh.fit_tokenizer(TEXTS)


def test_saving_changes_nothing(tmp_path: Path) -> None:
    first = processor()
    first.save(tmp_path)
    again = Processor.load(tmp_path)
    images = [Image.new("RGBA", (9, 5), (200, 10, 30, 128))]
    assert again.pixels(images).equal(first.pixels(images))
    for ours, theirs in zip(again.tokens(TEXTS), first.tokens(TEXTS), strict=True):
        assert ours.equal(theirs)
    assert again.as_dict() == first.as_dict()
    assert again.columns is None
    first.columns = ColumnsProcessor.fit([{"price": 3}, {"price": 4}], {"price": "number"})
    first.save(tmp_path)
    assert Processor.load(tmp_path).columns == first.columns


def test_a_processor_without_a_vocabulary_is_saved_as_one(tmp_path: Path) -> None:
    Processor(ImageSettings(size=8), TextSettings(max_length=6, vocab_size=300)).save(tmp_path)
    assert Processor.load(tmp_path).tokenizer is None


def test_damage_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"processor\.json: cannot be read"):
        Processor.load(tmp_path)
    (tmp_path / "processor.json").write_text(json.dumps({"image": {"sise": 3}, "text": {}}))
    with pytest.raises(ConfigError, match="sise"):
        Processor.load(tmp_path)


def test_a_batch_has_what_is_given() -> None:
    made = processor()
    images = [Image.new("RGB", (9, 5))] * 2
    assert made.batch(images).present.tolist() == [[True, False, False]] * 2
    assert made.batch(texts=["a"]).present.tolist() == [[False, True, False]]
    both = made.batch(images, ["a", "b"])
    assert both.paired().all() and not both.has("columns").any()
    with pytest.raises(ConfigError, match="no statistics of columns"):
        made.batch(columns=[{"price": 3}])
    made.columns = ColumnsProcessor.fit([{"price": 3}, {"price": 4}], {"price": "number"})
    mixed = made.batch(texts=["a", "b"], columns=[{"price": 3}, {"size": 4}])
    assert mixed.present.tolist() == [[False, True, True], [False, True, False]]
    assert both.pixel_values.dtype == torch.float32
