"""A small shop to talk about, in two languages, with every kind of column; found by words, no model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from openautoglm.catalog.schema import Roles
from openautoglm.workspace import Workspace

COLOURS = (("red", "红色"), ("blue", "蓝色"), ("green", "绿色"))
THINGS = (("bicycle", "自行车", "outdoor"), ("lamp", "台灯", "home"), ("kettle", "水壶", "kitchen"))


def rows() -> list[dict[str, Any]]:
    """27 rows: each thing in each colour three times, at 10, 20, … euros."""
    made: list[dict[str, Any]] = []
    for thing, thing_zh, category in THINGS:
        for colour, colour_zh in COLOURS:
            for style in ("classic", "folding", "wooden"):
                place = len(made)
                made.append(
                    {
                        "id": f"r{place:02}",
                        "title": f"{colour} {style} {thing}",
                        "title_zh": f"{colour_zh}{thing_zh}",
                        "brand": ("Acme", "O'Neill")[place % 2],
                        "category": category,
                        "colour": colour,
                        "price": 10.0 * (place + 1),
                        "released": f"{2018 + place % 6}-03-01",
                        "weight_kg": 1.5 + place % 4,
                        "in stock": place % 3 == 0,
                        "tags": [("sale", "gift", "new in")[place % 3]],
                    }
                )
    return made


def shop(folder: Path) -> Workspace:
    """Make the workspace."""
    (folder / "rows.jsonl").write_text("\n".join(map(json.dumps, rows())), encoding="utf-8")
    workspace = Workspace.open(folder / "shop", create=True)
    columns = ("brand", "category", "colour", "price", "released", "weight_kg", "in stock")
    roles = Roles(text=("title", "title_zh"), id="id", columns=columns, tags=("tags",))
    assert not workspace.add(folder / "rows.jsonl", roles=roles).skipped
    return workspace
