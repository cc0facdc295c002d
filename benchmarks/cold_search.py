"""make bench-cold-search: from Enter to the hits, in a process of its own, as at a terminal.

`autoglm search SHOP "golden ginkgo avenue"` over the repository's pictograms, started again and again; the
files are in the system's page cache, as they are on a machine in use. Beside it `import torch`, which alone
takes longer, the same search with the whole model in torch, and what the parts of the quick one take.

The weights are random, and so are the vectors of the rows: neither changes how long a search takes. `mini`
is the preset's text tower, `vit-b-32` one of CLIP's size and vocabulary.
"""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
import time
from statistics import median
from typing import Any

import numpy as np
import pyarrow as pa
from examples.pictograms.demo import HERE

from benchmarks.encode import MODELS, make_clip, spread
from benchmarks.figures import ROOT, RUNS, figure, write
from openautoglm.model import OpenAutoGLM
from openautoglm.numpy_towers.text_tower import FILE
from openautoglm.search.background import Background
from openautoglm.search.vectors import KEY, VECTORS
from openautoglm.search.words import build_words
from openautoglm.workspace import Workspace
from openautoglm.workspace_models import WorkspaceModels

WORDS = "golden ginkgo avenue in autumn"
AUTOGLM = "from openautoglm.cli.app import main; main()"
PARTS = """
import json, sys, time
told, last = {}, time.perf_counter()
def lap(name):
    global last
    told[name], last = time.perf_counter() - last, time.perf_counter()
import openautoglm.cli.app
lap("command line")
from openautoglm.workspace import Workspace
import openautoglm.search.find
lap("numpy, Arrow, our modules")
shop = Workspace.open(sys.argv[1])
lap("lance, the table opened")
from openautoglm.search.query import Query
tower = shop._models.encoder(Query.of(sys.argv[2]))
assert "torch" not in sys.modules
lap("text tower, tokenizer")
tower.encode(texts=[sys.argv[2]])
lap("the query encoded")
shop.search(sys.argv[2])
lap("search")
print(json.dumps(told))
"""


def main() -> None:
    """Measure and write the figures."""
    quick = "--quick" in sys.argv[1:]
    runs = 1 if quick else 21
    rows = []
    for name in ("mini",) if quick else ("mini", "vit-b-32"):
        shop = prepare(name, 40 if quick else None)
        search = [AUTOGLM, "search", str(shop.folder), WORDS]
        tower = next(shop.folder.rglob(FILE))
        rows.append(timed(f"search, {name}", search, runs, items=shop.catalog.count()))
        rows += inside(name, shop, runs)
        aside = tower.rename(tower.with_suffix(".aside"))
        rows.append(timed(f"search, {name}, in torch", search, max(1, runs // 4)))
        aside.rename(tower)
    for what, code in (
        ("python", "pass"),
        ("import lance", "import lance"),
        ("import torch", "import torch"),
    ):
        rows.append(timed(what, [code], max(1, runs // 2)))
    write("cold-search", figures(rows), rows, quick=quick)


def prepare(name: str, limit: int | None) -> Workspace:
    """An indexed workspace of pictograms, whose vectors are made of nothing."""
    folder = RUNS / "cold-search" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    lines = (HERE / "pictograms.csv").read_text(encoding="utf-8").splitlines()
    table = HERE / ".cold-search.csv"  # beside the pictures, which it names relative to itself
    table.write_text("\n".join(lines[: limit and limit + 1]) + "\n", encoding="utf-8")
    try:
        shop = Workspace.open(folder / "shop", create=True)
        print(shop.add(table))
    finally:
        table.unlink()
    if name == "mini":
        model = OpenAutoGLM.from_config("mini")
        model.processor.fit_tokenizer(lines)
        home = shop.folder / "models" / name
        model.save_pretrained(home)
    else:
        home = folder / "clip"
        make_clip(home, MODELS[name])
        model = OpenAutoGLM.from_pretrained(home)
    ids = shop.catalog.read(["id"])["id"]
    dice = np.random.default_rng(0)
    columns: dict[str, Any] = {
        "id": ids,
        KEY: pa.array([f"{model.fingerprint()}:made of nothing"] * len(ids)),
    }
    for column in VECTORS:
        vectors = dice.standard_normal((len(ids), model.config.embed_dim)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        columns[column] = pa.FixedSizeListArray.from_arrays(vectors.reshape(-1), vectors.shape[1])
    shop.catalog.merge_columns(pa.table(columns))
    Background.draw(shop.catalog, model.fingerprint()).save(shop.folder, model.fingerprint())
    build_words(shop.catalog)
    shop.catalog.update_settings(model=name if name == "mini" else str(home))
    if why := WorkspaceModels(shop.catalog).why_not_alone(home, model):
        raise SystemExit(why)
    return shop


def timed(what: str, words: list[str], runs: int, **more: Any) -> dict[str, Any]:
    """Run Python on `words` again and again, after one run that warms the page cache."""
    taken, busy = [], []
    for run in range(runs + (runs > 1)):
        began, before = time.perf_counter(), _processor_seconds()
        done = subprocess.run([sys.executable, "-c", *words], cwd=ROOT, capture_output=True, text=True)
        taken.append(time.perf_counter() - began)
        busy.append(_processor_seconds() - before)
        if done.returncode:
            raise SystemExit(f"{what}: {done.stderr}")
        if run == 0 and runs > 1:
            taken.clear()
            busy.clear()
    row = {"what": what, "runs": runs, **spread(np.array(taken), "seconds"), **more}
    row["processor_seconds"] = round(median(busy), 2)
    interval = f"[{row['seconds_low']:.2f}, {row['seconds_high']:.2f}]"
    print(f"{what:<34}{row['seconds']:>7.2f} s   {interval}   processor {row['processor_seconds']:.2f} s")
    return row


def _processor_seconds() -> float:
    """Of all children so far; unlike the clock's, it hardly depends on what else the machine does."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def inside(name: str, shop: Workspace, runs: int) -> list[dict[str, Any]]:
    """Time the parts of a search within its process."""
    laps: list[dict[str, float]] = []
    for _ in range(runs):
        command = [sys.executable, "-c", PARTS, str(shop.folder), WORDS]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(done.stderr)
        laps.append(json.loads(done.stdout))
    told = []
    for part in laps[0]:
        seconds = round(median(lap[part] for lap in laps), 3)
        told.append({"what": f"search, {name}", "part": part, "seconds": seconds})
        print(f"  {part:<32}{seconds:>7.3f} s")
    return told


def figures(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Pick what the goals speak of: `seconds`, of the model of CLIP's size where it was measured."""
    whole = {row["what"]: row for row in rows if "part" not in row}
    found = {}
    names = {"search, mini": "seconds_mini", "search, vit-b-32": "seconds", "import torch": "import_torch"}
    names |= {"search, vit-b-32, in torch": "seconds_with_torch"}
    if "search, vit-b-32" not in whole:
        names["search, mini"] = "seconds"
    for what, key in names.items():
        if row := whole.get(what):
            items = f", {row['items']:,} pictures" if "items" in row else ""
            note = f"{what}{items}; median of {row['runs']} processes, files in the page cache; "
            note += f"{row['processor_seconds']} s of a processor"
            found[key] = figure(
                row["seconds"], "s", low=row["seconds_low"], high=row["seconds_high"], note=note
            )
    return found


if __name__ == "__main__":
    main()
