"""One training for all tests of explanations."""

from __future__ import annotations

import pytest
from tests.evaluate.explain.trained import trained

from openautoglm.workspace import Workspace


@pytest.fixture(scope="session")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace with a trained model that predicts `kind`."""
    return trained(tmp_path_factory.mktemp("kinds"))
