"""How near a written text comes to those that people wrote: per text, and over a whole corpus.

    exact        1 if it equals a reference, apart from case, spacing, width and the marks at its end
    F1           2 · shared / (tokens written + tokens of the reference), of the best reference (Rajpurkar et
                 al., 2016, SQuAD, arXiv:1606.05250). A token is a word, or one Chinese or Japanese character
    BLEU, chrF   of a corpus, by `sacrebleu` (Post, 2018, arXiv:1804.08771), whose tokenizer `zh` cuts Chinese

Choose exact match where an answer is a word, F1 where it is a phrase, chrF and BLEU for sentences; BLEU looks
at four words in a row, and says nothing of shorter texts.

>>> exact("Blue.", ["blue", "navy"]), f1("a red one or two", ["the red one"]), f1("红色的", ["红色"])
(1.0, 0.5, 0.8)
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Literal

from openautoglm.catalog.language import guess_language

AnswerType = Literal["yes/no", "number", "other"]

LONG = 4
"""Tokens in a row that BLEU looks at."""
_SIGN = r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]"
_TOKEN = re.compile(rf"{_SIGN}|(?:(?!{_SIGN})[^\W_])+")
_YES_NO = {
    *("yes", "no", "是", "是的", "不是", "否", "不", "有", "没有", "没", "对", "对的", "不对"),
    *("能", "不能", "会", "不会", "可以", "不可以", "行", "不行"),
}
_NUMBERS = {
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "none"),
    *"零一二两三四五六七八九十",
}
_MEASURE = "个只条张件辆位头匹朵棵块把本"
"""Words that stand between a number and what is counted, of one sign each."""


def plain(text: str) -> str:
    """A text without what `exact` passes over.

    >>> plain(" Ｔwo  birds! ")
    'two birds'
    """
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split()).rstrip(".!?。！？ ")


def tokens(text: str) -> list[str]:
    """Words, and single characters of Chinese and Japanese, without case or punctuation.

    >>> tokens("What's in 图片?")
    ['what', 's', 'in', '图', '片']
    """
    return _TOKEN.findall(unicodedata.normalize("NFKC", text).casefold())


def exact(text: str, references: Sequence[str]) -> float:
    """1 if the text equals a reference, else 0."""
    return float(plain(text) in {plain(one) for one in references})


def f1(text: str, references: Sequence[str]) -> float:
    """Overlap of tokens with the nearest reference, 0 to 1."""
    return max((_f1(tokens(text), tokens(one)) for one in references), default=0.0)


def _f1(written: list[str], reference: list[str]) -> float:
    if not written or not reference:
        return float(written == reference)
    shared = sum((Counter(written) & Counter(reference)).values())
    return 2 * shared / (len(written) + len(reference))


def answer_type(answer: str) -> AnswerType:
    """What kind of answer it is, in English or Chinese.

    >>> [answer_type(one) for one in ("Yes", "3", "两只", "不能", "a circle")]
    ['yes/no', 'number', 'number', 'yes/no', 'other']
    """
    said = plain(answer)
    if said in _YES_NO:
        return "yes/no"
    if len(said) > 1 and said[-1] in _MEASURE:
        said = said[:-1].rstrip()
    return "number" if said in _NUMBERS or re.fullmatch(r"[+−-]?\d+([.,]\d+)*", said) else "other"


def corpus_scores(texts: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, float]:
    """Scores 0 to 1 of a corpus: `chrF`, and `BLEU` where references are long enough for it.

    Chinese texts are scored apart, as `chrF zh` and `BLEU zh`, where there are others beside them.

    Args:
        texts: N written texts.
        references: of each, one or more that people wrote.

    Raises:
        ModuleNotFoundError: without the extra `language`.
    """
    from sacrebleu.metrics import BLEU, CHRF

    chinese = [guess_language(one[0]) == "zh" for one in references]
    found: dict[str, float] = {}
    for is_zh in sorted(set(chinese)):
        chosen = [place for place, one in enumerate(chinese) if one == is_zh]
        written = [plain(texts[place]) for place in chosen]
        right = [[plain(one) for one in references[place]] for place in chosen]
        # sacrebleu wants the first references of all texts, then the second ones; None where there is none.
        width = max(map(len, right))
        streams = [[one[column] if column < len(one) else None for one in right] for column in range(width)]
        suffix = " zh" if is_zh and len(set(chinese)) > 1 else ""
        found[f"chrF{suffix}"] = CHRF().corpus_score(written, streams).score / 100
        if any(len(tokens(one)) >= LONG for many in right for one in many):
            bleu = BLEU(tokenize="zh" if is_zh else "13a")
            found[f"BLEU{suffix}"] = bleu.corpus_score(written, streams).score / 100
    return found
