"""The run's diary, `log.jsonl`, and its picture, `curves.png`.

The diary has a line for every few steps and one for each look at the validation figures. A resumed run
cuts off the lines behind its checkpoint before it writes its own, so it reads as if nothing had happened.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from openautoglm.train.checkpoint import changing, write_atomic


def means(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Mean of each figure over the rows that have it.

    >>> means([{"loss": 1.0}, {"loss": 2.0, "norm": 5.0}])
    {'loss': 1.5, 'norm': 5.0}
    """
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: fmean(row[name] for row in rows if name in row) for name in names}


class Log:
    """Figures by step, in memory and on disk.

    Args:
        folder: where `log.jsonl` lies.
        step: lines of later steps are dropped; 0 begins a new diary.

    Raises:
        TrainingError: if the folder cannot be written, here or by `add`; what is there stays.
    """

    def __init__(self, folder: Path, step: int) -> None:
        self.path = folder / "log.jsonl"
        self.rows = [row for row in _read(self.path) if row["step"] <= step] if step else []
        with changing(self.path):
            folder.mkdir(parents=True, exist_ok=True)
            self.path.write_text("".join(json.dumps(row) + "\n" for row in self.rows), encoding="utf-8")

    def add(self, step: int, **figures: Any) -> None:
        """Write one line."""
        row = {"step": step, **figures}
        self.rows.append(row)
        with changing(self.path), self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


def draw_curves(rows: list[dict[str, Any]], path: Path) -> None:
    """Losses, learning rate, the losses' weights and validation figures over the steps, one panel each."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    known = ("step", "seconds", "images_per_second", "norm")
    names = list(dict.fromkeys(name for row in rows for name in row if name not in known))
    losses = [name for name in names if "loss" in name]
    weights = [name for name in names if name.endswith("_weight")]
    figures = [name for name in names if name not in (*losses, *weights, "learning_rate")]
    panels = [("loss", losses), ("learning rate", ["learning_rate"])]
    panels += [(title, curves) for title, curves in (("weights", weights), ("validation", figures)) if curves]

    picture = Figure(figsize=(4.5 * len(panels), 3.2), layout="constrained")
    FigureCanvasAgg(picture)
    for axes, (title, curves) in zip(picture.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        for name in curves:
            points = [(row["step"], row[name]) for row in rows if name in row]
            axes.plot(*zip(*points, strict=True), label=name, marker="." if len(points) < 20 else None)
        axes.set(title=title, xlabel="step")
        axes.grid(alpha=0.3)
        if len(curves) > 1:
            axes.legend(fontsize="small")
    write_atomic(path, lambda file: picture.savefig(file, format="png", dpi=120))


def _read(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a diary; a crash may have left half a line at its end."""
    if not path.exists():
        return []
    rows = []
    for line in path.read_text(encoding="utf-8").split("\n")[:-1]:
        try:
            rows.append(json.loads(line))
        except ValueError:
            break
    return rows
