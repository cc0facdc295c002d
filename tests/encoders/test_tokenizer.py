"""The trained vocabulary loses nothing, is the same each time, and is read by transformers."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openautoglm.config import ConfigError
from openautoglm.encoders.tokenizer import (
    BOS_ID,
    EOS_ID,
    MARKS,
    SMALLEST_VOCABULARY,
    load_tokenizer,
    save_tokenizer,
    train_bpe,
)

TEXTS = [
    "golden ginkgo avenue in autumn",
    "Red Bicycle",
    "金色的银杏大道",
    "银杏树",
    "银杏叶",
    "red car",
    "red",
] * 3
TOKENIZER = train_bpe(TEXTS, 400, lowercase=False)


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_any_text_comes_back(text: str) -> None:
    import unicodedata

    ids = TOKENIZER.encode(text).ids
    assert ids[0] == BOS_ID
    assert ids[-1] == EOS_ID
    plain = unicodedata.normalize("NFKC", text)
    decoded = TOKENIZER.decode(ids)
    if not any(mark in text for mark in MARKS):
        assert decoded.removeprefix(" ") == plain.removeprefix(" ")


def test_chinese_is_joined_without_segmentation() -> None:
    assert len(TOKENIZER.encode("银杏").ids) < 2 + 6  # less than its 6 bytes


def test_case_is_folded_for_retrieval_and_kept_for_writing() -> None:
    folding = train_bpe(TEXTS, 400)
    assert folding.encode("RED").ids == folding.encode("red").ids
    assert TOKENIZER.encode("RED").ids != TOKENIZER.encode("red").ids
    assert TOKENIZER.encode("ＲＥＤ").ids == TOKENIZER.encode("RED").ids  # full-width letters


def test_the_same_texts_give_the_same_vocabulary() -> None:
    assert train_bpe(TEXTS, 400).to_str() == train_bpe(list(TEXTS), 400).to_str()


@pytest.mark.parametrize("texts", [[], [""], ["a"]])
def test_few_texts_give_a_small_vocabulary(texts: list[str]) -> None:
    tokenizer = train_bpe(texts, 5000)
    assert tokenizer.get_vocab_size() >= SMALLEST_VOCABULARY
    assert tokenizer.decode(tokenizer.encode("银杏 tower").ids).strip() == "银杏 tower"


def test_the_vocabulary_keeps_its_limit() -> None:
    assert train_bpe(TEXTS, 270).get_vocab_size() == 270


def test_a_saved_tokenizer_loads_here_and_in_transformers(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    save_tokenizer(TOKENIZER, tmp_path, max_length=32)
    expected = TOKENIZER.encode("红色 red").ids
    assert load_tokenizer(tmp_path).encode("红色 red").ids == expected
    theirs = AutoTokenizer.from_pretrained(tmp_path)
    assert theirs("红色 red")["input_ids"] == expected
    assert (theirs.pad_token, theirs.bos_token, theirs.eos_token) == MARKS


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"tokenizer\.json cannot be read"):
        load_tokenizer(tmp_path)
