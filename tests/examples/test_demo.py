"""The demo's parts that need no training; CI runs the quick demo itself."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from examples.pictograms import demo


class FakeShop:
    """Says what a `Workspace` was asked, and answers with figures that are known."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any]] = []

    def open(self, folder: Path, *, create: bool) -> FakeShop:
        self.asked.append(("open", (folder, create)))
        return self

    def add(self, table: Path, *, roles: Any) -> str:
        assert table.is_file()
        return "+1"

    def show(self) -> str:
        return "1 row"

    def fit(self, model: str, *, train: Any) -> str:
        self.asked.append(("fit", (model, train)))
        return "trained"

    def evaluate(self, *, fields: Any, folder: Path) -> Any:
        figures = {"label_en": 0.25, "label_zh": 0.5}
        return SimpleNamespace(
            find=lambda direction, field: SimpleNamespace(
                figures={"recall@1": SimpleNamespace(value=figures[field])}
            )
        )

    def search(self, text: str, *, where: str, k: int, by: str, sheet: Path) -> list[Any]:
        self.asked.append(("search", (text, where)))
        assert sheet.parent.is_dir() and by == "image"
        return []


@pytest.fixture
def table() -> list[dict[str, str]]:
    with (demo.HERE / "pictograms.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_roles_name_columns_that_are_there(table: list[dict[str, str]]) -> None:
    roles = demo.roles()
    named = {roles.image, roles.id, roles.group, roles.split, *roles.text, *roles.tags, *roles.columns}
    assert named == set(table[0])


def test_the_unseen_house_is_the_test_split_and_nothing_else_is(table: list[dict[str, str]]) -> None:
    house = demo.UNSEEN.partition("'")[2].rstrip("'")
    assert {row["house"] for row in table if row["split"] == "test"} == {house}
    assert {row["split"] for row in table if row["house"] == house} == {"test"}


@pytest.mark.parametrize("quick", [True, False])
def test_a_run_asks_for_each_search_and_writes_its_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], quick: bool
) -> None:
    shop = FakeShop()
    monkeypatch.setattr(demo, "Workspace", shop)
    (tmp_path / "demo" / "shop").mkdir(parents=True)
    (tmp_path / "demo" / "shop" / "of-the-last-run").write_text("")
    figures = demo.run(tmp_path / "demo", quick=quick)
    assert not (tmp_path / "demo" / "shop").exists()
    assert json.loads((tmp_path / "demo" / "figures.json").read_text()) == figures
    assert (figures["r1_en"], figures["r1_zh"]) == (0.25, 0.5) and figures["minutes_all"] < 1
    train = {"minutes": demo.QUICK_MINUTES} if quick else None
    assert ("fit", ("mini", train)) in shop.asked
    assert [text for verb, (text, _) in shop.asked if verb == "search"] == list(demo.SEARCHES)
    assert "0.250 English, 0.500 Chinese" in capsys.readouterr().out


def test_its_arguments(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    runs: list[tuple[Path, bool]] = []
    monkeypatch.setattr(demo, "run", lambda out, *, quick: runs.append((out, quick)))
    for words in ([], ["--quick", "--out", str(tmp_path)]):
        monkeypatch.setattr(sys, "argv", ["demo.py", *words])
        demo.main()
    assert runs == [(demo.ROOT / "runs" / "demo", False), (tmp_path, True)]
    monkeypatch.setattr(sys, "argv", ["demo.py", "--fast"])
    with pytest.raises(SystemExit):
        demo.main()
