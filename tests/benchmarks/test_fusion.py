"""The fusion benchmark: corruption of known strength, gates that follow, and the small form to the end."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some
from PIL import Image

pytest.importorskip("sklearn")

from benchmarks.fusion_conditions import LEVELS, MIXED, conditions, measured_strengths
from benchmarks.fusion_corruption import noisy_pixels, permuted_columns, shuffled_text
from benchmarks.fusion_data import FusionData, Row, Summary, write_table
from benchmarks.fusion_features import DIM, Seen, Towers, Views
from benchmarks.fusion_gates import follow, spearman
from benchmarks.fusion_table import read

from benchmarks import clipart, context_features, figures, fusion, fusion_report, fusion_training
from openautoglm.encoders.column_values import ColumnValues
from openautoglm.encoders.columns_processor import ColumnsProcessor
from openautoglm.fuse.strategies import STRATEGIES


def numbered(rows: int, columns: int) -> ColumnValues:
    cells = [{f"c{column}": row + column / 100 for column in range(columns)} for row in range(rows)]
    return ColumnsProcessor.fit(cells, {f"c{column}": "number" for column in range(columns)})(cells)


@given(some.text(min_size=1, max_size=30), some.floats(0, 1), some.integers(0, 99))
def test_a_share_of_the_text_gives_way(text: str, strength: float, seed: int) -> None:
    stranger = "\U0001f500"
    found = shuffled_text(text, strength, stranger, random.Random(seed))
    assert len(found) == len(text)
    same = sum(a == b for a, b in zip(found, text, strict=True))
    assert len(text) - same == round(strength * len(text)) or stranger in text


def test_pictures_go_over_to_noise() -> None:
    pixels, generator = torch.ones(3, 3, 16, 16), torch.Generator().manual_seed(0)
    found = noisy_pixels(pixels, torch.tensor([0.0, 0.5, 1.0]), generator)
    assert found[0].equal(pixels[0])
    assert found.mean((1, 2, 3)).tolist() == pytest.approx([1.0, 0.75, 0.5], abs=0.03)
    assert found[1].min() >= 0.5 > found[2].min()


def test_a_share_of_the_cells_comes_from_other_rows_of_the_same_column() -> None:
    values = numbered(rows=400, columns=10)
    strengths = torch.tensor([0.0, 0.5, 1.0, 0.3]).repeat(100)
    found = permuted_columns(values, strengths, torch.Generator().manual_seed(0))
    moved = (found.numbers != values.numbers).sum(1).view(100, 4).float()
    # A row is its own donor once in 400 times.
    assert moved.amax(0).tolist() == [0, 5, 10, 3] and moved.mean(0)[2] > 9.8
    assert all(set(found.numbers[:, c].tolist()) <= set(values.numbers[:, c].tolist()) for c in range(10))


def test_conditions_are_what_they_say() -> None:
    rows = 4000
    found = conditions(rows, seed=1)
    assert all(bool(one.present.any(1).all()) for one in found.values())
    assert found["clean"].present.all() and not found["clean"].views.any()
    assert float(found["missing text 75%"].present[:, 1].float().mean()) == pytest.approx(0.25, abs=0.03)
    assert found["missing text 75%"].present[:, [0, 2]].all()
    # Three dice at one half lose all in an eighth of the rows, which then keep one.
    there = found["missing 50%"].present.float().sum(1)
    assert float(there.mean()) == pytest.approx(1.5 + 1 / 8, abs=0.05)
    corrupted = found["corrupted"]
    assert corrupted.present.all() and set(corrupted.views.unique().tolist()) == {0, MIXED}
    assert (corrupted.views == MIXED).float().mean() == pytest.approx(0.5, abs=0.03)
    strengths = measured_strengths(rows, torch.Generator().manual_seed(0))
    for number, level in enumerate(LEVELS, MIXED + 1):
        views = found[f"columns at {level:g}"].views
        assert (views[:, 2] == number).all() and not views[:, :2].any()
        assert (strengths[number] == level).all()


def test_spearman_agrees_with_scipy_ties_and_all() -> None:
    stats = pytest.importorskip("scipy.stats")
    dice = np.random.default_rng(0)
    one, other = dice.integers(0, 6, 200), dice.normal(size=200)
    found = spearman(torch.tensor(one, dtype=torch.float64), torch.tensor(other))
    assert found.item() == pytest.approx(stats.spearmanr(one, other).statistic, abs=1e-6)


def test_gates_that_are_reliability_follow_it_and_equal_ones_have_no_rho() -> None:
    rows = 300
    strengths = measured_strengths(rows, torch.Generator().manual_seed(0))
    drawn = conditions(rows, seed=0)
    places = torch.arange(3), torch.arange(rows).unsqueeze(1)
    gates = {key: 1 - strengths[one.views, places[1], places[0]] for key, one in drawn.items()}
    found = follow(gates, strengths)
    for key in ("apart", "joint", "within"):
        assert found[key]["mean"] == pytest.approx(1.0, abs=1e-5), key
    assert found["curve"]["text"] == pytest.approx([1, 0.75, 0.5, 0.25, 0])
    assert follow({key: -value for key, value in gates.items()}, strengths)["apart"]["image"] < -0.99
    equal = {key: torch.full_like(value, 1 / 3) for key, value in gates.items()}
    assert follow(equal, strengths)["apart"] is None


def test_all_strategies_have_one_size() -> None:
    target = fusion_training.Target.fit("category", ["a", "b"], "text")
    off = {name: fusion_training.Net(name, target).found.off for name in fusion_training.names()}
    assert set(STRATEGIES) < set(off)
    for method in (context_features.CONTEXT, context_features.ALIGNED_CONTEXT):
        off[method] = context_features.ContextNet(method, target).found.off
    assert max(off.values()) - min(off.values()) < 0.03


def made(folder: Path) -> FusionData:
    """Three colours of picture; a word and a number that tell them, too."""
    dice = random.Random(0)
    (folder / "images").mkdir(parents=True)
    rows: list[Row] = []
    for number in range(150):
        kind = number % 3
        colour = [(220, 30, 30, 255), (30, 200, 30, 255), (30, 30, 220, 255)][kind]
        Image.new("RGBA", (24, 16), colour).save(folder / f"images/{number}.webp")
        split = ("train", "train", "train", "validation", "test")[number // 3 % 5]
        row = {"id": str(number), "image": f"images/{number}.webp", "title": ("ruby", "leaf", "sea")[kind]}
        row |= {"category": "xyz"[kind], **dict.fromkeys(clipart.FIELDS.words, "")}
        row |= {name: str(10 * kind + dice.random()) for name in clipart.FIELDS.numbers}
        rows.append(row | {"split": split, "group": f"g{number}"})
    summary: Summary = write_table(rows, clipart.FIELDS, {}, folder)
    (folder / "built.json").write_text("{}")
    return FusionData(folder / "data.csv", clipart.FIELDS, summary)


def test_corruption_of_one_modality_moves_its_vectors_alone(tmp_path: Path) -> None:
    table = read(made(tmp_path))
    kinds = dict.fromkeys(clipart.FIELDS.numbers, "number") | dict.fromkeys(clipart.FIELDS.words, "text")
    towers = Towers(table, kinds, {"image": 1, "text": 1, "columns": 1}, seed=0)
    strengths = torch.zeros(4, len(table.test.labels), 3)
    for place in range(3):
        strengths[place + 1, :, place] = 1.0
    seen = towers.see(table.test, strengths, seed=0)
    for place, views in enumerate(seen.modalities):
        for view in range(1, 4):
            assert views.pooled[view].allclose(views.pooled[0], atol=1e-5) == (view != place + 1)
    assert seen.columns[1].nan_to_num().equal(seen.columns[0].nan_to_num())
    assert not seen.columns[3].nan_to_num().equal(seen.columns[0].nan_to_num())
    assert seen.strengths.equal(strengths)


def test_the_small_form_learns_writes_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = made(tmp_path / "data")
    for module in (figures, fusion, fusion_report):
        for name in ("ROOT", "RUNS"):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, tmp_path)
    monkeypatch.setattr(fusion, "DATA", {"clip art": lambda: data})
    monkeypatch.setattr(sys, "argv", ["fusion", "--quick"])
    fusion.main()
    content = json.loads((tmp_path / "results" / "fusion.json").read_text())
    found = {name: entry["value"] for name, entry in content["figures"].items()}
    assert {"attention_minus_concat_corrupted", "gate_spearman", "extra_params"} <= found.keys()
    ours = content["figures"]["attention_minus_concat_corrupted"]["note"].split("; ")[1].split(",")[0]
    assert ours in fusion_training.GATED
    assert found["attention_minus_concat_corrupted"] == pytest.approx(
        found[f"{ours}_corrupted"] - found["concat_corrupted"], abs=2e-4
    )
    assert abs(found["extra_params"]) <= found["extra_params_worst"] <= 0.03
    methods = {row["method"] for row in content["rows"]}
    assert methods == {*fusion_training.names(), "trees"}
    assert (tmp_path / "results" / "fusion.png").read_bytes().startswith(b"\x89PNG")
    assert found["trees_clean"] == 1.0

    capsys.readouterr()
    monkeypatch.setattr(fusion, "run", lambda *_: pytest.fail("the seed was run again"))
    fusion.main()
    assert "kept from an earlier run" in capsys.readouterr().out
    assert json.loads((tmp_path / "results" / "fusion.json").read_text())["rows"] == content["rows"]


def test_the_ablation_of_context_features_writes_what_they_add(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = made(tmp_path / "data")
    for module in (figures, fusion):
        for name in ("ROOT", "RUNS"):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, tmp_path)
    monkeypatch.setattr(fusion, "DATA", {"clip art": lambda: data})
    monkeypatch.setattr(sys, "argv", ["context_features", "--quick"])
    context_features.main()
    content = json.loads((tmp_path / "results" / "context-features.json").read_text())
    found = {name: entry["value"] for name, entry in content["figures"].items()}
    for condition in context_features.SHOWN.values():
        own = {
            method: found[f"clip_art_{method.replace(' ', '_')}_{condition}"]
            for method in context_features.METHODS
        }
        gain = own["context"] - own["mean_pool"]
        assert found[f"clip_art_context_gain_{condition}"] == pytest.approx(gain, abs=2e-4)
    assert found["clip_art_off"] <= 0.03


def test_context_changes_the_text_only_where_there_are_both() -> None:
    torch.manual_seed(0)
    target = fusion_training.Target.fit("category", ["a", "b"], "text")
    net = context_features.ContextNet(context_features.CONTEXT, target).eval()
    views = [Views(torch.randn(1, 3, DIM), torch.randn(1, 3, 4, DIM), torch.ones(1, 3, 4, dtype=torch.bool),
                   torch.zeros(1, 3)) for _ in range(3)]  # fmt: skip
    seen, rows = Seen((views[0], views[1], views[2]), torch.zeros(1, 3, 1), torch.zeros(3)), torch.arange(3)
    present = torch.tensor([[True, True, True], [False, True, True], [True, False, True]])
    condition = fusion_training.Condition(torch.zeros(3, 3, dtype=torch.long), present)
    before = net(seen, rows, condition)[0]["category"]
    views[0].tokens.mul_(-1)  # other patches, the same pooled vector
    moved = (net(seen, rows, condition)[0]["category"] - before).abs().amax(-1) > 1e-6
    assert moved.tolist() == [True, False, False]
