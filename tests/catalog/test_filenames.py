"""Names of files and folders, cleaned of what says nothing."""

from __future__ import annotations

from pathlib import PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openautoglm.catalog.filenames import name_caption, words_of


@pytest.mark.parametrize(
    ("name", "words"),
    [("golden-ginkgo_avenue", "golden ginkgo avenue"), ("RedCar", "Red Car"), ("black cat (3)", "black cat")]
    + [
        ("IMG_20240531_123456", ""),
        ("DSC01234", ""),
        ("PXL_20240531_1", ""),
        ("Screenshot 2024-05-31 at 12.30", "at"),
    ]
    + [("WhatsApp Image 2024-05-31", ""), ("微信图片_20240531", ""), ("mmexport1690000000", ""), ("0001", "")]
    + [
        ("3f2b8c9d1e4a5b6c", ""),
        ("sunset 1920x1080", "sunset"),
        ("银杏大道01", "银杏大道"),
        ("IMG_1 Rome", "Rome"),
    ]
    + [
        ("photosynthesis", "photosynthesis"),
        ("imagine", "imagine"),
        ("Café", "Café"),
        ("v2", ""),
        ("002A-20E3", ""),
        ("1F600", ""),
    ],
)
def test_words(name: str, words: str) -> None:
    assert words_of(name) == words


@pytest.mark.parametrize(
    ("path", "caption"),
    [("cats/black_cat.jpg", "black cat, cats"), ("cats/0001.jpg", "cats"), ("red car.jpg", "red car")]
    + [("2021/Rome/IMG_1.jpg", "Rome"), ("Rome/2021/IMG_1.jpg", "Rome"), ("photos/IMG_1.jpg", None)]
    + [("cat/cat.jpg", "cat"), ("IMG_1.jpg", None), ("动物/猫.jpg", "猫, 动物")],
)
def test_captions(path: str, caption: str | None) -> None:
    assert name_caption(PurePath(path)) == caption


@given(st.text(max_size=60))
def test_any_name_is_cleaned_once_and_for_all(name: str) -> None:
    words = words_of(name)
    assert words == words.strip()
    assert "_" not in words


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ('re\'d "0"', "re'd"),
        ("the “old” town's gate", "the old town's gate"),
        ("$(sail) `boat`", "(sail) boat"),
        ("sail) boat 'x", "sail boat x"),
        ("《红楼梦》", "红楼梦"),
        ("''", ""),
    ],
)
def test_quotes_are_no_words(name: str, words: str) -> None:
    assert words_of(name) == words
