"""Targets through the whole: taught from any modality, saved, trusted, predicted for rows of a file."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest
from PIL import Image
from tests.train.tiny import TINY
from typer.testing import CliRunner

from openautoglm.catalog.schema import Roles
from openautoglm.cli.app import app
from openautoglm.errors import UserError
from openautoglm.fitting import FittingError
from openautoglm.tasks.target import TargetError
from openautoglm.workspace import Workspace

CONFIG = {
    **TINY,
    "embed_dim": 16,
    "columns_encoder": "small_columns",
    "columns_shape": {"dim": 16, "heads": 2, "layers": 1},
    "fusion_strategy": "attention",
}
TRAIN = {
    "steps": 150,
    "epochs": None,
    "batch_size": 32,
    "learning_rate": 0.01,
    "precision": "32",
    "modality_dropout": 0.2,
    "loss_weights": {"contrastive": 0},
    "checkpoint_every": None,
}
ROLES = Roles(id="id", image="photo", text=("title",), columns=("kind", "price", "weight"), split="split")
COLUMNS = ("id", "photo", "title", "kind", "price", "weight", "split")


def rows(folder: Path, count: int = 240) -> Path:
    """Warm or cold: told by picture, title or weight, of which rows lack some; a tenth lacks the label."""
    dice = np.random.default_rng(0)
    table = folder / "rows.csv"
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for number in range(count):
            warm = bool(dice.random() < 0.5)
            colour = (200 + number % 50, 40, 30) if warm else (30, 60, 200 + number % 50)
            Image.new("RGB", (20, 20), colour).save(folder / f"{number}.png")
            weight = dice.normal(8 if warm else 2, 0.5)
            there = dice.random(3) < 0.7
            there[dice.integers(3)] = True
            writer.writerow(
                (
                    f"r{number:03}",
                    f"{number}.png" if there[0] else "",
                    ("fire and sun" if warm else "ice and snow") if there[1] else "",
                    "" if dice.random() < 0.1 else "warm" if warm else "cold",
                    f"{10 * weight + dice.normal(0, 1):.2f}",
                    f"{weight:.3f}" if there[2] else "",
                    ("train", "train", "validation", "test")[number % 4],
                )
            )
    return table


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("targets")
    shop = Workspace.open(folder / "shop", create=True)
    shop.add(rows(folder), roles=ROLES)
    shop.fit(CONFIG, name="both", train=TRAIN, targets=("kind", "price"))
    return shop


def test_figures_come_for_each_pattern_of_what_is_missing(shop: Workspace) -> None:
    report = shop.evaluate(folder=shop.folder / "report")
    sections = {(one.target, one.shown): one for one in report.targets}
    whole = sections["kind", "all that is there"]
    assert whole.rows == shop.catalog.count("_split = 'test' AND kind IS NOT NULL")
    accuracy = whole.figures["accuracy"]
    assert accuracy.chance is not None and accuracy.low is not None and accuracy.high is not None
    assert accuracy.value > 0.9 > accuracy.chance
    assert sections["price", "all that is there"].figures["R²"].value > 0.5
    for lacking in ("image", "text", "columns"):
        assert sections["kind", f"without {lacking}"].figures["accuracy"].value > 0.8
    kept = json.loads((shop.folder / "report" / "report.json").read_text())
    assert [one["target"] for one in kept["targets"]] == [one.target for one in report.targets]
    assert "## Predictions" in (shop.folder / "report" / "report.md").read_text()


def test_intervals_and_abstaining_are_learned_on_validation_rows(shop: Workspace) -> None:
    trust = shop.model().heads.trust
    assert trust["price"].half_width is not None
    report = shop.evaluate(folder=shop.folder / "report")
    price = next(one for one in report.targets if one.target == "price" and one.shown.startswith("all"))
    assert price.figures["within the interval"].value > 0.75


def test_rows_of_a_file_are_predicted_with_whatever_they_have(shop: Workspace, tmp_path: Path) -> None:
    table = tmp_path / "new.csv"
    told = ("heavy,8.1,,blue", "light,1.9,,", "words,,ice and snow,", "odd,heavy,,", "nothing,,,red")
    table.write_text("\n".join(["id,weight,title,colour", *told]), encoding="utf-8")
    out = tmp_path / "said.parquet"
    report = shop.predict(table, out=out)
    said = {row["id"]: row for row in pyarrow.parquet.read_table(out).to_pylist()}
    assert said.keys() == {"heavy", "light", "words"}
    assert [said[name]["kind"] for name in said] == ["warm", "cold", "cold"]
    assert said["light"]["price_low"] < said["light"]["price"] < said["light"]["price_high"]
    assert said["heavy"]["price"] > said["light"]["price"]
    assert {"odd", "nothing"} == {one.id for one in report.skipped}
    assert shop.catalog.count() == 240  # the file did not become part of the catalogue


def test_a_row_with_only_a_number_is_enough(shop: Workspace, tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text("weight\n8.0\n", encoding="utf-8")
    report = shop.predict(tmp_path / "one.csv")
    assert report.predictions.targets["kind"].values() == ["warm"]


def test_a_table_of_other_columns_is_told_which_ones_are_read(shop: Workspace, tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("colour\nred\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"other\.csv: .*weight.*; the table has colour; rename") as refused:
        shop.predict(tmp_path / "other.csv")
    assert "--column" not in str(refused.value) and "price" not in str(refused.value)


def test_the_command_line_fits_and_predicts(shop: Workspace, tmp_path: Path) -> None:
    run = CliRunner()
    out = tmp_path / "said.csv"
    told = run.invoke(app, ["predict", str(shop.folder), "--where", "_split = 'test'", "-o", str(out), "-q"])
    assert told.exit_code == 0, told.output
    with out.open(encoding="utf-8", newline="") as file:
        said = list(csv.DictReader(file))
    assert len(said) == 60 and {row["kind"] for row in said} == {"warm", "cold"}
    for arguments, says in (
        (["predict", str(shop.folder), "-o", "said.xlsx"], ".parquet, .csv, .jsonl"),
        (["fit", str(shop.folder), "--target", "prize"], "price"),
        (["fit", str(shop.folder), "--target", "price:colour"], "class, tags, number"),
    ):
        told = run.invoke(app, arguments)
        assert told.exit_code == 2 and says in told.output


def test_a_model_without_targets_names_those_that_have_some(shop: Workspace) -> None:
    model = shop.model()
    plain = type(model).from_config({**CONFIG, "columns_encoder": None, "columns_shape": {}})
    with pytest.raises(UserError, match=r"these do: both \(--model"):
        shop.predict(model=plain)


def test_one_class_is_refused_with_the_reason(shop: Workspace) -> None:
    with pytest.raises(TargetError, match="one class only, 'warm'"):
        shop.fit(CONFIG, name="one", train=TRAIN, targets="kind", where="kind = 'warm'")
    with pytest.raises(FittingError, match="no column of the catalogue"):
        shop.fit(CONFIG, name="one", train=TRAIN, targets="kinds")


def test_a_saved_model_predicts_the_same(shop: Workspace) -> None:
    here = shop.predict(where="_split = 'test'").predictions.targets
    again = Workspace.open(shop.folder).predict(where="_split = 'test'").predictions.targets
    for name, one in here.items():
        assert np.array_equal(one.outputs, again[name].outputs)
        assert one.trust == again[name].trust
    batched = shop.model().predict(
        texts=["fire and sun", None, "ice and snow"], columns=[{"weight": 2.0}] * 3
    )
    alone = shop.model().predict(texts=["fire and sun"], columns=[{"weight": 2.0}])
    assert np.allclose(batched["kind"].outputs[0], alone["kind"].outputs[0], atol=1e-5)


def test_columns_find_rows_whose_values_tell_the_same(shop: Workspace) -> None:
    for weight, kind in ((8.0, "warm"), (2.0, "cold")):
        found = shop.search(columns={"weight": weight}, k=20, fold=False)
        kinds = [hit.row["kind"] for hit in found if hit.row["kind"]]
        assert found.by == "fused" and len(found) == 20
        assert kinds.count(kind) > 0.9 * len(kinds)
    bare = "_image_hash IS NULL AND title IS NULL"
    alone = shop.search(columns={"weight": 8.0}, k=99, where=bare, fold=False)
    assert len(alone) == shop.catalog.count(bare) > 0 and all(hit.row["weight"] is not None for hit in alone)
    mixed = shop.search("fire and sun", columns={"weight": 8.0}, minus="ice and snow", k=10, fold=False)
    assert sum(hit.row["kind"] != "cold" for hit in mixed) >= 9


def test_like_this_but_lighter(shop: Workspace) -> None:
    heavy = shop.search(columns={"weight": 8.0}, where="_image_hash IS NULL AND title IS NULL", k=1)[0].id
    same = shop.search(like=heavy, by="fused", k=20, fold=False)
    light = shop.search(like=heavy, columns={"weight": 2.0}, k=20, fold=False)
    assert [hit.row["kind"] for hit in same].count("warm") > 15
    assert [hit.row["kind"] for hit in light].count("cold") > 15


def test_the_command_line_searches_with_columns(shop: Workspace) -> None:
    run = CliRunner()
    asked = ["search", str(shop.folder), "fire", "--with", "weight=8", "-k", "3", "--json"]
    told = run.invoke(app, asked)
    assert told.exit_code == 0, told.output
    page = json.loads(told.output)
    assert (page["query"], page["by"], len(page["hits"])) == ("fire weight=8", "fused", 3)
    for value, says in (
        ("wieght=8", "did you mean 'weight'"),
        ("kind=warm", "--where"),
        ("weight=much", "no number"),
        ("weight", "COLUMN=VALUE"),
        ("weight=", "COLUMN=VALUE"),
    ):
        told = run.invoke(app, ["search", str(shop.folder), "fire", "--with", value])
        assert told.exit_code == 2 and says in told.output, told.output
    told = run.invoke(app, [*asked, "--with", "weight=9"])
    assert told.exit_code == 2 and "given twice" in told.output


def test_rows_as_a_whole_are_reported(shop: Workspace) -> None:
    report = shop.evaluate(folder=shop.folder / "report")
    row = report.find("text→row", field="title")
    assert row.figures["recall@1"].chance is not None and "text→row title recall@1" in str(report.card())
