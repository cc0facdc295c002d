"""The index of vectors: built, brought up to date, and how it is searched chosen by measuring.

How many lists are read (`probes`) and how many candidates are compared again (`DEPTH · refine`) is chosen
when the index is made: the cheapest step of `LADDER` at which the user's own vectors are found with
recall@10 of WANTED, by pictures *and* by texts. Texts lie elsewhere in the space than the pictures that they
ask for, so the recall of picture queries says little about them. `docs/index-at-size.md` tells what was
measured; `nearest.py` searches.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from openautoglm.evaluate.encoding import Vectors
from openautoglm.search.nearest import EXACT_BELOW, Settings, ask, forget, line, matrix, read, write
from openautoglm.search.vectors import FUSED, IMAGE, TEXT, VECTORS

if TYPE_CHECKING:
    import lance

    from openautoglm.catalog.catalog import Catalog

WANTED = 0.995
"""Recall@10 at which the choice of the search's settings stops."""
LADDER = ((8, 1), (16, 1), (32, 1), (32, 2), (64, 2), (64, 4), (128, 4), (256, 8))
"""(probes, refine) in order of cost."""
QUERIES = 150
"""Of each kind, by which recall is measured: 1,500 neighbours, known to about 0.3 %."""
_PARTITION = 1000
_REBUILD = 2.0
"""A table so many times larger than when its k-means were made gets them anew."""


@dataclass
class NearestReport:
    """What a run did."""

    columns: dict[str, Settings] = field(default_factory=dict)
    """The columns that have an index; empty where searches are exact."""
    changed: bool = False

    def __str__(self) -> str:
        return "\n".join(line(name, one) for name, one in self.columns.items())


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
            write(catalog.folder, entry)
        else:
            forget(catalog.folder)
    return report


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
    exams = exams or {"row": _exam(dataset, column, FUSED)}  # of columns alone
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
    rows, queries = matrix(sample.append_column("_rowid", pa.array(asked)), source)
    best = np.full((len(queries), 10), -np.inf, np.float32)
    ids = np.zeros((len(queries), 10), np.uint64)
    for batch in dataset.to_batches(columns=[column], with_row_id=True):
        here, vectors = matrix(pa.Table.from_batches([batch]), column)
        scores = queries @ (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).T
        scores[rows[:, None] == here[None]] = -np.inf
        scores = np.concatenate([best, scores], axis=1)
        names = np.concatenate([ids, np.broadcast_to(here, (len(queries), len(here)))], axis=1)
        top = np.argpartition(-scores, 9, axis=1)[:, :10]
        best, ids = np.take_along_axis(scores, top, 1), np.take_along_axis(names, top, 1)
    return _Exam(queries, rows, ids)
