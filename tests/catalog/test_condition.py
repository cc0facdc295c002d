"""A condition cannot reach outside its own parentheses."""

from __future__ import annotations

import pytest

from openautoglm.catalog.catalog import Catalog
from openautoglm.catalog.condition import all_of
from openautoglm.catalog.errors import CatalogError


@pytest.mark.parametrize("where", ["a < 3) OR (a > 5", "(a < 3", "a < 3)", "((a = '(')"])
def test_a_parenthesis_without_partner_is_refused(where: str) -> None:
    with pytest.raises(CatalogError, match="parenthesis"):
        all_of(where)


@pytest.mark.parametrize("where", ["a = ')'", "(a < 3) OR (a > 5)", "a = 'it''s (' AND `b)` = 1", 'a = "("'])
def test_quotes_and_pairs_are_left_alone(where: str) -> None:
    assert all_of(where, "c") == f"({where}) AND (c)"


def test_nothing_is_no_condition() -> None:
    assert all_of(None, None) is None


@pytest.mark.parametrize(
    "where", ["price < 3 -- cheap", "price < 3; price > 0", "price < ?", "price < $1", "/* all */ true"]
)
def test_more_than_a_condition_is_refused_alone_and_with_others(where: str, shop: Catalog) -> None:
    for asked in (lambda: shop.count(where), lambda: shop.read(["id"], where), lambda: all_of(where, "true")):
        with pytest.raises(CatalogError, match="has no place in a condition"):
            asked()


def test_what_is_quoted_is_free(shop: Catalog) -> None:
    assert shop.count("id = 'a; -- b? $1 /*'") == 0
