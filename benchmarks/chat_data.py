"""Two catalogues to talk about: a made-up shop in two languages, and the pictograms with their columns."""

from __future__ import annotations

import csv
import datetime as dt
import json
import random
from pathlib import Path
from typing import Any

from benchmarks.figures import ROOT
from openautoglm.catalog.schema import Roles
from openautoglm.workspace import Workspace

PICTOGRAMS = ROOT / "examples" / "pictograms" / "pictograms.csv"

THINGS = {
    ("bicycle", "自行车", "outdoor", "户外"): (120, 900, 12.0),
    ("helmet", "头盔", "outdoor", "户外"): (20, 120, 0.5),
    ("tent", "帐篷", "outdoor", "户外"): (60, 400, 3.0),
    ("backpack", "背包", "outdoor", "户外"): (25, 180, 1.1),
    ("drill", "电钻", "tools", "工具"): (35, 260, 1.8), ("hammer", "锤子", "tools", "工具"): (8, 45, 0.8),
    ("lamp", "台灯", "home", "家居"): (12, 150, 1.5), ("chair", "椅子", "home", "家居"): (30, 350, 6.0),
    ("kettle", "水壶", "kitchen", "厨房"): (15, 90, 1.2), ("mug", "杯子", "kitchen", "厨房"): (4, 25, 0.3),
}  # fmt: skip
"""English and Chinese name and category → least and greatest price, weight in kg."""
STYLES = (
    ("folding", "折叠"),
    ("light", "轻便"),
    ("classic", "经典"),
    ("sturdy", "坚固"),
    ("modern", "现代"),
    ("wooden", "木制"),
)
COLOURS = (("red", "红色"), ("blue", "蓝色"), ("green", "绿色"), ("black", "黑色"), ("white", "白色"))
BRANDS = ("Acme", "Borealis", "Corvo", "Dunlin", "Everhart")
TAGS = ("sale", "gift", "handmade", "recycled", "limited")


def products(count: int = 400, seed: int = 0) -> list[dict[str, Any]]:
    """Make the shop's rows; some lack a brand, a price or a date, as in life."""
    rng = random.Random(seed)
    rows = []
    for place in range(count):
        (thing, thing_zh, category, category_zh), (low, high, weight) = rng.choice(list(THINGS.items()))
        (style, style_zh), (colour, colour_zh) = rng.choice(STYLES), rng.choice(COLOURS)
        day = dt.date(2018, 1, 1) + dt.timedelta(days=rng.randrange(7 * 365))
        rows.append(
            {
                "id": f"p{place:03}",
                "title": f"{colour} {style} {thing}",
                "title_zh": f"{colour_zh}{style_zh}{thing_zh}",
                "brand": rng.choice(BRANDS) if rng.random() < 0.95 else None,
                "category": category,
                "category_zh": category_zh,
                "colour": colour,
                "price": round(rng.uniform(low, high), 2) if rng.random() < 0.97 else None,
                "released": day.isoformat() if rng.random() < 0.97 else None,
                "rating": round(rng.uniform(2.0, 5.0), 1),
                "weight_kg": round(weight * rng.uniform(0.7, 1.4), 2),
                "tags": sorted(rng.sample(TAGS, rng.randint(0, 2))),
            }
        )
    return rows


def pictograms(most: int = 2400) -> list[dict[str, Any]]:
    """Read the pictograms' texts and columns; pictures are not needed for words."""
    with PICTOGRAMS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    rows = rows[:: max(1, len(rows) // most)]
    return [
        {
            **{name: row[name] for name in ("id", "label_en", "label_zh", "group", "subgroup", "house")},
            "tags": row["tags_en"].split(", "),
        }
        for row in rows
    ]


def shop(folder: Path, *, quick: bool = False) -> Workspace:
    """Make the workspace of the shop."""
    roles = Roles(
        text=("title", "title_zh"), id="id", tags=("tags",),
        columns=("brand", "category", "category_zh", "colour", "price", "released", "rating", "weight_kg"),
    )  # fmt: skip
    return _made(folder / "shop", products(150 if quick else 400), roles)


def drawings(folder: Path, *, quick: bool = False) -> Workspace:
    """Make the workspace of the pictograms."""
    roles = Roles(
        text=("label_en", "label_zh"), id="id", tags=("tags",), columns=("group", "subgroup", "house")
    )
    return _made(folder / "pictograms", pictograms(600 if quick else 2400), roles)


def _made(folder: Path, rows: list[dict[str, Any]], roles: Roles) -> Workspace:
    folder.mkdir(parents=True, exist_ok=True)
    table = folder / "rows.jsonl"
    lines = (
        json.dumps(
            {name: value for name, value in row.items() if value not in (None, [], "")}, ensure_ascii=False
        )
        for row in rows
    )
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    workspace = Workspace.open(folder / "workspace", create=True)
    report = workspace.add(table, roles=roles)
    if report.skipped:
        raise RuntimeError(f"{len(report.skipped)} rows were skipped: {report.skipped[0]}")
    return workspace
