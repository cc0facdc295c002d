"""Periodic embeddings beside the paper's formula, and what they can fit that few bins cannot."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.encoders.test_columns import COLUMNS
from tests.encoders.test_columns_processor import ROWS

from openautoglm.config import ConfigError
from openautoglm.encoders.columns import ColumnsTower
from openautoglm.encoders.columns_processor import ColumnsProcessor
from openautoglm.encoders.periodic import Periodic
from openautoglm.model import OpenAutoGLM

SHAPE = {"dim": 16, "heads": 2, "layers": 1, "numbers": "periodic"}


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 4), st.integers(1, 6), st.integers(0, 99))
def test_it_is_the_papers(numbers: int, waves: int, seed: int) -> None:
    torch.manual_seed(seed)
    made = Periodic(numbers, 3, waves, 0.7).double()
    z = torch.randn(4, numbers, dtype=torch.float64)
    found = made(z).detach().numpy()
    c, w, b = (one.detach().numpy() for one in (made.frequencies, made.weight, made.bias))
    for row in range(4):
        for j in range(numbers):
            u = [2 * math.pi * c[j, k] * z[row, j].item() for k in range(waves)]
            shown = np.array([*map(math.sin, u), *map(math.cos, u)])
            np.testing.assert_allclose(found[row, j], np.maximum(shown @ w[j] + b[j], 0), atol=1e-12)


def test_frequencies_start_at_their_scale() -> None:
    torch.manual_seed(0)
    assert Periodic(50, 2, 200, 0.3).frequencies.std().item() == pytest.approx(0.3, rel=0.02)


def test_the_tower_takes_it_with_missing_values_and_gradients_everywhere() -> None:
    torch.manual_seed(0)
    tower = ColumnsTower(**{**SHAPE, "frequency_scale": 1.0})
    tower.fit_features(COLUMNS)
    tower(COLUMNS(ROWS)).pooled[:, :8].pow(3).sum().backward()
    assert {n for n, one in tower.named_parameters() if one.grad is None or not one.grad.any()} == set()
    spoilt = COLUMNS(ROWS)
    spoilt.numbers.masked_fill_(spoilt.number_missing, torch.nan)
    assert tower.eval()(spoilt).pooled.isfinite().all()


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ({"numbers": "periodic", "bins": 8}, "bins 8 would do nothing with numbers 'periodic'"),
        ({"frequencies": 8}, "frequencies 8 would do nothing with numbers 'piecewise_linear'"),
        ({"numbers": "waves"}, "numbers 'waves' is neither 'piecewise_linear' nor 'periodic'"),
    ],
)
def test_what_would_do_nothing_is_refused(shape: dict[str, object], said: str) -> None:
    config = {
        "vision_encoder": "small_vision",
        "text_encoder": "small_text",
        "columns_encoder": "small_columns",
        "fusion_strategy": "attention",
        "columns_shape": shape,
    }
    with pytest.raises(ConfigError, match=said):
        OpenAutoGLM.from_config(config)


def test_it_fits_what_eight_bins_cannot() -> None:
    """Twelve turns over the number's range: within a bin, a line has to do for one and a half of them."""
    x = np.random.default_rng(0).uniform(0, 1, 600)
    goal = torch.from_numpy(np.sin(24 * math.pi * x)).float()
    rows = [{"x": one} for one in x.tolist()]
    columns = ColumnsProcessor.fit(rows, {"x": "number"})
    left = {}
    for name, shape in {
        "piecewise": {"bins": 8},
        "periodic": {"numbers": "periodic", "frequency_scale": 3.0},
    }.items():
        torch.manual_seed(0)
        tower = ColumnsTower(dim=16, heads=2, layers=1, attention_dropout=0.0, dropout=0.0, **shape)
        tower.fit_features(columns)
        head = torch.nn.Linear(16, 1)
        optimizer = torch.optim.Adam([*tower.parameters(), *head.parameters()], lr=5e-3)
        for _ in range(300):
            optimizer.zero_grad()
            loss = (head(tower(columns(rows)).pooled).squeeze(1) - goal).pow(2).mean()
            loss.backward()
            optimizer.step()
        left[name] = loss.item()
    assert left["periodic"] < 0.5 * left["piecewise"], left
