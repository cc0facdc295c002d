"""The table of fusion strategies is what the code says, and the page's example runs."""

from __future__ import annotations

import doctest
import re

import pytest
import torch

from openautoglm.fuse.strategies import STRATEGIES
from tools import fusion_page


def test_the_committed_page_is_current() -> None:
    assert fusion_page.PAGE.read_text(encoding="utf-8") == fusion_page.page()


def test_each_strategy_has_its_line_and_its_parameters() -> None:
    found = re.findall(
        r"^\| `(\w+)` \| (.+) \| `(.+)` \| .+ \| ([\d,]+) \|$", fusion_page.table(), re.MULTILINE
    )
    assert [name for name, *_ in found] == list(STRATEGIES)
    for name, choice, steps, count in found:
        with torch.device("meta"):
            strategy = STRATEGIES[name](fusion_page.DIM, fusion_page.MODALITIES)  # type: ignore[index]
        assert int(count.replace(",", "")) == sum(value.numel() for value in strategy.state_dict().values())
        assert choice.endswith(".")
        assert steps.split("`<br>`")[-1].startswith("fused = ")
        assert "  " not in steps


def test_its_example_runs() -> None:
    failed, tried = doctest.testfile(
        str(fusion_page.PAGE),
        module_relative=False,
        encoding="utf-8",
        optionflags=doctest.NORMALIZE_WHITESPACE,
    )
    assert tried
    assert not failed


def test_a_page_that_differs_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fusion_page, "page", lambda: "another")
    monkeypatch.setattr("sys.argv", ["fusion_page.py", "--check"])
    with pytest.raises(SystemExit, match="make docs"):
        fusion_page.main()
