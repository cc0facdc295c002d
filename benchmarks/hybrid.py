"""make bench-hybrid: what words beside vectors bring, and how the two are best put together.

A catalogue as people have them: the pictograms of four houses, of which a quarter has an English caption, a
quarter a Chinese one, a quarter tags in one of the languages, and a quarter no word at all. It is searched
with the seed-0 model of `make bench-unseen-style` (run that first), which knows three of the houses. Queries:
a concept's English and Chinese label, the English one mistyped, and one of its tags; relevant are all
drawings of the concept, for a tag of every concept that has it. Figure: nDCG@10 (Järvelin and Kekäläinen
2002, gain 1), and its 95 % interval over concepts.

Compared in the same run: vectors alone, words alone, both by reciprocal ranks (Cormack et al. 2009, k = 60,
100 rows of each), both by the sum that the product has (`search/rank.py`). How much words weigh in it, LIFT,
was chosen on a tenth of the concepts, which the figures leave out; `rows` tell what each weight gives there.
"""

from __future__ import annotations

import csv
import random
import re
import shutil
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from examples.pictograms.demo import HERE

from benchmarks.figures import RUNS, figure, write
from openautoglm import Workspace
from openautoglm.catalog.schema import Roles
from openautoglm.evaluate.bootstrap import bootstrap
from openautoglm.search import find

KINDS = ("label_en", "label_zh", "typo", "tag")
LIFTS = (0.0, 1.0, 2.0, 3.0, 4.0, 6.0)
CONCEPTS = 400
QUICK_CONCEPTS = 6
DEPTH = 100
RRF = 60


def main() -> None:
    """Build the catalogue, search it in each way, and write the figures."""
    quick = "--quick" in sys.argv[1:]
    model = RUNS / ("unseen-style-quick" if quick else "unseen-style") / "models" / "seed-0"
    if not model.is_dir():
        sys.exit(
            "there is no model to search with; run make bench-unseen-style first" + (" (QUICK=1)" * quick)
        )
    pictograms = _pictograms(houses=1 if quick else 4)
    shop = _catalogue(RUNS / ("hybrid-quick" if quick else "hybrid"), pictograms)
    shop.index(model, progress=True)
    concepts = sorted({row["concept"] for row in pictograms})
    random.Random(1).shuffle(concepts)
    tenth = len(concepts) // 10
    size = QUICK_CONCEPTS if quick else CONCEPTS
    relevant = _relevant(pictograms)
    tuning = _queries(pictograms, concepts[:tenth][:size])
    testing = _queries(pictograms, concepts[tenth:][:size])

    rows: list[dict[str, Any]] = []
    product = find.LIFT
    for lift in LIFTS:
        find.LIFT = lift
        rows.append(
            {"concepts": "tuning", "way": f"sum, LIFT {lift:g}", **_measured(shop, tuning, relevant, "auto")}
        )
        print(rows[-1])
    find.LIFT = product
    rows.append({"concepts": "tuning", "way": "reciprocal ranks", **_measured(shop, tuning, relevant, "rrf")})
    print(rows[-1])

    figures: dict[str, Any] = {}
    for key, way in (("vectors", "vectors"), ("words", "words"), ("rrf", "rrf"), ("sum", "auto")):
        row = _measured(shop, testing, relevant, way)
        rows.append({"concepts": "test", "way": key, **row})
        print(rows[-1])
        figures[f"ndcg10_{key}"] = figure(row["ndcg10"], "fraction", low=row["low"], high=row["high"])
    figures["lift"] = figure(product, "standard deviations")
    write("hybrid", figures, rows, quick=quick)


def _pictograms(houses: int) -> list[dict[str, str]]:
    with (HERE / "pictograms.csv").open(encoding="utf-8", newline="") as file:
        rows = [dict(row) for row in csv.DictReader(file)]
    wanted = sorted({row["house"] for row in rows})[:houses]
    return [row for row in rows if row["house"] in wanted]


def _catalogue(folder: Path, rows: Sequence[dict[str, str]]) -> Workspace:
    """The pictograms with some words each, drawn by a seed."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    draw = random.Random(0)
    table = folder.with_suffix(".csv")
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("id", "image", "caption"))
        for number, row in enumerate(rows):
            kept = draw.choice(("label_en", "label_zh", draw.choice(("tags_en", "tags_zh")), ""))
            writer.writerow((number, HERE / row["image"], row[kept] if kept else ""))
    shop = Workspace.open(folder, create=True)
    print(shop.add(table, roles=Roles(id="id", image="image", text=("caption",))))
    return shop


def tags_of(row: dict[str, str]) -> list[str]:
    """List a pictogram's tags in both languages."""
    parts = re.split("[,、，;|]", f"{row['tags_en']},{row['tags_zh']}")
    return [tag.strip() for tag in parts if tag.strip()]


def _relevant(rows: Sequence[dict[str, str]]) -> Callable[[str, str], set[str]]:
    by_concept, by_tag = defaultdict(set), defaultdict(set)
    for number, row in enumerate(rows):
        by_concept[row["concept"]].add(str(number))
        for tag in tags_of(row):
            by_tag[tag].add(str(number))
    return lambda kind, name: by_tag[name] if kind == "tag" else by_concept[name]


def _queries(rows: Sequence[dict[str, str]], concepts: Iterable[str]) -> list[tuple[str, str, str, str]]:
    """(concept, kind, text, what `_relevant` knows it by)."""
    first: dict[str, dict[str, str]] = {}
    for row in rows:
        first.setdefault(row["concept"], row)
    draw = random.Random(2)
    found = []
    for concept in concepts:
        row = first[concept]
        found += [(concept, kind, row[kind], concept) for kind in KINDS[:2]]
        if typo := _mistyped(row["label_en"], draw):
            found.append((concept, "typo", typo, concept))
        if tags := tags_of(row):
            tag = draw.choice(tags)
            found.append((concept, "tag", tag, tag))
    return found


def _mistyped(text: str, draw: random.Random) -> str | None:
    """Leave a letter out of a word of five or more, not its first."""
    words = list(re.finditer(r"[a-z]{5,}", text.lower()))
    if not words:
        return None
    word = draw.choice(words)
    place = draw.randrange(word.start() + 1, word.end())
    return text[:place] + text[place + 1 :]


def _measured(
    shop: Workspace,
    queries: Sequence[tuple[str, str, str, str]],
    relevant: Callable[[str, str], set[str]],
    way: str,
) -> dict[str, Any]:
    kinds: dict[str, list[float]] = defaultdict(list)
    concepts: dict[str, list[float]] = defaultdict(list)
    for concept, kind, text, name in queries:
        gain = _ndcg10(_ids(shop, text, way), relevant(kind, name))
        kinds[kind].append(gain)
        concepts[concept].append(gain)
    means = np.array([np.mean(one) for one in concepts.values()])
    whole = bootstrap({"ndcg10": (means, "mean")})["ndcg10"]
    return {
        "ndcg10": whole.value,
        "low": whole.low,
        "high": whole.high,
        **{kind: float(np.mean(kinds[kind])) for kind in KINDS if kinds[kind]},
        "queries": len(queries),
    }


def _ids(shop: Workspace, text: str, way: str) -> list[str]:
    if way != "rrf":
        return [hit.id for hit in shop.search(text, by=way, k=10, fold=False)]  # type: ignore[arg-type]
    points: dict[str, float] = defaultdict(float)
    for by in ("vectors", "words"):
        for rank, hit in enumerate(shop.search(text, by=by, k=DEPTH, fold=False), 1):
            points[hit.id] += 1 / (RRF + rank)
    return sorted(points, key=lambda name: (-points[name], name))[:10]


def _ndcg10(ids: Sequence[str], relevant: set[str]) -> float:
    discounts = 1 / np.log2(np.arange(2, 12))
    gained = sum(discount for discount, name in zip(discounts, ids, strict=False) if name in relevant)
    return float(gained / discounts[: len(relevant)].sum())


if __name__ == "__main__":
    main()
