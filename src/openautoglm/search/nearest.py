"""The nearest vectors: exact while there are few rows, by an index of Lance whose recall was measured beyond.

    rows with vectors < EXACT_BELOW    every vector is compared; nothing is built
    else                               IVF_RQ: k-means lists of 1-bit codes; the best by code are compared
                                       again with their whole vectors (Gao and Long 2024, arXiv:2405.12497)

How many lists are read (`probes`) and how many candidates are compared again (`DEPTH · refine`) is chosen
when the index is made: the cheapest step of `LADDER` at which the user's own vectors are found with
recall@10 of WANTED, by pictures *and* by texts. Texts lie elsewhere in the space than the pictures that they
ask for, so the recall of picture queries says little about them. `docs/index-at-size.md` tells what was
measured.

What a search needs to know lies in the workspace as `cache/nearest.json`. Without it (deleted, another model
is at work, a page of an older commit) each search is exact, which is slow with many rows and never wrong.

The same list for every page: a search always asks for DEPTH rows, however few it returns, so the pages within
them are pieces of one list. Deeper ones are exact.

A filter is applied before the search. When few rows pass, they are compared one by one; else the fewer pass,
the more lists are read; when fewer come back than were asked for, all are compared.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from openautoglm.catalog.condition import all_of
from openautoglm.evaluate.encoding import Vectors
from openautoglm.search.vectors import IMAGE, TEXT, VECTORS, made_by

if TYPE_CHECKING:
    import lance

    from openautoglm.catalog.catalog import Catalog

EXACT_BELOW = 20_000
"""Rows with vectors below which comparing all takes some ten milliseconds."""
FEW_PASS = 2_000
"""Rows passing a filter up to which they are compared one by one."""
DEPTH = 100
"""Results that an index is asked for; those behind them are found by comparing all."""
WANTED = 0.995
"""Recall@10 at which the choice of the search's settings stops."""
ENOUGH = 0.99
"""Recall@10 below which the report warns."""
LADDER = ((8, 1), (16, 1), (32, 1), (32, 2), (64, 2), (64, 4), (128, 4), (256, 8))
"""(probes, refine) in order of cost."""
QUERIES = 150
"""Of each kind, by which recall is measured: 1,500 neighbours, known to about 0.3 %."""
_PARTITION = 1000
_REBUILD = 2.0
"""A table so many times larger than when its k-means were made gets them anew."""
_FILE = "nearest.json"


@dataclass(frozen=True)
class Settings:
    """How one column of vectors is searched."""

    rows: int
    """Rows with vectors when the lists were made."""
    partitions: int
    probes: int
    refine: int
    recall: Mapping[str, float]
    """Recall@10 of queries by "picture" and by "text", which are neighbours of rows of this catalogue."""


@dataclass
class NearestReport:
    """What a run did."""

    columns: dict[str, Settings] = field(default_factory=dict)
    """The columns that have an index; empty where searches are exact."""
    changed: bool = False

    def __str__(self) -> str:
        return "\n".join(_line(name, one) for name, one in self.columns.items())


@dataclass(frozen=True)
class Nearest:
    """How the catalogue is searched at one commit: `Nearest.of`, then `rows`."""

    dataset: lance.LanceDataset
    fingerprint: str
    columns: Mapping[str, Settings] = field(default_factory=dict)
    alone: int | None = None
    """Rows with texts and no picture's vector; None where that is not known."""
    whole: bool = False
    """Whether all vectors are known to be this model's."""

    @classmethod
    def of(cls, folder: Path, dataset: lance.LanceDataset, fingerprint: str) -> Nearest:
        """Read how to search `dataset`, which must have been opened before: then no other model wrote it."""
        kept = read(folder)
        if kept.get("fingerprint") != fingerprint or dataset.version < kept["version"]:
            return cls(dataset, fingerprint)
        columns = {name: Settings(**one) for name, one in kept["columns"].items()}
        return cls(dataset, fingerprint, columns, kept["alone"], True)

    def rows(
        self,
        column: str,
        vector: Vectors,
        k: int,
        *,
        columns: Sequence[str],
        where: str | None = None,
        alone: bool = False,
    ) -> pa.Table:
        """Find the `k` rows with vectors of this model that are nearest, best first.

        Args:
            column: of vectors.
            vector: (D,) the query.
            k: how many; fewer come only where fewer pass.
            columns: what to read of them; `_distance` (1 − cosine) is added.
            where: SQL condition that the rows must pass.
            alone: only rows without a picture's vector.

        Raises:
            ValueError, OSError: if `where` is no condition.
        """
        if alone and self.alone == 0:
            none = self.dataset._take_rows([], columns=list(columns))
            return none.append_column("_distance", pa.array([], pa.float32()))
        settings = self.columns.get(column)
        condition = all_of(f"{IMAGE} IS NULL" if alone else None, where)
        if settings is not None and k <= DEPTH:
            passing = settings.rows if condition is None else self.dataset.count_rows(condition)
            if passing <= FEW_PASS and condition is not None:
                return self._among(column, vector, k, columns, condition)
            share = min(passing / settings.rows, 1.0)
            probes = min(int(np.ceil(settings.probes / share)), settings.partitions)
            found = ask(self.dataset, column, vector, k, columns, condition, (probes, settings.refine))
            if found.num_rows == k:
                return found
        own = None if self.whole else made_by(self.fingerprint)
        return ask(
            self.dataset, column, vector, k, columns, all_of(own, f"{column} IS NOT NULL", condition), None
        )

    def _among(
        self, column: str, vector: Vectors, k: int, columns: Sequence[str], condition: str
    ) -> pa.Table:
        """Compare with each row that passes: Lance, asked for this, would read the vectors of all."""
        passing = self.dataset.to_table(columns=[], filter=condition, with_row_id=True)["_rowid"]
        taken = self.dataset._take_rows(passing.to_pylist(), columns=[column])
        ids, vectors = _matrix(taken.append_column("_rowid", passing), column)
        lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(vector)
        distances = (1 - vectors @ vector / lengths).astype(np.float32)
        order = np.argsort(distances, kind="stable")[:k]
        rows = self.dataset._take_rows(ids[order].tolist(), columns=list(columns))
        return rows.append_column("_distance", pa.array(distances[order]))


def ask(
    dataset: lance.LanceDataset,
    column: str,
    vector: Vectors,
    k: int,
    columns: Sequence[str],
    condition: str | None,
    step: tuple[int, int] | None,
    *,
    with_row_id: bool = False,
) -> pa.Table:
    """Ask Lance for the nearest: by the index with `step` = (probes, refine), or exactly without."""
    nearest: dict[str, Any] = {"column": column, "q": pa.array(vector, pa.float32()), "metric": "cosine"}
    if step is None:
        nearest |= {"k": k, "use_index": False}
    else:
        # The engine reads more lists by itself where a filter leaves too few rows in these.
        nearest |= {"k": max(k, DEPTH), "minimum_nprobes": step[0], "refine_factor": step[1]}
        if condition is None:
            nearest["maximum_nprobes"] = step[0]
    return dataset.to_table(
        columns=[*columns, "_distance"],
        filter=condition,
        nearest=nearest,
        prefilter=True,
        limit=k,
        with_row_id=with_row_id,
    )


def build_nearest(catalog: Catalog, fingerprint: str, *, exact_below: int = EXACT_BELOW) -> NearestReport:
    """Bring the indices of the vectors up to date and choose how they are searched; what is right stays.

    New and changed rows are put into the lists that there are; those are made anew only when the table has
    doubled, or another model has made its vectors.

    Args:
        catalog: all of whose vectors were made by the model of `fingerprint`.
        fingerprint: of the model.
        exact_below: rows with vectors below which nothing is built.

    Raises:
        CatalogError: if another process is writing the workspace, or it cannot be written.
    """
    report = NearestReport()
    with catalog.writing():
        kept = read(catalog.folder)
        before = kept.get("columns", {}) if kept.get("fingerprint") == fingerprint else {}
        for column in VECTORS:
            if column not in catalog.dataset.schema.names:
                continue
            rows = catalog.count(f"{column} IS NOT NULL")
            settings = Settings(**before[column]) if column in before else None
            chosen, changed = _column(catalog, column, rows, settings, exact_below)
            report.changed |= changed
            if chosen:
                report.columns[column] = chosen
        if report.columns:
            data = catalog.dataset
            alone = data.count_rows(f"{IMAGE} IS NULL AND {TEXT} IS NOT NULL")
            columns = {name: asdict(one) for name, one in report.columns.items()}
            entry = {"fingerprint": fingerprint, "version": data.version, "alone": alone, "columns": columns}
            _write(catalog.folder, entry)
        else:
            forget(catalog.folder)
    return report


def begin(folder: Path, fingerprint: str) -> None:
    """Tell searches that vectors are about to be written by the model of `fingerprint`."""
    kept = read(folder)
    if kept.get("fingerprint") != fingerprint:
        forget(folder)
    elif kept.get("alone") == 0:
        _write(folder, kept | {"alone": None})


def forget(folder: Path) -> None:
    """Make searches exact until the next `build_nearest`."""
    with contextlib.suppress(FileNotFoundError):
        (folder / "cache" / _FILE).unlink()


def read(folder: Path) -> dict[str, Any]:
    """What `build_nearest` chose last; empty where searches are exact."""
    try:
        kept = json.loads((folder / "cache" / _FILE).read_text(encoding="utf-8"))
        whole = isinstance(kept, dict) and kept.keys() >= {"fingerprint", "version", "alone", "columns"}
    except (OSError, ValueError):
        return {}
    return kept if whole else {}


def described(folder: Path) -> list[str]:
    """Say for each indexed column how it is searched, in a line."""
    return [_line(name, Settings(**one)) for name, one in read(folder).get("columns", {}).items()]


def _line(column: str, settings: Settings) -> str:
    recall = ", ".join(f"{value:.3f} by {kind}" for kind, value in settings.recall.items())
    name = column.strip("_").partition("_")[0]
    text = (
        f"{name} vectors: {settings.rows:,} rows in {settings.partitions:,} lists, {settings.probes} read, "
        f"{settings.refine * DEPTH} compared again; recall@10 {recall}"
    )
    low = min(settings.recall.values(), default=1.0) < ENOUGH
    return text + (f"\nwarning: recall@10 is under {ENOUGH}; some near rows are missed" if low else "")


def _column(
    catalog: Catalog, column: str, rows: int, before: Settings | None, exact_below: int
) -> tuple[Settings | None, bool]:
    """Bring one column's index up to date; its settings, and whether anything was done."""
    data = catalog.writable
    name = f"{column}_idx"
    exists = any(one.name == name for one in data.describe_indices())
    if rows < exact_below:
        if exists:
            data.drop_index(name)
        return None, exists
    if exists and before and rows <= _REBUILD * before.rows and rows * _REBUILD >= before.rows:
        if not data.stats.index_stats(name)["num_unindexed_rows"]:
            return before, False
        data.optimize.optimize_indices(index_names=[name])
        base, partitions = before.rows, before.partitions
    else:
        base, partitions = rows, max(1, rows // _PARTITION)
        data.create_index(
            column, "IVF_RQ", name=name, metric="cosine", num_partitions=partitions, num_bits=1, replace=True
        )
    return _choose(catalog.dataset, column, base, partitions), True


def _choose(dataset: lance.LanceDataset, column: str, rows: int, partitions: int) -> Settings:
    """Measure the steps from the cheapest on; the first whose recall is WANTED, or else the last."""
    exams = {kind: _exam(dataset, column, source) for kind, source in (("picture", IMAGE), ("text", TEXT))}
    exams = {kind: exam for kind, exam in exams.items() if len(exam.queries)}
    for probes, refine in LADDER:
        step = (min(probes, partitions), refine)
        recall = {kind: round(exam.recall(dataset, column, step), 4) for kind, exam in exams.items()}
        if min(recall.values()) >= WANTED:
            break
    return Settings(rows, partitions, *step, recall)


class _Exam(NamedTuple):
    """Queries and their ten true neighbours other than the row that the query was taken from."""

    queries: Vectors
    rows: np.ndarray
    """(n,) the row that each query was taken from."""
    truth: np.ndarray
    """(n, 10) row ids."""

    def recall(self, dataset: lance.LanceDataset, column: str, step: tuple[int, int]) -> float:
        """The share of true neighbours among the ten that a search with `step` finds."""
        hits = 0
        for query, row, truth in zip(self.queries, self.rows, self.truth, strict=True):
            found = ask(dataset, column, query, 11, [], None, step, with_row_id=True)["_rowid"].to_numpy()
            hits += len(np.intersect1d(found[found != row][:10], truth))
        return hits / self.truth.size


def _exam(dataset: lance.LanceDataset, column: str, source: str) -> _Exam:
    """Draw queries from `source` and find their neighbours in `column` by comparing all, in blocks."""
    have = dataset.to_table(columns=[], filter=f"{source} IS NOT NULL", with_row_id=True)["_rowid"].to_numpy()
    asked = np.sort(np.random.default_rng(0).permutation(have)[:QUERIES])
    sample = dataset._take_rows(asked.tolist(), columns=[source])
    rows, queries = _matrix(sample.append_column("_rowid", pa.array(asked)), source)
    best = np.full((len(queries), 10), -np.inf, np.float32)
    ids = np.zeros((len(queries), 10), np.uint64)
    for batch in dataset.to_batches(columns=[column], with_row_id=True):
        here, vectors = _matrix(pa.Table.from_batches([batch]), column)
        scores = queries @ (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).T
        scores[rows[:, None] == here[None]] = -np.inf
        scores = np.concatenate([best, scores], axis=1)
        names = np.concatenate([ids, np.broadcast_to(here, (len(queries), len(here)))], axis=1)
        top = np.argpartition(-scores, 9, axis=1)[:, :10]
        best, ids = np.take_along_axis(scores, top, 1), np.take_along_axis(names, top, 1)
    return _Exam(queries, rows, ids)


def _matrix(table: pa.Table, column: str) -> tuple[np.ndarray, Vectors]:
    """The ids (n,) and vectors (n, D) of the rows that have one."""
    there = table.filter(table[column].is_valid())
    flat = there[column].combine_chunks()
    size = table[column].type.list_size
    return there["_rowid"].to_numpy(), np.asarray(flat.flatten(), np.float32).reshape(-1, size)


def _write(folder: Path, entry: Mapping[str, Any]) -> None:
    """Replace the file in one step; where it cannot be written, searches are exact."""
    path = folder / "cache" / _FILE
    with contextlib.suppress(OSError):
        path.parent.mkdir(exist_ok=True)
        draft = path.with_suffix(".tmp")
        with draft.open("w", encoding="utf-8") as file:
            json.dump(entry, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
