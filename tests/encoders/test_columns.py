"""The columns tower beside plain formulas, and what must not move it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.encoders.test_columns_processor import KINDS, ROWS

from openautoglm.config import ConfigError
from openautoglm.encoders.column_features import UNKNOWN, NumberFeature
from openautoglm.encoders.columns import ColumnsTower, bin_edges, piecewise_linear
from openautoglm.encoders.columns_processor import ColumnsProcessor

COLUMNS = ColumnsProcessor.fit(ROWS, KINDS)


def tower(**shape: float) -> ColumnsTower:
    torch.manual_seed(0)
    made = ColumnsTower(**{"dim": 16, "heads": 2, "layers": 2, **shape})
    made.fit_features(COLUMNS)
    return made.eval()


def plain_piecewise(x: float, edges: list[float]) -> list[float]:
    """Gorishniy et al., 2022, equation 1, in float64."""
    found = []
    bins = len(edges) - 1
    for t in range(1, bins + 1):
        low, high = edges[t - 1], edges[t]
        if x < low and t > 1:
            found.append(0.0)
        elif x >= high and t < bins:
            found.append(1.0)
        else:
            found.append((x - low) / (high - low))
    return found


@settings(deadline=None, max_examples=80)
@given(
    st.lists(st.integers(-50, 50), min_size=2, max_size=9, unique=True),
    st.integers(0, 3),
    st.lists(st.floats(-60, 60, width=32), min_size=1, max_size=5),
)
def test_piecewise_linear_is_the_papers(edges: list[int], repeats: int, numbers: list[float]) -> None:
    rising = [float(edge) for edge in sorted(edges)]
    padded = torch.tensor([rising + rising[-1:] * repeats])
    found = piecewise_linear(torch.tensor(numbers).unsqueeze(1), padded)[:, 0]
    wanted = [plain_piecewise(x, rising) + [0.0] * repeats for x in numbers]
    np.testing.assert_allclose(found.numpy(), np.array(wanted), rtol=1e-5, atol=1e-5)


def test_bins_have_equal_mass() -> None:
    values = np.random.default_rng(0).normal(size=4000).tolist()
    many, few = NumberFeature.fit("many", values), NumberFeature.fit("few", [0.0] * 50 + [1.0] * 50)
    edges = bin_edges((many, few), bins=8)
    assert edges.shape == (2, 9)
    shares = np.histogram(many(values), edges[0].numpy())[0] / len(values)
    np.testing.assert_allclose(shares, 1 / 8, atol=0.02)
    assert edges[1].unique().tolist() == pytest.approx(list(few.scores))


def test_tokens_pooled_and_mask() -> None:
    found = tower()(COLUMNS(ROWS))
    assert found.tokens.shape == (20, 7, 16) and found.pooled.shape == (20, 16)
    assert found.mask.shape == (20, 7) and found.mask.all()


def test_what_stands_where_a_value_is_missing_is_not_read() -> None:
    values, made = COLUMNS(ROWS), tower()
    spoilt = replace(
        values,
        numbers=values.numbers.masked_fill(values.number_missing, torch.nan),
        dates=values.dates.masked_fill(values.date_missing.unsqueeze(-1), torch.inf),
    )
    assert made(spoilt).pooled.equal(made(values).pooled)


def test_rows_do_not_see_each_other() -> None:
    made, values = tower(), COLUMNS(ROWS)
    torch.testing.assert_close(made(values.rows(slice(4, 5))).pooled, made(values).pooled[4:5])
    order = torch.randperm(20)
    torch.testing.assert_close(made(values.rows(order)).pooled, made(values).pooled[order])


def test_every_feature_moves_the_row() -> None:
    made = tower()
    with torch.no_grad():
        made.features.categories.weight.normal_()
    row = {
        "price": 3.0,
        "pieces": 1,
        "colour": "red",
        "new": True,
        "day": "2024-05-03",
        "at": "2024-01-04 10:30",
    }
    row["marks"] = ["round"]
    changed = {"price": 9.0, "pieces": 2, "colour": "blue", "new": False, "day": "2024-09-10"}
    changed |= {"at": "2024-01-04 20:30", "marks": ["soft"]}
    same = made(COLUMNS([row])).pooled
    for name, value in changed.items():
        for other in (value, None):
            assert not torch.allclose(made(COLUMNS([{**row, name: other}])).pooled, same), (name, other)


def test_a_new_category_starts_by_moving_nothing() -> None:
    made = tower().features
    ids = COLUMNS([{"colour": "mauve"}, {"colour": "red"}])
    tokens = made(ids)[:, 2]
    assert ids.categories[0, 0] == UNKNOWN
    assert tokens[0].equal(made.bias[2]) and not tokens[1].equal(made.bias[2])


def test_gradients_reach_every_part() -> None:
    made = tower().train()
    made(COLUMNS(ROWS)).pooled[:, :8].pow(3).sum().backward()
    assert {name for name, one in made.named_parameters() if one.grad is None or not one.grad.any()} == set()


def test_features_are_fitted_once_and_needed() -> None:
    fresh = ColumnsTower(dim=8, heads=2, layers=1)
    with pytest.raises(ConfigError, match="knows no features yet"):
        fresh(COLUMNS(ROWS))
    fresh.fit_features(COLUMNS)
    with pytest.raises(ConfigError, match="has its features already"):
        fresh.fit_features(COLUMNS)
    with pytest.raises(ValueError, match="3 heads do not divide dim 8"):
        ColumnsTower(dim=8, heads=3)
