"""Groups stay whole, categories stay in proportion."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
from benchmarks.grouped_splits import SHARES, near_copies, split_groups
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from openautoglm.catalog.look import Look, look_at


@given(
    st.lists(st.tuples(st.integers(0, 30), st.sampled_from("xyz")), min_size=1, max_size=200),
    st.integers(0, 5),
)
def test_a_group_has_one_split(rows: list[tuple[int, str]], seed: int) -> None:
    groups = [str(group) for group, _ in rows]
    splits = split_groups(groups, [category for _, category in rows], seed)
    found: defaultdict[str, set[str]] = defaultdict(set)
    for group, split in zip(groups, splits, strict=True):
        found[group].add(split)
    assert all(len(there) == 1 for there in found.values())
    assert splits == split_groups(groups, [category for _, category in rows], seed)


def test_each_category_is_split_in_proportion_by_groups_of_all_sizes() -> None:
    dice = np.random.default_rng(0)
    groups, categories = [], []
    for group in range(600):
        category = "abc"[int(dice.choice(3, p=[0.7, 0.25, 0.05]))]
        for _ in range(int(dice.integers(1, 8))):
            groups.append(str(group))
            categories.append(category)
    splits = split_groups(groups, categories, seed=3)
    for category, total in Counter(categories).items():
        for split, share in SHARES.items():
            there = sum(pair == (category, split) for pair in zip(categories, splits, strict=True))
            assert abs(there - share * total) <= 4


def test_another_seed_splits_otherwise() -> None:
    groups = [str(number) for number in range(50)]
    assert split_groups(groups, ["x"] * 50, 0) != split_groups(groups, ["x"] * 50, 1)


def picture(seed: int, edge: int = 90) -> Image.Image:
    blocks = np.random.default_rng(seed).integers(0, 255, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(blocks).resize((edge, edge), Image.Resampling.BICUBIC)


def test_copies_are_found_and_pale_pictures_are_copies_of_none() -> None:
    darker = picture(1, 70).point(lambda value: 0.9 * value)
    pale = Image.new("RGB", (90, 90), "white")
    ImageDraw.Draw(pale).point((3, 3), "black")
    looks: list[Look] = [look_at(one) for one in (picture(1), picture(2), darker, pale, pale, picture(1))]
    found = {(one, other): unlike for one, other, unlike in near_copies(looks, 0.6)}
    assert set(found) == {(0, 2), (0, 5), (2, 5)}
    assert found[0, 5] < found[0, 2] < 0.6
