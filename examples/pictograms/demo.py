"""The main job on real pictures: catalogue → training → evaluation → index → search in two languages.

`make demo` runs it. Four houses drew the same pictograms: `mini` learns from three of them and is searched
on the fourth, whose style it has never seen. Only `Workspace` is used; before each step stands the command
that does the same.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from pathlib import Path
from typing import Any

from openautoglm import Workspace

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
LABELS = ("label_en", "label_zh")
TAGS = ("tags_en", "tags_zh")
UNSEEN = "house = 'fluent'"
SEARCHES = ("red apple", "a cat that laughs", "musical instrument", "下雨", "火车", "生日蛋糕")
QUICK_MINUTES = 0.5


def main() -> None:
    """Run the demo from the command line."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument(
        "--quick", action="store_true", help="half a minute of training: shows that all works"
    )
    options.add_argument(
        "--out", type=Path, default=ROOT / "runs" / "demo", help="folder of everything it writes"
    )
    given = options.parse_args()
    run(given.out, quick=given.quick)


def run(out: Path, *, quick: bool = False) -> dict[str, Any]:
    """Do the whole job below `out`, anew; returns recall@1 on the unseen house and the minutes it took."""
    start = time.monotonic()
    shutil.rmtree(out, ignore_errors=True)
    folder, sheets = out / "shop", out / "sheets"
    sheets.mkdir(parents=True)

    _say("autoglm add shop pictograms.csv --image image --text label_en,label_zh --tags tags_en,tags_zh …")
    shop = Workspace.open(folder, create=True)
    print(shop.add(HERE / "pictograms.csv", roles=roles()))
    print(shop.show())

    _say("autoglm fit shop" + (f" --minutes {QUICK_MINUTES}" if quick else ""))
    print(shop.fit("mini", train={"minutes": QUICK_MINUTES} if quick else None))

    _say("autoglm evaluate shop --text label_en,label_zh")
    report = shop.evaluate(fields=LABELS, folder=out / "report")
    print(report)

    for number, text in enumerate(SEARCHES, 1):
        sheet = sheets / f"{number}-{text.replace(' ', '-')}.png"
        _say(f"autoglm search shop '{text}' --by image --where \"{UNSEEN}\" --sheet {sheet.name}")
        for hit in shop.search(text, where=UNSEEN, k=12, by="image", sheet=sheet)[:3]:
            print(f"  {hit.score:.3f}  {hit.id}  {hit.row['label_en']}  {hit.row['label_zh']}")

    figures = {
        f"r1_{field[-2:]}": report.find("text→image", field=field).figures["recall@1"].value
        for field in LABELS
    }
    figures["minutes_all"] = (time.monotonic() - start) / 60
    (out / "figures.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    _close(out, folder, figures)
    return figures


def roles() -> Any:
    """What the table's columns are for."""
    from openautoglm.catalog.schema import Roles

    return Roles(
        image="image",
        text=LABELS,
        tags=TAGS,
        columns=("house", "subgroup", "group"),
        id="id",
        group="concept",
        split="split",
    )


def _say(command: str) -> None:
    print(f"\n$ {command}", flush=True)


def _close(out: Path, folder: Path, figures: dict[str, Any]) -> None:
    def near(path: Path) -> str:
        return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)

    english, chinese = (f"{figures[key]:.3f}" for key in ("r1_en", "r1_zh"))
    print(
        f"\nRecall@1 on the unseen drawing style: {english} English, {chinese} Chinese; "
        f"{figures['minutes_all']:.1f} minutes in all."
        f"\nReport  {near(out / 'report' / 'report.md')}"
        f"\nSheets  {near(out / 'sheets')}"
        f"\n\nNow type:\n  .venv/bin/autoglm search {near(folder)} 'a house in the snow' --sheet hits.png"
        f"\n  .venv/bin/autoglm search {near(folder)} --image YOUR.png --where \"house = 'noto'\""
        f"\n  .venv/bin/autoglm add myshop YOUR_PICTURES/ && .venv/bin/autoglm fit myshop"
    )


if __name__ == "__main__":
    main()
