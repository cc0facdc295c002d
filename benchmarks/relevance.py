"""make bench-relevance: whether a search knows where its relevant pictures end, and when there are none.

The gallery are the pictograms of all four houses, a tenth of whose concepts is taken out. It is searched by
picture (`by="image"`: words would give the answer away) with a model that learned labels and single tags
from three of the houses (half an hour, the first time). Another tenth of the concepts is the validation
split, from whose labels and tags `index` learns where relevance ends (`search/calibration.py`). Queries are
the labels and tags, English and Chinese, that no validation row has: PRESENT of those that a picture of the
gallery has, and all that none has.

    cut F1 over oracle  mean F1 of the cuts / mean F1 of the best cut that each list could have
    false found         something matches, says the search, though nothing does
    false nothing       nothing matches, says it, though something does

The cut is measured on every list as if something had been found, then on those where the search says that
something matches, then with "nothing matches" counted as F1 = 0. Beside it, in hindsight: the flat cutoff of
the cosine and the flat number of rows that have the best mean F1 on these very queries, and the false nothing
of a flat cutoff that lets as few absent ones pass.
"""

from __future__ import annotations

import csv
import random
import shutil
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from examples.pictograms.demo import HERE
from numpy.typing import NDArray

from benchmarks.figures import RUNS, figure, write
from benchmarks.hybrid import tags_of
from benchmarks.unseen_style import QUICK, Recipe, measure, open_shop
from openautoglm import Workspace
from openautoglm.catalog.schema import Roles
from openautoglm.evaluate.bootstrap import bootstrap
from openautoglm.model import OpenAutoGLM
from openautoglm.search.background import Background
from openautoglm.search.relevance import End
from openautoglm.search.vectors import IMAGE

MODEL = Recipe({"minutes": None, "steps": 2_000}, style_mix=0.1, bolder=1.0)
PRESENT = 2000
QUICK_QUERIES = 60
DEPTH = 100
LABELS = ("label_en", "label_zh")


@dataclass(frozen=True)
class Asked:
    """A query and what came of it."""

    text: str
    kind: str
    """"label" or "tag"."""
    cosines: NDArray[np.float64]
    """(n,) of the best pictures."""
    right: NDArray[np.bool_]
    """(n,)"""
    count: int
    """Relevant pictures in the gallery."""
    relevant: int
    """So many of the best match, says the search."""
    cut: int
    """So many would, were the query known to have any."""

    def f1(self, end: int) -> float:
        """Of the cut behind `end` rows."""
        return 2 * float(self.right[:end].sum()) / (end + self.count) if end else 0.0

    @property
    def best(self) -> float:
        """F1 of the best cut."""
        return max(self.f1(end) for end in range(1, len(self.right) + 1))


def main() -> None:
    """Build the gallery, ask, and write the figures."""
    quick = "--quick" in sys.argv[1:]
    folder = taught(quick)
    shop, said, gone = _gallery(RUNS / ("relevance-quick" if quick else "relevance"))
    print(shop.index(folder, progress=True))
    draw = random.Random(3)
    present = draw.sample(sorted(said), QUICK_QUERIES if quick else PRESENT)
    absent = draw.sample(sorted(gone), QUICK_QUERIES) if quick else sorted(gone)
    model = OpenAutoGLM.from_pretrained(folder)
    end = End.read(shop.catalog.folder, model.fingerprint())
    if end is None:
        sys.exit("nothing was learned about the end of relevance; the gallery has too few validation texts")
    here = _asked(shop, model, end, {text: said[text] for text in present})
    away = _asked(shop, model, end, {text: (gone[text], set()) for text in absent})

    rows = []
    for kind in ("label", "tag"):
        found = [one for one in here if one.kind == kind]
        row = {"queries": kind, **_measured(found, [one for one in away if one.kind == kind])}
        rows.append(row)
        print(row)
    found = [one for one in here if one.relevant]
    figures = {
        "cut_f1_over_oracle": _ratio(here, [one.f1(one.cut) for one in here]),
        "found_f1_over_oracle": _ratio(found, [one.f1(one.relevant) for one in found]),
        "shown_f1_over_oracle": _ratio(here, [one.f1(one.relevant) for one in here]),
        "flat_f1_over_oracle": _flat_cutoff(here),
        "count_f1_over_oracle": _flat_count(here),
        "false_found": _share([one.relevant > 0 for one in away]),
        "false_nothing": _share([one.relevant == 0 for one in here]),
    }
    figures["false_nothing_flat"] = _nothing_by_cutoff(here, away, figures["false_found"]["value"])
    print(figures)
    write("relevance", figures, rows, quick=quick)


def taught(quick: bool) -> Path:
    """The model's folder; trained where it is not there yet, going on where that was stopped."""
    recipe = replace(QUICK if quick else MODEL, train={"tag_share": 0.5, "single_tags": 0.6})
    shop = open_shop(RUNS / ("relevance-model-quick" if quick else "relevance-model"))
    measure(shop, 0, recipe)
    return shop.folder / "models" / "seed-0"


def _gallery(folder: Any) -> tuple[Workspace, dict[str, tuple[str, set[str]]], dict[str, str]]:
    """The catalogue; each present query's kind and relevant ids; each absent one's kind."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with (HERE / "pictograms.csv").open(encoding="utf-8", newline="") as file:
        rows = [dict(row) for row in csv.DictReader(file)]
    concepts = sorted({row["concept"] for row in rows})
    random.Random(0).shuffle(concepts)
    tenth = len(concepts) // 10
    gone, validation = set(concepts[:tenth]), set(concepts[tenth : 2 * tenth])
    table = folder.with_suffix(".csv")
    kinds: dict[str, str] = {}
    ids, learned = defaultdict(set), set()
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("id", "image", *LABELS, "tags", "split"))
        for number, row in enumerate(rows):
            for kind, texts in (("tag", tags_of(row)), ("label", [row[name] for name in LABELS])):
                for text in texts:
                    kinds[text] = kind
                    if row["concept"] not in gone:
                        ids[text].add(str(number))
                    if row["concept"] in validation:
                        learned.add(text)
            if row["concept"] not in gone:
                split = "validation" if row["concept"] in validation else "train"
                labels = [row[name] for name in LABELS]
                writer.writerow((number, HERE / row["image"], *labels, ", ".join(tags_of(row)), split))
    shop = Workspace.open(folder, create=True)
    roles = Roles(id="id", image="image", text=LABELS, tags=("tags",), split="split")
    print(shop.add(table, roles=roles))
    said = {text: (kinds[text], ids[text]) for text in kinds if ids[text] and text not in learned}
    return shop, said, {text: kind for text, kind in kinds.items() if not ids[text]}


def _asked(
    shop: Workspace, model: OpenAutoGLM, end: End, queries: dict[str, tuple[str, set[str]]]
) -> list[Asked]:
    background = Background.of(shop.catalog, model.fingerprint())
    vectors = model.encode(texts=list(queries))
    table = shop.catalog.dataset.to_table(columns=["id", IMAGE])
    pictures = np.asarray(table[IMAGE].combine_chunks().flatten(), np.float32).reshape(len(table), -1)
    places = {name: place for place, name in enumerate(table["id"].to_pylist())}
    found = []
    for (text, (kind, ids)), vector in zip(queries.items(), vectors, strict=True):
        results = shop.search(text, by="image", k=DEPTH, fold=False)
        cosines = np.array([hit.cosine for hit in results], np.float64)
        right = np.array([hit.id in ids for hit in results])
        cut = end.of(cosines, *background.judge(vector), pictures[[places[hit.id] for hit in results]])
        assert results.relevant is not None
        found.append(Asked(text, kind, cosines, right, len(ids), results.relevant, cut))
    return found


def _measured(here: Sequence[Asked], away: Sequence[Asked]) -> dict[str, Any]:
    best = np.mean([one.best for one in here])
    found = [one for one in here if one.relevant]
    return {
        "present": len(here),
        "absent": len(away),
        "f1_oracle": float(best),
        "cut_f1_over_oracle": float(np.mean([one.f1(one.cut) for one in here]) / best),
        "found_f1_over_oracle": _ratio(found, [one.f1(one.relevant) for one in found])["value"],
        "precision_found": float(np.mean([one.right[: one.relevant].mean() for one in found] or [0.0])),
        "false_found": float(np.mean([one.relevant > 0 for one in away])),
        "false_nothing": float(np.mean([one.relevant == 0 for one in here])),
    }


def _ratio(asked: Sequence[Asked], f1: Sequence[float]) -> dict[str, Any]:
    """Mean F1 as part of the mean of the best, with the interval of the former."""
    if not asked:
        return figure(0.0, "of best")
    best = float(np.mean([one.best for one in asked]))
    ratio = bootstrap({"ratio": (np.array(f1) / best, "mean")})["ratio"]
    return figure(ratio.value, "of best", low=ratio.low, high=ratio.high)


def _share(cases: Sequence[bool]) -> dict[str, Any]:
    share = bootstrap({"share": (np.array(cases, np.float64), "mean")})["share"]
    return figure(share.value, "fraction", low=share.low, high=share.high)


def _flat_cutoff(here: Sequence[Asked]) -> dict[str, Any]:
    cutoffs = np.quantile(np.concatenate([one.cosines for one in here]), np.linspace(0.0, 1.0, 400))
    chosen = max(
        cutoffs, key=lambda cutoff: np.mean([one.f1(int((one.cosines >= cutoff).sum())) for one in here])
    )
    return _ratio(here, [one.f1(int((one.cosines >= chosen).sum())) for one in here])


def _flat_count(here: Sequence[Asked]) -> dict[str, Any]:
    chosen = max(range(1, DEPTH + 1), key=lambda count: np.mean([one.f1(count) for one in here]))
    return _ratio(here, [one.f1(chosen) for one in here])


def _nothing_by_cutoff(here: Sequence[Asked], away: Sequence[Asked], passing: float) -> dict[str, Any]:
    """False "nothing" of a flat cutoff of the first cosine that lets the same share of absent ones pass."""
    cutoff = np.quantile([one.cosines[0] for one in away], 1 - passing)
    return _share([one.cosines[0] <= cutoff for one in here])


if __name__ == "__main__":
    main()
