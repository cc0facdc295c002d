"""make bench-index: the index of neighbours beside exact numpy, faiss and usearch, on the same vectors.

The vectors are a trained model's of the pictograms (the newest workspace under `runs/`, or else one that is
trained in two minutes), repeated with noise up to 10,000, 100,000 and 1,000,000 rows of 256 numbers.

*Recall@10*: the share of the ten true neighbours that are found; by pictures (rows drawn like the others, but
not among them) and by texts (the model's vectors of real captions, which lie apart from the pictures').
*Effort*: every index is asked with the least effort (its `ef`, `nprobe` …) that finds .99 by pictures and by
texts, chosen on queries of their own. A peer that does not reach it is no peer of equal recall.
*Memory*: the highest resident size of a process that opens the index from disk and answers the queries one
by one, beside that of the process that builds it. Vectors are read in pieces, not held by the benchmark.
*Bytes*: what lies on the disk to answer from, vectors included.
*Filters*: `price < x` that passes 0.1, 1, 10 and 100 % of the rows, each query asked with each filter and
without in turn; recall@10 among the rows that pass.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.figures import ROOT, RUNS, figure, write

DIM = 256
SIZES = (10_000, 100_000, 1_000_000)
QUICK_SIZES = (2_000, 4_000)
NOISE = 0.03
QUERIES = 200
BLOCK = 50_000
SHARES = (0.001, 0.01, 0.1, 1.0)
FORMS = ("ours", "numpy", "faiss-hnsw", "faiss-ivfpq", "usearch")
EFFORTS: dict[str, tuple[Any, ...]] = {
    "faiss-hnsw": (16, 32, 64, 128, 256, 512, 1024, 2048),
    "faiss-ivfpq": ((4, 20), (8, 20), (16, 20), (32, 20), (32, 100), (64, 100), (128, 100), (256, 100)),
    "usearch": (32, 64, 128, 256, 512, 1024, 2048),
}
Search = Callable[[np.ndarray], np.ndarray]
"""A query (D,) → the rows (10,) nearest to it."""


def main() -> None:
    """Make the vectors, measure each form in processes of its own, write the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small sizes, and an index from 1,000 rows on")
    parser.add_argument("--sizes", type=int, nargs="+", help="other sizes; nothing is written")
    parser.add_argument("--child", nargs=3, metavar=("STEP", "FORM", "FOLDER"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        step, form, place = given.child
        print(json.dumps((build if step == "build" else answer)(form, Path(place), quick=given.quick)))
        return
    home = RUNS / ("index-quick" if given.quick else "index")
    rows: list[dict[str, Any]] = []
    for size in given.sizes or (QUICK_SIZES if given.quick else SIZES):
        folder = home / str(size)
        prepare(folder, size)
        for form in FORMS:
            row = {"size": size, "form": form, **_child("build", form, folder, given.quick)}
            row |= _child("answer", form, folder, given.quick)
            rows.append(row)
            print(_line(row), flush=True)
        shutil.rmtree(folder)
    if not given.sizes:
        write("index", figures(rows), rows, quick=given.quick)


def prepare(folder: Path, size: int) -> None:
    """Write `vectors.f32`, the queries, and their ten true neighbours."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    pictures, texts = real_vectors()
    dice = np.random.default_rng(size)
    queries = {
        kind: _like(pictures, QUERIES, dice) if kind.startswith("picture") else _some(texts, QUERIES, dice)
        for kind in ("picture", "text", "picture-tune", "text-tune")
    }
    best = {kind: (np.full((QUERIES, 10), -np.inf), np.zeros((QUERIES, 10), int)) for kind in queries}
    with (folder / "vectors.f32").open("wb") as file:
        for start in range(0, size, BLOCK):
            block = _like(pictures, min(BLOCK, size - start), dice)
            block.tofile(file)
            for kind, asked in queries.items():
                scores = np.concatenate([best[kind][0], asked @ block.T], axis=1)
                names = np.concatenate(
                    [best[kind][1], start + np.tile(np.arange(len(block)), (QUERIES, 1))], 1
                )
                top = np.argpartition(-scores, 9, axis=1)[:, :10]
                best[kind] = np.take_along_axis(scores, top, 1), np.take_along_axis(names, top, 1)
    for kind, asked in queries.items():
        np.savez(folder / f"{kind}.npz", queries=asked, truth=best[kind][1])
    np.save(folder / "texts.npy", texts)


def real_vectors() -> tuple[np.ndarray, np.ndarray]:
    """The picture and text vectors of the newest indexed workspace under `runs/`."""
    import lance

    def newest() -> Path | None:
        found = [path for path in RUNS.rglob("items.lance") if "index" not in path.relative_to(RUNS).parts[0]]
        found = [path for path in found if "_image_embeds" in lance.dataset(str(path)).schema.names]
        return max(found, key=lambda path: path.stat().st_mtime, default=None)

    if newest() is None:
        subprocess.run([sys.executable, "examples/pictograms/demo.py", "--quick"], cwd=ROOT, check=True)
    table = lance.dataset(str(newest())).to_table(columns=["_image_embeds", "_text_embeds"])
    pictures, texts = (
        np.asarray(table[name].drop_null().combine_chunks().flatten(), np.float32)
        for name in table.column_names
    )
    size = table["_image_embeds"].type.list_size
    return pictures.reshape(-1, size), texts.reshape(-1, size)


def build(form: str, folder: Path, *, quick: bool) -> dict[str, Any]:
    """Build one index and keep it on disk."""
    size = _size(folder)
    began = time.perf_counter()
    if form == "ours":
        began = _build_ours(folder, quick=quick)
    elif form.startswith("faiss"):
        import faiss

        if form == "faiss-hnsw":
            index: Any = faiss.IndexHNSWFlat(DIM, 32, faiss.METRIC_INNER_PRODUCT)
            index.hnsw.efConstruction = 100  # with the default 40 it stays under .99 at a million rows
        else:
            lists = max(16, min(4 * int(size**0.5), size // 50))
            inner = faiss.index_factory(DIM, f"IVF{lists},PQ64x4fs", faiss.METRIC_INNER_PRODUCT)
            index = faiss.IndexRefineFlat(inner)
            index.train(next(_blocks(folder, min(size, 50 * lists))))
        for block in _blocks(folder):
            index.add(block)
        faiss.write_index(index, str(folder / form))
    elif form == "usearch":
        from usearch.index import Index

        other = Index(ndim=DIM, metric="ip", dtype="f32")
        for number, block in enumerate(_blocks(folder)):
            other.add(np.arange(len(block)) + number * BLOCK, block)
        other.save(str(folder / form))
    seconds = time.perf_counter() - began
    return {"build_s": round(seconds, 2) if form != "numpy" else 0.0, "build_mib": _peak()}


def answer(form: str, folder: Path, *, quick: bool) -> dict[str, Any]:
    """Open the index, choose the effort on the queries for that, and answer the others one by one."""
    search, effort, extra = _opened(form, folder)
    row: dict[str, Any] = {"effort": effort}
    times: list[float] = []
    for kind in ("picture", "text"):
        with np.load(folder / f"{kind}.npz") as kept:
            queries, truth = kept["queries"], kept["truth"]
        for query in queries[:20]:
            search(query)
        found = []
        for query in queries:
            start = time.perf_counter()
            found.append(search(query))
            times.append((time.perf_counter() - start) * 1000)
        row[f"recall10_{kind}"] = _recall(found, truth)
    row |= {"p50_ms": _ms(times, 50), "p99_ms": _ms(times, 99), "search_mib": _peak()}
    return row | {"mib_on_disk": round(_bytes(form, folder) / 2**20), **extra()}


def _opened(form: str, folder: Path) -> tuple[Search, Any, Callable[[], dict[str, Any]]]:
    """The form's search at the effort that finds .99, that effort, and what else is measured of it."""
    if form == "ours":
        return _open_ours(folder)
    if form == "numpy":
        vectors = next(_blocks(folder, _size(folder)))

        def exact(query: np.ndarray) -> np.ndarray:
            scores = vectors @ query
            return np.argpartition(-scores, 9)[:10]

        return exact, None, dict
    if form == "usearch":
        from usearch.index import Index

        other: Any = Index.restore(str(folder / form))

        def by_usearch(query: np.ndarray) -> np.ndarray:
            return np.asarray(other.search(query, 10).keys)

        return (
            by_usearch,
            _least(by_usearch, folder, form, lambda ef: setattr(other, "expansion_search", ef)),
            dict,
        )
    import faiss

    index: Any = faiss.read_index(str(folder / form))

    def by_faiss(query: np.ndarray) -> np.ndarray:
        return np.asarray(index.search(query[None], 10)[1][0])

    def effort(value: Any) -> None:
        if form == "faiss-hnsw":
            index.hnsw.efSearch = value
        else:
            faiss.extract_index_ivf(index.base_index).nprobe, index.k_factor = value

    return by_faiss, _least(by_faiss, folder, form, effort), dict


def _least(search: Search, folder: Path, form: str, effort: Callable[[Any], None]) -> Any:
    """Set and return the least effort that finds .99 of the neighbours of the queries for choosing it."""
    for value in EFFORTS[form]:
        effort(value)
        recalls = []
        for kind in ("picture-tune", "text-tune"):
            with np.load(folder / f"{kind}.npz") as kept:
                recalls.append(_recall([search(query) for query in kept["queries"]], kept["truth"]))
        if min(recalls) >= 0.99:
            break
    return value


def _build_ours(folder: Path, *, quick: bool) -> float:
    """Write a catalogue with these vectors, then build the index over them; when the index began."""
    import lance
    import pyarrow as pa

    from openautoglm.catalog.catalog import Catalog
    from openautoglm.search.nearest import EXACT_BELOW
    from openautoglm.search.nearest_build import build_nearest
    from openautoglm.search.scalar_indices import build_scalar_indices
    from openautoglm.search.vectors import KEY, VECTORS

    catalog = Catalog(folder / "ours", create=True)
    texts = np.load(folder / "texts.npy")
    price = np.random.default_rng(0)
    size = _size(folder)
    column = pa.list_(pa.float32(), DIM)

    def batches() -> Iterator[pa.RecordBatch]:
        own = catalog.dataset.schema
        for number, block in enumerate(_blocks(folder)):
            rows = len(block)
            ids = [f"r{number * BLOCK + place:09d}" for place in range(rows)]
            filled = {
                "id": pa.array(ids),
                "_position": pa.array(np.arange(rows) + number * BLOCK),
                "price": pa.array(price.random(rows)),
                "title": pa.array([f"a picture of something, {one}" for one in ids]),
                KEY: pa.array(["f" * 32 + ":" + "c" * 32] * rows),
                VECTORS[0]: pa.FixedSizeListArray.from_arrays(block.reshape(-1), type=column),
                # Real texts in some rows, as queries for the choice of the settings.
                VECTORS[1]: pa.array(
                    [*texts, *[None] * rows][:rows] if not number else [None] * rows, column
                ),
            }
            names = [*own.names, *(name for name in filled if name not in own.names)]
            empty = {field.name: pa.nulls(rows, field.type) for field in own}
            types = {field.name: field.type for field in own}
            arrays = [
                filled[name].cast(types.get(name, filled[name].type)) if name in filled else empty[name]
                for name in names
            ]
            yield pa.RecordBatch.from_arrays(arrays, names=names)

    stream = batches()
    first = next(stream)
    reader = pa.RecordBatchReader.from_batches(
        first.schema, (one for part in ([first], stream) for one in part)
    )
    lance.write_dataset(
        reader, str(folder / "ours" / "items.lance"), mode="overwrite", max_rows_per_file=BLOCK
    )
    began = time.perf_counter()
    large = min(size, 1000) if quick else EXACT_BELOW
    catalog = Catalog(folder / "ours")
    catalog.update_settings(fields={"title": {"role": "text"}})
    build_scalar_indices(catalog, from_rows=large)
    build_nearest(catalog, "f" * 32, exact_below=large)
    return began


def _open_ours(folder: Path) -> tuple[Search, str | None, Callable[[], dict[str, Any]]]:
    from openautoglm.catalog.catalog import Catalog
    from openautoglm.search.nearest import Nearest, described
    from openautoglm.search.vectors import IMAGE

    catalog = Catalog(folder / "ours")
    near = Nearest.of(catalog.folder, catalog.dataset, "f" * 32)

    def search(query: np.ndarray, where: str | None = None) -> np.ndarray:
        table = near.rows(IMAGE, query, 10, columns=["id", "title", "price"], where=where)
        return np.array([int(one[1:]) for one in table["id"].to_pylist()])

    def filters() -> dict[str, Any]:
        with np.load(folder / "picture.npz") as kept:
            queries = kept["queries"][:60]
        times: dict[float | None, list[float]] = {share: [] for share in (None, *SHARES)}
        answers: dict[float, list[np.ndarray]] = {share: [] for share in SHARES}
        for query in queries:
            for share, taken in times.items():
                start = time.perf_counter()
                rows = search(query, None if share is None else f"price < {share}")
                taken.append((time.perf_counter() - start) * 1000)
                if share is not None:
                    answers[share].append(rows)
                    if len(rows) < min(10, _size(folder) * share / 2):
                        raise SystemExit(f"a filter that passes {share:.1%} gave {len(rows)} rows")
        plain = _ms(times[None][10:], 50)
        price = catalog.dataset.to_table(columns=["price"])["price"].to_numpy()
        found: dict[str, Any] = {}
        for share, rows_found in answers.items():
            found[f"p50_ms_where_{share:g}"] = p50 = _ms(times[share][10:], 50)
            found[f"ratio_where_{share:g}"] = round(p50 / plain, 2)
            truth = _passing_truth(folder, queries, price < share)
            found[f"recall10_where_{share:g}"] = _recall(rows_found, truth) if truth.size else 1.0
        return found

    return search, "; ".join(described(catalog.folder)) or "exact", filters


def _passing_truth(folder: Path, queries: np.ndarray, passing: np.ndarray) -> np.ndarray:
    """(n, 10 or fewer) the rows nearest to each query of those that pass."""
    scores, names = np.zeros((len(queries), 0), np.float32), np.zeros((len(queries), 0), int)
    for number, block in enumerate(_blocks(folder)):
        here = np.flatnonzero(passing[number * BLOCK : number * BLOCK + len(block)])
        scores = np.concatenate([scores, queries @ block[here].T], axis=1)
        names = np.concatenate([names, np.tile(here + number * BLOCK, (len(queries), 1))], axis=1)
        top = np.argsort(-scores, axis=1)[:, :10]
        scores, names = np.take_along_axis(scores, top, 1), np.take_along_axis(names, top, 1)
    return names


def figures(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Pick the figures that README and goals speak of, at the largest size."""
    largest = {row["form"]: row for row in rows if row["size"] == max(one["size"] for one in rows)}
    ours = largest.pop("ours")
    hnsw = largest["faiss-hnsw"]
    equal = [row for row in largest.values() if min(row["recall10_picture"], row["recall10_text"]) >= 0.985]
    peer = min(equal, key=lambda row: row["p50_ms"])
    name = f"faiss {version('faiss-cpu')}, usearch {version('usearch')}"
    found = {
        "recall10_1m": figure(ours["recall10_picture"], "fraction", note="picture queries"),
        "recall10_text": figure(ours["recall10_text"], "fraction", note="text queries, against pictures"),
        "p50_ratio_1m": figure(
            round(ours["p50_ms"] / peer["p50_ms"], 2), "ratio", note=f"over {peer['form']} ({name})"
        ),
        "memory_ratio_1m": figure(
            round(ours["search_mib"] / peer["search_mib"], 3), "ratio", note=f"over {peer['form']}, answering"
        ),
        "build_ratio_1m": figure(
            round(ours["build_s"] / hnsw["build_s"], 3), "ratio", note="over faiss-hnsw"
        ),
        "p50_1m": figure(ours["p50_ms"], "ms", note="one query after another"),
    }
    slowest = max(ours[f"ratio_where_{share:g}"] for share in SHARES)
    found["where_ratio_1m"] = figure(slowest, "ratio", note="slowest filter over no filter, p50, in turn")
    worst = min(ours[f"recall10_where_{share:g}"] for share in SHARES)
    found["recall10_where_1m"] = figure(worst, "fraction", note="picture queries, the filter with the least")
    return found


def _like(vectors: np.ndarray, count: int, dice: np.random.Generator) -> np.ndarray:
    noisy = _some(vectors, count, dice) + NOISE * dice.standard_normal((count, DIM), np.float32)
    unit: np.ndarray = noisy / np.linalg.norm(noisy, axis=1, keepdims=True)
    return unit


def _some(vectors: np.ndarray, count: int, dice: np.random.Generator) -> np.ndarray:
    return vectors[dice.integers(len(vectors), size=count)]


def _size(folder: Path) -> int:
    return (folder / "vectors.f32").stat().st_size // (4 * DIM)


def _blocks(folder: Path, rows: int = BLOCK) -> Iterator[np.ndarray]:
    with (folder / "vectors.f32").open("rb") as file:
        while len(block := np.fromfile(file, np.float32, rows * DIM)):
            yield block.reshape(-1, DIM)


def _recall(found: list[np.ndarray], truth: np.ndarray) -> float:
    hits = sum(len(np.intersect1d(one, right)) for one, right in zip(found, truth, strict=True))
    return round(hits / truth.size, 4)


def _ms(times: list[float], share: int) -> float:
    return round(float(np.percentile(times, share)), 3)


def _peak() -> int:
    """Highest resident size of this process, in MiB; `ru_maxrss` would count what its parent held, too."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return round(next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024)


def _bytes(form: str, folder: Path) -> int:
    if form == "numpy":
        return (folder / "vectors.f32").stat().st_size
    if form == "ours":
        indices = (folder / "ours" / "items.lance" / "_indices").rglob("*")
        return _size(folder) * 4 * DIM + sum(file.stat().st_size for file in indices if file.is_file())
    return (folder / form).stat().st_size


def _child(step: str, form: str, folder: Path, quick: bool) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.index", *(["--quick"] if quick else [])]
    done = subprocess.run(
        [*command, "--child", step, form, str(folder)],
        cwd=ROOT,
        env=os.environ,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"{form}, {step}, failed:\n{done.stderr}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _line(row: dict[str, Any]) -> str:
    return (
        f"{row['size']:>9,} {row['form']:<12} "
        f"recall@10 {row['recall10_picture']:.3f} {row['recall10_text']:.3f}  "
        f"p50 {row['p50_ms']:.2f} p99 {row['p99_ms']:.2f} ms  built in {row['build_s']:.0f} s  "
        f"{row['search_mib']:,} MiB (building {row['build_mib']:,})  disk {row['mib_on_disk']:,} MiB  "
        + "  ".join(
            f"{key[13:]}: {value:.1f}" for key, value in row.items() if key.startswith("p50_ms_where")
        )
    )


if __name__ == "__main__":
    main()
