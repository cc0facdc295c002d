"""The diary survives a crash and continues as if there had been none."""

from __future__ import annotations

from pathlib import Path

import pytest

from openautoglm.train.errors import TrainingError
from openautoglm.train.log import Log, draw_curves


def test_a_resumed_diary_reads_like_an_uninterrupted_one(tmp_path: Path) -> None:
    log = Log(tmp_path, 0)
    for step in (10, 20, 30):
        log.add(step, loss=float(step))
    with log.path.open("a") as file:
        file.write('{"step": 40, "lo')  # the power went
    again = Log(tmp_path, 20)
    again.add(30, loss=3.5)
    assert [(row["step"], row["loss"]) for row in Log(tmp_path, 99).rows] == [
        (10, 10.0),
        (20, 20.0),
        (30, 3.5),
    ]


def test_a_new_run_begins_a_new_diary(tmp_path: Path) -> None:
    Log(tmp_path, 0).add(10, loss=1.0)
    assert Log(tmp_path, 0).rows == []


def test_it_needs_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainingError, match="cannot be written"):
        Log(tmp_path / "file", 0)


def test_a_disk_that_fills_up_is_said(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        return
    (tmp_path / "log.jsonl").symlink_to("/dev/full")
    with pytest.raises(TrainingError, match=r"log\.jsonl: cannot be written .* free some space"):
        Log(tmp_path, 0).add(10, loss=1.0)


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [{"step": 10, "loss": 2.0, "learning_rate": 0.1, "norm": 1.0}],
        [{"step": 1, "loss": 2.0, "pictures_loss": 1.0, "learning_rate": 0.1}, {"step": 2, "recall": 0.5}],
        [
            {"step": 1, "loss": 2.0, "learning_rate": 0.1, "a_weight": 1.0, "b_weight": 0.5},
            {"step": 2, "r": 1},
        ],
    ],
    ids=["nothing", "one line", "with validation", "with weights"],
)
def test_curves_of_whatever_there_is(tmp_path: Path, rows: list[dict[str, float]]) -> None:
    draw_curves(rows, tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
