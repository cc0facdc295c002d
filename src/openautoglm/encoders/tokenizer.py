"""Text to token ids: a byte-level BPE trained on the user's own texts, or the tower's own tokenizer.

One multilingual vocabulary without word lists: every string in any script is a sequence of the 256
bytes, and the merges learned from the catalogue join what is frequent there, within words of a
language with spaces and across characters of one without. Nothing is ever unknown.

At run time a tokenizer is a `tokenizers.Tokenizer`: 0.03 s to import, where `transformers` takes over
one. In a model's folder it is `tokenizer.json` with a `tokenizer_config.json`, which
`transformers.AutoTokenizer` reads as well.

>>> tokenizer = train_bpe(["golden ginkgo avenue", "金色的银杏大道"] * 2, vocab_size=300)
>>> ids = tokenizer.encode("银杏 ginkgo").ids
>>> ids[0] == BOS_ID and ids[-1] == EOS_ID, tokenizer.decode(ids).strip()
(True, '银杏 ginkgo')
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from openautoglm.config import ConfigError

MARKS = ("<pad>", "<s>", "</s>")
PAD_ID, BOS_ID, EOS_ID = range(len(MARKS))
SMALLEST_VOCABULARY = len(MARKS) + 256


def train_bpe(texts: Iterable[str], vocab_size: int, *, lowercase: bool = True) -> Tokenizer:
    """Learn a vocabulary of at most `vocab_size` tokens (less when the texts give no more merges).

    Args:
        texts: what to learn from; the same texts give the same vocabulary.
        vocab_size: largest number of tokens, marks and bytes included.
        lowercase: fold case, as retrieval wants; a model that writes text keeps it.
    """
    tokenizer = Tokenizer(models.BPE())
    # NFKC makes full-width letters and digits, usual beside Chinese, equal to the plain ones.
    folded = [normalizers.NFKC(), normalizers.Lowercase()] if lowercase else [normalizers.NFKC()]
    tokenizer.normalizer = normalizers.Sequence(folded)
    # The space in front makes a word the same token at the start of a text and within it.
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=list(MARKS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", BOS_ID), ("</s>", EOS_ID)]
    )
    return tokenizer


def save_tokenizer(tokenizer: Tokenizer, folder: Path, *, max_length: int) -> None:
    """Write `tokenizer.json`, and beside it what `transformers.AutoTokenizer` asks for."""
    tokenizer.save(str(folder / "tokenizer.json"))
    known = tokenizer.get_vocab()
    names = dict(zip(("pad_token", "bos_token", "eos_token"), MARKS, strict=True))
    about: dict[str, Any] = {name: mark for name, mark in names.items() if mark in known}
    about |= {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": max_length}
    text = json.dumps(about, indent=2, ensure_ascii=False) + "\n"
    (folder / "tokenizer_config.json").write_text(text, encoding="utf-8")


def load_tokenizer(folder: Path) -> Tokenizer:
    """Read `tokenizer.json`."""
    try:
        return Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception as error:  # the Rust side raises bare `Exception`
        raise ConfigError(f"{folder}: tokenizer.json cannot be read ({error})") from None
