"""The page of configuration keys is what the types say."""

from __future__ import annotations

import re

import pytest

from openautoglm.config import AugmentConfig, ModelConfig, Strict, TrainConfig
from tools import configuration_page


def test_the_committed_page_is_current() -> None:
    assert configuration_page.PAGE.read_text(encoding="utf-8") == configuration_page.page()


@pytest.mark.parametrize("config", [ModelConfig, TrainConfig, AugmentConfig])
def test_every_key_has_its_line_its_default_and_its_meaning(config: type[Strict]) -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| (.+?) \| (.+?) \| (.+) \|$", configuration_page.table(config), re.MULTILINE
    )
    assert [name for name, *_ in rows] == list(config.model_fields)
    for name, _, default, meaning in rows:
        value = config.model_fields[name].default
        if isinstance(value, int | float):
            assert float(default) == value
        assert meaning.endswith(".")


def test_bounds_and_choices_are_told() -> None:
    told = {name: configuration_page.kind(field) for name, field in ModelConfig.model_fields.items()}
    assert told["temperature"] == "number ≥ 0.01, ≤ 1"
    assert told["vocab_size"] == "whole number ≥ 259 or none"
    assert told["loss"] == "`infonce`, `siglip`, `triplet`"
    assert told["fusion_strategy"].startswith("`late`, `mean_pool`, ")
    assert told["fusion_strategy"].endswith(" or none")


def test_a_page_that_differs_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(configuration_page, "page", lambda: "another")
    monkeypatch.setattr("sys.argv", ["configuration_page.py", "--check"])
    with pytest.raises(SystemExit, match="make docs"):
        configuration_page.main()
