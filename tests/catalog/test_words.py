"""The words of a text: what is one word, in which form, and where it stands."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openautoglm.catalog.schema import Field
from openautoglm.catalog.words import (
    MAX_QUERY_WORDS,
    query_terms,
    row_texts,
    stored_words,
    words_in,
    words_key,
)

LIKELY = st.text(
    st.sampled_from(list("aBé'-_.,/ 15٣²½ßİ金杏ガｶﾞハ゜한ไท्हि🌳\u0301\u1112\u1161\ud800")), max_size=30
)
TEXTS = st.one_of(LIKELY, st.text(max_size=30))


def terms(text: str) -> list[str]:
    return [word.term for word in words_in(text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("running runs run", ["run", "run", "run"]),
        ("金色", ["金", "金色", "色"]),
        ("the SKU-1234", ["the", "sku", "1234", "sku1234"]),
        ("iPhone15", ["iphon", "15", "iphone15"]),
        ("A4纸", ["a", "4", "a4", "纸"]),
        ("3.14, 1,000", ["3", "14", "3.14", "1", "000", "1.000"]),
        ("T-shirts/e-mail", ["t", "shirt", "tshirt", "e", "mail", "email"]),
        ("the dog's don't", ["the", "dog", "don", "t"]),
        ("Crème Łódź STRASSE Straße", ["creme", "lodz", "strass", "strass"]),
        ("0d8f3c9a", ["0d8f3c9a"]),
        ("हिन्दी", ["हिन्दी"]),
        ("שָׁלוֹם كِتَاب", ["שלום", "كتاب"]),
        ("🌳 — ?!", []),
    ],
)
def test_what_a_word_is(text: str, found: list[str]) -> None:
    assert terms(text) == found


@pytest.mark.parametrize("text", ["Café", "ガラス", "한국어", "ﬁne ＳＫＵ ㎡", "Ångström"])
def test_however_unicode_writes_it_it_is_the_same_word(text: str) -> None:
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert terms(unicodedata.normalize(form, text)) == terms(text)
    assert terms(text.upper()) == terms(text)


@given(TEXTS)
def test_each_word_stands_where_it_says(text: str) -> None:
    for term, start, end in words_in(text):
        assert 0 <= start < end <= len(text)
        assert term in terms(text[start:end])
        assert not any(sign.isspace() for sign in term)


@given(TEXTS, TEXTS, TEXTS)
def test_a_text_has_all_words_of_the_query_cut_from_it(before: str, text: str, after: str) -> None:
    assert set(query_terms(text)) <= set(terms(text))
    stored = (stored_words([before, text, after]) or "").split()
    assert set(query_terms(text)) <= set(stored)
    assert bool(terms(text)) == bool(query_terms(text))


def test_a_query_looks_up_what_tells_something() -> None:
    assert query_terms("the avenue of the 银杏树") == ["avenu", "银杏", "杏树"]
    assert query_terms("杏 to the") == ["杏"]
    assert query_terms("to the") == ["to", "the"]
    assert query_terms("A4 A-4") == ["a4"]
    assert len(query_terms("".join(map(chr, range(0x4E00, 0x5E00))))) == MAX_QUERY_WORDS


def test_which_texts_of_a_row_are_searched() -> None:
    fields = {
        "title": Field("title", "text", "text"),
        "labels": Field("labels", "tags", "tags"),
        "ocr_text": Field("ocr_text", "column", "text"),
        "brand": Field("brand", "column", "text"),
        "file": Field("file", "column", "text"),
    }
    row = {"title": "Title", "labels": ["one", None], "ocr_text": "seen", "brand": "Acme", "price": 3}
    table = row | {"id": "SKU-1", "_image": "/home/somebody/photos/cat.jpg"}
    assert sorted(row_texts(table, fields)) == ["SKU-1", "Title", "one", "photos/cat.jpg", "seen"]
    folder = {"id": "photos/cat.jpg", "_image": "/home/somebody/photos/cat.jpg", "file": "cat.jpg"}
    assert row_texts(folder, fields) == ["cat.jpg"]
    assert row_texts({"id": "1234"}, fields) == []


def test_the_key_of_words_changes_with_the_texts() -> None:
    keys = {words_key(texts) for texts in ([], ["a"], ["a", "b"], ["ab"], ["b", "a"])}
    assert len(keys) == 5
